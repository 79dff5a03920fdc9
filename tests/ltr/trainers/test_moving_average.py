from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ltr.admin.checkpoint import read_checkpoint
from ltr.run_training import main
from ltr.trainers.moving_average import MovingAverage
from tests.small_training import differences, run_folder, small_run, write_videos

LAST = "JOINTNet_ep0002.pth.tar"


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    return write_videos(tmp_path_factory.mktemp("videos"))


def run_averaged(videos: Path, workspace: Path, *arguments: str) -> Path:
    words = ("--set", "average_decay=0.9", "--set", "rate_schedule=cosine", "--set", "max_epochs=2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LTR_WORKSPACE_DIR", str(workspace))
        assert main(small_run(videos, *words, *arguments)) == 0
    return run_folder(workspace)


def test_an_averaged_run_goes_on_with_the_same_bits(videos, tmp_path) -> None:
    straight = read_checkpoint(run_averaged(videos, tmp_path / "straight") / LAST)
    for arguments in (("--max-steps", "4"), ()):
        folder = run_averaged(videos, tmp_path / "halves", *arguments)
    halves = read_checkpoint(folder / LAST)
    assert differences(straight.path, halves.path) == []
    live, other = straight.fields["live_net"], halves.fields["live_net"]
    assert all(torch.equal(live[name], other[name]) for name in live)
    assert any(not torch.equal(live[name], straight.net[name]) for name in live)


def test_early_steps_count_more_and_counters_are_no_means() -> None:
    network = nn.BatchNorm1d(1)
    average = MovingAverage(network, 0.9)
    values = {1: 11.0, 2: 3.0, 1000: 2.0}
    wanted = 1.0
    for steps, value in values.items():
        nn.init.constant_(network.weight, value)
        network.num_batches_tracked += 1
        average.update(network, steps)
        decay = min(0.9, steps / (10 + steps))
        wanted = decay * wanted + (1 - decay) * value
    assert average.state["weight"].item() == pytest.approx(wanted)
    assert average.state["num_batches_tracked"].item() == 3
    other = MovingAverage(network, 0.9)
    other.restore(average.state)
    assert torch.equal(other.state["weight"], average.state["weight"])
