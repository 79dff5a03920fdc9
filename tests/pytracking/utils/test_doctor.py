"""The doctor tells where every path came from and which networks can be read."""

from __future__ import annotations

import torch

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.models.joint.joint_net import steepest_descent_resnet18
from pytracking.utils.doctor import main


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
