from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from ltr.admin.errors import DataError
from ltr.data.randomness import Generators, SampleKey
from ltr.data.sampler import SegSampler
from ltr.data.transforms import Frame
from ltr.data.video_dataset import Frames, VideoDataset


class NumberedVideos(VideoDataset):
    """Frame ``i`` is an image of value ``i``; some frames cannot be read."""

    def __init__(self, name: str, visible: Sequence[np.ndarray], damaged: Sequence[int] = ()):
        self.name, self.visible, self.damaged = name, visible, damaged
        self.reads: list[int] = []

    def get_name(self) -> str:
        return self.name

    def get_num_sequences(self) -> int:
        return len(self.visible)

    def get_sequence_info(self, sequence_id: int) -> dict[str, Any]:
        return {"visible": self.visible[sequence_id][:, None], "sequence": f"video{sequence_id}"}

    def get_frames(
        self, sequence_id: int, frame_ids: Sequence[int], info: dict[str, Any] | None = None
    ) -> Frames:
        self.reads += frame_ids
        for number in frame_ids:
            if number in self.damaged:
                raise DataError(f"{number}.jpg is damaged")
        images = [np.full((2, 2, 3), number, np.uint8) for number in frame_ids]
        boxes = [np.float32([0, 0, 1, 1])] * len(images)
        return images, {"mask": images, "bbox": boxes}, {}


class StillFrames(NumberedVideos):
    def is_video_sequence(self) -> bool:
        return False

    def make_frames(self, sequence_id: int, count: int, random: Generators) -> list[Frame]:
        return [Frame(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2)), np.zeros(4))] * count


def values_only(
    train: Sequence[Frame], test: Sequence[Frame], random: Generators
) -> dict[str, torch.Tensor]:
    return {
        "train": torch.tensor([int(frame.image[0, 0, 0]) for frame in train]),
        "test": torch.tensor([int(frame.image[0, 0, 0]) for frame in test]),
    }


def always(frames: int) -> np.ndarray:
    return np.ones(frames, np.int64)


def test_frames_are_visible_in_causal_order_and_within_reach() -> None:
    visible = (np.random.default_rng(0).random(90) < 0.6).astype(int)
    sampler = SegSampler([NumberedVideos("a", [visible])], 1, values_only, max_gap=20)
    generator, distances = random.Random(0), []
    for _ in range(300):
        draw = sampler.draw(generator)
        (base,) = draw.train_ids
        assert base != np.flatnonzero(visible)[0]
        assert base < draw.test_ids[0]
        distances.append(draw.test_ids[-1] - base)
        assert draw.test_ids == sorted(draw.test_ids)
        assert visible[draw.train_ids + draw.test_ids].all()
    is_near = [distance < 20 for distance in distances]
    assert np.mean(is_near) > 0.9, "only after a failed try the reach is larger"


def test_reach_grows_when_nothing_is_near() -> None:
    visible = np.zeros(2000, int)
    visible[::100] = 1
    sampler = SegSampler([NumberedVideos("a", [visible])], 1, values_only, max_gap=2)
    for seed in range(50):
        draw = sampler.draw(random.Random(seed))
        distances = [number - draw.train_ids[0] for number in draw.test_ids]
        assert set(distances) <= {100, 200}


def test_reversed_time_runs_backwards() -> None:
    sampler = SegSampler([NumberedVideos("a", [always(60)])], 1, values_only, p_reverse=1.0)
    generator = random.Random(0)
    for _ in range(100):
        draw = sampler.draw(generator)
        assert max(draw.test_ids) < draw.train_ids[0] - 1
        assert draw.test_ids == sorted(draw.test_ids, reverse=True)


def test_data_sets_are_drawn_by_their_weights() -> None:
    videos = [NumberedVideos("a", [always(20)]), NumberedVideos("b", [always(20)] * 3)]
    generator = random.Random(0)
    weighted = SegSampler(videos, 1, values_only, weights=(6, 1))
    drawn = Counter(weighted.draw(generator).dataset for _ in range(4000))
    assert drawn[0] / 4000 == pytest.approx(6 / 7, abs=0.02)
    by_length = SegSampler(videos, 1, values_only)
    drawn = Counter(by_length.draw(generator).dataset for _ in range(4000))
    assert drawn[0] / 4000 == pytest.approx(1 / 4, abs=0.025)


def test_short_sequences_are_never_used() -> None:
    sampler = SegSampler([NumberedVideos("a", [always(8), always(9)])], 1, values_only)
    generator = random.Random(0)
    assert {sampler.draw(generator).sequence for _ in range(100)} == {1}


def test_only_short_sequences_are_an_error_that_names_the_data_set() -> None:
    sampler = SegSampler([NumberedVideos("DAVIS/2017/x", [always(8)])], 1, values_only)
    with pytest.raises(DataError, match=r"DAVIS/2017/x .*more than 8 frames"):
        sampler.draw(random.Random(0))
    with pytest.raises(DataError, match="holds no sequence"):
        SegSampler([NumberedVideos("empty", [])], 1, values_only)


def test_a_sample_depends_on_its_key_only() -> None:
    sampler = SegSampler([NumberedVideos("a", [always(99)] * 5)], 10, values_only)
    first, again = sampler[SampleKey(0, 1, 4)], sampler[SampleKey(0, 1, 4)]
    assert first["source"] == again["source"]
    sources = {sampler[SampleKey(0, epoch, i)]["source"] for epoch in (1, 2) for i in range(10)}
    assert len(sources) > 15


def test_each_frame_is_read_once() -> None:
    videos = NumberedVideos("a", [always(9)])
    sampler = SegSampler([videos], 1, values_only, max_gap=3)
    for index in range(50):
        videos.reads.clear()
        sample = sampler[SampleKey(0, 1, index)]
        wanted = sample["train"].tolist() + sample["test"].tolist()
        assert sorted(set(wanted)) == videos.reads


def test_a_failing_sample_is_drawn_again_and_reported() -> None:
    videos = NumberedVideos("a", [always(40)], damaged=range(20))
    sampler = SegSampler([videos], 1, values_only)
    samples = [sampler[SampleKey(0, 1, index)] for index in range(40)]
    assert all(sample["train"].item() >= 20 for sample in samples)
    failures = [line for sample in samples for line in sample["failures"].splitlines()]
    assert failures
    assert all("video0" in line and "jpg is damaged" in line for line in failures)


def test_nothing_readable_is_an_error_that_tells_why() -> None:
    sampler = SegSampler([NumberedVideos("a", [always(40)], damaged=range(40))], 1, values_only)
    with pytest.raises(DataError, match=r"in a row failed.*jpg is damaged"):
        sampler[SampleKey(0, 1, 0)]


def test_still_images_need_no_length() -> None:
    sampler = SegSampler([StillFrames("a", [always(1)])], 1, values_only)
    assert sampler[SampleKey(0, 1, 0)]["test"].shape == (3,)
