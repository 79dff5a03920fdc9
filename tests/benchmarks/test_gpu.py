"""The table of a GPU: a row that fails says why, and the others are still measured."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
    monkeypatch.delitem(sys.modules, "gpu", raising=False)
    import gpu

    return gpu


def test_a_row_that_hangs_becomes_an_error_of_that_row(gpu):
    arguments = argparse.Namespace(device="cpu", small=True)
    result = gpu.run_row(gpu.ROWS[0], arguments, 0.01)
    assert result == {"error": "took more than 0 s"}
    line = gpu.format_row(gpu.ROWS[0].name, result)
    assert line == "| joint 1 fp32 | failed: took more than 0 s | | | |"


def test_a_line_of_the_table_has_a_cell_for_each_column(gpu):
    result = {"object_frames_per_s": 151.26, "memory_mib": 820.4, "equal": 0.999991}
    line = gpu.format_row("joint 5 bf16", result)
    assert line == "| joint 5 bf16 | 151.3 object-frames per s | 820 |  | 99.9991% |"
    grown = {"memory_mib": 820.4, "growth_mib": 0.25, "frames": 2000}
    line = gpu.format_row("joint 1 fp32 long", grown)
    assert line == "| joint 1 fp32 long |  | 820 | +0.2 in 2000 frames |  |"


def test_rows_have_names_of_their_own(gpu):
    assert len({row.name for row in gpu.ROWS}) == len(gpu.ROWS) == 46


@pytest.mark.parametrize(
    ("result", "figure"),
    [
        ({"frames_per_s": 3.14}, "3.1 frames per s"),
        ({"step_ms": 812.4}, "812 ms a step"),
        ({"times_as_fast": 2.04}, "2.0 times the pure form"),
        ({"passed": 571}, "571 passed"),
    ],
)
def test_every_kind_of_row_says_what_it_measured(gpu, result, figure):
    assert gpu.format_row("row", result | {"memory_mib": 5.0}) == f"| row | {figure} | 5 |  |  |"


def test_all_systems_parts_and_modes_have_rows(gpu):
    names = {row.name for row in gpu.ROWS}
    wanted = {
        "joint 10 graphs", "joint 5 compile", "dense_ulearn 2 tf32", "referring 2 triton",
        "propose_reduce 2 fp32", "atnet 3 bf16", "training bf16", "kernel triton",
        "joint 1 fp32 long", "conformance interactive",
    }  # fmt: skip
    assert wanted <= names
