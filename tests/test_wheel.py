"""The wheel alone: installed, it runs from any folder and leaves its own folder as it was."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.project_file import ROOT, project_table

pytest.importorskip("setuptools", minversion="77")  # reads the licence expression
_PARTS = ("ltr", "pytracking", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in _tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", build, str(target)],
        cwd=source, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (file,) = target.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory) -> Path:
    """A folder of installed packages that holds the wheel's files."""
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_description_is_complete(site):
    (file,) = site.glob("*.dist-info/METADATA")
    metadata = Parser().parsestr(file.read_text(encoding="utf-8"))
    project = project_table()
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    for name in ("Author", "Summary", "Keywords", "Requires-Python"):
        assert metadata[name], name
    labels = [line.partition(",")[0] for line in metadata.get_all("Project-URL")]
    assert labels == list(project["urls"])
    assert set(metadata.get_all("Classifier")) == set(project["classifiers"])
    assert set(metadata.get_all("Provides-Extra")) == set(project["optional-dependencies"])
    (entries,) = site.glob("*.dist-info/entry_points.txt")
    assert all(
        f"{name} = {entry}" in entries.read_text() for name, entry in project["scripts"].items()
    )


def test_every_file_of_the_packages_is_in_it(site):
    files = {name for name in _tracked() if "/" in name and not name.endswith("README.md")}
    assert len(files) > 400
    assert not {name for name in files if not (site / name).is_file()}


@functools.cache
def _tracked() -> set[str]:
    command = ["git", "-C", str(ROOT), "ls-files", "-z", *_PARTS]
    return set(subprocess.check_output(command, text=True).split("\0")) - {""}


def _contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def run_installed(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    home = folder / "home"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "VOS_"))
    } | {
        "PYTHONPATH": str(site),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(home),
        "USERPROFILE": str(home),
        "LOCALAPPDATA": str(home / "AppData"),
        "OMP_NUM_THREADS": "1",
    }
    (folder / "work").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "pytracking.cli.vos", *words],
        cwd=folder / "work", env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_demo_runs_from_any_folder_and_touches_nothing_installed(site, tmp_path):
    """Network and clip are inside; the results go to the working folder, settings to the user's."""
    before = _contents(site)
    done = run_installed(site, tmp_path, "demo", "--frames", "3", "--device", "cpu", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["J&F"] > 0.3
    assert (tmp_path / "work" / "demo_output" / "overlay.mp4").is_file()
    assert _contents(site) == before
    settings = [path.name for path in (tmp_path / "home").rglob("*.py")]
    assert settings == ["pytracking_local.py"]


def test_folders_are_those_of_the_user_and_an_existing_local_file_wins(site, tmp_path):
    report = json.loads(run_installed(site, tmp_path, "doctor", "--json").stdout)
    work = f"{tmp_path / 'work'}{os.sep}"
    assert report["evaluation"]["results_path"] == f"{work}tracking_results  (default)"
    assert report["training"]["workspace_dir"] == f"{work}workspace  (default)"
    home = str(tmp_path / "home")
    assert report["evaluation"]["network_path"].startswith(home)
    assert report["training"]["pretrained_networks"].startswith(home)
    assert "JOINTNet, epoch" in report["networks"]["joint_demo.pth.tar"]
    local = site / "pytracking" / "evaluation" / "local.py"
    local.write_text(
        "from pytracking.evaluation.environment import EnvSettings\n\n\n"
        "def local_env_settings():\n    settings = EnvSettings()\n"
        "    settings.results_path = '/my/results'\n    return settings\n"
    )
    try:
        report = json.loads(run_installed(site, tmp_path, "doctor", "--json").stdout)
    finally:
        local.unlink()
    assert report["evaluation"]["results_path"] == f"/my/results  ({local})"


def test_a_home_that_cannot_be_written_stops_nothing(site, tmp_path):
    (tmp_path / "home").write_text("a file in the place of the folder")
    done = run_installed(site, tmp_path, "doctor", "--json")
    assert done.returncode == 0, done.stderr
    done = run_installed(
        site, tmp_path, "download", "joint_davis", "--address", "http://127.0.0.1:9/x"
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
