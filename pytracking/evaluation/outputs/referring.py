"""Forms of the results of sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.image_io import read_label_map
from ltr.data.json_io import read_json, write_json
from ltr.data.rle import decode, encode
from pytracking.analysis.files.submission_check import RESULTS_FILE
from pytracking.evaluation.datasets.referring import ImageSequence, TargetSequence
from pytracking.evaluation.datasets.sequence import SequenceList, WholeVideoSequence
from pytracking.evaluation.outputs.folder import MASK_SUFFIX, ResultFolder, SequenceWriter
from pytracking.evaluation.outputs.formats import ExpressionMasks, Member, Picture, ResultFormat
from pytracking.tracker.referring.prompts import ReferredTrack
from pytracking.tracker.referring.rules import merge_objects
from pytracking.tracker.referring.sentence_masks import ScoredMasks
from pytracking.tracker.whole_video import InstanceTrack
from pytracking.utils.staging import translate_write_errors

KEY_FRAMES_FILE = "key_frames.json"
QUERIES_FILE = "queries.json"
PREDICTIONS_FILE = "predictions.json"
NUM_ANNOTATORS = 4


class KeyedMasks(ExpressionMasks):
    """Masks of expressions, the key frames in the form of the authors' file, and the queries.

    ``<video>/queries.json`` has the box of the chosen query and the point where the last decoder
    layer began, by expression: ``{"boxes": [[x, y, w, h], ...], "points": [[x, y], ...]}``, one a
    frame, 0..1 of the frame, boxes by their centre; null where the network found none.
    """

    def write(
        self, sequence: WholeVideoSequence, tracks: Sequence[InstanceTrack], writer: SequenceWriter
    ) -> None:
        """See ``ResultFormat.write``."""
        super().write(sequence, tracks, writer)
        keys = {
            str(number): track.key_frame
            for number, track in enumerate(tracks)
            if isinstance(track, ReferredTrack) and track.key_frame is not None
        }
        if keys:
            writer.add_file(KEY_FRAMES_FILE, json.dumps(keys).encode())
        queries = {
            expression: {
                "boxes": _numbers_or_null(track.query_boxes),
                "points": _numbers_or_null(track.query_centers),
            }
            for expression, track in zip(sequence.texts, tracks, strict=True)
            if isinstance(track, ReferredTrack)
            and track.query_boxes is not None
            and track.query_centers is not None
        }
        if queries:
            writer.add_file(QUERIES_FILE, json.dumps(queries).encode())

    def assemble(self, folder: ResultFolder) -> None:
        """Join the key frames of all videos."""
        files = {name: folder.path / name / KEY_FRAMES_FILE for name in folder.finished()}
        keys = {name: read_json(file) for name, file in files.items() if file.is_file()}
        if keys:
            with translate_write_errors(folder.path / KEY_FRAMES_FILE):
                write_json(folder.path / KEY_FRAMES_FILE, keys)


class AnnotatorLabels(ResultFormat):
    """``<video>/anno_<k>/<frame>.png``: all objects by the sentences of one annotator (Ref-DAVIS).

    The sentences of a video are ordered by object, with one of each annotator.
    """

    def write(
        self, sequence: WholeVideoSequence, tracks: Sequence[InstanceTrack], writer: SequenceWriter
    ) -> None:
        """See ``ResultFormat.write``."""
        for annotator in range(NUM_ANNOTATORS):
            own = tracks[annotator::NUM_ANNOTATORS]
            for position, frame in enumerate(sequence.frames):
                soft = [_soft_mask(track, position, sequence.shape) for track in own]
                labels = merge_objects(torch.from_numpy(np.stack(soft))).numpy()
                writer.add_mask(f"anno_{annotator}/{frame.stem}{MASK_SUFFIX}", labels)

    def members(self, dataset: SequenceList, folder: ResultFolder) -> Iterator[Member]:
        """The folders of upstream, ``anno_<k>/<video>/<frame>.png``."""
        for annotator in range(NUM_ANNOTATORS):
            for sequence in dataset:
                for frame in sequence.frames:
                    path = folder.mask_path(f"{sequence.name}/anno_{annotator}", frame.stem)
                    if read_label_map(path).shape != sequence.shape:
                        raise DataError(f"{path} has another size than its frame")
                    yield f"anno_{annotator}/{sequence.name}/{path.name}", path.read_bytes()

    def pictures(self, sequence: WholeVideoSequence, folder: ResultFolder) -> Iterator[Picture]:
        """See ``ResultFormat.pictures``."""
        for annotator in range(NUM_ANNOTATORS):
            for frame in sequence.frames:
                path = folder.mask_path(f"{sequence.name}/anno_{annotator}", frame.stem)
                yield f"anno_{annotator}/{frame.stem}", frame, read_label_map(path)


class CandidateMasks(ResultFormat):
    """``results.json`` with all masks of one frame a sentence (A2D- and JHMDB-Sentences, RefCOCO).

    Entries of RefCOCO also have the ``bbox``, x0, y0, x1, y1, as upstream has it.
    """

    def write(
        self, sequence: WholeVideoSequence, tracks: Sequence[InstanceTrack], writer: SequenceWriter
    ) -> None:
        """See ``ResultFormat.write``."""
        image_id = sequence.image_id if isinstance(sequence, TargetSequence) else sequence.name
        entries = []
        for track in tracks:
            found = _candidates(track)
            for score, mask, box in zip(*found, strict=True):
                entry: dict[str, Any] = {
                    "image_id": image_id,
                    "category_id": 1,
                    "segmentation": encode(mask.numpy()),
                    "score": float(score),
                }
                if isinstance(sequence, ImageSequence):
                    entry["bbox"] = box.tolist()
                entries.append(entry)
        writer.add_file(PREDICTIONS_FILE, json.dumps(entries).encode())

    def assemble(self, folder: ResultFolder) -> None:
        """Join the masks of all sentences."""
        files = [folder.path / name / PREDICTIONS_FILE for name in folder.finished()]
        entries = [entry for file in files if file.is_file() for entry in read_json(file)]
        with translate_write_errors(folder.path / RESULTS_FILE):
            write_json(folder.path / RESULTS_FILE, entries)

    def members(self, dataset: SequenceList, folder: ResultFolder) -> Iterator[Member]:
        """See ``ResultFormat.members``."""
        raise DataError(
            f"no server takes results of {dataset.name}: score them with run_evaluation.py"
        )

    def pictures(self, sequence: WholeVideoSequence, folder: ResultFolder) -> Iterator[Picture]:
        """The best mask over its frame."""
        entries = read_json(folder.path / sequence.name / PREDICTIONS_FILE)
        best = max(entries, key=lambda entry: entry["score"])
        yield "0", sequence.frames[len(sequence.frames) // 2], decode(best["segmentation"])


KEYED_MASKS = KeyedMasks()
ANNOTATOR_LABELS = AnnotatorLabels()
CANDIDATE_MASKS = CandidateMasks()


def _numbers_or_null(values: torch.Tensor) -> list[list[float] | None]:
    """The rows of a table; None for those that are not numbers."""
    return [row.tolist() if row.isfinite().all() else None for row in values]


def _soft_mask(track: InstanceTrack, position: int, size: tuple[int, int]) -> np.ndarray:
    """Probabilities where the tracker gives them, else 0 and 1; float32 (H, W)."""
    if isinstance(track, ReferredTrack) and track.mask_logits is not None:
        return track.probabilities(position, size)
    mask = track.masks[position]
    return np.zeros(size, np.float32) if mask is None else decode(mask).astype(np.float32)


def _candidates(track: InstanceTrack) -> ScoredMasks:
    if not isinstance(track, ReferredTrack) or track.candidates is None:
        raise DataError("this tracker gives no scored masks of the frame that a sentence means")
    return track.candidates
