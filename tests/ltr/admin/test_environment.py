"""Environments of both libraries: sources and their order, upstream's files, broken files."""

from __future__ import annotations

import dataclasses
import logging
import os
from pathlib import Path

import pytest

from ltr.admin.environment import TrainEnvironment, comments, require, train_environment
from ltr.admin.errors import ConfigError
from pytracking.utils.environment import EvaluationEnvironment, evaluation_environment


def write_train_file(file: Path, **values: object) -> None:
    lines = [f"        self.{name} = {value!r}\n" for name, value in values.items()]
    write(file, "class EnvironmentSettings:\n    def __init__(self):\n" + "".join(lines))


def write_evaluation_file(file: Path, **values: object) -> None:
    lines = [f"    settings.{name} = {value!r}\n" for name, value in values.items()]
    head = "from pytracking.utils.environment import EnvSettings\n\n\n"
    body = "def local_env_settings():\n    settings = EnvSettings()\n"
    write(file, head + body + "".join(lines) + "    return settings\n")


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_first_use_writes_a_commented_file_that_changes_nothing(local_files):
    before = evaluation_environment(create=False), train_environment(create=False)
    assert (evaluation_environment(), train_environment()) == before
    for file, kind in zip(local_files, (TrainEnvironment, EvaluationEnvironment), strict=True):
        text = file.read_text()
        for name, comment in comments(kind).items():
            assert f'.{name} = ""  # {comment}\n' in text
    assert (evaluation_environment(), train_environment()) == before


def test_an_existing_file_is_never_overwritten(local_files):
    write_train_file(local_files[0], davis_dir="/data/DAVIS")
    text = local_files[0].read_text()
    assert train_environment().davis_dir == "/data/DAVIS"
    assert local_files[0].read_text() == text


def test_later_sources_win(local_files, monkeypatch):
    write_evaluation_file(local_files[1], davis_dir="/file/davis", results_path="/file/results")
    assert evaluation_environment().davis_dir == "/file/davis"
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", "/process/davis")
    environment = evaluation_environment()
    assert environment.davis_dir == "/process/davis"
    assert environment.results_path == "/file/results"
    assert environment.sources["davis_dir"] == "PYTRACKING_DAVIS_DIR"
    assert environment.sources["results_path"] == str(local_files[1])
    assert dataclasses.replace(environment, davis_dir="/cli").davis_dir == "/cli"


def test_an_empty_data_set_path_is_taken_from_the_training_file(local_files, monkeypatch):
    write_train_file(local_files[0], davis_dir="/ltr/davis", youtubevos_dir="/ltr/ytvos")
    write_evaluation_file(local_files[1], davis_dir="", youtubevos_dir="/own/ytvos")
    environment = evaluation_environment()
    assert (environment.davis_dir, environment.youtubevos_dir) == ("/ltr/davis", "/own/ytvos")
    assert environment.sources["davis_dir"] == str(local_files[0])
    monkeypatch.setenv("LTR_DAVIS_DIR", "/process/davis")
    assert evaluation_environment().davis_dir == "/process/davis"


def test_the_variants_of_davis_default_to_davis_dir(local_files):
    write_train_file(local_files[0], davis_dir="/ltr/davis", davis16_dir="/ltr/davis16")
    write_evaluation_file(local_files[1], davis_dir="/own/davis")
    environment = evaluation_environment()
    assert environment.davis16_dir == "/ltr/davis16"
    assert environment.davis_testdev_dir == "/own/davis"
    assert train_environment().davis_testdev_dir == "/ltr/davis"


def test_networks_may_lie_in_several_folders(local_files, monkeypatch):
    package = Path(evaluation_environment(create=False).results_path).parent
    assert evaluation_environment(create=False).network_folders == (package / "networks",)
    write_evaluation_file(local_files[1], network_path=["/a", "~/b"])
    home = Path.home()
    assert evaluation_environment().network_folders == (Path("/a"), home / "b")
    monkeypatch.setenv("PYTRACKING_NETWORK_PATH", f"/c{os.pathsep}/d")
    assert evaluation_environment().network_folders == (Path("/c"), Path("/d"))
    monkeypatch.setenv("PYTRACKING_NETWORK_PATH", "/c")
    assert evaluation_environment().network_folders == (Path("/c"),)


def test_upstream_style_files_load_without_a_warning(local_files, caplog):
    write(
        local_files[0],
        "class EnvironmentSettings:\n    def __init__(self):\n"
        "        self.workspace_dir = '/runs'    # Base directory for saving checkpoints.\n"
        "        self.tensorboard_dir = self.workspace_dir + '/tensorboard/'\n"
        "        self.pretrained_networks = self.workspace_dir + '/pretrained_networks/'\n"
        "        self.pregenerated_masks = ''\n        self.lasot_dir = ''\n",
    )
    write_evaluation_file(
        local_files[1], otb_path="", segmentation_path="/seg", got_reports_path=""
    )
    with caplog.at_level(logging.INFO):
        training, evaluation = train_environment(), evaluation_environment()
    assert not caplog.records
    assert training.tensorboard_dir == "/runs/tensorboard"
    assert not hasattr(evaluation, "segmentation_path")


def test_folders_that_an_upstream_file_derives_follow_the_final_workspace(local_files, monkeypatch):
    write_train_file(
        local_files[0],
        workspace_dir="",
        tensorboard_dir="/tensorboard/",
        pretrained_networks="/elsewhere/",
    )
    monkeypatch.setenv("LTR_WORKSPACE_DIR", "/process")
    environment = train_environment()
    assert environment.tensorboard_dir == "/process/tensorboard"
    assert environment.pretrained_networks == "/elsewhere/"


def test_a_misspelt_variable_is_reported(local_files, caplog):
    write_train_file(local_files[0], davsi_dir="/data")
    with caplog.at_level(logging.WARNING):  # as with --quiet
        train_environment()
    assert not caplog.records
    write_train_file(local_files[0], lassot_dir="/data")
    with caplog.at_level(logging.INFO):
        train_environment()
        evaluation_environment()
    assert caplog.text.count("unknown variable lassot_dir (did you mean 'lasot_dir'") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("class EnvironmentSettings:\n    def __init__(self)\n", "SyntaxError in line 2"),
        ("import nonexistent_package\n", "ModuleNotFoundError in line 1: No module named"),
        (
            "class EnvironmentSettings:\n    def __init__(self):\n        self.davis_dir = DATA\n",
            "NameError in line 3: name 'DATA' is not defined",
        ),
        ("x = 1\n", "does not define EnvironmentSettings"),
        ("class EnvironmentSettings:\n    davis_dir = ''\n    __slots__ = ()\n", "TypeError"),
    ],
)
def test_a_broken_file_is_named_with_the_real_reason_and_kept(local_files, text, reason):
    write(local_files[0], text)
    with pytest.raises(ConfigError) as caught:
        train_environment()
    assert str(local_files[0]) in str(caught.value)
    assert reason in str(caught.value)
    assert local_files[0].read_text() == text


def test_a_value_that_is_no_path_is_an_error(local_files):
    write_train_file(local_files[0], davis_dir=3)
    with pytest.raises(ConfigError, match="davis_dir must be a text, got 3"):
        train_environment()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(TrainEnvironment, "file", tmp_path / "file" / "local.py")
    assert train_environment().workspace_dir.endswith("workspace")


def test_require_names_variable_file_and_layout(local_files, tmp_path, monkeypatch):
    layout = "JPEGImages/480p/<seq>/*.jpg"
    with pytest.raises(ConfigError) as unset:
        require(evaluation_environment(), "davis_dir", layout)
    for part in ("davis_dir is not set", str(local_files[1]), "PYTRACKING_DAVIS_DIR", layout):
        assert part in str(unset.value)
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match="missing, from PYTRACKING_DAVIS_DIR, is not a folder"):
        require(evaluation_environment(), "davis_dir", layout)
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(tmp_path))
    assert require(evaluation_environment(), "davis_dir", layout) == tmp_path
