"""Containers as users bring them: low and irregular rates, mirrors, pixel shapes, damage."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from ltr.admin.errors import DataError
from ltr.data.image_io import read_image
from pytracking.utils.frame_source import BrokenVideoError
from pytracking.utils.video_decoder import turned
from pytracking.utils.video_reader import find_videos, read_video
from pytracking.utils.video_writer import VideoWriter
from tests.pytracking.clips import numbered_frames, write_clip


def write_times(path: Path, times_ms: list[int]) -> Path:
    """A Matroska file whose frames have these times."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=1000)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for place, time in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(np.full((32, 48, 3), place * 9, np.uint8), "rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("times", "seconds"),
    [([0, 40, 80, 6000], 6.0), ([0, 15, 51, 66, 1995, 2041], 2.04), ([0, 1000, 2000, 3000], 4.0)],
)
def test_all_frames_last_as_long_as_the_video(tmp_path, times, seconds):
    with read_video(write_times(tmp_path / "a.mkv", times)) as video:
        assert len(list(video)) == len(times)
        assert len(times) / video.fps == pytest.approx(seconds, rel=0.35 if times[1] > 99 else 0.01)


def test_a_video_that_begins_late_lasts_from_its_first_frame(tmp_path):
    """A part that was cut out without new time stamps had 1.1 frames per second."""
    with read_video(write_times(tmp_path / "a.mkv", [5000, 5100, 5200, 5300, 5400])) as video:
        assert video.fps == pytest.approx(10, rel=0.3)


def test_a_file_without_its_index_is_said_to_be_cut_off(tmp_path):
    file = write_clip(tmp_path / "a.mp4", numbered_frames(3))
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    with pytest.raises(DataError, match=r"a\.mp4 .*(cut off|cannot be read)"):
        read_video(file)


def test_display_matrices_turn_and_mirror():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)

    def shown(a, b, c, d):
        return turned(pixels, (a, b, 0, c, d, 0, 0, 0, 1))[..., 0]

    flat = pixels[..., 0]
    np.testing.assert_array_equal(shown(-1, 0, 0, 1), flat[:, ::-1])
    np.testing.assert_array_equal(shown(1, 0, 0, -1), flat[::-1])
    np.testing.assert_array_equal(shown(0, 1, -1, 0), np.rot90(flat, -1))
    np.testing.assert_array_equal(shown(0, -1, 1, 0), np.rot90(flat))
    np.testing.assert_array_equal(shown(0, 1, 1, 0), flat.T)


def test_pixel_shapes_are_kept(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        aspect = Fraction(4, 3)
        if name == "b.mp4":
            with read_video(tmp_path / "a.mp4") as video:
                aspect = video.pixel_aspect
        with VideoWriter(tmp_path / name, 10, aspect) as writer:
            writer.write(np.zeros((32, 48, 3), np.uint8))
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


def test_a_broken_video_gives_its_good_frames(tmp_path):
    whole = write_clip(tmp_path / "a.mp4", numbered_frames(12)).read_bytes()
    (tmp_path / "b.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(BrokenVideoError, match="cut off"), read_video(tmp_path / "b.mp4") as video:
        list(video)
    with read_video(tmp_path / "b.mp4").end_at_damage() as video:
        assert 0 < len(list(video)) < 12
        assert "cut off" in video.failure


@pytest.mark.parametrize("suffix", ["tif", "webp", "png"])
def test_the_pages_of_a_picture_are_frames(tmp_path, suffix):
    pages = [Image.fromarray(np.full((20, 30, 3), 60 * i, np.uint8)) for i in range(4)]
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / f"stack.{suffix}"
    pages[0].save(path, save_all=True, append_images=pages[1:], lossless=True)
    for source in (path, tmp_path / "in"):
        with read_video(source) as video:
            assert [int(frame[0, 0, 0]) for frame in video] == [0, 60, 120, 180]
    with pytest.raises(DataError, match="holds 4 pictures, as a video does"):
        read_image(path)


def test_a_jpeg_ends_at_its_own_marker(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    encoded = cv2.imencode(".jpg", pixels)[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(encoded)
    (tmp_path / "b.jpg").write_bytes(encoded + b"\x00\x00\x00\x18ftypmp42" + b"\xff\xda" * 5000)
    np.testing.assert_array_equal(read_image(tmp_path / "b.jpg"), read_image(tmp_path / "a.jpg"))
    thumbnail = b"\xff\xe1" + struct.pack(">H", 6) + b"\xff\xd9ab"
    (tmp_path / "c.jpg").write_bytes(encoded[:2] + thumbnail + encoded[2:-2])
    with pytest.raises(DataError, match="its end marker is missing"):
        read_image(tmp_path / "c.jpg")


def test_posters_beside_clips_are_named(tmp_path):
    for name in ("a.mp4", "b.MTS", "poster.jpg", "._a.mp4", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "__MACOSX").mkdir()
    found = find_videos(tmp_path)
    assert [clip.name for clip in found.videos] == ["a.mp4", "b.MTS"]
    assert found.left_out == ("poster.jpg", "notes.txt")


def test_a_preview_beside_frames_is_named(tmp_path):
    for name in ("1.jpg", "2.jpg", "3.jpg", "preview.mp4"):
        (tmp_path / name).touch()
    assert find_videos(tmp_path).left_out == ("preview.mp4",)
    for number in (1, 2, 3):
        (tmp_path / f"{number}.jpg").rename(tmp_path / f"{'abc'[number - 1]}.jpg")
    with pytest.raises(DataError, match="are these frames or videos"):
        find_videos(tmp_path)
