from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from ltr.data.instance_pairs import PairSampler, link_objects, prepare_frame
from ltr.data.loader import LTRLoader
from ltr.data.pair_dataset import AnnotatedFrame, InstancePairs
from ltr.data.randomness import Generators, SampleKey
from ltr.models.propose_reduce.image_input import network_size
from tests.small_propose_reduce import drawn_sampler
from tests.video_trees import label_map, textured_frame


def frame(*squares: tuple[int, int]) -> AnnotatedFrame:
    masks = np.stack([label_map({1: square}) for square in squares])
    boxes = np.float32([(x, y, 8, 8) for x, y in squares])
    count = len(squares)
    return AnnotatedFrame(
        textured_frame(0), np.arange(count) + 10, np.arange(count) + 1, boxes, masks
    )


class Fixed(InstancePairs):
    """The same two frames, repeated."""

    def __init__(self, query: AnnotatedFrame, guidance: AnnotatedFrame, count: int = 4) -> None:
        super().__init__("fixed", ("a", "b"))
        self.frames, self.count = (query, guidance), count
        self.asked = []

    def __len__(self) -> int:
        return self.count

    def read(self, index: int, random: Generators) -> tuple[AnnotatedFrame, AnnotatedFrame]:
        self.asked.append(index)
        return self.frames

    def source(self, index: int) -> str:
        return f"fixed {index}"


def sampler(pairs: InstancePairs, **settings) -> PairSampler:
    return PairSampler(
        pairs, settings.pop("samples", 3), partial(network_size, scale=(120, 80)), **settings
    )


def test_last_pixels_of_boxes_are_scaled():
    known = prepare_frame(frame((10, 4)), (80, 120), 2.0, is_flipped=False)
    assert known["boxes"].tolist() == [[20, 8, 2 * 17 + 1, 2 * 11 + 1]]
    assert known["image"].shape == (3, 80, 120)
    assert known["masks"].shape == (1, 80, 120)
    assert int(known["masks"].sum()) == 4 * 64


def test_boxes_are_clipped_one_pixel_beyond_the_image():
    wide = frame((52, 32))
    wide.boxes[0] = (50, 30, 30, 30)
    known = prepare_frame(wide, (40, 60), 1.0, is_flipped=False)
    assert known["boxes"].tolist() == [[50, 30, 61, 41]]


def test_mirrored_boxes_fit_the_mirrored_masks():
    known = prepare_frame(frame((10, 4)), (40, 60), 1.0, is_flipped=True)
    assert known["boxes"].tolist() == [[60 - 18, 4, 60 - 10, 12]]
    columns = known["masks"][0].any(dim=0).nonzero()[:, 0]
    assert (int(columns[0]), int(columns[-1]) + 1) == (42, 50)
    plain = prepare_frame(frame((10, 4)), (40, 60), 1.0, is_flipped=False)
    assert torch.equal(known["image"].flip(2), plain["image"])


def test_mirrored_boxes_are_cut_afterwards():
    """A box that touches the right border begins at 0, also in a frame that is made smaller."""
    edge = frame((52, 4))
    known = prepare_frame(edge, (20, 30), 0.5, is_flipped=True)
    # The last pixel, 59, becomes 29.5; mirrored it would begin at -0.5.
    assert known["boxes"].tolist() == [[0, 2, 4, 6.5]]


def test_neighbouring_pairs_have_one_orientation():
    class Mixed(Fixed):
        def is_wide(self, index: int) -> bool:
            return index % 3 > 0

    source = Mixed(frame((10, 4)), frame((10, 4)), count=10)  # 4 high, 6 wide
    pairs = sampler(source, samples=None, pairs_per_group=4)
    assert len(pairs) == 4 + 8
    seen = []
    for epoch in (1, 2):
        source.asked.clear()
        for index in range(len(pairs)):
            pairs[SampleKey(3, epoch, index)]
        assert set(source.asked) == set(range(10))
        kinds = [{source.is_wide(i) for i in source.asked[s : s + 4]} for s in (0, 4, 8)]
        assert all(len(kind) == 1 for kind in kinds)
        seen.append(list(source.asked))
    assert seen[0] != seen[1]


def test_a_pair_without_a_common_object_gets_another_guidance():
    class Lost(Fixed):
        def read(self, index, random):
            query, guidance = super().read(index, random)
            lost = replace(guidance, numbers=guidance.numbers + 50)
            return query, lost if len(self.asked) == 1 else guidance

    source = Lost(frame((10, 4)), frame((10, 4)))
    assert len(sampler(source)[SampleKey(0, 1, 0)]["links"]) == 1
    assert source.asked == [0, 0]


def test_both_frames_are_mirrored_alike():
    pairs = sampler(Fixed(frame((10, 4)), frame((10, 4))))
    sides = set()
    for index in range(12):
        sample = pairs[SampleKey(0, 1, index)]
        assert torch.equal(sample["query"]["boxes"], sample["guidance"]["boxes"])
        sides.add(float(sample["query"]["boxes"][0, 0]))
    assert len(sides) == 2


def test_links_join_the_places_of_an_object():
    masks = torch.ones(3, 4, 4)
    masks[2] = 0
    got = link_objects(np.array([7, 3, 9, 5]), np.array([3, 7, 9]), masks)
    assert got == [(0, 1), (1, 0)]  # 9 has no pixel, 5 is not there


def test_at_most_some_objects_are_propagated():
    many = frame(*[(4 * n, 2 * n) for n in range(9)])
    chosen = set()
    for index in range(6):
        links = sampler(Fixed(many, many), max_objects=5)[SampleKey(0, 1, index)]["links"]
        assert links.shape == (5, 2)
        assert (links[:, 0] == links[:, 1]).all()
        chosen.add(tuple(links[:, 0].tolist()))
    assert len(chosen) > 1


def test_epochs_go_through_all_frames():
    source = Fixed(frame((10, 4)), frame((10, 4)), count=5)
    pairs = sampler(source, samples=3)
    for epoch in (1, 2, 3):
        for index in range(3):
            pairs[SampleKey(0, epoch, index)]
    assert source.asked == [0, 1, 2, 3, 4, 0, 1, 2, 3]
    assert len(sampler(source, samples=None)) == 5


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_hold_pairs_of_any_size(tmp_path, workers):
    pairs = drawn_sampler(tmp_path)
    loader = LTRLoader("train", pairs, batch_size=4, num_workers=workers, seed=3)
    (batch,) = next(loader.batches(1))
    assert len(batch["pairs"]) == len(batch["source"]) == 4
    again = pairs[SampleKey(loader.distributed_sampler.seed, 1, 2)]
    assert torch.equal(batch["pairs"][2]["query"]["image"], again["query"]["image"])
    assert torch.equal(batch["pairs"][2]["links"], again["links"])


def test_colours_of_both_frames_change_alike():
    plain, changed = (
        sampler(
            Fixed(frame((10, 4)), frame((20, 8))), flip_probability=0.0, colour_jitter=jitter
        ).read(0, Generators.seeded(3))
        for jitter in (0.0, 0.2)
    )
    factors = []
    for name in ("query", "guidance"):
        before, after = (pair[name]["image"].float() for pair in (plain, changed))
        factors.append([float(b.sum() / a.sum()) for a, b in zip(before, after, strict=True)])
    assert factors[0] == pytest.approx(factors[1], abs=0.02)
    assert 0.02 < max(abs(factor - 1) for factor in factors[0]) < 0.21
    assert changed["query"]["image"].dtype == torch.uint8
