"""MATLAB files: as SciPy reads them, and damaged ones that crash SciPy."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from ltr.admin.errors import DataError
from ltr.data.mat_files import read_mat

TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8", "u8")


@pytest.mark.parametrize("is_compressed", [False, True])
@pytest.mark.parametrize("code", TYPES)
def test_arrays_are_those_that_scipy_reads(tmp_path: Path, code: str, is_compressed: bool) -> None:
    path = tmp_path / "a.mat"
    numbers = np.arange(2 * 3 * 5).reshape(2, 3, 5).astype(code)
    fields = {"Categories": np.ones((4, 1)), "Segmentation": numbers[..., 0], "x": "text"}
    savemat(
        path, {"first": 3, "part_mask": numbers, "GTinst": fields}, do_compression=is_compressed
    )
    got = read_mat(path, "part_mask")
    assert np.array_equal(got, loadmat(path)["part_mask"])
    inner = read_mat(path, "GTinst", "Segmentation")
    assert np.array_equal(inner, numbers[..., 0])
    for name in (("GTinst", "Boundaries"), ("part_mask", "Segmentation"), ("GTins",), ("GTinst",)):
        with pytest.raises(DataError, match=r"a\.mat is damaged or"):
            read_mat(path, *name)


@pytest.mark.parametrize("is_compressed", [False, True])
def test_damage_anywhere_is_a_sentence(tmp_path: Path, is_compressed: bool) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"GTinst": {"Segmentation": np.eye(9)}}, do_compression=is_compressed)
    valid = path.read_bytes()
    draw = random.Random(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(valid)
        for _ in range(3):
            damaged[draw.randrange(100, len(damaged))] = draw.choice((0, 1, 127, 255))
        path.write_bytes(damaged[: draw.choice((len(damaged), draw.randrange(len(damaged))))])
        try:
            assert read_mat(path, "GTinst", "Segmentation").size == 81
        except DataError:
            refused += 1
    assert refused > 100


def test_other_files_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    with pytest.raises(DataError, match="cannot be read"):
        read_mat(path, "x")
    path.write_bytes(b"no mat file at all")
    with pytest.raises(DataError, match="no byte order"):
        read_mat(path, "x")
