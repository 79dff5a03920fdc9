"""A session as a file: one zip archive of JSON, PNG masks and compressed results; no pickles."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write
from ltr.data.image_io import decode_label_map, encode_label_map
from ltr.data.interactive.scribbles import ScribbleLine
from pytracking.evaluation.prompt_types import Point, Prompt
from pytracking.evaluation.sessions.layers import DIRECTIONS, Layers
from pytracking.evaluation.sessions.prompts import FramePrompts
from pytracking.utils.staging import translate_write_errors

_MANIFEST = "session.json"
_VERSION = 1
_MAX_MANIFEST_BYTES = 64 << 20


def write_session(
    path: Path, prompts: dict[int, FramePrompts], layers: Layers, first_frame: np.ndarray
) -> None:
    """Write prompts and results, whole or not at all.

    Raises:
        OutputError: The file cannot be written.
    """
    masks: dict[str, np.ndarray] = {}
    record = {
        "version": _VERSION,
        "shape": list(layers.shape),
        "first_frame": zlib.crc32(np.ascontiguousarray(first_frame).data),
        "prompts": {str(frame): _entry(frame, own, masks) for frame, own in prompts.items()},
        "results": {
            direction: {str(f): list(place.object_ids) for f, place in table.items()}
            for direction, table in layers.tables.items()
        },
    }
    with (
        translate_write_errors(path),
        atomic_write(path) as stream,
        zipfile.ZipFile(stream, "w") as pack,
    ):
        pack.writestr(_MANIFEST, json.dumps(record))
        for name, mask in masks.items():
            pack.writestr(name, encode_label_map(mask.astype(np.uint8)))
        for direction in DIRECTIONS:
            for frame, place in layers.tables[direction].items():
                pack.writestr(f"{direction}/{frame}", layers.read_raw(place))


def read_session(path: Path, layers: Layers, first_frame: np.ndarray) -> dict[int, FramePrompts]:
    """Read what ``write_session`` wrote.

    Args:
        path: The file.
        layers: Empty; the results are put into it.
        first_frame: uint8 (H, W, 3) RGB, first frame of the video to which the session must belong.

    Returns:
        The prompts by frame.

    Raises:
        DataError: It is missing, damaged, no session, or of another video.
    """
    try:
        with zipfile.ZipFile(path) as pack:
            if pack.getinfo(_MANIFEST).file_size > _MAX_MANIFEST_BYTES:
                raise DataError(f"{path} is not a session: its list is too long")
            record = json.loads(pack.read(_MANIFEST))
            _check_video(path, record, layers, first_frame)
            prompts = dict(_read_prompts(pack, record["prompts"]))
            for direction in DIRECTIONS:
                for frame, ids in record["results"][direction].items():
                    _read_result(pack, layers, f"{direction}/{int(frame)}", [int(k) for k in ids])
            return prompts
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as e:
        raise DataError(f"{path} is not a session, or is damaged ({e!r})") from e


def _read_result(pack: zipfile.ZipFile, layers: Layers, name: str, ids: list[int]) -> None:
    """Put one result into the layers; its size is looked at before it is unpacked whole."""
    content = pack.read(name)
    expected = (1 + len(ids)) * layers.shape[0] * layers.shape[1]
    unpacked = zlib.decompressobj().decompress(content, expected + 1)
    if len(unpacked) != expected:
        raise ValueError(f"{name} has {len(unpacked)} bytes, expected {expected}")
    direction, frame = name.split("/")
    own = next(known for known in DIRECTIONS if known == direction)
    layers.write_raw(own, int(frame), content, ids)


def _check_video(path: Path, record: Any, layers: Layers, first_frame: np.ndarray) -> None:
    if record["version"] != _VERSION:
        raise DataError(f"{path} was written by another version of this program")
    checksum = zlib.crc32(np.ascontiguousarray(first_frame).data)
    if tuple(record["shape"]) != layers.shape or record["first_frame"] != checksum:
        raise DataError(f"{path} belongs to another video")


def _entry(frame: int, own: FramePrompts, masks: dict[str, np.ndarray]) -> dict[str, Any]:
    for key, mask in (own.masks or {}).items():
        masks[f"masks/{frame}_{key}.png"] = mask
    for key, prompt in own.prompts.items():
        if prompt.mask is not None:
            masks[f"prompts/{frame}_{key}.png"] = prompt.mask != 0
    return {
        "is_new": own.is_new,
        "named": sorted(own.named),
        "masks": None if own.masks is None else sorted(own.masks),
        "prompts": [_prompt_record(prompt) for prompt in own.prompts.values()],
    }


def _prompt_record(prompt: Prompt) -> dict[str, Any]:
    return {
        "object_id": prompt.object_id,
        "has_mask": prompt.mask is not None,
        "box": prompt.box,
        "points": [[p.x, p.y, p.is_positive] for p in prompt.points],
        "scribbles": [line.as_record() for line in prompt.scribbles],
    }


def _read_prompts(pack: zipfile.ZipFile, record: Any) -> Iterator[tuple[int, FramePrompts]]:
    for text, entry in record.items():
        frame = int(text)
        prompts = [_read_prompt(pack, frame, own) for own in entry["prompts"]]
        masks = None
        if entry["masks"] is not None:
            masks = {key: _read_mask(pack, f"masks/{frame}_{key}.png") for key in entry["masks"]}
        own = {int(prompt.object_id or 0): prompt for prompt in prompts}
        yield frame, FramePrompts(own, frozenset(entry["named"]), masks, bool(entry["is_new"]))


def _read_prompt(pack: zipfile.ZipFile, frame: int, record: Any) -> Prompt:
    key, box = int(record["object_id"]), record["box"]
    mask = _read_mask(pack, f"prompts/{frame}_{key}.png") if record["has_mask"] else None
    if box is not None:
        x, y, width, height = map(float, box)
        box = (x, y, width, height)
    points = tuple(Point(float(x), float(y), bool(sign)) for x, y, sign in record["points"])
    lines = tuple(map(ScribbleLine.from_record, record["scribbles"]))
    return Prompt(key, mask, box, points, lines)


def _read_mask(pack: zipfile.ZipFile, name: str) -> np.ndarray:
    return decode_label_map(pack.read(name), name) != 0
