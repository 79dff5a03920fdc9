from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ltr.admin.errors import ConfigError
from ltr.admin.reporters.base import BatchReport, EpochReport
from ltr.admin.reporters.console import Console
from ltr.admin.reporters.json_lines import JsonLines
from ltr.admin.reporters.tensorboard import TensorBoard
from ltr.admin.reporters.visdom import VisdomCurves

BATCH = BatchReport("train", 2, 1, 25, 26, {"a": 1.0}, {"a": 2.0, "b": 3.0}, 10.0, 12.0, 0.1, 0.5)
EPOCH = EpochReport(2, 4, {"train": {"a": 2.0}, "val": {"a": 3.0}}, [0.1, 0.01], "train", 0, 60.0)


def test_lines_come_at_the_interval_and_at_the_end(capsys) -> None:
    console = Console(interval=10, names=["b"])
    for batch in range(1, 26):
        console.on_batch(replace(BATCH, batch=batch))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == ["10", "20", "25"]
    assert lines[0] == "[train: 2, 10 / 25] FPS: 10.0 (12.0)  ,  b: 3.00000"
    Console(interval=1, quiet=True).on_batch(BATCH)
    assert capsys.readouterr().out == ""


def test_time_left_is_told_after_an_epoch(caplog) -> None:
    caplog.set_level("INFO")
    Console().on_epoch(replace(EPOCH, resampled=3))
    assert caplog.messages == [
        "epoch 2 of 4 in 1 min 00 s, 3 samples replaced, about 2 min 00 s left"
    ]


def test_json_lines_are_appended(tmp_path: Path) -> None:
    for _ in range(2):
        log = JsonLines(tmp_path / "log.jsonl")
        log.on_batch(BATCH)
        log.on_epoch(EPOCH)
        log.close()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["batch", "epoch"] * 2
    assert lines[0]["stats"] == {"a": 1.0}
    assert lines[0]["wait_s"] == 0.1
    assert lines[1]["means"]["val"]["a"] == 3.0


def test_tensorboard_has_scalars_by_epoch_and_hides_what_was_undone(tmp_path: Path) -> None:
    for epochs in ((1, 2, 3), (2,)):
        writer = TensorBoard(tmp_path, {"Module_name": "joint"})
        for epoch in epochs:
            writer.on_epoch(replace(EPOCH, epoch=epoch))
        writer.close()
    assert {path.name for path in tmp_path.iterdir()} == {"train", "val", "info"}
    events = EventAccumulator(str(tmp_path / "train")).Reload()
    assert [(s.step, s.value) for s in events.Scalars("a")] == [(1, 2.0), (2, 2.0)]
    rates = events.Scalars("LearningRate/group1")
    assert rates[0].value == pytest.approx(0.01)
    assert "LearningRate/group0" not in EventAccumulator(str(tmp_path / "val")).Reload().Tags()


def test_a_missing_visdom_server_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"no visdom server answers at 127\.0\.0\.1:9"):
        VisdomCurves("127.0.0.1", 9, "ltr/joint/x")
