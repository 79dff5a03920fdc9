"""Whole runs of the JOINT tracker, compared frame by frame."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.admin.errors import ToolkitError
from ltr.data.image_io import read_image, read_label_map
from pytracking.tracker.base import FrameInfo, FrameOutput, Runtime
from pytracking.tracker.joint.joint import JointTracker
from pytracking.tracker.joint.parameters import JointParameters
from pytracking.tracker.joint.patch import cut_window
from pytracking.tracker.joint.state import ObjectState
from tests.conformance.joint_network import golden_network
from tests.conformance.report import Report

_LABEL_SHARE = {True: 0.999, False: 0.995}
_LOG = 1e-3
_FIRST = 1e-5
_MAPS = 1e-2
_MAP_SHARE = 0.99


def run(
    case: str, entry: Mapping[str, Any], manifest: Mapping[str, Any], folder: Path, report: Report
) -> None:
    """Run one case of ``manifest.tracker`` and compare all that it records."""
    files = {kind: folder / f"track_{case}{kind}" for kind in (".json", ".npz", "_labels.png")}
    for path in files.values():
        if not path.exists():
            report.fail(case, f"{path.name} is missing")
            return
    try:
        params = _parameters(entry)
    except (ToolkitError, TypeError, ImportError) as error:
        report.fail(case, str(error))
        return
    recorder = _Recorder(golden_network(manifest, entry["overrides"]), params)
    outputs = recorder.follow(entry, folder)
    reference = json.loads(files[".json"].read_text())
    same_until = _compare_log(case, recorder, reference["log"], report)
    _compare_labels(case, entry, outputs, files["_labels.png"], report)
    _compare_boxes(case, outputs, reference["target_bbox"], same_until, report)
    with np.load(files[".npz"]) as archive:
        _compare_maps(case, dict(archive), recorder, outputs, same_until, report)


def _parameters(entry: Mapping[str, Any]) -> JointParameters:
    module = importlib.import_module(f"pytracking.parameter.joint.{entry['params']}")
    changes = {k: v for k, v in entry["params_override"].items() if k != "use_gpu"}
    for name, value in changes.items():
        changes[name] = tuple(value) if isinstance(value, list) else value
    return replace(module.parameters(), **changes)


class _Recorder:
    """Runs the tracker and writes down its events in the reference's form."""

    def __init__(self, network: torch.nn.Module, params: JointParameters) -> None:
        self.params = params
        self.tracker = JointTracker(params, network, Runtime(), self._hear)
        self.log: list[dict] = []
        self.logits: dict[tuple[int, int], torch.Tensor] = {}
        self.frame_of: dict[tuple[int, int], int] = {}
        self.frame = 0

    def follow(self, entry: Mapping[str, Any], folder: Path) -> list[FrameOutput]:
        """All frames of the case."""
        outputs = []
        for self.frame, name in enumerate(entry["frames"]):
            start = entry["appear"].get(str(self.frame))
            info = FrameInfo()
            if start is not None:
                ids = tuple(int(number) for number in start["ids"])
                info = FrameInfo(ids, read_label_map(folder / start["mask"]))
            step = self.tracker.track if outputs else self.tracker.initialize
            outputs.append(step(read_image(folder / name), info))
        return outputs

    def _hear(self, event: str, item: ObjectState, **tensors: torch.Tensor) -> None:
        target, memory = item.target, item.memory
        key = (item.object_id, item.frame_number)
        record = {"event": event, "obj": str(item.object_id), "frame": item.frame_number}
        self.frame_of[key] = self.frame
        if event == "init":
            record |= {
                "pos": target.center,
                "target_sz": target.size,
                "target_scale": target.scale,
                "base_target_sz": target.base_size,
                "mask_sum": tensors["mask"].sum(),
                "filter_abs_mean": item.filters.abs().mean(),
            }
        elif event == "update":
            record |= {
                "stored": memory.weights.stored,
                "weights": memory.weights.values.copy(),
                "mask_sum": self._mask_sum(item),
                "filter_abs_mean": item.filters.abs().mean(),
            }
        elif event == "crop":
            record |= {
                "pos": target.center,
                "target_sz": target.size,
                "target_scale": target.scale,
                "coords_tlbr": item.crop.window.coords,
                "patch_mean": tensors["patch"].mean(),
            }
        else:
            self.logits[key] = tensors["logits"]
        self.log.append(record)

    def _mask_sum(self, item: ObjectState) -> torch.Tensor:
        """Sum of the last mask, cut like the last crop."""
        state = self.tracker.state
        index = 1 + [other.object_id for other in state.objects].index(item.object_id)
        mask = state.probabilities[None, index : index + 1]
        return cut_window(mask, item.crop.window, self.params.image_sample_size, True).sum()


def _compare_log(case: str, recorder: _Recorder, reference: list[dict], report: Report) -> int:
    """Compare events; returns the first frame of the video in which coordinates differ."""
    found = {(e["event"], int(e["obj"]), e["frame"]): e for e in recorder.log}
    wanted = {(e["event"], int(e["obj"]), e["frame"]): e for e in reference}
    report.equal(case, "events", sorted(found), sorted(wanted))
    common = {key: (found[key], want) for key, want in wanted.items() if key in found}
    moved = [
        recorder.frame_of[key[1:]]
        for key, (got, want) in common.items()
        if key[0] == "crop" and list(got["coords_tlbr"]) != want["coords_tlbr"]
    ]
    same_until = min(moved, default=1 << 30)
    for key, (got, want) in common.items():
        if key[0] != "scores":
            _compare_event(case, got, want, recorder.frame_of[key[1:]] < same_until, report)
    return same_until


# Fields of an event: the limit, and whether they mean something once coordinates have differed.
_FIELDS = {
    "stored": ({"absolute": 0.0}, True),
    "coords_tlbr": ({"absolute": 1.0}, True),
    "weights": ({"absolute": 1e-5}, True),
    "target_scale": ({"relative": _LOG}, True),
    "target_sz": ({"relative": _LOG}, True),
    "base_target_sz": ({"relative": _LOG}, True),
    "pos": ({"absolute": 0.5}, False),
    "mask_sum": ({"relative": _LOG}, False),
    "filter_abs_mean": ({"relative": _LOG}, False),
    "patch_mean": ({"relative": _LOG}, False),
}


def _compare_event(case: str, got: dict, want: dict, is_same: bool, report: Report) -> None:
    name = f"{want['event']}.o{want['obj']}.n{want['frame']}"
    for field in sorted(set(want) - {"event", "obj", "frame"}):
        if field not in _FIELDS:
            report.fail(case, f"unknown field {name}.{field}")
            continue
        limit, always = _FIELDS[field]
        if want["event"] == "init" and "relative" in limit:
            limit = {"relative": _FIRST}
        if always or is_same:
            report.close(case, f"{name}.{field}", got[field], want[field], **limit)


def _compare_labels(
    case: str, entry: Mapping[str, Any], outputs: list[FrameOutput], path: Path, report: Report
) -> None:
    stacked = read_label_map(path)
    height = outputs[0].segmentation.shape[0]
    report.equal(case, "labels.height", stacked.shape[0], height * len(outputs))
    least = _LABEL_SHARE[len(entry["object_ids"]) == 1]
    for index, output in enumerate(outputs):
        want = stacked[index * height : (index + 1) * height]
        report.share(case, f"labels.f{index}", output.segmentation, want, least, 0.0)


def _compare_boxes(
    case: str, outputs: list[FrameOutput], boxes: list[dict], same_until: int, report: Report
) -> None:
    for index, (output, want) in enumerate(zip(outputs, boxes, strict=True)):
        report.equal(case, f"boxes.f{index}", sorted(map(str, output.boxes)), sorted(want))
        for number, box in want.items():
            if index < same_until:
                got = output.boxes[int(number)]
                report.close(case, f"box.f{index}.o{number}", got, box, absolute=0.5)


def _compare_maps(
    case: str,
    arrays: Mapping[str, np.ndarray],
    recorder: _Recorder,
    outputs: list[FrameOutput],
    same_until: int,
    report: Report,
) -> None:
    for name, want in arrays.items():
        kind, object_part, last = _parse(name)
        if kind == "prob":
            frame, number = last, object_part
            output = outputs[frame]
            got = output.probabilities[1 + list(output.boxes).index(number), ::5, ::5]
            if frame == 0:
                report.close(case, name, got, want, relative=_FIRST)
            elif frame < same_until:
                report.share(case, name, got, want, _MAP_SHARE, _MAPS)
        elif kind == "crop_scores":
            got = recorder.logits[(object_part, last)][0, ::10, ::10]
            if recorder.frame_of[object_part, last] < same_until:
                limit = _MAPS * float(np.abs(want).max())
                report.share(case, name, got, want, _MAP_SHARE, limit)
        else:
            report.fail(case, f"unknown array {name!r}")


def _parse(name: str) -> tuple[str, int, int]:
    """``prob_f3_o1`` -> (prob, 1, 3); ``crop_scores_o1_n2`` -> (crop_scores, 1, 2)."""
    kind, first, second = name.rsplit("_", 2)
    parts = {part[0]: int(part[1:]) for part in (first, second)}
    return kind, parts["o"], parts.get("f", parts.get("n", 0))
