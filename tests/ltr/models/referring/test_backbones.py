from __future__ import annotations

import pytest
import torch

from ltr.models.referring.backbones import build_backbone

WIDTH = 8


@pytest.fixture(scope="module")
def backbones():
    torch.manual_seed(0)
    plain = build_backbone("resnet18", WIDTH, is_pretrained=False).eval()
    shifted = build_backbone("resnet18_shifted", WIDTH, is_pretrained=False).eval()
    shifted.load_state_dict(plain.state_dict())
    return plain, shifted


@torch.no_grad()
def test_single_frames_look_as_to_the_plain_network(backbones) -> None:
    plain, shifted = backbones
    images = torch.rand(3, 1, 3, 32, 64)
    for ours, wanted in zip(shifted(images), plain(images), strict=True):
        assert torch.equal(ours, wanted)


@torch.no_grad()
def test_frames_see_their_neighbours_but_no_other_clip(backbones) -> None:
    _, shifted = backbones
    clips = torch.rand(2, 3, 3, 32, 64)
    before = shifted(clips)[0].unflatten(0, (2, 3))
    clips[0, 2] = 0
    after = shifted(clips)[0].unflatten(0, (2, 3))
    assert not torch.allclose(before[0, 1], after[0, 1], atol=1e-3)
    assert torch.equal(before[1], after[1])


@torch.no_grad()
def test_a_clip_of_equal_frames_gives_equal_maps(backbones) -> None:
    plain, shifted = backbones
    image = torch.rand(1, 1, 3, 32, 64)
    maps = shifted(image.expand(-1, 3, -1, -1, -1))
    for ours, wanted in zip(maps, plain(image), strict=True):
        assert torch.allclose(ours, wanted.expand_as(ours), atol=1e-5)
