from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ltr.actors.base import Actor, Stats
from ltr.actors.segmentation import SegActor
from ltr.admin.checkpoint import read_checkpoint
from ltr.admin.distributed import launch_fabric
from ltr.data.loader import DistributedBatchSampler
from ltr.models.loss.segmentation import stable_bce
from ltr.trainers.step import TrainStep
from tests.small_joint import small_network
from tests.small_training import (
    command_of,
    environment_of,
    run_folder,
    small_run,
    write_videos,
)


class MeanActor(Actor):
    """A loss that is a mean over samples."""

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        logits = self.network(batch["test_images"].flatten(0, 1))[:, 0]
        loss = stable_bce(logits, batch["test_masks"].flatten(0, 1))
        return loss, {"Loss/total": loss}


def make_actor(kind: str) -> Actor:
    if kind == "joint":
        return SegActor(small_network().requires_grad_(True))
    torch.manual_seed(0)
    return MeanActor(nn.Conv2d(3, 1, 3, padding=1))


def make_batch(size: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = {"train_images": (1, size, 3), "test_images": (2, size, 3)}
    batch = {k: torch.randn(*s, 32, 48, generator=generator) for k, s in shapes.items()}
    for group, frames in (("train", 1), ("test", 2)):
        masks = torch.rand(frames, size, 32, 48, generator=generator) > 0.7
        batch[f"{group}_masks"] = masks.float()
    return batch


def learn(kind: str, size: int, processes: int, microbatches: int, output: Path) -> None:
    """Take one step in this process and store gradients, statistics and the new weights."""
    fabric = launch_fabric("cpu", "fp32")
    actor = make_actor(kind)
    network = actor.network
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    actor.network, wrapped = fabric.setup(network, optimizer)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    actor.train()
    shares = DistributedBatchSampler(
        size, size, 0, False, microbatches, fabric.global_rank, processes
    )
    batch = make_batch(size)
    parts = [[key.position for key in part] for part in shares]
    own = [{name: value[:, part] for name, value in batch.items()} for part in parts]
    result = TrainStep(fabric, actor, wrapped).train(own, shares.sizes(0), stop_requested=False)
    change = {name: before[name] - p.detach() for name, p in network.named_parameters()}
    torch.save(
        (change, result.stats), output / f"{processes}_{microbatches}_{fabric.global_rank}.pt"
    )


def join(rank: int, port: int, *arguments: Any) -> None:
    """Be one of two processes that torchrun started."""
    os.environ.update(launch_variables(rank, port))
    learn(*arguments)


def launch_variables(rank: int, port: int) -> dict[str, str]:
    """What torchrun tells each of two processes."""
    return {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
        "GROUP_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "x",
    }  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_two(*arguments: Any) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lightning.fabric", "tests.small_joint"])
    port = free_port()
    processes = [context.Process(target=join, args=(i, port, *arguments)) for i in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


@pytest.mark.parametrize(
    ("kind", "size", "microbatches"),
    [("joint", 4, 1), ("joint", 3, 1), ("mean", 3, 1), ("mean", 7, 3)],
)
def test_two_processes_learn_what_one_learns_from_the_whole_batch(
    kind: str, size: int, microbatches: int, tmp_path: Path
) -> None:
    learn(kind, size, 1, 1, tmp_path)
    run_two(kind, size, 2, microbatches, tmp_path)
    alone, stats = torch.load(tmp_path / "1_1_0.pt")
    first, first_stats = torch.load(tmp_path / f"2_{microbatches}_0.pt")
    second, second_stats = torch.load(tmp_path / f"2_{microbatches}_1.pt")
    largest = max(float(change.abs().max()) for change in alone.values())
    assert largest > 1e-3
    for name, change in alone.items():
        assert torch.equal(first[name], second[name]), name
        error = float((change - first[name]).abs().max())
        assert error <= 1e-5 * largest, name
    assert first_stats == second_stats
    for name, value in stats.items():
        assert first_stats[name] == pytest.approx(value, rel=1e-5, abs=1e-6)


def test_pieces_of_a_batch_give_the_gradient_of_the_whole(tmp_path: Path) -> None:
    for microbatches in (1, 2, 5):
        learn("mean", 5, 1, microbatches, tmp_path)
    whole, halves, singles = (torch.load(tmp_path / f"1_{n}_0.pt")[0] for n in (1, 2, 5))
    for name, change in whole.items():
        assert torch.allclose(change, halves[name], rtol=1e-5, atol=1e-7)
        assert torch.allclose(change, singles[name], rtol=1e-5, atol=1e-7)


def test_torchrun_trains_with_the_same_command(tmp_path: Path) -> None:
    videos = write_videos(tmp_path / "videos")
    arguments = small_run(
        videos, "--max-steps", "3", "--set", "lr_scale=0.01", "--set", "freeze_batch_norm=true"
    )
    subprocess.run([*command_of(arguments)], env=environment_of(tmp_path / "one"), check=True)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [sys.executable, *launcher, *command_of(arguments)[1:]],
        env=environment_of(tmp_path / "two"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("[train: 1, 3 / 3]") == 1
    one, two = (
        read_checkpoint(run_folder(tmp_path / name) / "JOINTNet_ep0001.pth.tar")
        for name in ("one", "two")
    )
    losses = [c.fields["stats"]["train"]["Loss/total"]["history"][0] for c in (one, two)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    for name, tensor in one.net.items():
        if tensor.is_floating_point() and "running" not in name:
            assert np.allclose(tensor, two.net[name], atol=1e-4), name


@pytest.mark.parametrize("told", [(0, 1), (1,)])
def test_sigterm_stops_all_processes_after_the_same_step(told, tmp_path: Path) -> None:
    videos = write_videos(tmp_path / "videos")
    command = command_of(small_run(videos, "--set", "samples_per_epoch=800"))
    workspace, port = tmp_path / "work", free_port()
    processes = [
        subprocess.Popen(
            command,
            env=environment_of(workspace) | launch_variables(rank, port),
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    assert "[train: 1, 1 / 400]" in processes[0].stdout.readline()
    for rank in told:
        processes[rank].send_signal(signal.SIGTERM)
    last = processes[0].communicate(timeout=120)[0].splitlines()[-1:]
    processes[1].communicate(timeout=120)
    assert [process.returncode for process in processes] == [143, 143]
    (checkpoint,) = run_folder(workspace).glob("*.pth.tar")
    steps = read_checkpoint(checkpoint).fields["position"]["steps"]
    assert f"[train: 1, {steps} / 400]" in (last or ["[train: 1, 1 / 400]"])[0]
