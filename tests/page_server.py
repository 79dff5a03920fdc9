"""A page's server in a thread, and clips for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytracking import load_tracker
from pytracking.interactive_page.guidance import Guidance
from pytracking.interactive_page.launch import start
from pytracking.interactive_page.opening import open_with_host, open_with_tracker
from pytracking.interactive_page.settings import PageSettings
from pytracking.interactive_page.workbench import Find, Workbench
from pytracking.tracker.interactive.base import InteractiveVOS
from pytracking.tracker.interactive.quality import ConfidenceQuality
from pytracking.tracker.interactive.recommend import WorstFrame
from pytracking.tracker.interactive.scribble_mask import GrabCutMask
from pytracking.utils.video_writer import VideoWriter
from tests.plain_host import PlainHost
from tests.video_trees import textured_frame


def plain_workbench(host: InteractiveVOS | None = None, **limits: int) -> Workbench:
    """A workbench whose host needs no network."""
    guidance = Guidance(ConfidenceQuality(), WorstFrame(), "confidence")
    opener = open_with_host(host or PlainHost())
    return Workbench("plain", opener, guidance, PageSettings(**limits))


def flow_workbench(find: Find | None = None, **limits: int) -> Workbench:
    """A workbench with sessions of a tracker that needs no network."""
    guidance = Guidance(ConfidenceQuality(), WorstFrame(), "confidence")
    opener = open_with_tracker(load_tracker("baseline", "optical_flow"), GrabCutMask())
    return Workbench("flow", opener, guidance, PageSettings(**limits), find)


def write_clip(path: Path, frames: int = 5, size: tuple[int, int] = (40, 60)) -> Path:
    """A short video file."""
    with VideoWriter(path, 10) as writer:
        for index in range(frames):
            writer.write(textured_frame(2 * index, size))
    return path


@contextmanager
def running_page(workbench: Workbench, folder: Path) -> Iterator[str]:
    """Serve a workbench on a free port; gives the page's address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        runner, address = asyncio.run_coroutine_threadsafe(
            start(workbench, folder, 0), loop
        ).result(30)
        yield address
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
