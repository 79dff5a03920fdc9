from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
import torch

from ltr.admin.checkpoint import read_checkpoint
from ltr.admin.loading import load_network
from ltr.admin.locks import lock_folder
from ltr.run_training import main
from tests.small_training import (
    command_of,
    differences,
    environment_of,
    run_folder,
    small_run,
    write_videos,
)

LINE = (
    r"\[train: 1, 3 / 3\] FPS: \d+\.\d \(\d+\.\d\)  ,  Loss/total: \d+\.\d{5}  ,  "
    r"Loss/segm: \d+\.\d{5}  ,  Loss/diff: -?\d+\.\d{5}  ,  Stats/acc: \d+\.\d{5}\n"
)


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    return write_videos(tmp_path_factory.mktemp("videos"))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path))
    return tmp_path


def test_a_run_prints_logs_and_stores_everything(videos, workspace, capfd) -> None:
    assert main(small_run(videos, "--set", "max_epochs=2", "--seed", "7")) == 0
    output = capfd.readouterr()
    assert re.search(LINE, output.out)
    assert "[val: 2, 1 / 1]" in output.out
    assert "Training:  joint  joint_debug" in output.err
    assert "seed = 7" in output.err
    folder = run_folder(workspace)
    names = sorted(path.name for path in folder.glob("*.pth.tar"))
    assert names == ["JOINTNet_ep0001.pth.tar", "JOINTNet_ep0002.pth.tar"]
    network = load_network(folder)
    assert type(network).__name__ == "JOINTNet"
    record = json.loads((folder / "settings.json").read_text())
    assert record["recipe"]["seed"] == 7
    assert record["recipe"]["output_size"] == [48, 32]
    assert record["versions"]["torch"] == torch.__version__.partition("+")[0]
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines].count("epoch") == 2
    assert lines[0]["stats"]["Loss/total"] > 0
    tensorboard = workspace / "tensorboard" / "ltr" / "joint" / "joint_debug"
    assert {path.name for path in tensorboard.iterdir()} == {"train", "val", "info"}


def test_a_second_start_leaves_a_running_training_alone(videos, workspace, capsys) -> None:
    """It used to remove the temporary files of the first one, which then failed to save."""
    folder = run_folder(workspace)
    with lock_folder(folder):
        being_written = folder / ".JOINTNet_ep0001.pth.tar.0123.partial"
        being_written.touch()
        assert main(small_run(videos, "--quiet")) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {folder} is in use by process {os.getpid()} of ")
        assert error.count("\n") == 1
        assert being_written.exists()


def test_stop_and_new_process_give_the_same_bits(videos, workspace, tmp_path) -> None:
    """Stopped in an epoch, and at its end; the second half runs in another process."""
    straight, halves = tmp_path / "straight", tmp_path / "halves"
    for arguments, folder in (
        (["--max-steps", "8"], straight),
        (["--max-steps", "2"], halves),
        (["--max-steps", "6"], halves),
        (["--max-steps", "8"], halves),
    ):
        command = command_of(small_run(videos, "--quiet", *arguments))
        subprocess.run(command, env=environment_of(folder), check=True)
    name = "JOINTNet_ep0002_step000002.pth.tar"
    assert differences(run_folder(straight) / name, run_folder(halves) / name) == []
    remaining = {path.name for path in run_folder(halves).glob("*_step*")}
    assert remaining == {name}, "checkpoints within finished epochs are removed"


def test_loader_processes_do_not_change_the_result(videos, tmp_path, monkeypatch) -> None:
    for workers in ("0", "2"):
        monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / workers))
        assert main(small_run(videos, "--max-steps", "3", "--set", f"num_workers={workers}")) == 0
    paths = [run_folder(tmp_path / w) / "JOINTNet_ep0001.pth.tar" for w in ("0", "2")]
    assert differences(*paths) == []


def test_sigterm_finishes_the_step_and_the_same_command_goes_on(videos, tmp_path) -> None:
    long_run = small_run(videos, "--set", "samples_per_epoch=400", "--set", "max_epochs=1")
    stopped, straight = tmp_path / "stopped", tmp_path / "straight"
    process = subprocess.Popen(
        command_of(long_run), env=environment_of(stopped), stdout=subprocess.PIPE, text=True
    )
    assert "[train: 1, 1 / 200]" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 143
    (checkpoint,) = run_folder(stopped).glob("*.pth.tar")
    done = read_checkpoint(checkpoint).fields["position"]["steps"]
    assert f"[train: 1, {done} / 200]" in ([rest[-1]] if rest else ["[train: 1, 1 / 200]"])[0]
    for folder in (stopped, straight):
        command = command_of([*long_run, "--quiet", "--max-steps", str(done + 2)])
        subprocess.run(command, env=environment_of(folder), check=True)
    name = f"JOINTNet_ep0000_step{done + 2:06d}.pth.tar"
    assert differences(run_folder(stopped) / name, run_folder(straight) / name) == []


def test_resume_of_an_older_checkpoint_and_new_starts_leave_the_old_run_alone(
    videos, workspace
) -> None:
    arguments = small_run(videos, "--quiet", "--set", "max_epochs=2")
    assert main(arguments) == 0
    first = run_folder(workspace)
    before = {path: path.read_bytes() for path in first.glob("*.pth.tar")}
    assert main([*arguments, "--no-resume", "--max-steps", "1"]) == 0
    second = run_folder(workspace, "joint_debug_run002")
    assert [path.name for path in second.glob("*.pth.tar")] == [
        "JOINTNet_ep0000_step000001.pth.tar"
    ]
    assert main([*arguments, "--resume", str(first / "JOINTNet_ep0001.pth.tar")]) == 0
    third = run_folder(workspace, "joint_debug_run003")
    name = "JOINTNet_ep0002.pth.tar"
    assert differences(first / name, third / name) == []
    assert {path: path.read_bytes() for path in first.glob("*.pth.tar")} == before


def test_a_run_can_start_from_the_network_of_another(videos, workspace, capsys) -> None:
    assert main(small_run(videos, "--quiet", "--max-steps", "3")) == 0
    late = [
        "--no-resume",
        "--set",
        "init_checkpoint=ltr/joint/joint_debug",
        "--set",
        "init_epoch=4",
    ]
    assert main(small_run(videos, "--quiet", *late)) == 2
    message = capsys.readouterr().err
    assert "init_epoch = 4: no checkpoint of epoch 4" in message
    assert "(available: 1)" in message
    source = run_folder(workspace) / "JOINTNet_ep0001.pth.tar"
    for start in ("ltr/joint/joint_debug", str(source), str(source.parent)):
        arguments = ["--no-resume", "--set", f"init_checkpoint={start}", "--set", "lr_scale=0"]
        assert main(small_run(videos, "--quiet", "--max-steps", "3", *arguments)) == 0
        newest = max(run_folder(workspace).parent.iterdir())
        trained = read_checkpoint(newest / source.name).net
        wanted = read_checkpoint(source).net
        names = dict(load_network(source).named_parameters())
        assert all(torch.equal(trained[name], wanted[name]) for name in names)


def test_an_infinite_loss_stops_and_saves_network_and_batch(videos, workspace, capsys) -> None:
    assert main(small_run(videos, "--set", "mask_weight=1e39")) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    (path,) = run_folder(workspace).glob("nonfinite_*")
    assert path.name == "nonfinite_train_ep0001_step000001.pt"
    assert str(path) in message
    assert "video" in message
    assert "in step 1 of epoch 1 of train (Loss/total inf" in message
    record = torch.load(path, weights_only=True)
    assert record["microbatches"][0]["train_images"].shape == (1, 2, 3, 32, 48)
    assert len(record["microbatches"][0]["source"]) == 2
    assert not list(run_folder(workspace).glob("*.pth.tar"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["joint", "joint_stag1"], "did you mean 'joint_stage1'"),
        (["joit", "joint_stage1"], "did you mean 'joint'"),
        (["joint", "recipe"], "joint has no experiment 'recipe'"),
        (["joint", "joint_debug", "--set", "batchsize=3"], "did you mean 'batch_size'"),
        (["joint", "joint_debug", "--set", "batch_size=0"], "batch_size must be >= 1, got 0"),
        (["joint", "joint_debug", "--set", "output_size=50,32"], "multiples of 16"),
        (["joint", "joint_debug", "--set", "train_sets=DAVIS"], "expected key=value,key=value"),
        (["joint", "joint_debug", "--set", "init_checkpoint=ltr/joint/x"], "train that first"),
        (["joint", "joint_debug", "--resume", "nowhere.pth.tar"], "there is no such file"),
        (["joint", "joint_debug", "--device", "cuda:99"], "--device cuda:99: PyTorch sees"),
        (["joint", "joint_debug", "--device", "gpu"], "expected auto, cpu, cuda, cuda:N or mps"),
        (["joint", "joint_debug", "--device", "cpu", "--precision", "fp16"], "needs a GPU"),
        (["joint", "joint_debug"], "davis_dir is not set"),
        (["joint", "joint_stage1"], "--set backbone_weights=none"),
        (["joint", "joint_stage2"], "init_checkpoint = ltr/joint/joint_stage1: neither a file"),
    ],
)
def test_wrong_input_is_one_sentence(arguments, words, workspace, capsys) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert words in error
    assert not (workspace / "checkpoints").exists()


def test_reduced_precision_learns_almost_the_same(videos, tmp_path, monkeypatch) -> None:
    losses = []
    for precision in ("fp32", "bf16"):
        monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / precision))
        arguments = ["--quiet", "--max-steps", "3", "--precision", precision]
        assert main(small_run(videos, *arguments)) == 0
        checkpoint = read_checkpoint(run_folder(tmp_path / precision) / "JOINTNet_ep0001.pth.tar")
        assert all(t.dtype in (torch.float32, torch.int64) for t in checkpoint.net.values())
        losses.append(checkpoint.fields["stats"]["train"]["Loss/total"]["history"][0])
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)


def test_cudnn_benchmark_is_a_real_boolean(videos, workspace, monkeypatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    arguments = small_run(videos, "--quiet", "--max-steps", "1", "--cudnn_benchmark", "False")
    assert main(arguments) == 0
    assert torch.backends.cudnn.benchmark is False
    assert main(small_run(videos, "--cudnn_benchmark", "perhaps")) == 2


def test_another_network_or_optimiser_cannot_be_continued(videos, workspace, capsys) -> None:
    assert main(small_run(videos, "--quiet", "--max-steps", "1")) == 0
    assert main(small_run(videos, "--quiet", "--set", "num_filters=8")) == 2
    assert "is a checkpoint of another network" in capsys.readouterr().err
    assert main(small_run(videos, "--quiet", "--set", "frozen_backbone_layers=conv1")) == 2
    assert "--set init_checkpoint=PATH" in capsys.readouterr().err
