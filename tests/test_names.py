"""Other packages are called ``ltr`` and ``pytracking`` too; mistaking one for ours is reported."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(folders: list[Path], statement: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    command = [sys.executable, "-P" if sys.version_info >= (3, 11) else "-s", "-c", statement]
    return subprocess.run(
        command, env=environment, cwd=folders[0], capture_output=True, text=True, check=False
    )


def foreign(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text("def rank(): pass\n")
    return folder


def test_another_ltr_is_named_at_the_import_of_pytracking(tmp_path):
    done = run([foreign(tmp_path, "ltr"), ROOT], "import pytracking")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: the package ltr in {tmp_path / 'ltr'}")
    assert last.endswith("in an environment of its own")


def test_another_pytracking_is_named_at_the_import_of_ltr(tmp_path):
    done = run([foreign(tmp_path, "pytracking"), ROOT], "import ltr")
    assert done.returncode == 0
    assert f"the package pytracking in {tmp_path / 'pytracking'} is not that of" in done.stderr


def test_our_own_packages_import_in_silence(tmp_path):
    done = run([ROOT, tmp_path], "import warnings; warnings.simplefilter('error'); import ltr")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("version", ["3.8", "3.9"])
def test_an_old_python_is_one_sentence(version):
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-c", ""], check=False).returncode:
        pytest.skip(f"needs Python {version}")
    done = subprocess.run(
        [python, str(ROOT / "pytracking" / "run_tracker.py"), "joint", "joint_demo"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: Python 3.10 or newer is needed, not {version}.")
    assert done.stderr.count("\n") == 1
