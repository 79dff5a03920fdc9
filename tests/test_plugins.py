from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ltr.admin import plugins
from ltr.admin.errors import ConfigError
from pytracking import new_tracker
from pytracking.evaluation.outputs.exchange.registry import format_names
from pytracking.evaluation.tracker import list_names, list_systems, load_parameters

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "plugin"


@pytest.fixture(autouse=True)
def _same_path() -> Iterator[None]:
    before = list(sys.path)
    yield
    sys.path[:] = before
    plugins._parts_of_folder.cache_clear()


def _run_tests(folder: Path, **variables: str) -> str:
    """Run a package's own tests in a process of their own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    child = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            folder,
            folder,
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stdout + child.stderr
    return child.stdout


def test_the_example_works_installed(tmp_path: Path) -> None:
    site, source = tmp_path / "site", tmp_path / "source"
    shutil.copytree(EXAMPLE, source)
    child = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--target", site, source],
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode and "setuptools>=" in child.stdout + child.stderr:
        pytest.skip("no package index to build the example with")
    assert child.returncode == 0, child.stderr
    path = os.pathsep.join([str(ROOT), str(site)])
    assert "1 passed" in _run_tests(EXAMPLE / "tests", PYTHONPATH=path)


def test_a_folder_is_used_without_installation() -> None:
    before = list_systems()
    plugins.use_plugin_folder(EXAMPLE)
    assert set(list_systems()) - set(before) == {"nearest_colour"}
    assert list_names("nearest_colour") == ["default"]
    assert list_names("baseline") == ["copy_mask", "copy_mask_again", "optical_flow"]
    assert load_parameters("nearest_colour", "default", ["reach=3"]).reach == 3.0
    assert "numpy" in format_names()
    assert os.environ[plugins.VARIABLE] == str(EXAMPLE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is not a plug-in"),
        ("[project]", "names no entry points"),
        ('[project.entry-points."vos_toolkit.engines"]\na = "b"', "engines"),
        ('[project.entry-points."other"]\na = "b"', "has no entry points"),
        ("[", "names no entry points"),
    ],
)
def test_a_folder_that_is_no_plugin_is_one_sentence(
    tmp_path: Path, text: str | None, words: str
) -> None:
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    plugins.use_plugin_folder(tmp_path)
    with pytest.raises(ConfigError, match=words):
        plugins.plugin_parts("trackers")


def test_a_module_that_cannot_be_imported_names_its_plugin(tmp_path: Path) -> None:
    group = '[project.entry-points."vos_toolkit.trackers"]\nbroken = "no_such_module_here"\n'
    (tmp_path / "pyproject.toml").write_text(group)
    plugins.use_plugin_folder(tmp_path)
    with pytest.raises(ConfigError, match=f"the plug-in {tmp_path} cannot be used: broken"):
        plugins.plugin_parts("trackers")["broken"].load()


def test_two_plugins_with_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        group = f'[project.entry-points."vos_toolkit.trackers"]\nsame = "module_{name}"\n'
        (tmp_path / name / "pyproject.toml").write_text(group)
        plugins.use_plugin_folder(tmp_path / name)
    with pytest.raises(ConfigError, match="both offer trackers: same"):
        list_systems()


def test_the_skeleton_of_a_tracker_passes_its_own_test(tmp_path: Path) -> None:
    folder = tmp_path / "my"
    assert new_tracker.main(["my_tracker", str(folder)]) == 0
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    assert "1 passed" in _run_tests(folder / "tests", **{plugins.VARIABLE: str(folder)})
    text = "".join(path.read_text() for path in folder.rglob("*.*") if path.is_file())
    assert "@NAME" not in text
    assert "@TITLE" not in text
    lint = [sys.executable, "-m", "ruff", "check", "--config", ROOT / "pyproject.toml", folder]
    subprocess.run(lint, check=True, capture_output=True)


@pytest.mark.parametrize("name", ["joint", "My", "a-b", "../a", ""])
def test_names_that_cannot_be_trackers(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new_tracker.main([name, str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert new_tracker.main(["my_tracker", str(tmp_path)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_installed_packages_are_found_by_their_metadata(tmp_path, kind):
    metadata = {
        "METADATA": "Metadata-Version: 2.1\nName: more-scorers\nVersion: 1.0\n",
        "entry_points.txt": "[vos_toolkit.scorers]\nmore = more_scorers:TABLE\n",
    }
    path = tmp_path / "more_scorers-1.0.dist-info"
    path.mkdir()
    for name, text in metadata.items():
        (path / name).write_text(text)
    place = tmp_path
    if kind == "archive":
        place = Path(shutil.make_archive(str(tmp_path.parent / tmp_path.name), "zip", tmp_path))
    code = "from ltr.admin.plugins import plugin_parts; print(plugin_parts('scorers'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": f"{place}{os.pathsep}{ROOT}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (
        "PluginPart(name='more', value='more_scorers:TABLE', origin='more-scorers')" in done.stdout
    )
