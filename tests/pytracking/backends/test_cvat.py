from __future__ import annotations

import importlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ltr.admin.errors import DataError
from pytracking import load_tracker
from pytracking.backends.cvat import CvatTracking, mask_of_shape, points_of_mask
from tests.pytracking.clips import bar_mask, numbered_frames


def _auto_annotation() -> object:
    """The package's own types; a plain record of the same fields where it is not installed."""
    try:
        return importlib.import_module("cvat_sdk.auto_annotation")
    except ImportError:
        return SimpleNamespace(TrackingFunctionSpec=SimpleNamespace, TrackableShape=SimpleNamespace)


def _frames() -> list[np.ndarray]:
    return [np.asarray(frame) for frame in numbered_frames(5)]


@pytest.mark.parametrize("kind", ["mask", "polygon", "rectangle"])
def test_a_shape_is_tracked_as_its_kind(kind: str) -> None:
    function = CvatTracking(load_tracker("baseline", "optical_flow"), _auto_annotation())
    assert function.spec.supported_shape_types == {"mask", "polygon", "rectangle"}
    frames = [function.preprocess_image(None, Image.fromarray(frame)) for frame in _frames()]
    context = SimpleNamespace(original_shape_type=kind)
    shape = SimpleNamespace(type=kind, points=points_of_mask(kind, bar_mask(0)))
    state = function.init_tracking_state(context, frames[0], shape)
    for index in range(1, 5):
        found = function.track(context, frames[index], state)
        assert found.type == kind
        mask = mask_of_shape(kind, found.points, frames[index])
        truth = bar_mask(index)
        assert (mask & truth).sum() / (mask | truth).sum() > 0.6


def test_shapes_have_states_of_their_own() -> None:
    function = CvatTracking(load_tracker("baseline", "copy_mask"), _auto_annotation())
    image, context = _frames()[0], SimpleNamespace(original_shape_type="mask")
    masks = [np.zeros(image.shape[:2], bool) for _ in range(2)]
    masks[0][2:9, 3:20] = True
    masks[1][20:30, 30:50] = True
    states = [
        function.init_tracking_state(
            context, image, SimpleNamespace(type="mask", points=points_of_mask("mask", mask))
        )
        for mask in masks
    ]
    for mask, state in zip(masks, states, strict=True):
        found = function.track(context, image, state)
        assert np.array_equal(mask_of_shape("mask", found.points, image), mask)


def test_masks_are_those_of_the_package() -> None:
    masks = pytest.importorskip("cvat_sdk.masks", reason="cvat-sdk is not installed")
    mask = bar_mask(1)
    assert points_of_mask("mask", mask) == masks.encode_mask(mask)
    image = np.zeros((*mask.shape, 3), np.uint8)
    assert np.array_equal(mask_of_shape("mask", masks.encode_mask(mask), image), mask)


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("mask", [3.0, 0.0, 0.0, 9.0, 9.0]),
        ("mask", [1.0, 2.0]),
        ("polygon", [1.0, float("nan"), 2.0, 3.0]),
        ("ellipse", [1.0, 2.0, 3.0, 4.0]),
        ("polygon", [1.0, 1.0, 9.0, 1.0, 9.0]),
        ("polygon", [1.0, 1.0, 9.0, 1e300]),
        ("rectangle", [1.0, 2.0, 3.0, 4.0, 5.0]),
        ("mask", [1e8, 1e8, 0.0, 0.0, 9999.0, 19999.0]),
        ("mask", [4.0, -2.0, -2.0, -1.0, -1.0]),
        ("mask", [9e18, 9e18, 9.0, 0.0, 0.0, 1.0, 1.0]),
    ],
)
def test_damaged_shapes_are_one_sentence(kind: str, points: list[float]) -> None:
    with pytest.raises(DataError, match=r"of CVAT"):
        mask_of_shape(kind, points, np.zeros((48, 64, 3), np.uint8))


def test_nothing_is_found_where_the_mask_is_empty() -> None:
    for kind in ("mask", "polygon", "rectangle"):
        assert points_of_mask(kind, np.zeros((4, 5), bool)) is None
