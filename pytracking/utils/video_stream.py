"""Videos that come over a network or a pipe: they break off, begin again, and do not wait."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from ltr.admin.errors import ConfigError, DataError
from ltr.data.video_container import CODECS, CONTAINERS, check_stream
from pytracking.utils.frame_source import BrokenVideoError, FrameSource, checked_frames

if TYPE_CHECKING:
    import av

_LOG = logging.getLogger(__name__)
SCHEMES = ("rtsp", "rtsps", "http", "https")
PIPE = "-"
_PROTOCOLS = "rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https,httpproxy"
_STREAM_CONTAINERS = f"{CONTAINERS},rtsp,rtp,sdp,mpjpeg,mjpeg"
_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class StreamOptions:
    """How a stream is read.

    Args:
        reconnects: How often in a row a lost connection is made again; frames start the count anew.
        wait_s: Seconds before each of these attempts.
        drops_late: Give the newest frame only: the memory and the delay stay constant.
    """

    reconnects: int = 5
    wait_s: float = 2.0
    drops_late: bool = False


def is_stream(source: object) -> bool:
    """Whether ``read_video`` reads this as a stream: an address, or ``-`` for standard input.

    >>> is_stream("rtsp://camera/1"), is_stream("-"), is_stream("dog.mp4")
    (True, True, False)
    """
    if not isinstance(source, str):
        return False
    return source == PIPE or (source.partition("://")[0].lower() in SCHEMES and "://" in source)


def open_stream(source: str, options: StreamOptions | None = None, pipe: Any = None) -> FrameSource:
    """Open an address or standard input; ``read_video`` calls this.

    Args:
        source: ``rtsp://...``, ``http(s)://...`` or ``-``.
        options: How it is read.
        pipe: Binary file that ``-`` reads; standard input where None is given.

    Raises:
        DataError: Nothing answers, or it is not a video.
    """
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise ConfigError("a stream needs PyAV: pip install av") from error
    options = options or StreamOptions()
    reader = _Reader(source, options, pipe)
    try:
        frames, size = checked_frames(reader, lambda index: f"frame {index} of {reader.name}")
    except BaseException:
        reader.close()
        raise
    video = FrameSource(reader.stem, frames, size, fps=reader.fps, release=reader.close)
    return drop_late(video, is_paced=True) if options.drops_late else video


def drop_late(video: FrameSource, is_paced: bool = False) -> FrameSource:
    """Let a video give its newest frame only, whenever one is wanted.

    Args:
        video: It is read by a thread from now on.
        is_paced: Its frames come in their own time; those of a file are held back until they are
            due, cameras and streams need not be.
    """
    rate = None if is_paced else video.fps
    newest = NewestFrames(video.frames if rate is None else _paced(video.frames, rate))
    video.frames, video.length = iter(newest), None
    video.count_dropped = lambda: newest.dropped
    return video


def _paced(frames: Iterator[np.ndarray], fps: float) -> Iterator[np.ndarray]:
    started = time.monotonic()
    for index, frame in enumerate(frames):
        time.sleep(max(0.0, started + index / fps - time.monotonic()))
        yield frame


class _Reader:
    """Iterates over the frames of a stream, and connects again where the connection is lost."""

    def __init__(self, source: str, options: StreamOptions, pipe: Any) -> None:
        self._source, self._options, self._pipe = source, options, pipe
        self._is_closed = False
        self.name = "standard input" if source == PIPE else _without_password(source)
        self.stem = "stdin" if source == PIPE else _stem(source)
        self._container = self._connect()
        rate = self._container.streams.video[0].average_rate
        self.fps = float(rate) if rate else None

    def close(self) -> None:
        """Let go of the stream; an iteration ends."""
        self._is_closed = True

    def __iter__(self) -> Iterator[np.ndarray]:
        failures = 0
        while not self._is_closed:
            try:
                for frame in self._container.decode(video=0):
                    failures = 0
                    yield frame.to_ndarray(format="rgb24")
                    if self._is_closed:
                        break
                if self._source == PIPE or self._container.duration is not None:
                    break  # a pipe, or a file behind an address, has come to its end
                reason = "it ended"
            except _errors() as error:
                if self._source == PIPE:
                    raise BrokenVideoError(f"{self.name} broke off: {error}") from error
                reason = str(error)
            self._container.close()
            failures = self._reconnect(failures, reason)
        self._container.close()

    def _reconnect(self, failures: int, reason: str) -> int:
        """Connect again; the number of attempts since the last frame."""
        while failures < self._options.reconnects and not self._is_closed:
            failures += 1
            _LOG.warning("%s: %s; connecting again (%d)", self.name, reason, failures)
            time.sleep(self._options.wait_s)
            try:
                self._container = self._connect()
            except DataError as error:
                reason = str(error)
            else:
                return failures
        raise BrokenVideoError(f"{self.name} is lost: {reason}")

    def _connect(self) -> av.container.InputContainer:
        import av

        options = {
            "format_whitelist": _STREAM_CONTAINERS,
            "codec_whitelist": CODECS,
        }
        where: Any = self._pipe or sys.stdin.buffer
        if self._source != PIPE:
            where = self._source
            options |= {"protocol_whitelist": _PROTOCOLS, "rtsp_transport": "tcp"}
        try:
            container = av.open(where, options=options, timeout=_TIMEOUT_S)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"{self.name} cannot be opened: {reason}") from error
        try:
            check_stream(self.name, container)
        except BaseException:
            container.close()
            raise
        return container


class NewestFrames:
    """Lets a thread read as fast as frames come, and gives the newest one only.

    Args:
        frames: Frames as they come.
    """

    def __init__(self, frames: Iterator[np.ndarray]) -> None:
        self._frames = frames
        self._waiting: np.ndarray | None = None
        self._error: BaseException | None = None
        self._is_over = False
        self._change = threading.Condition()
        self.dropped = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[np.ndarray]:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting is not None or self._is_over)
                frame, self._waiting = self._waiting, None
                if frame is None:
                    if self._error is not None:
                        raise self._error
                    return
            yield frame

    def _read(self) -> None:
        try:
            for frame in self._frames:
                with self._change:
                    self.dropped += self._waiting is not None
                    self._waiting = frame
                    self._change.notify()
        except BaseException as error:
            self._error = error
        finally:
            with self._change:
                self._is_over = True
                self._change.notify()


def _errors() -> tuple[type[Exception], ...]:
    import av

    return (av.error.FFmpegError,)


def _without_password(address: str) -> str:
    """An address for messages: user and password are left out."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _stem(address: str) -> str:
    """Name of a clip that comes from an address."""
    parts = urlsplit(address)
    name = PurePosixPath(parts.path).stem or parts.hostname or "stream"
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
