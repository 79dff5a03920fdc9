from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ltr.admin.errors import ConfigError, DataError, WorkerError
from ltr.data.loader import Collate, DistributedBatchSampler, LTRLoader
from ltr.data.randomness import Generators, SampleKey


class RandomNumbers(torch.utils.data.Dataset):
    """A random number for every key; index 13 cannot be read."""

    def __len__(self) -> int:
        return 23

    def __getitem__(self, key: SampleKey) -> dict[str, Any]:
        if key.position == 13 and key.epoch == 9:
            raise DataError("13.jpg is damaged")
        value = Generators.of_sample(key).python.random()
        return {"value": torch.tensor([value]), "index": key.position}


def values(loader: LTRLoader, epoch: int, first_batch: int = 0) -> list[list[float]]:
    return [
        [float(value) for microbatch in microbatches for value in microbatch["value"]]
        for microbatches in loader.batches(epoch, first_batch)
    ]


@given(
    length=st.integers(1, 60), batch_size=st.integers(1, 12), processes=st.integers(1, 4),
    microbatches=st.integers(1, 3), shuffle=st.booleans(),
)  # fmt: skip
def test_shares_are_the_parts_of_the_whole_batches(
    length: int, batch_size: int, processes: int, microbatches: int, shuffle: bool
) -> None:
    if batch_size < processes * microbatches:
        with pytest.raises(ConfigError, match="cannot be split"):
            DistributedBatchSampler(length, batch_size, 0, shuffle, microbatches, 0, processes)
        return
    whole = list(DistributedBatchSampler(length, batch_size, 0, shuffle))
    shares = [
        list(
            DistributedBatchSampler(
                length, batch_size, 0, shuffle, microbatches, process, processes
            )
        )
        for process in range(processes)
    ]
    assert len({len(share) for share in shares}) == 1
    for number in range(len(shares[0]) // microbatches):
        parts = [share[number * microbatches : (number + 1) * microbatches] for share in shares]
        sizes = [len(microbatch) for part in parts for microbatch in part]
        assert max(sizes) - min(sizes) <= 1
        assert min(sizes) >= 1
        assert [key for part in parts for microbatch in part for key in microbatch] == whole[number]
    left_out = length - sum(len(p) for share in shares for p in share)
    assert left_out < processes * microbatches


def test_shuffled_epochs_are_different_permutations() -> None:
    shares = DistributedBatchSampler(20, 5, 0, shuffle=True)
    orders = []
    for shares.epoch in (1, 2, 1):
        orders.append([key.position for batch in shares for key in batch])
    assert sorted(orders[0]) == list(range(20))
    assert orders[0] != orders[1]
    assert orders[0] == orders[2]


def test_batches_do_not_depend_on_workers_and_can_start_in_the_middle() -> None:
    alone = LTRLoader("train", RandomNumbers(), batch_size=4)
    helped = LTRLoader("train", RandomNumbers(), batch_size=4, num_workers=2)
    assert values(alone, 1) == values(helped, 1)
    assert values(alone, 2) == values(helped, 2)
    assert values(alone, 1) != values(alone, 2)
    assert values(helped, 2, first_batch=3) == values(alone, 2)[3:]
    assert len(values(alone, 1)[-1]) == 3
    with pytest.raises(DataError) as raised:
        values(helped, 9)
    assert str(raised.value) == "13.jpg is damaged"


def test_loaders_of_other_names_and_seeds_draw_other_samples() -> None:
    drawn = [
        values(LTRLoader(name, RandomNumbers(), batch_size=4, seed=seed), 1)[0]
        for name, seed in (("train", 0), ("val", 0), ("train", 1))
    ]
    assert drawn[0] != drawn[1]
    assert drawn[0] != drawn[2]


def test_collate_by_kind_of_value() -> None:
    sample = {
        "frames": np.zeros((3, 2), np.float32),
        "count": 4,
        "weight": 0.5,
        "name": "a",
        "none": None,
        "pair": (torch.ones(2), 1),
    }
    batch = Collate(1)([sample, sample])
    assert batch["frames"].shape == (3, 2, 2)
    assert batch["count"].dtype == torch.int64
    assert batch["weight"].dtype == torch.float64
    assert batch["name"] == ["a", "a"]
    assert batch["none"] == [None, None]
    assert batch["pair"][0].shape == (2, 2)
    assert batch["pair"][1].tolist() == [1, 1]


def test_stack_dim_is_0_or_1() -> None:
    with pytest.raises(ConfigError, match="stack_dim"):
        LTRLoader("train", RandomNumbers(), batch_size=4, stack_dim=2)


def _load_with_a_killed_worker() -> None:
    """A child's program: one of two workers is killed, as for want of memory."""
    loader = LTRLoader("train", RandomNumbers(), batch_size=1, num_workers=2)
    batches = loader.batches(1)
    next(batches)
    os.kill(loader._workers()[0].pid or 0, signal.SIGKILL)
    try:
        list(batches)
    except WorkerError as error:
        print(error)
        sys.exit(error.exit_code)


def test_a_killed_worker_ends_the_program_in_one_sentence() -> None:
    program = "from tests.ltr.data import test_loader as t\nif __name__ == '__main__':\n    "
    child = subprocess.run(
        [sys.executable, "-c", f"{program}t._load_with_a_killed_worker()"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 1, child.stderr
    assert "a worker of the loader 'train' was killed" in child.stdout
