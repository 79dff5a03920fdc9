"""The conformance runner over the reference values, and its answers to wrong input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conformance import PARTS
from tests.conformance.__main__ import main
from tests.conformance.on_device import on_device
from tests.conformance.report import Report
from tests.shared_material import golden


@pytest.mark.parametrize("part", PARTS)
def test_all_reference_cases_pass(part, capsys):
    code = main([part, str(golden(part))])
    lines = capsys.readouterr().out.splitlines()
    failed = [line for line in lines if line.endswith("FAIL")]
    assert not failed, "\n".join(failed[:20])
    assert code == 0
    assert lines[-1].endswith("passed, 0 failed")


def test_a_missing_folder_is_one_sentence(tmp_path, capsys):
    assert main(["joint", str(tmp_path / "nowhere")]) == 2
    assert "nowhere is not a folder" in capsys.readouterr().err


def test_what_the_format_does_not_know_fails(tmp_path, capsys):
    (tmp_path / "manifest.json").write_text(json.dumps({"surprise": 1}))
    assert main(["joint", str(tmp_path)]) == 1
    assert "unknown entry 'surprise'" in capsys.readouterr().out


def test_a_folder_without_cases_fails(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    assert main(["joint", str(tmp_path)]) == 1


def test_networks_without_weights_stay_so_on_another_device():
    with on_device(torch.device("cpu")):
        made = torch.as_tensor([1.0, 2.0])
        with torch.device("meta"):
            layer = torch.nn.BatchNorm2d(3)
    assert made.device.type == "cpu"
    assert {value.device.type for value in layer.state_dict().values()} == {"meta"}


def test_it_runs_as_a_module():
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "tests.conformance", "join", "."],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "invalid choice" in done.stderr


@pytest.mark.parametrize(
    ("got", "want", "limits", "is_close"),
    [
        ([1.0, 2.0], [1.0, 2.0001], {"relative": 1e-4}, True),
        ([1.0, 2.0], [1.0, 2.001], {"relative": 1e-4}, False),
        ([0.0, 1e-6], [0.0, 0.0], {"relative": 1e-4}, False),
        ([0.0, 1e-6], [0.0, 0.0], {"absolute": 1e-5}, True),
        ([np.nan], [1.0], {"absolute": 1e9}, False),
        ([np.nan, np.inf], [np.nan, np.inf], {"absolute": 0.0}, True),
        ([1.0], [1.0, 1.0], {"absolute": 1.0}, False),
    ],
)
def test_comparison_limits(got, want, limits, is_close):
    report = Report()
    assert report.close("case", "output", got, want, **limits) is is_close
    assert (report.passed, report.failed) == (int(is_close), int(not is_close))


def test_share_counts_elements():
    report = Report()
    got, want = np.arange(100.0), np.arange(100.0)
    got[0] = 5
    assert report.share("case", "output", got, want, least=0.99, within=0.0)
    got[1] = 5
    assert not report.share("case", "output", got, want, least=0.99, within=0.0)
