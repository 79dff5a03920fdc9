"""Resuming: damaged and newer checkpoints, other recipes, and at which sample a run resumes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ltr.actors.base import Actor, Stats
from ltr.admin.checkpoint import read_checkpoint
from ltr.admin.distributed import launch_fabric
from ltr.admin.errors import CheckpointError
from ltr.data.loader import LTRLoader
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.trainers.run_folder import RunFolder
from ltr.trainers.trainer import LTRTrainer

LENGTH = 12


class Numbers(RandomSamples[str]):
    """A sample is its place in the epoch; ``folder`` stands for the data set."""

    def __init__(self, length: int, folder: str) -> None:
        super().__init__(length)
        self.folder = folder

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> str:
        return f"{self.folder} {key.position} {random.python.random()}"

    def read(self, draw: str, random: Generators) -> dict[str, Any]:
        return {"value": torch.tensor([float(draw.split()[1])])}

    def source(self, draw: str) -> str:
        return draw


class Remember(Actor):
    """Remembers which samples it saw."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.seen: list[int] = []

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        self.seen += [int(value) for value in batch["value"].flatten()]
        loss = self.network(batch["value"]).square().mean()
        return loss, {"Loss/total": loss}


def make_trainer(folder: Path, **rows: Any) -> LTRTrainer:
    rows = {"batch_size": 2, "seed": 0, "length": LENGTH, "train_sets": "a", "decay": 0.9} | rows
    torch.manual_seed(0)
    network = nn.Linear(1, 1)
    loader = LTRLoader(
        "train", Numbers(rows["length"], rows["train_sets"]), batch_size=rows["batch_size"],
        seed=rows["seed"], shuffle=True, num_workers=rows.get("num_workers", 0),
    )  # fmt: skip
    return LTRTrainer(
        launch_fabric("cpu", "fp32"),
        Remember(network),
        [loader],
        torch.optim.AdamW(network.parameters(), lr=1e-4),
        lambda epoch: 1.0,
        RunFolder(folder),
        settings=rows,
        seed=rows["seed"],
        average_decay=rows["decay"],
    )


def run(folder: Path, max_steps: int | None, **rows: Any) -> list[int]:
    """Start, or resume from the newest checkpoint; returns the samples that were seen."""
    trainer = make_trainer(folder, **rows)
    newest = RunFolder(folder).newest()
    if newest is not None:
        trainer.restore(read_checkpoint(newest))
    trainer.train(1, max_steps)
    assert isinstance(trainer.actor, Remember)
    return trainer.actor.seen


@pytest.mark.parametrize("batch_size", [1, 3, 4, 5, 12])
def test_a_run_goes_on_at_its_sample_with_another_batch_size(tmp_path, batch_size, caplog):
    straight = run(tmp_path / "straight", None)
    assert sorted(straight) == list(range(LENGTH))
    halves = run(tmp_path / "halves", 3)
    assert len(halves) == 6
    halves += run(tmp_path / "halves", None, batch_size=batch_size)
    assert halves == straight
    assert f"batch_size was 2 and is {batch_size}" in caplog.text


def test_twice_changed_within_one_epoch(tmp_path):
    straight = run(tmp_path / "straight", None)
    parts = run(tmp_path / "parts", 2)  # 4 samples
    parts += run(tmp_path / "parts", 3, batch_size=3)  # 7 samples
    parts += run(tmp_path / "parts", 4, batch_size=1)  # 8 samples
    parts += run(tmp_path / "parts", None, batch_size=4)
    assert parts == straight


def test_other_numbers_of_workers_give_the_same_bits(tmp_path):
    run(tmp_path / "straight", 5)
    run(tmp_path / "halves", 3)
    run(tmp_path / "halves", 5, num_workers=1)
    first, second = (read_checkpoint(RunFolder(tmp_path / name).newest()) for name in
                     ("straight", "halves"))  # fmt: skip
    for field in ("net", "live_net"):
        a, b = ({"net": c.net, **c.fields}[field] for c in (first, second))
        assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"seed": 7}, "other samples (seed was 0 and is 7)"),
        ({"length": 14}, "other samples (length was 12 and is 14)"),
        ({"length": 4}, "fewer samples per epoch than before (length was 12 and is 4)"),
        ({"train_sets": "b"}, "other samples (train_sets was 'a' and is 'b')"),
    ],
)
def test_other_samples_within_an_epoch_are_refused_by_name(tmp_path, rows, words, caplog):
    run(tmp_path, 3)
    with pytest.raises(CheckpointError) as refused:
        run(tmp_path, None, **rows)
    assert f"stands within epoch 1, which cannot be finished with {words}" in str(refused.value)
    run(tmp_path, None)
    run(tmp_path, None, **rows)  # after an epoch it is logged
    assert words.partition("(")[2].rstrip(")") in caplog.text


def test_files_that_changed_on_the_disk_are_noticed(tmp_path):
    run(tmp_path, 3)
    change(tmp_path, lambda fields: fields["order"].update(fingerprint="0" * 16))
    with pytest.raises(CheckpointError, match="the files of the data sets have changed"):
        run(tmp_path, None)


def test_another_number_of_processes_is_told(tmp_path, caplog):
    run(tmp_path, 3)
    change(tmp_path, lambda fields: fields["order"].update(processes=4))
    run(tmp_path, None)
    assert "the run had 4 processes and now has 1: the samples are the same" in caplog.text


def test_checkpoints_of_before_count_batches(tmp_path):
    straight = run(tmp_path / "straight", None)
    halves = run(tmp_path / "halves", 3)

    def make_old(fields: dict[str, Any]) -> None:
        del fields["position"]["samples"], fields["order"], fields["format"]

    change(tmp_path / "halves", make_old)
    assert halves + run(tmp_path / "halves", None) == straight


def change(folder: Path, damage: Any) -> None:
    path = RunFolder(folder).newest()
    assert path is not None
    fields = torch.load(path, weights_only=True)
    damage(fields)
    torch.save(fields, path)


def _state(name: str, value: Any) -> Any:
    return lambda f: f["optimizer"]["state"][0].update({name: value})


def _group(name: str, value: Any) -> Any:
    return lambda f: f["optimizer"]["param_groups"][0].update({name: value})


def _position(**values: Any) -> Any:
    return lambda f: f["position"].update(values)


DAMAGES: dict[str, Any] = {
    "no optimiser": lambda f: f.pop("optimizer"),
    "optimiser is a list": lambda f: f.update(optimizer=[1]),
    "no groups": lambda f: f["optimizer"].pop("param_groups"),
    "groups are numbers": lambda f: f["optimizer"].update(param_groups=[3]),
    "no state": lambda f: f["optimizer"].pop("state"),
    "state is a text": lambda f: f["optimizer"].update(state="x"),
    "state of other weights": _state("exp_avg", torch.zeros(5, 5)),
    "state is a text inside": _state("exp_avg", "zeros"),
    "complex state": _state("exp_avg", torch.zeros(1, 1, dtype=torch.complex64)),
    "rate is a text": _group("lr", "fast"),
    "unknown setting": _group("surprise", 1),
    "missing setting": lambda f: f["optimizer"]["param_groups"][0].pop("betas"),
    "more weights": _group("params", [0, 1, 2]),
    "position is a list": lambda f: f.update(position=[1, 2]),
    "position is none": lambda f: f.update(position=None),
    "newer position": _position(surprise=1),
    "negative position": _position(epoch=-1),
    "position is a text": _position(steps="many"),
    "position is huge": _position(steps=10**30),
    "position is nan": _position(batch=float("nan")),
    "position is beyond the epoch": _position(samples=10**6),
    "samples without batches": _position(batch=0),
    "newer format": lambda f: f.update(format=99),
    "format is a text": lambda f: f.update(format="new"),
    "no statistics": lambda f: f.pop("stats"),
    "statistics are a list": lambda f: f["stats"].update(train=[1]),
    "a mean is a text": lambda f: f["stats"]["train"]["Loss/total"].update(total="x"),
    "a history is a number": lambda f: f["stats"]["train"]["Loss/total"].update(history=3),
    "no precision": lambda f: f.pop("precision"),
    "precision is of another kind": lambda f: f.update(precision=[1]),
    "weights are none": lambda f: f.update(live_net=None),
    "weights of another network": lambda f: f.update(live_net={"weight": torch.zeros(9)}),
    "average of another network": lambda f: f["net"].update(weight=torch.zeros(9, 9)),
    "average of integers": lambda f: f["net"].pop("weight"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_or_newer_checkpoint_is_one_sentence(tmp_path, kind):
    run(tmp_path, 3)
    change(tmp_path, DAMAGES[kind])
    with pytest.raises(CheckpointError) as refused:
        run(tmp_path, None)
    assert str(refused.value).startswith(str(tmp_path))
    assert "\n" not in str(refused.value)
