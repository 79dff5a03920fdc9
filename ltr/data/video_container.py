"""Opening video files: the one place that says which containers, codecs and sizes are decoded.

FFmpeg also opens playlists, which name other files and addresses, pictures, and containers that
hold pictures: a PNG of a megabyte in a .mov unpacks to gigabytes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ltr.admin.errors import DataError
from ltr.admin.files import check_regular

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

CONTAINERS = "mov,matroska,webm,avi,mpeg,mpegts,mpegvideo,asf,flv,ogg,gif,h264,hevc,ivf,mxf,m4v,dv"
CODECS = (
    "h264,hevc,av1,libdav1d,vp8,vp9,mpeg1video,mpeg2video,mpeg4,mjpeg,ffv1,theora,gif,prores,dnxhd,"
    "dvvideo,h263,flv,vc1,wmv1,wmv2,wmv3,msmpeg4,msmpeg4v1,msmpeg4v2,huffyuv,ffvhuff,utvideo,rawvideo"
)
"""Decoders by FFmpeg's names: those of cameras, players and lossless archives, not of pictures."""
MAX_PIXELS = 8192 * 4320
"""Of a frame: 8K, as cinemas have it."""


def open_video(path: Path) -> tuple[InputContainer, av.VideoStream]:
    """Open a video file; no frame has been decoded.

    The decoder refuses larger frames itself, also where the size changes within the video.

    Args:
        path: The file. The caller closes the container.

    Returns:
        The container and its first video stream.

    Raises:
        DataError: The file is missing, a pipe or device, not one of these containers and codecs,
            has no video, or frames of more than ``MAX_PIXELS``.
    """
    import av

    try:
        check_regular(path)
        container = av.open(
            os.path.abspath(path),  # a colon in a bare name would end a protocol's name
            options={
                "format_whitelist": CONTAINERS,
                "codec_whitelist": CODECS,
                "protocol_whitelist": "file",
            },
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read as a video file: {reason}") from error
    try:
        return container, check_stream(path, container)
    except BaseException:
        container.close()
        raise


def check_stream(path: object, container: InputContainer) -> av.VideoStream:
    """The first video stream, whose decoder refuses other codecs and larger frames.

    Args:
        path: The file or address, named in errors.
        container: Freshly opened.

    Raises:
        DataError: See ``open_video``.
    """
    if not len(container.streams):
        raise DataError(f"{path} is damaged or cut off: nothing in it can be read")
    if not container.streams.video:
        raise DataError(f"{path} holds no video, only sound or text")
    stream = container.streams.video[0]
    codec = stream.codec_context
    # PyAV's stubs promise a codec context; a stream of an unknown codec has none.
    name = getattr(codec, "name", "unknown")
    if name not in CODECS.split(","):
        raise DataError(f"{path} has the codec {name}, expected one of {CODECS}")
    if codec.width * codec.height > MAX_PIXELS:
        raise DataError(
            f"{path} has frames of {codec.width}x{codec.height} pixels, more than {MAX_PIXELS}"
        )
    codec.options = {"max_pixels": str(MAX_PIXELS)}
    return stream
