"""A live view of a running tracker in the browser, through a visdom server."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from pytracking.evaluation.outputs.live_blocks import Block
from pytracking.tracker.base import FrameOutput

_log = logging.getLogger(__name__)

_TIMEOUT_S = 3.0
_POLL_S = 0.1
_FRAME_LEVEL, _SCORES_LEVEL = 1, 2
_LIST, _CHANNELS, _TRACKING, _HELP = "Block List", "Featuremap UI", "Tracking", "Help"
_HELP_TEXT = (
    "Keys in the window <b>Tracking</b>: the space bar pauses and resumes, the right arrow shows "
    "one more frame in a pause.<br>The <b>Block List</b> opens and closes the other windows; the "
    "<b>Featuremap UI</b> chooses channels."
)


class LiveView:
    """Shows every frame with its masks and boxes, and whatever trackers register.

    A block of data has a window from the start if its level is at most ``debug``; the block list
    opens and closes it later. Keys in the window of the frames pause and step. A server that goes
    away ends the view, never the run.

    Args:
        server: A connected ``visdom.Visdom``.
        debug: 1 (frames and status), 2 (also scores) or 3 (also what the tracker registers).
    """

    def __init__(self, server: Any, debug: int) -> None:
        self._server: Any | None = server
        self._debug = debug
        self._blocks: dict[str, Block] = {}
        self._events: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._is_paused = False
        self._steps = 0
        for window in (_LIST, _CHANNELS, _TRACKING):
            server.register_event_handler(self._events.put, window)
        server.text(_HELP_TEXT, win=_HELP, opts={"title": _HELP})

    def register(self, data: Any, mode: str, debug_level: int = 0, title: str = "Data") -> None:
        """Show data, or replace what a title shows.

        Args:
            data: By mode: ``image`` (3, H, W), 0..255; ``heatmap`` (H, W); ``featmap``
                (channels, H, W); ``text``; ``lineplot`` y or (y, x); ``info_dict`` a mapping;
                ``Tracking`` (image, label map or None, boxes by id). Tensors or arrays.
            mode: How they are drawn; the first call of a title decides.
            debug_level: The block has a window from the start if the view's level reaches this.
            title: Name of the block.

        Raises:
            ConfigError: There is no such mode.
        """
        is_new = title not in self._blocks
        if is_new:
            self._blocks[title] = Block(title, mode, self._debug >= debug_level)
        block = self._blocks[title]
        block.store(data)
        with self._end_without_server():
            if is_new and title != _TRACKING:
                self._send_lists()
            if block.is_shown:
                block.draw(self._server_or_fail())

    def show(self, name: str, image: np.ndarray, output: FrameOutput, seconds: float) -> None:
        """Show the newest frame; returns after a pause that the user made.

        Args:
            name: Name of the sequence.
            image: uint8 (H, W, 3) RGB.
            output: Result of the frame.
            seconds: What the tracker took for it; 0 when unknown.
        """
        data = (image, output.segmentation, output.boxes)
        self.register(data, "Tracking", _FRAME_LEVEL, _TRACKING)
        status: dict[str, Any] = {"sequence": name, "objects": ", ".join(map(str, output.boxes))}
        if seconds:
            status["frames_per_second"] = 1 / seconds
        self.register(status, "info_dict", _FRAME_LEVEL, "Status")
        if output.probabilities is not None:
            for key, scores in zip(output.boxes, output.probabilities[1:], strict=True):
                self.register(scores, "heatmap", _SCORES_LEVEL, f"Seg Scores {key}")
        with self._end_without_server():
            self._wait()

    def _wait(self) -> None:
        """Obey the events; stay here in a pause."""
        self._obey()
        while self._is_paused and not self._steps:
            time.sleep(_POLL_S)
            if not self._server_or_fail().check_connection():
                raise ConnectionError("in a pause")
            self._obey()
        self._steps = max(0, self._steps - 1)

    def _obey(self) -> None:
        while True:
            try:
                event = self._events.get_nowait()
            except Empty:
                return
            if event.get("event_type") == "KeyPress":
                self._press(str(event.get("key")))
            elif event.get("event_type") == "PropertyUpdate":
                self._check(event["target"], int(event["propertyId"]), bool(event["value"]))

    def _press(self, key: str) -> None:
        if key == " ":
            self._is_paused, self._steps = not self._is_paused, 0
        elif key == "ArrowRight" and self._is_paused:
            self._steps += 1

    def _check(self, window: str, position: int, is_checked: bool) -> None:
        """A box of one of the two lists was checked or unchecked."""
        server = self._server_or_fail()
        if window == _LIST:
            block = self._listed()[position]
            block.is_shown = is_checked
            dropped = [] if is_checked else block.windows
        else:
            block, channel = self._listed_channels()[position]
            before = block.windows
            (block.channels.add if is_checked else block.channels.discard)(channel)
            dropped = [name for name in before if name not in block.windows]
        for name in dropped:
            server.close(win=name)
        if block.is_shown:
            block.draw(server)
        self._send_lists()

    def _listed(self) -> list[Block]:
        return [block for title, block in self._blocks.items() if title != _TRACKING]

    def _listed_channels(self) -> list[tuple[Block, int]]:
        maps = [block for block in self._listed() if block.mode == "featmap"]
        return [(block, channel) for block in maps for channel in range(block.data.shape[-3])]

    def _send_lists(self) -> None:
        server = self._server_or_fail()
        boxes = [(block.title, block.is_shown) for block in self._listed()]
        server.properties(_checkboxes(boxes), win=_LIST, opts={"title": _LIST})
        channels = [(f"{b.title} {c}", c in b.channels) for b, c in self._listed_channels()]
        if channels:
            server.properties(_checkboxes(channels), win=_CHANNELS, opts={"title": _CHANNELS})

    def _server_or_fail(self) -> Any:
        if self._server is None:
            raise ConnectionError("the view has ended")
        return self._server

    @contextmanager
    def _end_without_server(self) -> Iterator[None]:
        """Show nothing any more once the server is gone."""
        try:
            yield
        except OSError as error:
            if self._server is not None:
                _log.warning("the live view ends: visdom no longer responds (%s)", error)
                self._server.use_socket = False  # its thread would try again for ever
            self._server, self._is_paused = None, False


def _checkboxes(entries: list[tuple[str, bool]]) -> list[dict[str, Any]]:
    return [{"type": "checkbox", "name": name, "value": value} for name, value in entries]


def open_live_view(debug: int, use_visdom: bool, server: str, port: int) -> LiveView | None:
    """Connect to visdom if that is wanted; one warning when it is not possible.

    Args:
        debug: Nothing is shown at 0.
        use_visdom: Whether it is wanted.
        server: Address without port.
        port: Port of the server.
    """
    if debug <= 0 or not use_visdom:
        return None
    host = server.removeprefix("http://")
    try:
        socket.create_connection((host, port), _TIMEOUT_S).close()
        import visdom

        for name in ("visdom", "websocket"):  # their reports of a lost server; the view has its own
            logging.getLogger(name).setLevel(logging.CRITICAL)
        connection = visdom.Visdom(server=f"http://{host}", port=port, raise_exceptions=True)
        return LiveView(connection, debug)
    except ImportError:
        _log.warning("no live view: it needs visdom: pip install 'vos-toolkit[visdom]'")
    except OSError as error:
        _log.warning("no live view: no visdom server at %s:%d (%s)", host, port, error)
    return None
