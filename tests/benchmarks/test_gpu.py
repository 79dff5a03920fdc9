"""The table of a GPU: a row that fails says why, and the others are still measured."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
    monkeypatch.delitem(sys.modules, "gpu", raising=False)
    import gpu

    return gpu


def test_what_a_row_started_ends_with_it(gpu):
    started = time.monotonic()
    result = gpu.run_apart(["sh", "-c", "sleep 60 & sleep 60"], 0.3, {})
    assert result == {"error": "took more than 0 s"}
    assert time.monotonic() - started < 30  # the pipes were closed


def readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("script", "result"),
    [
        ("echo starts; echo '{\"passed\": 3}'", {"passed": 3}),
        ("echo first >&2; echo broken >&2; exit 3", {"error": "broken"}),
        ("exit 3", {"error": "ended with 3"}),
        ("echo not json", {"error": "ended without a result"}),
        ("true", {"error": "ended without a result"}),
        ("kill -9 $$", {"error": "ended with -9"}),
        ("echo $SAID", {"passed": 4}),
    ],
)
def test_whatever_a_row_does_it_has_a_result(gpu, script, result):
    assert gpu.run_apart(["sh", "-c", script], 30, {"SAID": '{"passed": 4}'}) == result


def run_main(gpu, monkeypatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--device", "cpu", "--small", *words])
    return gpu.main()


def test_a_cpu_leaves_out_what_needs_a_gpu(gpu, monkeypatch, tmp_path, capsys):
    words = ("--only", "triton", "--output", str(tmp_path / "gpu.json"))
    assert run_main(gpu, monkeypatch, *words) == 0
    assert "| kernel triton | the Triton kernel needs a GPU | | | |" in capsys.readouterr().out
    rows = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    assert rows["referring 2 triton"] == {"skipped": "the Triton kernel needs a GPU"}


def test_rows_for_which_no_time_is_left_are_named(gpu, monkeypatch, tmp_path, capsys):
    output = tmp_path / "gpu.json"
    assert run_main(gpu, monkeypatch, "--seconds", "0", "--output", str(output)) == 1
    rows = json.loads(output.read_text())["rows"]
    assert list(rows) == [row.name for row in gpu.ROWS]
    errors = [row["error"] for row in rows.values() if "skipped" not in row]
    assert errors == ["no time was left"] * (len(rows) - 6)
    assert "| conformance joint | failed: no time was left | | | |" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name",
    ["joint 3", "reference 1", "dense_ulearn 2", "referring 2", "propose_reduce 2", "atnet 3"],
)
def test_small_rows_measure_their_systems(gpu, name, tmp_path):
    row = next(row for row in gpu.ROWS if row.name == f"{name} fp32")
    scale = replace(gpu.Scale.of(True), size=(96, 160))
    result = row.measure(scale, torch.device("cpu"), tmp_path)
    assert set(result) >= {"memory_mib"}
    assert result.get("object_frames_per_s", result.get("frames_per_s")) > 0
    assert result.get("equal", 1.0) > 0.99
    assert " per s |" in gpu.format_row(row.name, result)


def test_a_long_row_measures_what_memory_grows(gpu, tmp_path):
    (row,) = [row for row in gpu.ROWS if row.name == "joint 1 fp32 long"]
    scale = replace(gpu.Scale.of(True), size=(96, 160), long=80)
    result = row.measure(scale, torch.device("cpu"), tmp_path)
    assert result["frames"] == 80
    assert -50 < result["growth_mib"] < 50


def test_what_says_most_comes_first(gpu):
    names = [row.name for row in gpu.ROWS]
    assert names[0] == "joint 1 fp32"
    wanted = [
        "joint 10 fp32",
        "conformance joint",
        "training fp32",
        "joint 3 graphs",
        "joint 5 compile",
    ]
    assert sorted(wanted, key=names.index) == wanted
    gpu_device = torch.device("cuda")
    assert max(row.limit_s(gpu_device) for row in gpu.ROWS) == 120
    assert all(row.lacks(gpu_device) is None for row in gpu.ROWS)


def test_a_line_of_the_table_has_a_cell_for_each_column(gpu):
    result = {"object_frames_per_s": 151.26, "memory_mib": 820.4, "equal": 0.999991}
    line = gpu.format_row("joint 5 bf16", result)
    assert line == "| joint 5 bf16 | 151.3 object-frames per s | 820 |  | 99.9991% |"
    grown = {"memory_mib": 820.4, "growth_mib": 0.25, "frames": 2000}
    line = gpu.format_row("joint 1 fp32 long", grown)
    assert line == "| joint 1 fp32 long |  | 820 | +0.2 in 2000 frames |  |"


def test_rows_have_names_of_their_own(gpu):
    assert len({row.name for row in gpu.ROWS}) == len(gpu.ROWS) == 48


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
