from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import pytest

from ltr.admin.errors import ConfigError
from pytracking.utils.background import BackgroundWorker
from pytracking.utils.staging import staged_folder

ENTRIES = ("masks", "config.json")


def fill(folder, text: str = "new", overwrite: bool = False) -> None:
    with staged_folder(folder, ENTRIES, overwrite) as staging:
        (staging / "masks").mkdir()
        (staging / "masks" / "0.png").write_text(text)
        (staging / "config.json").write_text(text)


def test_content_appears_at_the_end(tmp_path):
    target = tmp_path / "a" / "b"
    with staged_folder(target, ENTRIES) as staging:
        (staging / "config.json").write_text("x")
        assert not (target / "config.json").exists()
    assert [path.name for path in target.iterdir()] == ["config.json"]


def test_nothing_stays_after_an_error(tmp_path):
    target = tmp_path / "out"
    with pytest.raises(TypeError):
        fill(target, text=3)
    assert not target.exists()


def test_results_are_not_replaced_unasked(tmp_path):
    fill(tmp_path)
    with pytest.raises(ConfigError, match=r"holds results already \(masks, config.json\)"):
        fill(tmp_path)
    assert (tmp_path / "config.json").read_text() == "new"


def test_overwrite_replaces_results_and_nothing_else(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    fill(tmp_path, "old")
    (tmp_path / "masks" / "99.png").write_text("of a longer video")
    fill(tmp_path, "new", overwrite=True)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "0.png",
        "config.json",
        "thesis.tex",
    ]
    assert (tmp_path / "masks" / "0.png").read_text() == "new"


def test_failed_overwrite_keeps_the_old_results(tmp_path):
    fill(tmp_path, "old")
    with pytest.raises(KeyError), staged_folder(tmp_path, ENTRIES, overwrite=True):
        raise KeyError
    assert (tmp_path / "masks" / "0.png").read_text() == "old"


def test_remains_of_a_killed_run_need_overwrite(tmp_path):
    (tmp_path / ".unfinished-1.partial").mkdir()
    with pytest.raises(ConfigError, match="unfinished"):
        fill(tmp_path)
    fill(tmp_path, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "masks"]


def test_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(ConfigError, match="is a file"):
        fill(tmp_path / "out")


def hand_over(worker: BackgroundWorker, items: Iterable[int | str]) -> None:
    with worker:
        for item in items:
            worker.put(int(item))


def test_work_keeps_its_order_and_runs_beside():
    done, names = [], set()

    def work(item: int) -> None:
        names.add(threading.current_thread().name)
        done.append(item)

    hand_over(BackgroundWorker(work, capacity=3), range(50))
    assert done == list(range(50))
    assert threading.current_thread().name not in names


def test_full_queue_makes_put_wait():
    gate = threading.Event()
    with BackgroundWorker(lambda _: gate.wait(), capacity=2) as worker:
        filler = threading.Thread(target=lambda: [worker.put(item) for item in range(1, 6)])
        filler.start()
        time.sleep(0.1)
        assert filler.is_alive()
        gate.set()
        filler.join(timeout=5)
        assert not filler.is_alive()


def fail_at_3(item: int) -> None:
    if item == 3:
        raise OSError(28, "No space left on device")


def test_error_reaches_the_main_thread_and_never_blocks():
    with pytest.raises(OSError, match="No space left"):
        hand_over(BackgroundWorker(fail_at_3, capacity=1), range(1, 1000))


def test_error_of_the_last_item_is_raised_at_the_end():
    with pytest.raises(OSError, match="No space left"):
        hand_over(BackgroundWorker(fail_at_3, capacity=5), [3])


def test_waiting_items_are_dropped_after_an_error_outside():
    done = []

    def slow(item: int) -> None:
        time.sleep(0.02)
        done.append(item)

    with pytest.raises(ValueError, match="invalid literal"):
        hand_over(BackgroundWorker(slow, capacity=100), [*range(1, 100), "x"])
    assert len(done) < 50
