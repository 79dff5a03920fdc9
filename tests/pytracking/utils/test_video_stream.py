"""Streams: a local HTTP source made by PyAV, a pipe, lost connections, late frames."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ltr.admin.errors import DataError
from ltr.data.image_io import read_label_map
from pytracking.run_video import main as run_video
from pytracking.run_webcam import main as run_webcam
from pytracking.utils.frame_source import BrokenVideoError, FrameSource
from pytracking.utils.video_reader import read_video
from pytracking.utils.video_stream import StreamOptions, drop_late, is_stream, open_stream
from tests.pytracking.clips import numbered_frames
from tests.rtsp_source import rtsp_source

ROOT = Path(__file__).resolve().parents[3]
LENGTH = 12
FAST = StreamOptions(reconnects=2, wait_s=0.05)


def encode(container: str, count: int = LENGTH) -> bytes:
    """A short video as bytes."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream("mpeg2video" if container == "mpegts" else "h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in numbered_frames(count):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode())
    return buffer.getvalue()


@contextmanager
def served(answers: list[bytes], has_length: bool = False) -> Iterator[str]:
    """Serve one answer after another on a free port, then nothing; gives the address."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not left:
                self.send_error(404)
                return
            content = left[0] if has_length else left.pop(0)
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            if has_length:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://user:secret@127.0.0.1:{server.server_port}/cam/front.ts"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_addresses_and_the_pipe_are_streams():
    assert all(map(is_stream, ("rtsp://a/1", "RTSP://a", "http://a/b.ts", "https://a", "-")))
    assert not any(map(is_stream, ("dog.mp4", "ftp://a", "http:a", "C://x", 0)))


def test_a_file_behind_an_address_is_read_to_its_end():
    with served([encode("mp4")], has_length=True) as address, read_video(address) as video:
        assert (video.name, video.size) == ("front", (64, 48))
        frames = list(video)
    assert len(frames) == LENGTH
    assert np.abs(frames[5].astype(int) - numbered_frames(LENGTH)[5]).mean() < 8


def take_all(video: FrameSource, frames: list[np.ndarray]) -> None:
    """Add the frames up to the loss."""
    frames.extend(video)


def test_a_lost_stream_is_connected_again_until_nothing_answers():
    frames: list[np.ndarray] = []
    lost = r"http://127\.0\.0\.1:\d+/cam/front\.ts is lost"
    with (
        served([encode("mpegts")] * 2) as address,
        open_stream(address, FAST) as video,
        pytest.raises(BrokenVideoError, match=lost),
    ):
        take_all(video, frames)
    # The last frame of a connection can be lost with it.
    assert 2 * (LENGTH - 1) <= len(frames) <= 2 * LENGTH


def test_a_camera_behind_rtsp_is_connected_again_until_nothing_answers():
    frames: list[np.ndarray] = []
    lost = r"rtsp://127\.0\.0\.1:\d+/cam/front is lost"
    with (
        rtsp_source([encode("mpegts")] * 2) as address,
        open_stream(address, FAST) as video,
        pytest.raises(BrokenVideoError, match=lost),
    ):
        take_all(video, frames)
    assert 2 * (LENGTH - 1) <= len(frames) <= 2 * LENGTH
    assert np.abs(frames[5].astype(int) - numbered_frames(LENGTH)[5]).mean() < 8


def test_what_does_not_answer_is_one_sentence_without_the_password():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DataError, match="cannot be opened") as told:
        read_video(f"http://user:secret@127.0.0.1:{port}/cam.ts")
    assert "secret" not in str(told.value)
    with served([b"no video"], has_length=True) as address, pytest.raises(DataError):
        read_video(address)


def test_frames_that_come_too_late_are_left_out_and_counted():
    video = read_video(numbered_frames(40))
    video.fps = 200.0
    drop_late(video)
    taken = []
    for frame in video:
        taken.append(frame)
        time.sleep(0.03)
    assert video.count_dropped() > 0
    assert len(taken) + video.count_dropped() == 40
    np.testing.assert_array_equal(taken[-1], numbered_frames(40)[-1])


def test_a_slow_reader_keeps_all_frames_of_a_file_without_realtime():
    assert len(list(read_video(numbered_frames(5)))) == 5


def test_the_commands_follow_a_stream(tmp_path, capsys):
    words = ["baseline", "optical_flow", "--box", "2,2,20,20", "--quiet"]
    with served([encode("mp4")], has_length=True) as address:
        out = ["--output", str(tmp_path / "a")]
        assert run_video([words[0], words[1], address, *words[2:], *out]) == 0
        out = ["--output", str(tmp_path / "b"), "--source", address, "--realtime"]
        assert run_webcam([*words, *out]) == 0
    assert len(list((tmp_path / "a/masks").iterdir())) == LENGTH
    assert list((tmp_path / "b/masks").iterdir())
    printed = capsys.readouterr().out
    assert "12 frames" in printed


def test_a_lost_stream_keeps_what_was_done(tmp_path, capsys):
    with served([encode("mpegts")]) as address:
        words = [address, "--box", "2,2,20,20", "--output", str(tmp_path / "a"), "--quiet"]
        code = run_video(["baseline", "copy_mask", *words, "--reconnects", "0"])
    assert code == 1
    assert "is lost" in capsys.readouterr().err
    assert len(list((tmp_path / "a/masks").iterdir())) >= LENGTH - 1


def test_a_pipe_is_read(tmp_path):
    words = ["baseline", "copy_mask", "-", "--box", "2,2,20,20", "--output", "out", "--quiet"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "pytracking/run_video.py"), *words],
        input=encode("mpegts"), cwd=tmp_path, capture_output=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    masks = sorted((tmp_path / "out/masks").iterdir())
    assert len(masks) == LENGTH
    assert read_label_map(masks[0]).any()


def test_frames_of_a_stream_are_not_larger_than_those_of_files(tmp_path):
    _, picture = cv2.imencode(".jpg", np.zeros((4400, 8192), np.uint8))
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        packet = av.Packet(picture.tobytes())
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 10)
        container.mux(packet)
    content = (tmp_path / "a.avi").read_bytes()
    with pytest.raises(DataError, match="standard input"):
        list(open_stream("-", pipe=io.BytesIO(content)).frames)
