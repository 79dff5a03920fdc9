from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytracking.utils.contact_sheet import ContactSheet


def sheet_of(frames: int, tiles: int = 12) -> ContactSheet:
    sheet = ContactSheet(tiles, tile_width=8)
    picture = np.zeros((4, 8, 3), np.uint8)
    for index in range(frames):
        sheet.add(index, picture)
    return sheet


@given(st.integers(1, 700), st.integers(1, 12))
def test_frames_are_evenly_spaced_for_every_length(frames, tiles):
    indices = sheet_of(frames, tiles).indices
    assert len(indices) == min(frames, tiles)
    assert indices[0] == 0
    if len(indices) < 2:
        return
    steps = np.diff(indices)
    even = (frames - 1) / (len(indices) - 1)
    assert steps.min() >= 1
    assert np.abs(steps - even).max() <= max(1, 0.35 * even)


def test_memory_is_bounded():
    assert len(sheet_of(100_000)._kept) < 8 * 12


def test_tiles_lie_in_reading_order():
    sheet = ContactSheet(tiles=4, tile_width=40)
    for index in range(4):
        sheet.add(index, np.full((30, 80, 3), 50 * (index + 1), np.uint8))
    drawn = sheet.draw()
    rows, columns = drawn.shape[0] // (15 + 6), drawn.shape[1] // (40 + 6)
    assert rows * columns >= 4
    corners = [
        drawn[6 + row * 21 + 14, 6 + column * 46 + 39, 0]
        for row in range(rows)
        for column in range(columns)
    ]
    assert corners[:4] == [50, 100, 150, 200]


def test_number_is_written_into_the_corner():
    sheet = ContactSheet(tiles=1, tile_width=320)
    sheet.add(0, np.full((180, 320, 3), 120, np.uint8))
    tile = sheet.draw()[6:186, 6:326]
    assert tile[:30, :30].max() == 255
    assert tile[:30, :30].min() == 40
    assert (tile[60:] == 120).all()


def test_drawing_twice_gives_the_same():
    sheet = sheet_of(5)
    np.testing.assert_array_equal(sheet.draw(), sheet.draw())


def test_empty_sheet_is_an_error():
    with pytest.raises(ValueError, match="at least one frame"):
        ContactSheet().draw()
    with pytest.raises(ValueError, match="at least one tile"):
        ContactSheet(tiles=0)
