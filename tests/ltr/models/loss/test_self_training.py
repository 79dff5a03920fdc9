"""The objective against its definition, written out position by position."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ltr.admin.errors import ConfigError
from ltr.models.loss.self_training import (
    align,
    draw_grid,
    pseudo_labels,
    self_training_losses,
    take_positions,
)

TEMPERATURE = 0.05


def unit_keys(*shape: int) -> torch.Tensor:
    return F.normalize(torch.randn(*shape), dim=2)


def mirrored_zoom() -> torch.Tensor:
    return torch.tensor([[-0.7, 0.0, 0.2], [0.0, 0.7, -0.1]]).expand(2, 3, 2, 3)


def plain_space_time(main, reg, theta, positions):
    """Affinities to all anchors are aligned, not keys; softmax before the own clip is chosen."""
    clips, frames, _, height, width = main.shape
    flat = main[:, 0].flatten(2)
    anchors = torch.cat([flat[b][:, positions[b].flatten()].t() for b in range(clips)])
    own = positions[0].numel()
    total = 0.0
    for b in range(clips):
        for t in range(1, frames):
            s1 = (anchors @ main[b, t].flatten(1)).view(1, -1, height, width) / TEMPERATURE
            logits = align(s1, theta[b, t : t + 1])
            s2 = (anchors @ reg[b, t].flatten(1)).softmax(dim=0)
            s2 = s2 * (torch.arange(len(anchors)) // own == b)[:, None]
            target = s2.argmax(dim=0).view(1, height, width)
            total = total + F.cross_entropy(logits, target)
    return total / (clips * (frames - 1))


def test_it_is_the_objective_of_the_paper():
    torch.manual_seed(1)
    main, reg = unit_keys(2, 3, 5, 8, 8).requires_grad_(), unit_keys(2, 3, 5, 8, 8)
    theta = mirrored_zoom()
    anchors, references = draw_grid(2, 4, 8, 8), draw_grid(2, 2, 8, 8)
    losses = self_training_losses(main, reg, theta, anchors, references, TEMPERATURE, 0.3)
    expected = plain_space_time(main, reg, theta, anchors)
    torch.testing.assert_close(losses.temp, expected)
    first = take_positions(align(main[:, 0], theta[:, 0]), references)
    second = take_positions(reg[:, 0], references)
    rows = (first @ second.t() / TEMPERATURE).log_softmax(dim=1).diagonal()
    torch.testing.assert_close(losses.cross_key, -rows.mean())
    torch.testing.assert_close(losses.main, losses.temp + 0.3 * losses.cross_key)
    got, want = (torch.autograd.grad(x, main, retain_graph=True)[0] for x in (losses[1], expected))
    torch.testing.assert_close(got, want)


@given(st.integers(1, 4), st.sampled_from([1, 2, 4]), st.integers(1, 3), st.integers(1, 3))
def test_grids_are_regular_and_inside(clips, grid, y_step, x_step):
    height, width = grid * y_step, grid * x_step
    positions = draw_grid(clips, grid, height, width)
    rows, columns = positions // width, positions % width
    assert positions.shape == (clips, grid, grid)
    assert (rows < height).all()
    assert (rows.diff(dim=1) == y_step).all()
    assert (columns.diff(dim=2) == x_step).all()
    assert (columns.diff(dim=1) == 0).all()


def test_a_grid_that_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="12x8 feature map cannot hold a 8x8 grid"):
        draw_grid(1, 8, 8, 12)


def test_alignment_undoes_a_mirrored_view():
    maps = torch.arange(24.0).view(1, 1, 4, 6)
    theta = torch.tensor([[[-1.0, 0, 0], [0, 1.0, 0]]])
    assert torch.equal(align(maps, theta), maps.flip(3))


def test_pseudo_labels_name_anchors_of_their_own_clip():
    keys = unit_keys(3, 2, 4, 4, 4)
    anchors = take_positions(keys[:, 0], draw_grid(3, 2, 4, 4))
    labels = pseudo_labels(keys, anchors)
    assert (labels // 4).flatten(1).unique(dim=1).flatten().tolist() == [0, 1, 2]
