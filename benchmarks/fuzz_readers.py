"""Everything that reads a file from elsewhere, with the maker of a small valid one.

A further reader is one more row of ``READERS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fuzz_annotations as labelled
import fuzz_containers as containers
import fuzz_exchange as exchange
import fuzz_media as media
import fuzz_networks as networks
import fuzz_sessions as sessions

from ltr.dataset.referring.jhmdb import read_jhmdb_samples
from pytracking.export.runner.manifest import read_manifest
from pytracking.tracker.referring.given_files import read_key_frames


@dataclass(frozen=True)
class Reader:
    """A reader and a valid input.

    Args:
        name: For tables.
        file: The file that is damaged, below the folder.
        prepare: Writes a valid folder.
        read: Reads all of it, and checks what it got.
    """

    name: str
    file: str
    prepare: Callable[[Path], None]
    read: Callable[[Path], object]


def _one_file(
    name: str, file: str, prepare: Callable[[Path], None], read: Callable[[Path], Any]
) -> Reader:
    """A reader that is given the file itself."""
    return Reader(name, file, prepare, lambda folder: read(folder / file))


_VIS = (labelled.make_vis, labelled.score_vis)
_REFERRING = (labelled.make_referring, labelled.score_referring)
_SENTENCES = (labelled.make_sentences, labelled.score_sentence_file)
READERS = (
    _one_file("JPEG", "frame.jpg", media.make_jpeg, media.read_picture),
    _one_file("PNG picture", "frame.png", media.make_png, media.read_picture),
    _one_file("PNG mask", "mask.png", media.make_mask, media.read_mask_file),
    _one_file("PNG mask, scoring", "mask.png", media.make_mask, media.read_scored_mask),
    _one_file("PNG mask, colours", "mask.png", media.make_colour_mask, media.read_mask_file),
    _one_file("TIFF of several pages", "pages.tif", media.make_pages, media.read_frames),
    _one_file("list of names", "val.txt", media.make_list, media.read_list),
    _one_file("PNG mask, filtered rows", "mask.png", media.make_filtered_mask,
              media.read_scored_mask),
    *(
        _one_file(f"video, {form}", file, containers.make_video(form), media.read_frames)
        for form, (file, _, _) in containers.FORMS.items()
    ),
    _one_file("run lengths", "mask.json", media.make_rle, media.read_rle),
    _one_file("zip of masks", "masks.zip", media.make_mask_archive, media.check_mask_archive),
    _one_file("zip of results.json", "results.zip", media.make_result_archive,
              media.check_result_archive),
    Reader("YouTube-VOS meta.json", "2019/train/meta.json", labelled.make_youtubevos,
           labelled.read_youtubevos),
    Reader("YouTube-VIS file", "valid.json", labelled.make_vis, labelled.read_vis),
    Reader("YouTube-VIS truth, scoring", "valid.json", *_VIS),
    Reader("YouTube-VIS results, scoring", "results.json", *_VIS),
    Reader("Ref-YouTube-VOS sentences", "meta_expressions/valid/meta_expressions.json",
           *_REFERRING),
    Reader("Ref-YouTube-VOS objects", "expression_objects.json", *_REFERRING),
    _one_file("key frames", "key_frames.json", labelled.make_key_frames,
              read_key_frames),
    Reader("RefCOCO file", "refcoco/instances_refcoco_train.json", labelled.make_refcoco,
           labelled.read_refcoco),
    _one_file("RefCOCO pickle", "refs(unc).p", labelled.make_refs, labelled.read_references),
    Reader("A2D list", "a2d_sentences_single_frame_test_annotations.json",
           labelled.make_a2d_list, labelled.read_a2d_list),
    Reader("A2D mask", "text_annotations/a2d_annotation_with_instances/v/00005.h5",
           labelled.make_a2d_mask, labelled.read_a2d),
    Reader("A2D truth, scoring", "truth.json", *_SENTENCES),
    Reader("A2D results, scoring", "results.json", *_SENTENCES),
    Reader("JHMDB list", "jhmdb_sentences_samples_metadata.json", labelled.make_jhmdb_list,
           read_jhmdb_samples),
    Reader("JHMDB mask", "puppet_mask.mat", labelled.make_jhmdb_mask, labelled.read_jhmdb),
    Reader("COCO annotations", "annotations/instances_train2014.json", labelled.make_coco,
           labelled.read_coco),
    Reader("SBD mask", "inst/a.mat", labelled.make_sbd, labelled.read_sbd),
    _one_file("scribbles", "scribbles.json", labelled.make_scribbles,
              labelled.read_scribble_file),
    *(
        Reader(f"exchange, {form}", file, exchange.make_exchange(form), exchange.read_videos(form))
        for form, file in exchange.FORMS.items()
    ),
    Reader("exchange, CVAT for images", "made.xml", exchange.make_cvat_images,
           exchange.read_videos("cvat")),
    _one_file("mask to be converted", "mask.png", exchange.make_smooth_mask,
              exchange.convert_mask),
    _one_file("network file", "net.pth.tar", networks.make_checkpoint, networks.read_network),
    _one_file("network file, old form", "net.pth.tar", networks.make_old_checkpoint,
              networks.read_network),
    _one_file("network file, safetensors", "model.safetensors", networks.make_safetensors,
              networks.read_network),
    Reader("exported tracker", "export.json", networks.make_manifest, read_manifest),
    _one_file("saved session", "dog.session", sessions.make_session, sessions.read_session),
    _one_file("video over http", "clip.mp4", containers.make_video("mp4 h264"),
              sessions.read_served),
    Reader("results of a video", "config.json", sessions.make_results, sessions.read_results),
    Reader("Label Studio, picture", "request.json", sessions.make_request("picture"),
           sessions.answer_request),
    Reader("Label Studio, video", "request.json", sessions.make_request("video"),
           sessions.answer_request),
    _one_file("shapes of CVAT's agents", "shapes.json", sessions.make_shapes,
              sessions.read_shapes),
    _one_file("snapshot of dense_ulearn", "s.pth", networks.make_snapshot,
              networks.read_snapshot),
)  # fmt: skip
