"""The installer's decisions, with a stand-in for the environment's Python: nothing is installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STAND_IN = """#!/bin/sh
echo "$PWD | $PIP_CONSTRAINT $PIP_BUILD_CONSTRAINT | $*" >> "$CALLS"
case "$*" in *"pip install"*) exit "${PIP_RESULT:-0}" ;; esac
"""


@pytest.fixture
def calls(tmp_path) -> Path:
    """An environment whose Python only notes how it is called; returns the notes."""
    python = tmp_path / "my env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(STAND_IN)
    python.chmod(0o755)
    return tmp_path / "calls"


def install(tmp_path: Path, *words: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {
        **{name: value for name, value in os.environ.items() if name != "TORCH_INDEX_URL"},
        "VENV": str(tmp_path / "my env"),
        "CALLS": str(tmp_path / "calls"),
        **variables,
    }
    command = ["bash", str(ROOT / "install.sh"), *words]
    return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)


def notes(calls: Path, word: str) -> list[str]:
    return [line for line in calls.read_text().splitlines() if word in line]


def test_packages_are_installed_once(tmp_path, calls):
    for _ in range(2):
        result = install(tmp_path)
        assert result.returncode == 0, result.stderr
        assert "ready" in result.stdout
    (note,) = notes(calls, "pip install")
    assert note.startswith(f"{ROOT} | constraints.txt constraints.txt | -m pip install -e .[")


def test_an_index_for_torch_is_passed_on_and_its_change_installs_again(tmp_path, calls):
    install(tmp_path)
    install(tmp_path, TORCH_INDEX_URL="http://127.0.0.1/cpu")
    seen = notes(calls, "pip install")
    assert len(seen) == 3
    assert "--index-url http://127.0.0.1/cpu torch torchvision" in seen[1]


def test_a_failed_installation_is_told_and_tried_again(tmp_path, calls):
    result = install(tmp_path, PIP_RESULT="1")
    assert result.returncode == 2
    assert "pip failed for the reason above" in result.stderr
    assert install(tmp_path).returncode == 0
    assert len(notes(calls, "pip install")) == 2


def test_the_demo_gets_its_arguments_and_the_users_folder(tmp_path, calls):
    assert install(tmp_path, "demo", "--output", "my output").returncode == 0
    assert notes(calls, "demo")[-1].endswith(" | -m pytracking.demo --output my output")
    assert notes(calls, "demo")[-1].startswith(f"{tmp_path} | ")


@pytest.mark.parametrize(
    ("words", "variables", "reason"),
    [
        (["dmeo"], {}, "unknown word 'dmeo'"),
        ([], {"PYTHON": "no-such-python"}, "no-such-python was not found"),
        ([], {"PYTHON": "false"}, "false is older than 3.10"),
        ([], {}, "exists and is not an environment"),
    ],
)
def test_wrong_input_is_one_sentence(tmp_path, words, variables, reason):
    (tmp_path / "my env").mkdir()
    (tmp_path / "my env" / "thesis.txt").write_text("years of work")
    result = install(tmp_path, *words, **variables)
    assert result.returncode == 2
    assert reason in result.stderr
    assert result.stderr.count("\n") == 1
    assert (tmp_path / "my env" / "thesis.txt").read_text() == "years of work"
