from __future__ import annotations

import logging
import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ltr.admin.errors import DataError
from ltr.data.image_io import write_image
from pytracking.utils.video_decoder import _open_with_opencv
from pytracking.utils.video_reader import read_video
from tests.pytracking.clips import numbered_frames, write_clip, write_folder

OPENERS = {"pyav": read_video, "opencv": _open_with_opencv}


@pytest.fixture(params=OPENERS)
def opener(request):
    return OPENERS[request.param]


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "clip.mp4", numbered_frames(20), fps=12.5)


def noisy_clip(path: Path, codec: str = "libx264") -> Path:
    """A clip of 40 frames in any container, whose data are spread evenly over its file."""
    generator = np.random.default_rng(0)
    options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for noise in generator.integers(0, 256, (40, 96, 128, 3), dtype=np.uint8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_file_gives_every_frame_in_order(clip, opener):
    video = opener(clip)
    assert (video.name, video.size, video.fps, video.length) == ("clip", (64, 48), 12.5, 20)
    frames = list(video)
    assert len(frames) == 20
    for index, (frame, drawn) in enumerate(zip(frames, numbered_frames(20), strict=True)):
        assert frame.dtype == np.uint8
        assert np.abs(frame.astype(int) - drawn).mean() < 4, index


def test_file_is_read_as_a_stream(tmp_path):
    """The decoder must not run far ahead of the reader."""
    path = noisy_clip(tmp_path / "long.mp4")
    with read_video(path) as video:
        next(iter(video))
        positions = [int(line.split()[1]) for line in _open_file_positions(path)]
    assert positions
    assert max(positions) < path.stat().st_size / 2


def _open_file_positions(path: Path) -> list[str]:
    """The lines "pos: N" of this process's handles of a file."""
    lines = []
    for handle in Path("/proc/self/fd").glob("*"):
        if handle.exists() and handle.resolve() == path.resolve():
            lines.append(Path(f"/proc/self/fdinfo/{handle.name}").read_text().splitlines()[0])
    return lines


@pytest.mark.parametrize(
    ("matrix", "turns"),
    [
        ((0, 0x10000, -0x10000, 0), 3),
        ((-0x10000, 0, 0, -0x10000), 2),
        ((0, -0x10000, 0x10000, 0), 1),
    ],
)
def test_stored_turn_is_applied(clip, opener, matrix, turns):
    """The track header's matrix says how a player turns the picture (3 = clockwise)."""
    plain = next(iter(read_video(clip)))
    a, b, c, d = matrix
    encoded = bytearray(clip.read_bytes())
    start = encoded.index(b"tkhd") + 4 + 40
    encoded[start : start + 20] = struct.pack(">iiiii", a, b, 0, c, d)
    clip.write_bytes(encoded)
    video = opener(clip)
    turned = next(iter(video))
    assert video.size == (turned.shape[1], turned.shape[0])
    assert np.abs(turned.astype(int) - np.rot90(plain, turns)).max() <= 3


@pytest.mark.parametrize("share", [0.3, 0.7])
@pytest.mark.parametrize(
    ("name", "codec"), [("x.mp4", "libx264"), ("x.mkv", "libx264"), ("x.avi", "mpeg4")]
)
def test_cut_off_file_is_noticed(tmp_path, name, codec, share):
    path = noisy_clip(tmp_path / name, codec)
    encoded = path.read_bytes()
    path.write_bytes(encoded[: int(len(encoded) * share)])
    with pytest.raises(DataError, match=rf"{name} is (damaged or )?cut off.*frame \d+"):
        list(read_video(path))


def test_damage_in_the_middle_names_the_frame(tmp_path, opener):
    path = noisy_clip(tmp_path / "noise.mp4")
    encoded = bytearray(path.read_bytes())
    middle = len(encoded) // 2
    encoded[middle : middle + len(encoded) // 4] = bytes(len(encoded) // 4)
    path.write_bytes(encoded)
    with pytest.raises(DataError, match=r"noise\.mp4 is damaged or cut off: frame \d+"):
        list(opener(path))


@pytest.mark.parametrize("content", [b"", b"just a text\n" * 50])
def test_what_is_no_video_is_refused(tmp_path, opener, content):
    path = tmp_path / "text.mp4"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"text\.mp4 cannot be read as a video file"):
        opener(path)


def test_playlists_and_pictures_are_no_videos(tmp_path, clip):
    lists = {
        "concat.mp4": f"ffconcat version 1.0\nfile {clip}\n",
        "hls.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{clip}\n#EXT-X-ENDLIST\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
    write_image(tmp_path / "picture.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "picture.png").rename(tmp_path / "picture.mp4")
    for name in (*lists, "picture.mp4"):
        with pytest.raises(DataError, match=rf"{name} cannot be read as a video file"):
            read_video(tmp_path / name)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.mp4 does not exist"):
        read_video(tmp_path / "nowhere.mp4")


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        sound.sample_rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(DataError, match="holds no video"):
        read_video(path)


def test_varying_frame_rate_is_read(tmp_path):
    path = tmp_path / "vary.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index, frame in enumerate(numbered_frames(10)):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = index * index
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    assert len(list(read_video(path))) == 10


def test_folder_is_sorted_by_number(tmp_path):
    frames = numbered_frames(12)
    for index, frame in enumerate(frames):
        write_image(tmp_path / f"frame{index}.png", frame)
    (tmp_path / "notes.txt").write_text("not a frame")
    video = read_video(tmp_path)
    assert video.length == 12
    assert video.stem(10) == "frame10"
    for got, drawn in zip(video, frames, strict=True):
        np.testing.assert_array_equal(got, drawn)


def test_folder_reads_one_frame_at_a_time(tmp_path):
    folder = write_folder(tmp_path / "frames", numbered_frames(4))
    video = iter(read_video(folder))
    next(video)
    (folder / "00003.png").write_bytes(b"")
    next(video), next(video)
    with pytest.raises(DataError, match=r"00003\.png is an empty file"):
        next(video)


def test_frame_of_another_size_is_named(tmp_path):
    folder = write_folder(tmp_path / "frames", numbered_frames(3))
    write_image(folder / "00002.png", np.zeros((50, 64, 3), np.uint8))
    with pytest.raises(DataError, match=r"00002\.png is 64x50, the frames before it 64x48"):
        list(read_video(folder))


def test_same_frame_twice_is_refused(tmp_path):
    folder = write_folder(tmp_path / "frames", numbered_frames(2))
    write_image(folder / "00001.jpg", numbered_frames(2)[1])
    with pytest.raises(DataError, match="holds 2 pictures of the frame 00001"):
        read_video(folder)


def test_folder_without_frames_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no frames: expected pictures"):
        read_video(tmp_path)


def test_folder_of_clips_names_them(tmp_path):
    write_folder(tmp_path / "clips" / "dog", numbered_frames(1))
    with pytest.raises(DataError, match=r"holds no frames but videos \(dog\): name one"):
        read_video(tmp_path / "clips")


def test_gap_in_the_numbers_is_logged(tmp_path, caplog):
    folder = write_folder(tmp_path / "frames", numbered_frames(5))
    (folder / "00003.png").unlink()
    with caplog.at_level(logging.WARNING):
        read_video(folder)
    assert "a frame seems to be missing between 00002.png and 00004.png" in caplog.text


def test_every_fifth_frame_is_no_gap(tmp_path, caplog):
    for number in (5, 10, 15):
        write_image(tmp_path / f"{number:05d}.png", numbered_frames(1)[0])
    read_video(tmp_path)
    assert not caplog.text


def test_iterator_of_frames_is_read_lazily():
    produced = []

    def camera():
        for frame in numbered_frames(5):
            produced.append(1)
            yield frame

    video = read_video(camera())
    assert (video.size, video.length, len(produced)) == ((64, 48), None, 1)
    assert len(list(video)) == 5


@pytest.mark.parametrize(
    "frames",
    [[np.zeros((4, 4), np.uint8)], [np.zeros((4, 4, 3))], [np.zeros((0, 4, 3), np.uint8)], []],
)
def test_frames_of_the_wrong_form_are_refused(frames):
    with pytest.raises(DataError, match="frame 0"):
        read_video(frames)


def test_missing_camera_is_one_sentence():
    with pytest.raises(DataError, match="camera 97 cannot be opened"):
        read_video(97)


@pytest.mark.parametrize(("name", "codec"), [("a.mov", "png"), ("a.avi", "png"), ("a.mov", "tiff")])
def test_pictures_in_a_container_are_no_videos(tmp_path, name, codec):
    """A PNG of a megabyte in a .mov unpacks to gigabytes."""
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 8, 8, "rgb24"
        container.mux(stream.encode(av.VideoFrame(8, 8, "rgb24")))
    with pytest.raises(DataError, match=rf"{name} has the codec {codec}, expected one of h264,"):
        read_video(tmp_path / name)


@pytest.mark.parametrize("declared", [(64, 48), (9000, 9000)])
def test_frames_of_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, declared):
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width = encoder.height = 9000
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 10)
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = *declared, "yuvj420p"
        packet = encoder.encode(av.VideoFrame(9000, 9000, "yuvj420p"))[0]
        packet.stream = stream
        container.mux(packet)
    with pytest.raises(DataError, match=r"9000x9000 pixels, more than|frame 0 cannot be decoded"):
        read_video(tmp_path / "a.avi")


def test_a_pipe_is_no_video(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(DataError, match=r"a\.mp4 cannot be read as a video file: Not a regular"):
        read_video(tmp_path / "a.mp4")
