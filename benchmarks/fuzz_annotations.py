"""Small annotation and result files of all data sets, and how each is read."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_media import FRAMES, SIZE, check, dump, image, labels, made, write

from ltr.data import rle
from ltr.data.image_io import write_label_map
from ltr.data.interactive.scribbles import draw_scribbles, read_scribbles
from ltr.dataset.convert.refcoco import coco_file, read_refs
from ltr.dataset.instances import InstanceImages
from ltr.dataset.referring.a2d import A2DSample, read_a2d_mask, read_a2d_samples
from ltr.dataset.referring.images import ReferringImages
from ltr.dataset.referring.jhmdb import JHMDBSample, read_jhmdb_mask
from ltr.dataset.sbd import SBD
from ltr.dataset.youtubevis_file import read_vis_file
from ltr.dataset.youtubevos import YouTubeVOS
from pytracking.analysis.scorers.referring import score_refytvos, score_sentences
from pytracking.analysis.scorers.request import Request
from pytracking.analysis.scorers.youtubevis import score_youtubevis


def make_youtubevos(folder: Path) -> None:
    """Write a split of YouTube-VOS."""
    part = folder / "2019" / "train"
    for name in FRAMES:
        write(part / "JPEGImages" / "v" / f"{name}.jpg", image())
        write_label_map(made(part / "Annotations" / "v" / f"{name}.png"), labels())
    objects = {"1": {"category": "dog", "frames": list(FRAMES)}}
    dump(part / "meta.json", {"videos": {"v": {"objects": objects}}})


def read_youtubevos(folder: Path) -> None:
    """Read all frames and masks."""
    dataset = YouTubeVOS(folder, split="train")
    for index in range(dataset.get_num_sequences()):
        info = dataset.get_sequence_info(index)
        dataset.get_frames(index, range(len(info["frame_names"])))


def make_vis(folder: Path) -> None:
    """Write annotations of YouTube-VIS, in all forms of masks, and results."""
    mask = rle.encode(labels())
    counts = [6 * 24, 24 * 12, 24 * 32 - 18 * 24]
    truth = {
        "videos": [{"id": 1, "height": SIZE[0], "width": SIZE[1], "length": 2,
                    "file_names": ["v/00000.jpg", "v/00005.jpg"]}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": 1, "video_id": 1, "category_id": 1, "iscrowd": 0, "areas": [100, None],
             "segmentations": [mask, None], "bboxes": [[1, 2, 3, 4], None]},
            {"id": 2, "video_id": 1, "category_id": 2, "iscrowd": 1, "areas": [100, 100],
             "segmentations": [{"size": list(SIZE), "counts": counts}, [[1, 1, 9, 1, 9, 9]]],
             "bboxes": [[1, 2, 3, 4], [1, 2, 3, 4]]},
        ],
    }  # fmt: skip
    results = [
        {"video_id": 1, "category_id": 1, "score": 0.5, "segmentations": [mask, mask]},
        {"video_id": 1, "category_id": 2, "score": 1, "segmentations": [None, mask]},
    ]
    dump(folder / "valid.json", truth)
    dump(folder / "results.json", results)


def read_vis(folder: Path) -> None:
    """Read the file as a data set does."""
    read_vis_file(folder / "valid.json")


def score_vis(folder: Path) -> None:
    """Score the results."""
    score_youtubevis(_request(folder), "2019", "valid")


def make_referring(folder: Path) -> None:
    """Write sentences of Ref-YouTube-VOS, truth and results."""
    entry = {"frames": list(FRAMES), "expressions": {"0": {"exp": "the dog"}}}
    dump(folder / "meta_expressions/valid/meta_expressions.json", {"videos": {"v": entry}})
    dump(folder / "expression_objects.json", {"videos": {"v": {"0": 1}}})
    for name in FRAMES:
        for place in ("Annotations/v", "results/v/0"):
            write_label_map(made(folder / place / f"{name}.png"), labels())


def score_referring(folder: Path) -> None:
    """Score the results."""
    request = _request(folder, results=folder / "results", ground_truth=folder, quiet=True)
    score_refytvos(request, "valid")


def make_sentences(folder: Path) -> None:
    """Write truth and results of A2D-Sentences."""
    mask = rle.encode(labels())
    truth = {
        "images": [{"id": 0, "height": SIZE[0], "width": SIZE[1]}],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "iscrowd": 0, "area": 100,
                         "segmentation": mask}],
        "categories": [{"id": 1, "name": "object"}],
    }  # fmt: skip
    dump(folder / "truth.json", truth)
    dump(folder / "results.json", [{"image_id": 0, "score": 0.5, "segmentation": mask}])


def score_sentence_file(folder: Path) -> None:
    """Score the results."""
    score_sentences(_request(folder), "a2d_dir", "truth.json")


def make_coco(folder: Path) -> None:
    """Write annotations of COCO, in all forms of masks, and an image."""
    write(folder / "images/train2014/a.jpg", image())
    size = {"height": SIZE[0], "width": SIZE[1]}
    shapes = [[[1, 1, 9, 1, 9, 9]], rle.encode(labels()), {"size": list(SIZE), "counts": [8, 760]}]
    annotations = [
        {"id": n, "image_id": 7, "category_id": 1, "iscrowd": 0, "area": 50, "segmentation": shape}
        for n, shape in enumerate(shapes)
    ]
    images = [{"id": 7, "file_name": "a.jpg", **size}]
    dump(
        folder / "annotations/instances_train2014.json",
        {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "dog"}]},
    )


def read_coco(folder: Path) -> None:
    """Read all instances."""
    dataset = InstanceImages("COCO", folder)
    for index in range(dataset.get_num_images()):
        check(dataset.get_image(index), 3)
        check(dataset.get_mask(index), 2)


def make_sbd(folder: Path) -> None:
    """Write a mask of SBD."""
    from scipy.io import savemat

    (folder / "train.txt").write_text("a\n")
    content = {"GTinst": {"Segmentation": labels()}}
    savemat(made(folder / "inst" / "a.mat"), content, do_compression=False)


def read_sbd(folder: Path) -> None:
    """Read all instances."""
    dataset = SBD(folder)
    for index in range(dataset.get_num_images()):
        check(dataset.get_mask(index), 2)


def make_scribbles(folder: Path) -> None:
    """Write scribbles."""
    line = {"path": [[0.1, 0.2], [0.5, 0.5], [0.9, 0.1]], "object_id": 1,
            "start_time": 0, "end_time": 100}  # fmt: skip
    dump(folder / "scribbles.json", {"sequence": "v", "scribbles": [[line], [], [line, line]]})


def read_scribble_file(path: Path) -> None:
    """Read and draw scribbles."""
    for lines in read_scribbles(path).frames:
        draw_scribbles(lines, SIZE)


def make_refs(folder: Path) -> None:
    """Write RefCOCO's pickle, beside the instances it belongs to."""
    sentence = {"raw": "The dog.", "sent": "the dog", "tokens": ["the", "dog"], "sent_id": 4}
    ref = {"split": "train", "image_id": 7, "ann_id": 0, "sentences": [sentence, sentence]}
    (folder / "refs(unc).p").write_bytes(pickle.dumps([ref, ref], protocol=2))


def read_references(path: Path) -> None:
    """Read the pickle and join it."""
    keys = dict.fromkeys(("segmentation", "area", "iscrowd", "bbox", "category_id"))
    pictures = [{"id": 7, "file_name": "a.jpg", "height": 1, "width": 1}]
    objects = [{"id": 0, **keys}]
    instances = {"images": pictures, "annotations": objects, "categories": []}
    coco_file("refcoco", read_refs(path), instances)


def make_refcoco(folder: Path) -> None:
    """Write the COCO file of one sentence and its image."""
    write(folder / "train2014" / "a.jpg", image())
    pictures = [
        {"id": 0, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1], "caption": "the dog"}
    ]
    mask = rle.encode(labels())
    objects = [
        {
            "id": 0,
            "image_id": 0,
            "area": 9,
            "bbox": [1, 2, 3, 3],
            "iscrowd": 0,
            "category_id": 1,
            "segmentation": mask,
        }
    ]
    content = {"images": pictures, "annotations": objects}
    dump(folder / "refcoco" / "instances_refcoco_train.json", content)


def read_refcoco(folder: Path) -> None:
    """Read every sentence with image and mask."""
    dataset = ReferringImages("RefCOCO", folder, "refcoco")
    for index in range(len(dataset)):
        dataset.sentence(index)
        dataset.read(index, [0])


def make_a2d_list(folder: Path) -> None:
    """Write the list of A2D's sentences."""
    entries = [["the dog", "v", 5, 0], ["the cat", "w", 8, 1]]
    dump(folder / "a2d_sentences_single_frame_test_annotations.json", entries)


def make_a2d_mask(folder: Path) -> None:
    """Write a mask file of A2D."""
    import h5py

    name = "text_annotations/a2d_annotation_with_instances/v/00005.h5"
    with h5py.File(str(made(folder / name)), "w") as file:
        file["instance"] = np.array([[0.0, 1.0]])
        file["reMask"] = np.stack([labels().T, labels(2).T])


def read_a2d(folder: Path) -> None:
    """Read the mask of the second actor."""
    check(read_a2d_mask(folder, A2DSample("v", 5, 1, "")).astype(np.uint8), 2)


def make_jhmdb_list(folder: Path) -> None:
    """Write the list of JHMDB's sentences."""
    entry = ["v", "Rename_Images/run/v/00002.png", "puppet_mask/run/v/puppet_mask.mat", 3, "a man"]
    dump(folder / "jhmdb_sentences_samples_metadata.json", [entry])


def make_jhmdb_mask(folder: Path) -> None:
    """Write the masks of a video of JHMDB."""
    from scipy.io import savemat

    masks = np.stack([labels(), labels(2) // 2], axis=-1)
    savemat(folder / "puppet_mask.mat", {"part_mask": masks}, do_compression=True)


def read_jhmdb(folder: Path) -> None:
    """Read the mask of the second frame."""
    sample = JHMDBSample("v", folder, 2, 2, folder / "puppet_mask.mat", "")
    check(read_jhmdb_mask(sample).astype(np.uint8), 2)


def read_a2d_list(folder: Path) -> None:
    """Read the list of the test split."""
    read_a2d_samples(folder, "test")


def make_key_frames(folder: Path) -> None:
    """Write key frames."""
    dump(folder / "key_frames.json", {"v": {"0": 3, "1": 4}, "w": {"0": 0}})


def _request(folder: Path, **changes: Any) -> Request:
    files = {"results": folder / "results.json", "ground_truth": None}
    return Request(**{**files, "find_root": lambda _: folder, **changes})
