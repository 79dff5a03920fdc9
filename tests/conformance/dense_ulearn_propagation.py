"""Label propagation: one step, the propagator of validation, and whole sequences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ltr.data.image_io import read_image, read_label_map
from ltr.models.dense_ulearn.matching import match_everywhere, match_nearby, plan_tiles
from ltr.models.dense_ulearn.propagation import start_state, step, take_labels
from pytracking.tracker.base import FrameInfo, Runtime
from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters
from tests.conformance.dense_ulearn_network import golden_network
from tests.conformance.report import Report
from tests.seeded_weights import seeded_input

_UNITS, _SOFT, _SOFT_SHARE = 1e-6, 1e-4, 0.999
_CLEAR, _LABEL_SHARE = 1e-3, 0.995
_NUM_LABELS = 7


def parameters(config: Mapping[str, Any], key: str = "res4") -> DenseULearnParameters:
    """The tracker's parameters of a case."""
    return DenseULearnParameters(
        "", key, config["RADIUS"], config["TEMP"], config["KNN"], config["CXT_SIZE"],
        config.get("INPUT_SIZE", -1),
    )  # fmt: skip


@torch.no_grad()
def run_units(case: Path, manifest: Mapping[str, Any], report: Report) -> None:
    """One step on random features, and the propagator of validation on random features."""
    with np.load(case / "outputs.npz") as archive:
        wanted = dict(archive)
    got = _predict(manifest)
    report.close(case.name, "predict", got, wanted.pop("predict"), absolute=_UNITS)
    labels, scores = _validate(manifest)
    report.equal(case.name, "crw index", labels, wanted.pop("crw.masks_pred_idx"))
    want = wanted.pop("crw.masks_pred_conf")
    report.close(case.name, "crw confidence", scores[:, 1, ::4, ::4], want, absolute=_UNITS)
    for name in wanted:
        report.fail(case.name, f"unknown array {name!r}")


def _predict(manifest: Mapping[str, Any]) -> torch.Tensor:
    entry, params = manifest["predict"], parameters(manifest["config"])
    maps = _features(entry["features"], "feat", manifest["seed"])
    *context, query = maps
    shape = _first_tuple(entry["labels"])
    labels = [
        seeded_input(f"propagation_units.label{j}", shape, manifest["seed"]).mul(3).softmax(1)[0]
        for j in range(len(context))
    ]
    table = torch.stack(labels).flatten(2).transpose(1, 2)
    first, *others = entry["context_index"]
    copies = Counter(others)
    members = torch.tensor(sorted(copies))
    tiles = plan_tiles(query, params.radius)
    (nearby,) = match_nearby(query, torch.stack(context), tiles, [members], params.knn)
    counts = torch.tensor([float(copies[index]) for index in range(len(context))])
    everywhere = match_everywhere(query, context[first], params.knn)
    found = take_labels(everywhere, table[first], nearby, table, counts, params)
    return found.t().unflatten(1, query.shape[:2])[None]


def _validate(manifest: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    entry, params = manifest["crw"], parameters(manifest["config"])
    maps = _features(entry["features"], "crw", manifest["seed"])
    numbers = re.findall(r"\b([NMHW])=(\d+)", entry["labels"])
    size = {name: int(value) for name, value in numbers}
    masks = torch.zeros(size["M"], size["H"], size["W"])
    rows, columns = size["H"], size["W"]
    masks[1, rows // 4 : rows // 2, columns // 4 : columns // 2] = 1
    masks[2, rows // 2 : 3 * rows // 4, columns // 2 :] = 1
    masks[0] = 1 - masks.sum(dim=0)
    state = start_state(maps[0], params)
    soft = torch.stack(
        [
            step(state, maps[index], masks if index == 0 else None, params)
            for index in range(size["N"])
        ]
    )
    scores = F.interpolate(soft, (rows, columns), mode="bilinear", align_corners=True)
    return scores.argmax(dim=1).to(torch.uint8), scores


def _features(text: str, name: str, seed: int) -> list[torch.Tensor]:
    """Maps (h, w, channels) by the rule ``l2norm(one of its own + 2 * a common one)``."""
    shape, last = _first_tuple(text), int(re.search(r"j=0\.\.(\d+)", text)[1])
    base = seeded_input("propagation_units.base", shape, seed)
    drawn = (
        seeded_input(f"propagation_units.{name}{j}", shape, seed) + 2 * base
        for j in range(last + 1)
    )
    return [F.normalize(item, dim=1)[0].permute(1, 2, 0).contiguous() for item in drawn]


def _first_tuple(text: str) -> tuple[int, ...]:
    found = re.search(r"\((\d+(?:,\s*\d+)+)\)", text)
    return tuple(int(number) for number in found[1].split(","))


def run_sequence(case: Path, manifest: Mapping[str, Any], report: Report) -> None:
    """Track a whole sequence with every key of the case."""
    config = manifest["config"]
    if config["NUM_CLASSES"] != _NUM_LABELS:
        report.fail(case.name, f"NUM_CLASSES is {config['NUM_CLASSES']}, not {_NUM_LABELS}")
        return
    frames = sorted((case / "frames").glob("*.png"))
    for key in config["KEY"]:
        network = golden_network(case, manifest["seed"]).requires_grad_(False)
        tracker = DenseULearnTracker(parameters(config, key), network, Runtime())
        recorder = _Recorder(tracker)
        for frame in frames:
            recorder.add(frame, case / "annotations" / frame.name)
        _compare_sequence(f"{case.name} {key}", recorder, case, key, report)


class _Recorder:
    """Runs the tracker and keeps soft labels and scores of all seven channels."""

    def __init__(self, tracker: DenseULearnTracker) -> None:
        self.tracker = tracker
        self.started: set[int] = set()
        self.labels: list[np.ndarray] = []
        self.soft: list[torch.Tensor] = []
        self.scores: list[torch.Tensor] = []

    def add(self, frame: Path, annotation: Path) -> None:
        """Track the next frame."""
        image, info = read_image(frame), self._info(annotation)
        if not self.started and not info.object_ids:
            self._add_empty(image)
            return
        run = self.tracker.track if self.started else self.tracker.initialize
        output = run(image, info)
        self.started.update(info.object_ids)
        state = self.tracker.state
        slot = (state.propagation.time - 1) % self.tracker.params.cxt_size
        labels = state.propagation.labels[slot].t()
        soft = labels.unflatten(1, state.propagation.features.shape[1:3])
        channels = [0, *state.object_ids]
        self.labels.append(output.segmentation)
        self.soft.append(_spread(soft, channels))
        self.scores.append(_spread(output.probabilities, channels))

    def _info(self, annotation: Path) -> FrameInfo:
        if not annotation.exists():
            return FrameInfo()
        mask = read_label_map(annotation)
        new = sorted(set(np.unique(mask).tolist()) - {0} - self.started)
        return FrameInfo(tuple(new), mask)

    def _add_empty(self, image: np.ndarray) -> None:
        features = self.tracker.embed(image)
        self.labels.append(np.zeros(image.shape[:2], np.uint8))
        self.soft.append(torch.zeros(_NUM_LABELS, *features.shape[:2]))
        self.scores.append(torch.zeros(_NUM_LABELS, *image.shape[:2]))


def _spread(values: torch.Tensor, channels: list[int]) -> torch.Tensor:
    """Channels in the order of the ids, absent ones zero."""
    result = values.new_zeros(_NUM_LABELS, *values.shape[1:])
    result[channels] = values
    return result


def _compare_sequence(name: str, recorder: _Recorder, case: Path, key: str, report: Report) -> None:
    with np.load(case / f"soft_{key}.npz") as archive:
        wanted = dict(archive)
    soft, scores = torch.stack(recorder.soft), torch.stack(recorder.scores)
    report.share(name, "soft", soft, wanted["soft"], _SOFT_SHARE, _SOFT)
    confidence = scores.amax(dim=1)[:, ::8, ::8]
    report.share(name, "conf", confidence, wanted["conf"], _SOFT_SHARE, _SOFT)
    files = sorted((case / f"labels_{key}").glob("*.png"))
    labels = np.stack(recorder.labels)
    expected = np.stack([read_label_map(file) for file in files])
    report.share(name, "labels", labels, expected, _LABEL_SHARE, 0.0)
    best = scores.topk(2, dim=1).values
    is_clear = (best[:, 0] - best[:, 1] > _CLEAR).numpy()
    report.equal(name, "clear labels", labels[is_clear], expected[is_clear])
