from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from ltr.trainers.signals import StopRequest


@pytest.fixture(autouse=True)
def _handlers_of_a_terminal() -> Iterator[None]:
    """No signal is ignored at first, however the tests were started."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP])
def test_the_first_signal_is_noted_and_handlers_come_back(number: int) -> None:
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert stop.signal is None
        assert signal.getsignal(number) != before
        os.kill(os.getpid(), number)
        assert stop.signal == number
        assert signal.getsignal(number) == before, "a second signal acts at once"
    assert signal.getsignal(number) == before


def test_handlers_come_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyError), StopRequest():
        raise KeyError
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.signal is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_do_without() -> None:
    seen = []

    def run() -> None:
        with StopRequest() as stop:
            seen.append(stop.signal)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [None]
