"""Matches and transfers of the hosts' networks against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ltr.models.interactive.matching import match_globally, match_locally, scaled
from ltr.models.interactive.region import (
    crop_regions,
    crop_transform,
    enclosing_box,
    inverse_transform,
    paste_regions,
)
from ltr.models.interactive.transfer import correlate, transfer

IDS = 3


def drawn_maps(size, channels=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.rand(2, channels, *size, generator=generator)
    return first, second, torch.randint(-1, IDS, size, generator=generator)


@pytest.mark.parametrize("max_bytes", [2**28, 64])
def test_global_matches_are_the_nearest_pixels(max_bytes):
    current, annotated, labels = drawn_maps((5, 7))
    labels[labels == 2] = 0
    found = match_globally(current, annotated, labels, IDS, max_bytes)
    distances = torch.cdist(current.flatten(1).T, annotated.flatten(1).T).square()
    for number in (0, 1):
        near = distances[:, labels.flatten() == number].amin(dim=1)
        torch.testing.assert_close(found[number].flatten(), scaled(near), rtol=0, atol=1e-5)
    assert (found[2] == 1).all()


@pytest.mark.parametrize("size", [(10, 12), (13, 9), (2, 54)])
def test_local_matches_are_the_nearest_pixels_of_the_window(size):
    current, neighbour, labels = drawn_maps(size)
    found = match_locally(current, neighbour, labels, IDS)
    here, there = (F.avg_pool2d(maps[None], 2)[0] for maps in (current, neighbour))
    want = torch.ones(IDS, *size)
    for dy in range(-12, 13):
        for dx in range(-12, 13):
            distance = torch.full(here.shape[1:], 1e20)
            for y in range(here.shape[1]):
                for x in range(here.shape[2]):
                    if 0 <= y + dy < here.shape[1] and 0 <= x + dx < here.shape[2]:
                        distance[y, x] = (here[:, y, x] - there[:, y + dy, x + dx]).square().sum()
            large = F.interpolate(
                scaled(distance)[None, None], size, mode="bilinear", align_corners=True
            )[0, 0]
            shifted = F.pad(labels, (24, 24, 24, 24))[24 + 2 * dy :, 24 + 2 * dx :]
            seen = shifted[: size[0], : size[1]]
            for number in range(IDS):
                nearer = torch.minimum(want[number], large)
                want[number] = torch.where(seen == number, nearer, want[number])
    torch.testing.assert_close(found, want, rtol=0, atol=1e-5)


def test_correlation_and_transfer_are_sums_over_displacements():
    target, neighbour = torch.rand(2, 1, 3, 9, 11)
    masks = torch.rand(2, 1, 9, 11)
    found = correlate(target, neighbour)
    moved = transfer(found, masks, align_corners=True)
    total = torch.zeros_like(masks)
    for index, (dy, dx) in enumerate((y, x) for y in range(-8, 9, 2) for x in range(-8, 9, 2)):
        for y in range(9):
            for x in range(11):
                if 0 <= y + dy < 9 and 0 <= x + dx < 11:
                    product = (target[0, :, y, x] * neighbour[0, :, y + dy, x + dx]).mean()
                    torch.testing.assert_close(found[0, index, y, x], product)
                    total[:, :, y, x] += product * masks[:, :, y + dy, x + dx]
                else:
                    assert found[0, index, y, x] == 0
    torch.testing.assert_close(moved, total)


def test_regions_hold_their_object():
    rng = np.random.default_rng(0)
    for _ in range(50):
        height, width = rng.integers(20, 400, 2)
        mask = torch.zeros(1, height, width, dtype=torch.bool)
        top, left = rng.integers(0, height), rng.integers(0, width)
        mask[0, top : top + 30, left : left + 50] = True
        y, x, tall, wide = enclosing_box(mask)[0].tolist()
        rows, columns = np.nonzero(mask[0].numpy())
        assert y - tall / 2 <= rows.min()
        assert rows.max() <= y + tall / 2
        assert x - wide / 2 <= columns.min()
        assert columns.max() <= x + wide / 2


def test_a_region_without_object_is_the_whole_image():
    box = enclosing_box(torch.zeros(1, 300, 400, dtype=torch.bool))[0]
    assert box.tolist() == [150.0, 200.0, 311.0, 411.0]


def test_a_pasted_region_lies_where_it_was_cut():
    image = torch.zeros(1, 1, 200, 240)
    image[..., 60:140, 80:180] = 1
    boxes = enclosing_box(image[:, 0] > 0.5)
    back = paste_regions(crop_regions(image, boxes), boxes, (200, 240))
    assert ((back > 0.5) == (image > 0.5)).float().mean() > 0.99


def test_the_inverse_divides_by_the_size():
    box = torch.tensor([[50.0, 60.0, 80.0, 40.0]])
    forward, inverse = crop_transform(box, (101, 201)), inverse_transform(box, (101, 201))
    assert forward[0, 0, 0] == pytest.approx(40 / 200)
    assert inverse[0, 0, 0] == pytest.approx(201 / 40)
    assert inverse[0, 1, 2] == pytest.approx(-float(forward[0, 1, 2] / forward[0, 1, 1]))
