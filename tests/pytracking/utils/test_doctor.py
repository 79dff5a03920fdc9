"""The doctor tells where every path came from and which networks can be read."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import torch

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.models.joint.joint_net import steepest_descent_resnet18
from pytracking.utils.doctor import EXTRAS, PACKAGES, main
from tests.project_file import project_table


def test_paths_networks_and_versions_are_shown(tmp_path, monkeypatch, capsys):
    net = steepest_descent_resnet18(backbone_width=8, out_feature_dim=16, transformer_dim=16)
    save_checkpoint(tmp_path / "small.pth.tar", network_fields(net) | {"epoch": 4})
    (tmp_path / "broken.pth").write_text("no network")
    monkeypatch.setenv("PYTRACKING_NETWORK_PATH", str(tmp_path))
    assert main([]) == 0
    output = capsys.readouterr().out
    assert f"{tmp_path}  (PYTRACKING_NETWORK_PATH)" in output
    assert "JOINTNet, epoch 4, safe form" in output
    assert "broken.pth is not a network file" in output
    assert torch.__version__.split("+")[0] in output
    assert output.endswith("0 problems\n")


def test_a_path_that_does_not_exist_is_a_problem(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LTR_DAVIS_DIR", str(tmp_path / "absent"))
    monkeypatch.setenv("PYTRACKING_RESULTS_PATH", str(tmp_path / "not yet written"))
    assert main([]) == 1
    sentence = f"problem: davis_dir = {tmp_path / 'absent'} does not exist (set in LTR_DAVIS_DIR)"
    assert capsys.readouterr().out.count(sentence) == 1


def test_a_broken_local_file_is_one_sentence(local_files, capsys):
    local_files[1].parent.mkdir(parents=True)
    local_files[1].write_text("def local_env_settings(:\n")
    assert main([]) == 2
    assert "is broken: SyntaxError in line 1" in capsys.readouterr().err


def test_it_lists_what_the_project_declares():
    def names(lines):
        return {re.match(r"[\w-]+", line)[0] for line in lines}

    project = project_table()
    always = [line for line in project["dependencies"] if ";" not in line]
    assert set(PACKAGES) == names(always) - {"opencv-python-headless"}
    declared = project["optional-dependencies"]
    runtime = {extra: names(declared[extra]) for extra in declared.keys() - {"all", "dev", "test"}}
    assert {extra: set(found) for extra, found in EXTRAS.items()} == runtime


def test_a_second_opencv_is_a_problem_with_its_cure(tmp_path, monkeypatch, capsys):
    for name in ("opencv_python", "opencv_python_headless"):
        folder = tmp_path / f"{name}-5.0.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {name.replace('_', '-')}\nVersion: 5.0.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert main([]) == 1
    assert (
        "problem: opencv-python-headless 5.0.0 and opencv-python 5.0.0 share one folder, so one is "
        "broken: pip uninstall -y opencv-python-headless opencv-python && "
        "pip install opencv-python-headless\n"
    ) in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    ["raise ImportError('libGL.so.1: cannot open shared object file')", "pass"],
    ids=["no libGL", "no functions left"],
)
def test_an_opencv_that_cannot_be_used_is_one_sentence(tmp_path, content):
    (tmp_path / "cv2.py").write_text(content)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pytracking.demo import main; "
        "raise SystemExit(main(['--frames', '4']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: OpenCV cannot be used (")
    assert done.stderr.count("\n") == 1
