"""A session as a file: one zip archive of JSON, PNG masks and compressed results; no pickles."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write
from ltr.data.bounding_boxes import as_box
from ltr.data.encoded_files import naming
from ltr.data.image_io import decode_label_map, encode_label_map
from ltr.data.interactive.scribbles import ScribbleLine
from ltr.data.json_io import translate_json_errors
from ltr.data.palette import VOID
from ltr.data.zip_archive import ZipArchive
from pytracking.evaluation.prompt_types import Point, Prompt
from pytracking.evaluation.prompting.checks import check_prompt
from pytracking.evaluation.sessions.layers import DIRECTIONS, Direction, Layers
from pytracking.evaluation.sessions.prompts import FramePrompts
from pytracking.utils.staging import translate_write_errors

_MANIFEST = "session.json"
_VERSION = 1
_MAX_MANIFEST_BYTES, _MAX_MASK_BYTES = 64 << 20, 64 << 20
_SLACK = 1 << 10  # of compression that makes larger


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
    with ZipArchive(path, "a session") as pack, translate_json_errors(path, "a session"):
        try:
            record = json.loads(pack.read(_MANIFEST, _MAX_MANIFEST_BYTES))
        except RecursionError as error:
            raise DataError(f"{path} is not a session: {error}") from error
        _check_video(path, record, layers, first_frame)
        prompts = dict(_read_prompts(pack, record["prompts"], layers.shape))
        for direction in DIRECTIONS:
            for frame, ids in record["results"][direction].items():
                _read_result(pack, layers, (direction, int(frame)), _object_ids(ids))
        return prompts


def _read_result(
    pack: ZipArchive, layers: Layers, place: tuple[Direction, int], ids: list[int]
) -> None:
    """Put one result into the layers; its size is looked at before it is unpacked whole."""
    direction, frame = place
    expected = (1 + len(ids)) * layers.shape[0] * layers.shape[1]
    content = pack.read(f"{direction}/{frame}", 2 * expected + _SLACK)
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(content, expected + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(unpacked) != expected or not unpacker.eof:
        raise ValueError(f"{direction}/{frame} has {len(unpacked)} bytes, expected {expected}")
    layers.write_raw(direction, frame, content, ids)


def _object_ids(values: Sequence[object]) -> list[int]:
    """Different ids of objects, each from 1 to 254."""
    ids = [value for value in values if type(value) is int and 0 < value < VOID]
    if len(ids) < len(values) or len(set(ids)) < len(ids):
        raise ValueError(f"{str(values)[:60]} are not ids of objects")
    return ids


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


def _read_prompts(
    pack: ZipArchive, record: Any, shape: tuple[int, int]
) -> Iterator[tuple[int, FramePrompts]]:
    for text, entry in record.items():
        frame = int(text)
        prompts = [_read_prompt(pack, frame, own, shape) for own in entry["prompts"]]
        for prompt in prompts:
            check_prompt(prompt, (shape[1], shape[0]))
        masks = None
        if entry["masks"] is not None:
            masks = {
                key: _read_mask(pack, f"masks/{frame}_{key}.png", shape)
                for key in _object_ids(entry["masks"])
            }
        own = {int(prompt.object_id or 0): prompt for prompt in prompts}
        named = frozenset(_object_ids(entry["named"]))
        yield frame, FramePrompts(own, named, masks, bool(entry["is_new"]))


def _read_prompt(pack: ZipArchive, frame: int, record: Any, shape: tuple[int, int]) -> Prompt:
    key, box = record["object_id"], record["box"]
    if key != 0:
        _object_ids([key])
    mask = _read_mask(pack, f"prompts/{frame}_{key}.png", shape) if record["has_mask"] else None
    points = tuple(Point(float(x), float(y), bool(sign)) for x, y, sign in record["points"])
    lines = tuple(map(ScribbleLine.from_record, record["scribbles"]))
    return Prompt(key, mask, None if box is None else as_box(map(float, box)), points, lines)


def _read_mask(pack: ZipArchive, name: str, shape: tuple[int, int]) -> np.ndarray:
    with naming(name):
        labels = decode_label_map(pack.read(name, _MAX_MASK_BYTES))
    if labels.shape != shape:
        raise ValueError(f"{name} has the shape {labels.shape}, the frames have {shape}")
    return labels != 0
