"""Reference cases of the choice of frames."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ltr.data.sampler import SegSampler
from ltr.data.video_dataset import Frames, VideoDataset
from tests.conformance.report import Report


class VisibilityOnly(VideoDataset):
    """Sequences of which only the visible frames are known."""

    def __init__(self, name: str, visible: Sequence[Sequence[int]]) -> None:
        self._name = name
        self._visible = [np.array(values) for values in visible]

    def get_name(self) -> str:
        return self._name

    def get_num_sequences(self) -> int:
        return len(self._visible)

    def get_sequence_info(self, sequence_id: int) -> dict[str, Any]:
        return {"visible": self._visible[sequence_id]}

    def get_frames(
        self, sequence_id: int, frame_ids: Sequence[int], info: dict[str, Any] | None = None
    ) -> Frames:
        raise NotImplementedError("these sequences have no pictures")


def sampler(entry: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Every draw of every case, exactly."""
    record = json.loads((folder / "sampler.json").read_text())
    datasets = [VisibilityOnly(name, visible) for name, visible in record["visible"].items()]
    for index, case in enumerate(record["cases"]):
        sampler = SegSampler(
            datasets,
            samples_per_epoch=len(case["draws"]),
            processing=None,
            weights=case["p_datasets"],
            max_gap=case["max_gap"],
            num_train_frames=case["num_train_frames"],
            num_test_frames=case["num_test_frames"],
            p_reverse=case["p_reverse"],
        )
        generator = random.Random(case["python_random_seed"])
        draws = [sampler.draw(generator) for _ in case["draws"]]
        got = [[datasets[d.dataset].get_name(), d.sequence, d.train_ids, d.test_ids] for d in draws]
        report.equal("sampler", str(index), got, case["draws"])
