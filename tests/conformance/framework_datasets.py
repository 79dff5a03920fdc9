"""Reference cases of the data sets: cached measurements, samples, sequences and their starts.

The reference gives ids as texts and -1 as the box of an absent object. Upstream lets an object
that its first annotation does not show start there all the same; here it starts where it appears,
so such starts of the reference are moved before the comparison.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ltr.data.image_io import write_image, write_label_map
from ltr.dataset.davis import Davis
from ltr.dataset.vos_base import VosDataset
from ltr.dataset.youtubevos import YouTubeVOS, read_jjvalid_names
from pytracking.evaluation.datasets.sequence import Sequence, build_sequence
from tests.conformance.report import Report

_CASE = "datasets"
_ABSENT = [-1, -1, -1, -1]
_FILES = {"datasets.json", "datasets_labels.npz"}
_JJVALID = "youtubevos_jjvalid.txt"


@dataclass(frozen=True)
class _Tree:
    """The opened data sets of the case; ``base`` is the folder that the paths are relative to."""

    base: Path
    multi: YouTubeVOS
    single: YouTubeVOS
    every_frame: YouTubeVOS
    davis: Davis


def run(manifest: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Compare everything that the two files of the case list, and the names of jjvalid."""
    for file in sorted(set(manifest["cases"][_CASE]["files"]) - _FILES):
        report.fail(_CASE, f"unknown file {file}")
    wanted = json.loads((folder / "datasets.json").read_text(encoding="utf-8"))
    with TemporaryDirectory() as temporary:
        base = Path(temporary)
        _write_files(base, wanted, np.load(folder / "datasets_labels.npz"))
        tree = _open(base, wanted)
        for key, value in wanted.items():
            if key == "youtube_meta_json":
                continue
            for pattern, compare in _COMPARISONS.items():
                if match := re.fullmatch(pattern, key):
                    compare(tree, key, value, report, *match.groups())
                    break
            else:
                report.fail(_CASE, f"unknown entry {key!r}")


def jjvalid(folder: Path, report: Report) -> None:
    """Compare the names of the jjvalid split, where the file is present."""
    if (folder / _JJVALID).is_file():
        wanted = (folder / _JJVALID).read_text(encoding="utf-8").split()
        report.equal("youtubevos_jjvalid", "names", sorted(read_jjvalid_names()), sorted(wanted))


def _write_files(base: Path, wanted: Mapping[str, Any], labels: Mapping[str, np.ndarray]) -> None:
    frames = {
        frame
        for key, sequences in wanted.items()
        if key.startswith("sequence") and "info" not in key
        for sequence in sequences
        for frame in sequence["frames"]
    }
    for name, label_map in labels.items():
        path = name.replace("|", "/")
        write_label_map(base / path, label_map)
        frames.add(path.replace("Annotations", "JPEGImages").replace(".png", ".jpg"))
    first = wanted["sequences_all_frames"][0]["frames"][0]
    every_frame = Path(first).parents[1]
    for video, stems in wanted["all_frames_index"].items():
        frames.update(str(every_frame / video / f"{stem}.jpg") for stem in stems)
    height, width = next(iter(wanted["generated_meta_yt"].values()))["shape"]
    for frame in frames:
        write_image(base / frame, np.full((height, width, 3), 128, np.uint8))
    (_youtubevos_split(base, wanted) / "meta.json").write_text(
        json.dumps(wanted["youtube_meta_json"]), encoding="utf-8"
    )
    version, split = wanted["dataset_names"][1].split("/")[1:]
    lists = _davis_root(base, wanted) / "ImageSets" / version
    lists.mkdir(parents=True)
    (lists / f"{split}.txt").write_text("\n".join(wanted["generated_meta_davis"]))


def _youtubevos_split(base: Path, wanted: Mapping[str, Any]) -> Path:
    return (base / wanted["sequences_annotated"][0]["frames"][0]).parents[2]


def _davis_root(base: Path, wanted: Mapping[str, Any]) -> Path:
    return (base / wanted["sequence_davis"][0]["frames"][0]).parents[3]


def _open(base: Path, wanted: Mapping[str, Any]) -> _Tree:
    (_, version, split), (_, davis_version, davis_split) = (
        name.split("/") for name in wanted["dataset_names"]
    )
    root = _youtubevos_split(base, wanted).parents[1]
    return _Tree(
        base,
        multi=YouTubeVOS(root, version, split),
        single=YouTubeVOS(root, version, split, multiobj=False),
        every_frame=YouTubeVOS(root, version, split, all_frames=True),
        davis=Davis(_davis_root(base, wanted), davis_version, davis_split),
    )


def _compare_meta(tree: _Tree, key: str, value: Any, report: Report, name: str) -> None:
    dataset = tree.davis if name == "davis" else tree.multi
    report.equal(_CASE, key, _generated_meta(dataset), value)


def _generated_meta(dataset: VosDataset) -> dict[str, Any]:
    """The records in the form of upstream's cache file."""
    meta = {}
    for video in dataset.videos:
        record = dataset.index[video]
        sizes: dict[str, dict[str, int]] = {}
        boxes: dict[str, dict[str, list[int]]] = {}
        for row, stem in enumerate(record.stems):
            shown = np.flatnonzero(record.sizes[row])
            ids = [str(record.object_ids[column]) for column in shown]
            if record.is_annotated[row]:
                sizes[stem] = dict(zip(ids, record.sizes[row, shown].tolist(), strict=True))
            if ids:
                boxes[stem] = dict(zip(ids, record.boxes[row, shown].tolist(), strict=True))
        meta[video] = {
            "shape": list(record.shape),
            "obj_sizes": sizes,
            "bboxes": boxes,
            "frame_names": record.stems,
        }
    return meta


def _compare_samples(tree: _Tree, key: str, value: Any, report: Report, mode: str) -> None:
    samples = (tree.single if mode == "single" else tree.multi).samples
    got = [[video, [str(label) for label in labels]] for video, labels in samples]
    report.equal(_CASE, key, got, value)


def _compare_infos(tree: _Tree, key: str, value: Any, report: Report, mode: str) -> None:
    dataset = tree.single if mode == "single" else tree.multi
    infos = (dataset.get_sequence_info(i) for i in range(dataset.get_num_sequences()))
    report.equal(_CASE, key, [_plain_info(info) for info in infos], value)


def _plain_info(info: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sequence": info["sequence"],
        "frame_shape": list(info["frame_shape"]),
        "frame_names": info["frame_names"],
        "object_ids": [str(label) for label in info["object_ids"]],
        **{name: info[name].tolist() for name in ("object_sizes", "visible", "valid")},
    }


def _compare_sequences(tree: _Tree, key: str, value: Any, report: Report, kind: str) -> None:
    dataset: VosDataset = {
        "s_annotated": tree.multi,
        "s_all_frames": tree.every_frame,
        "_single": tree.single,
        "_davis": tree.davis,
    }[kind]
    got = [build_sequence(dataset, video, labels) for video, labels in dataset.samples]
    report.equal(_CASE, f"{key} count", len(got), len(value))
    for sequence, entry in zip(got, value, strict=False):
        plain = _plain_sequence(sequence, tree.base, dataset.multiobj)
        entry = _with_starts_where_shown(entry)
        for field in sorted(entry.keys() | plain.keys()):
            name = f"{key} {entry['name']} {field}"
            report.equal(_CASE, name, plain.get(field), entry.get(field))


def _plain_sequence(sequence: Sequence, base: Path, multiobj: bool) -> dict[str, Any]:
    def relative(path: Path | None) -> str | None:
        return None if path is None else str(path.relative_to(base))

    starts = {}
    for position, start in sequence.starts.items():
        boxes = {str(label): [int(side) for side in box] for label, box in start.boxes.items()}
        starts[str(position)] = {
            "object_ids": [str(label) for label in start.object_ids],
            "bbox": boxes if multiobj else next(iter(boxes.values())),
            "mask": relative(start.mask),
        }
    return {
        "name": sequence.name,
        "dataset": sequence.dataset.split("/")[0],
        "n_frames": len(sequence.frames),
        "frames": [relative(frame) for frame in sequence.frames],
        "gt_seg": [relative(mask) for mask in sequence.masks],
        "object_ids": [str(label) for label in sequence.object_ids],
        "multiobj_mode": multiobj,
        "gt_rect": {str(label): boxes.tolist() for label, boxes in sequence.boxes.items()},
        "init_data": starts,
    }


def _with_starts_where_shown(entry: dict[str, Any]) -> dict[str, Any]:
    """Move the starts with the box of an absent object to where the object appears."""
    starts: dict[str, Any] = {}
    for position, start in entry["init_data"].items():
        for label in start["object_ids"]:
            box, place, mask = start["bbox"], position, start["mask"]
            if isinstance(box, Mapping):
                box = box[label]
            if box == _ABSENT:
                boxes = entry["gt_rect"][label]
                shown = next(i for i in range(int(position), len(boxes)) if boxes[i] != _ABSENT)
                box, place, mask = boxes[shown], str(shown), entry["gt_seg"][shown]
            moved = starts.setdefault(place, {"object_ids": [], "bbox": {}, "mask": mask})
            moved["object_ids"].append(label)
            if entry["multiobj_mode"]:
                moved["bbox"][label] = box
            else:
                moved["bbox"] = box
    return entry | {"init_data": starts}


def _compare_all_frames(tree: _Tree, key: str, value: Any, report: Report) -> None:
    got = {
        video: [frame.stem for frame in tree.every_frame.tracking_frames(video)]
        for video in tree.every_frame.videos
    }
    report.equal(_CASE, key, got, value)


def _compare_frames(tree: _Tree, key: str, value: Any, report: Report, sample: str) -> None:
    """The reference does not tell which frames it read: each must be equal to one of ours."""
    info = tree.single.get_sequence_info(int(sample))
    places = range(len(info["frame_names"]))
    images, per_frame, meta = tree.single.get_frames(int(sample), places, info)
    rows = [
        {
            "bbox": per_frame["bbox"][i].tolist(),
            "mask_sum": float(per_frame["mask"][i].sum()),
            "visible": per_frame["visible"][i].tolist(),
            "object_sizes": per_frame["object_sizes"][i].tolist(),
        }
        for i in places
    ]
    for place in range(len(value["bbox"])):
        wanted = {name: value[name][place] for name in rows[0]}
        report.equal(_CASE, f"{key} row {place}", wanted in rows, True)
    report.equal(_CASE, f"{key} meta_keys", list(meta), value["meta_keys"])
    report.equal(_CASE, f"{key} image_shape", list(images[0].shape), value["image_shape"])
    for name in sorted(value.keys() - rows[0].keys() - {"meta_keys", "image_shape"}):
        report.fail(_CASE, f"{key}: unknown entry {name!r}")


def _compare_names(tree: _Tree, key: str, value: Any, report: Report) -> None:
    report.equal(_CASE, key, [tree.multi.get_name(), tree.davis.get_name()], value)


def _compare_frame_info(tree: _Tree, key: str, value: Any, report: Report, place: str) -> None:
    """The prompt of a frame of the first sequence, every frame of which is shown."""
    sequence = build_sequence(tree.every_frame, tree.every_frame.videos[0])
    info = sequence.frame_info(int(place))
    got: dict[str, Any] = {}
    if info.object_ids and info.mask is not None:
        every_id = [str(label) for label in sequence.object_ids]
        got = {
            "init_object_ids": [str(label) for label in info.object_ids],
            "init_bbox": {
                str(label): [int(side) for side in box] for label, box in info.boxes.items()
            },
            "init_mask": {
                "shape": list(info.mask.shape),
                "labels": np.unique(info.mask).tolist(),
            },
            "object_ids": every_id,
            "sequence_object_ids": every_id,
        }
    report.equal(_CASE, key, got, value)


_COMPARISONS: Mapping[str, Callable[..., None]] = {
    "generated_meta_(yt|davis)": _compare_meta,
    "samples_(single|multi)": _compare_samples,
    "sequence_info_(single|multi)": _compare_infos,
    "sequence(s_annotated|s_all_frames|_single|_davis)": _compare_sequences,
    "all_frames_index": _compare_all_frames,
    r"frames_of_sample(\d+)": _compare_frames,
    "dataset_names": _compare_names,
    r"frame_info_(\d+)": _compare_frame_info,
}
