"""Videos for editing programs: the objects with transparency, or on green."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ltr.admin.errors import DataError, OutputError
from ltr.data.video_container import open_video
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    object_ids,
    safe_name,
)
from pytracking.utils.video_writer import DEFAULT_FPS, VideoWriter

if TYPE_CHECKING:
    import av

_GREEN = np.array((0, 177, 64), np.uint8)
_OPAQUE = 128
_MAX_DENOMINATOR = 1001
_MAX_BYTES = 2 << 30
_MAX_PIXELS = 4096 * 4320  # decoders keep a dozen frames
_VP9 = "vp9"
_SECOND_VIDEO: Literal["matroska_block_additional"] = "matroska_block_additional"
_NUMBER_BYTES = 8


class AlphaVideo(ExchangeFormat):
    """All objects over nothing; they come back as one object.

    Args:
        suffix: Suffix of the file.
        codec: Name of FFmpeg's encoder.
        pixels: FFmpeg name of a pixel format with alpha, for example ``yuva420p``.
        options: Options of the encoder, as FFmpeg names them.
    """

    needs_frames = True

    def __init__(self, suffix: str, codec: str, pixels: str, options: dict[str, str]) -> None:
        self.suffix = suffix
        self._codec = codec
        self._pixels = pixels
        self._options = options

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        import av

        (video,) = videos
        if self._codec not in av.codecs_available:
            raise OutputError(f"this build of FFmpeg has no encoder {self._codec}")
        rate = Fraction(video.fps or DEFAULT_FPS).limit_denominator(_MAX_DENOMINATOR)
        with av.open(str(target), "w") as container:
            stream = container.add_stream(self._codec, rate, options=self._options)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height = video.size
            stream.pix_fmt = self._pixels
            for index in range(len(video)):
                frame = av.VideoFrame.from_ndarray(_cut_out(video, index), format="rgba")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``."""
        container, stream = open_video(source)
        with container:
            fps = float(stream.average_rate) if stream.average_rate else None
            packed = _packed_masks(source, container, stream)
        height, width = packed[0][0]

        def read_labels(index: int) -> np.ndarray:
            shape, bits = packed[index]
            return np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape)

        stems = [f"{index:05d}" for index in range(len(packed))]
        yield LabelledVideo(safe_name(source.stem), (width, height), stems, read_labels, fps=fps)


class GreenScreen(ExchangeFormat):
    """All objects over green, as H.264; cannot be read back exactly."""

    suffix = ".mp4"
    needs_frames = True

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        (video,) = videos
        with VideoWriter(target, video.fps) as writer:
            for index in range(len(video)):
                mask = _all_objects(video, index)
                writer.write(np.where(mask[..., None], video.frame(index), _GREEN))

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """Refused: the colours of a compressed video do not tell the mask exactly."""
        raise DataError(f"{source}: a green screen video cannot be read back; use alpha-mov")


ALPHA_MOV = AlphaVideo(".mov", "prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "16"})
ALPHA_WEBM = AlphaVideo(".webm", "libvpx-vp9", "yuva420p", {"crf": "24", "b": "0", "cpu-used": "5"})
GREEN_SCREEN = GreenScreen()


def _all_objects(video: LabelledVideo, index: int) -> np.ndarray:
    """Where any object is, bool (H, W)."""
    labels = video.labels(index)
    return np.isin(labels, object_ids(labels))


def _cut_out(video: LabelledVideo, index: int) -> np.ndarray:
    alpha = _all_objects(video, index).astype(np.uint8) * np.uint8(255)
    return np.dstack((video.frame(index), alpha))


def _packed_masks(
    source: Path, container: av.container.InputContainer, stream: av.VideoStream
) -> list[tuple[tuple[int, int], np.ndarray]]:
    """Shape and bits of every frame's mask."""
    import av

    packed = []
    size = 0
    alphas = _vp9_alphas if stream.codec_context.name == _VP9 else _alphas
    try:
        for alpha in alphas(container, stream):
            packed.append((alpha.shape, np.packbits(alpha >= _OPAQUE)))
            size += packed[-1][1].nbytes
            if size > _MAX_BYTES:
                raise DataError(f"{source} is too long to be read at once")
    except av.error.FFmpegError as error:
        raise DataError(f"{source} is damaged: {error}") from error
    if not packed:
        raise DataError(f"{source} has no frame with transparency: masks cannot be read from it")
    return packed


def _alphas(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[np.ndarray]:
    """The transparency of all frames, uint8 (H, W), until one has none."""
    for frame in container.decode(stream):
        if "a" not in frame.format.name.replace("gray", ""):
            return
        yield frame.to_ndarray(format="rgba")[..., 3]


def _vp9_alphas(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[np.ndarray]:
    """The same of VP9, whose transparency is the brightness of a second video beside each packet.

    Decoders that join both fill the memory before they look at the size of a frame.
    """
    import av

    decoder = av.CodecContext.create(_VP9, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.options = {"max_pixels": str(_MAX_PIXELS)}
    for packet in container.demux(stream):
        if packet.has_sidedata(_SECOND_VIDEO):
            second = bytes(packet.get_sidedata(_SECOND_VIDEO))[_NUMBER_BYTES:]
            for frame in decoder.decode(av.Packet(second)):
                yield _brightness(frame)
    for frame in decoder.decode(None):
        yield _brightness(frame)


def _brightness(frame: av.VideoFrame) -> np.ndarray:
    plane = frame.planes[0]
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]
