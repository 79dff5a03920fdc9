"""The short form of the fuzz campaign, and that the campaign notices what it looks for."""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import time
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from ltr.admin.errors import DataError

_BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    monkeypatch.syspath_prepend(str(_BENCHMARKS))
    return importlib.import_module


def test_every_reader_withstands_damage_and_a_second_call_has_nothing_to_do(load, tmp_path, capsys):
    campaign: ModuleType = load("fuzz_campaign")
    progress = tmp_path / "progress.jsonl"
    arguments = ["--mutations", "10", "--no-hostile", "--progress", str(progress)]
    assert campaign.main(arguments) == 0, capsys.readouterr().out
    lines = progress.read_text().splitlines()
    assert len(lines) == len(campaign.READERS) > 25
    assert all(sum(json.loads(line)["kinds"].values()) == 10 for line in lines)
    with open(progress, "a") as stream:
        stream.write(lines[0][:40])  # as if the campaign had been killed while it wrote
    assert campaign.main(arguments) == 0
    assert progress.read_text().splitlines()[:-1] == lines


def test_a_mutation_does_not_depend_on_those_before_it(load):
    mutations = load("fuzz_mutations")
    valid = json.dumps({"a": [1, {"b": "text"}], "c": None}).encode()

    def damaged(number: int) -> bytes:
        return mutations.mutate_json(valid, random.Random(number))

    forward = [damaged(number) for number in range(2000)]
    assert [damaged(number) for number in reversed(range(2000))] == forward[::-1]


def test_network_files_and_lists_execute_nothing(load, tmp_path, capsys):
    campaign: ModuleType = load("fuzz_campaign")
    names = ["--reader", "network file", "--reader", "RefCOCO pickle"]
    progress = str(tmp_path / "progress.jsonl")
    assert campaign.main([*names, "--mutations", "0", "--progress", progress]) == 0
    assert capsys.readouterr().out.count("197 of 197") == 2


def test_valid_files_are_read(load, tmp_path):
    for number, reader in enumerate(load("fuzz_readers").READERS):
        folder = tmp_path / str(number)
        folder.mkdir()
        reader.prepare(folder)
        reader.read(folder)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("PNG picture", 13820),
        ("zip of masks", 3863),
        ("YouTube-VOS meta.json", 3913),
        ("YouTube-VOS meta.json", 4818),
        ("YouTube-VIS truth, scoring", 4525),
        ("Ref-YouTube-VOS sentences", 8250),
        ("Ref-YouTube-VOS objects", 1736),
        ("A2D mask", 1620),
        ("A2D mask", 3524),
        ("A2D mask", 4593),
    ],
)
def test_mutations_that_were_findings_once(load, name, number):
    children = load("fuzz_children")
    (reader,) = (one for one in load("fuzz_readers").READERS if one.name == name)
    (outcome,) = children.run_cases(reader, list(children.mutated(reader, [number])))
    assert (outcome.kind, outcome.detail.partition(":")[0]) == ("error", "DataError")


def _crash(folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _hang(folder: Path) -> None:
    while True:
        pass


def _sleep(folder: Path) -> None:
    time.sleep(60)


def _grow(folder: Path) -> None:
    kept = []
    while True:
        kept.append(b"x" * (1 << 22))


def _execute(folder: Path) -> None:
    os.system("true")


def _refuse(folder: Path) -> None:
    raise DataError(f"{folder} is damaged")


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (_crash, "crash"),
        (_hang, "hang"),
        (_sleep, "hang"),
        (_grow, "memory"),
        (_execute, "executed"),
        (_refuse, "error"),
        (lambda folder: [][0], "unnamed"),
        (lambda folder: None, "read"),
    ],
)
def test_outcomes_are_told_apart_and_the_next_file_is_read(load, monkeypatch, read, kind):
    children = load("fuzz_children")
    monkeypatch.setattr(children, "LIMIT_S", 1.0)
    if read is _sleep:  # a busy machine may give the others little of its time
        monkeypatch.setattr(children, "_PATIENCE_S", 2.0)
    monkeypatch.setattr(children, "LIMIT_MIB", 64.0)
    reader = load("fuzz_readers").Reader("test", "file", lambda folder: None, _only_first(read))
    cases = [children.Case(number, partial(bytes, [number])) for number in range(3)]
    assert [outcome.kind for outcome in children.run_cases(reader, cases)] == [kind, "read", "read"]


def _only_first(read):
    def chosen(folder: Path) -> None:
        if (folder / "file").read_bytes() == b"\0":
            read(folder)

    return chosen
