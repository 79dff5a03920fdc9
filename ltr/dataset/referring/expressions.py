"""Reads ``meta_expressions.json``, the lists of sentences of Ref-YouTube-VOS and Ref-DAVIS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltr.admin.errors import DataError
from ltr.data.json_io import read_json
from ltr.data.names import plain_name


@dataclass(frozen=True)
class Expression:
    """A sentence.

    Args:
        text: The expression as written in the file.
        object_id: Label of its object in the annotations, None where that is not public.
    """

    text: str
    object_id: int | None = None


@dataclass(frozen=True)
class ExpressionVideo:
    """A video with its sentences.

    Args:
        frames: Stems of the annotated frames in order.
        expressions: Expressions by id, in the order of the file.
    """

    frames: tuple[str, ...]
    expressions: Mapping[str, Expression]


def read_expressions(root: Path, split: str) -> dict[str, ExpressionVideo]:
    """Read the videos of a split.

    The official ``valid`` file also lists the ``test`` videos: they are left out by the file of
    that split, and where that is absent, by what has frames on disk.

    Args:
        root: Holds ``meta_expressions``, and ``<split>/JPEGImages``.
        split: ``train``, ``valid`` or ``test``.

    Raises:
        DataError: A file is missing or damaged.
    """
    file = expression_file(root, split)
    content = _videos_of(file)
    if split == "valid":
        other = expression_file(root, "test")
        hidden = _videos_of(other) if other.is_file() else _without_frames(root, split, content)
        content = {name: entry for name, entry in content.items() if name not in hidden}
    return {name: _video(name, entry, file) for name, entry in content.items()}


def expression_file(root: Path, split: str) -> Path:
    """Where the sentences of a split lie."""
    return root / "meta_expressions" / split / "meta_expressions.json"


def _videos_of(file: Path) -> dict[str, Any]:
    content = read_json(file)
    videos = content.get("videos") if isinstance(content, dict) else None
    if not isinstance(videos, dict):
        raise DataError(f'{file} is damaged: expected {{"videos": {{<video>: ...}}}}')
    return videos


def _without_frames(root: Path, split: str, names: Mapping[str, Any]) -> set[str]:
    images = root / split / "JPEGImages"
    if not images.is_dir():
        return set()
    return {name for name in names if not (images / plain_name(name, images)).is_dir()}


def _video(name: str, entry: Any, file: Path) -> ExpressionVideo:
    try:
        frames = tuple(plain_name(stem, file) for stem in entry["frames"])
        expressions = {
            plain_name(key, file): Expression(_text(item["exp"]), _object_id(item))
            for key, item in entry["expressions"].items()
        }
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise DataError(f"{file} is damaged: video {name}: {error!r}") from error
    if not frames:
        raise DataError(f"{file}: video {name} lists no frames")
    plain_name(name, file)
    return ExpressionVideo(frames, expressions)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"the sentence is {value!r}, expected text")
    return value


def _object_id(item: Mapping[str, Any]) -> int | None:
    return int(item["obj_id"]) if "obj_id" in item else None
