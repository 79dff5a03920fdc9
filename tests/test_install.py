"""The installer's decisions, with a stand-in for the environment's Python: nothing is installed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.project_file import project_table

ROOT = Path(__file__).resolve().parents[1]
SETS = ("demo", "default", "dev")
STAND_IN = """#!/bin/sh
echo "$PWD | $PIP_CONSTRAINT $PIP_BUILD_CONSTRAINT | $*" >> "$CALLS"
case "$*" in *opencv*) exit 1 ;; *"pip install"*) exit "${PIP_RESULT:-0}" ;; esac
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
    packages, toolkit = notes(calls, "pip install")
    where = f"{ROOT} | constraints.txt constraints.txt | -m pip install"
    assert packages == f"{where} --require-hashes -r {tmp_path}/my env/requirements.txt"
    assert toolkit == f"{where} --no-deps -e ."


def test_an_index_for_torch_is_passed_on_and_its_change_installs_again(tmp_path, calls):
    install(tmp_path)
    requirements = tmp_path / "my env" / "requirements.txt"
    assert "\nnvidia-cudnn" in requirements.read_text()
    install(tmp_path, TORCH_INDEX_URL="http://127.0.0.1/cpu")
    seen = notes(calls, "pip install")
    assert len(seen) == 5
    assert "--index-url http://127.0.0.1/cpu torch torchvision" in seen[2]
    assert not re.search("^(nvidia|cuda|triton)", requirements.read_text(), re.MULTILINE)
    assert re.search("^torch==", requirements.read_text(), re.MULTILINE)


def test_a_failed_installation_is_told_and_tried_again(tmp_path, calls):
    result = install(tmp_path, PIP_RESULT="1")
    assert result.returncode == 2
    assert "pip failed for the reason above" in result.stderr
    assert install(tmp_path).returncode == 0
    assert len(notes(calls, "pip install")) == 3


def names(requirements: Path) -> set[str]:
    return set(re.findall(r"^([a-z][\w.-]*)==", requirements.read_text(), re.MULTILINE))


def test_every_word_installs_what_it_needs_and_what_a_larger_set_has_is_there(tmp_path, calls):
    """The demo pulls neither Ray, transformers, visdom nor test tools; nothing runs twice."""
    requirements = tmp_path / "my env" / "requirements.txt"
    install(tmp_path, "demo")
    base = names(requirements)
    assert {"torch", "numpy", "av", "opencv-python-headless"} <= base
    unwanted = {"ray", "transformers", "visdom", "pytest", "pandas", "matplotlib", "lightning"}
    assert not base & unwanted
    install(tmp_path)
    assert names(requirements) & unwanted == {"transformers", "matplotlib", "pandas", "lightning"}
    install(tmp_path, "demo")
    assert len(notes(calls, "pip install")) == 4


def test_the_sets_agree_and_every_version_has_hashes():
    sets = {set: (ROOT / f"requirements/{set}.txt").read_text() for set in SETS}
    lines = {set: _locked(text) for set, text in sets.items()}
    assert lines["demo"] <= lines["default"] <= lines["dev"]
    assert {"ray", "pytest", "ruff"} <= names(ROOT / "requirements/dev.txt")
    for text in sets.values():
        assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[a-z])", text)[1:])


def test_tests_have_a_package_that_would_change_others_without_what_it_asks_for(tmp_path, calls):
    """The stand-in has no tools to run after the installation."""
    install(tmp_path)
    assert not notes(calls, "no_deps.txt")
    install(tmp_path, "test")
    (line,) = notes(calls, "no_deps.txt")
    assert line.endswith("-m pip install --no-deps --require-hashes -r requirements/no_deps.txt")
    alone = (ROOT / "requirements/no_deps.txt").read_text()
    assert {name.split("==")[0] for name in _locked(alone)} == {"label-studio-sdk"}
    assert "--hash=sha256:" in alone


def test_every_package_of_the_project_is_locked():
    project = project_table()
    locked = {name.replace("_", "-") for name in names(ROOT / "requirements/dev.txt")}
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    for line in [*project["dependencies"], *extras]:
        name = re.match(r"[\w.-]+", line)[0].lower()
        assert name in locked | {"vos-toolkit"}, f"{name} is missing: bash install.sh lock"


def _locked(text: str) -> set[str]:
    """Names and versions of a lock."""
    return set(re.findall(r"^[a-z][\w.-]*==\S+", text, re.MULTILINE))


def test_the_windows_form_of_the_picture_library_is_kept(tmp_path, calls):
    python = tmp_path / "my env" / "bin" / "python"
    install(tmp_path, "demo")
    assert "opencv-python-headless" in names(python.parents[1] / "requirements.txt")
    python.write_text(STAND_IN.replace("*opencv*) exit 1", "*opencv*) exit 0"))
    (python.parents[1] / ".installed").unlink()
    install(tmp_path, "demo")
    assert "opencv-python-headless" not in names(python.parents[1] / "requirements.txt")


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


def test_on_windows_the_programs_lie_in_another_folder(tmp_path, calls):
    environment = tmp_path / "my env"
    (environment / "bin").rename(environment / "Scripts")
    result = install(tmp_path, OSTYPE="msys")
    assert result.returncode == 0, result.stderr
    assert "Scripts/activate" in result.stdout
    assert len(notes(calls, "pip install")) == 2
