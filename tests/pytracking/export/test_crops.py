"""Crops of exported trackers are those of PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pytracking.export.runner.crops import bilinear, paste_scores
from pytracking.tracker.joint import patch


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 10, (1, height, width)).astype(np.float32)


@pytest.mark.parametrize("size", [(150, 277), (433, 701), (240, 416)])
def test_resizing_rounds_positions_as_pytorch_does(size: tuple[int, int]) -> None:
    """Noise of deviation 10: a position rounded twice, not once, costs some 1e-4."""
    image = noise(240, 416)
    expected = F.interpolate(
        torch.from_numpy(image)[None], size, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(bilinear(image, size), expected[0].numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "coords", [(10, -20, 187, 287), (-3, 5, 141, 250), (40, 90, 351, 629), (0, 0, 360, 640)]
)
def test_scores_are_pasted_as_pytorch_pastes_them(coords: tuple[int, int, int, int]) -> None:
    scores = noise(240, 416)[0]
    expected = patch.paste_scores(torch.from_numpy(scores)[None, None], coords, (360, 640))
    found = paste_scores(scores, coords, (360, 640))
    np.testing.assert_allclose(found, expected[0].numpy(), rtol=0, atol=1e-5)
