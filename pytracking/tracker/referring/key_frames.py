"""Files that name key frames, in the form of the authors' ``c_key_frame_dict.json``."""

from __future__ import annotations

from pathlib import Path

from ltr.admin.errors import DataError
from ltr.data.json_io import read_json

KeyFrames = dict[str, dict[str, int]]


def read_key_frames(file: Path) -> KeyFrames:
    """Read ``{video: {"<number of the sentence>": position of the key frame}}``.

    Raises:
        DataError: The file is missing or damaged.
    """
    content = read_json(file)
    try:
        return {
            video: {str(int(number)): int(frame) for number, frame in entries.items()}
            for video, entries in content.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise DataError(
            f'{file} is damaged ({error}): expected {{video: {{"<sentence>": <frame>}}}}'
        ) from error
