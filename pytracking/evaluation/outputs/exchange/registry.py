"""The exchange formats by name: writing whole results or none, and telling what a file is."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from ltr.admin.errors import ConfigError, DataError, did_you_mean
from ltr.admin.locks import lock_folder
from ltr.admin.plugins import plugin_parts
from ltr.data.json_io import read_json
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    safe_name,
)
from pytracking.utils.publishing import finish_publishing, publish
from pytracking.utils.staging import temporary_folder, translate_write_errors

_FORMATS = {
    "png": "png_tree:PNG_TREE",
    "davis": "png_tree:DAVIS_TREE",
    "youtube-vos": "png_tree:YOUTUBE_VOS_TREE",
    "coco": "coco:COCO_FILE",
    "youtube-vis": "youtube_vis:YOUTUBE_VIS_FILE",
    "cvat": "cvat:CVAT_FILE",
    "labelme": "labelme:LABELME_FOLDER",
    "label-studio": "label_studio:LABEL_STUDIO_FILE",
    "mots": "mots:MOTS_TEXT",
    "mots-png": "mots:MOTS_PNGS",
    "fiftyone": "fiftyone:FIFTYONE_FOLDER",
    "alpha-mov": "alpha_video:ALPHA_MOV",
    "alpha-webm": "alpha_video:ALPHA_WEBM",
    "green-screen": "alpha_video:GREEN_SCREEN",
    "cut-outs": "cut_outs:CUT_OUTS",
}
_HERE = __name__.rpartition(".")[0]


def format_names() -> list[str]:
    """Names of all exchange formats."""
    return [*_FORMATS, *plugin_parts("formats")]


def find_exchange_format(name: str) -> ExchangeFormat:
    """The exchange format of a name.

    Raises:
        ConfigError: There is none.
    """
    plugins = plugin_parts("formats")
    if name in plugins:
        added: ExchangeFormat = plugins[name].load()
        return added
    if name not in _FORMATS:
        hint = did_you_mean(name, format_names())
        raise ConfigError(f"no exchange format is called {name!r}{hint}")
    module, _, member = _FORMATS[name].partition(":")
    found: ExchangeFormat = getattr(importlib.import_module(f"{_HERE}.{module}"), member)
    return found


def parse_export(text: str) -> tuple[str, Path | None]:
    """Name and path of ``FORMAT[:PATH]``.

    Raises:
        ConfigError: The format is unknown.
    """
    name, colon, path = text.partition(":")
    find_exchange_format(name)
    if colon and not path:
        raise ConfigError(f"--export {text}: a path is missing after the colon")
    return name, Path(path) if path else None


def write_exchange(
    name: str,
    videos: Iterable[LabelledVideo],
    target: Path,
    overwrite: bool = False,
    in_folder: bool = False,
) -> list[Path]:
    """Write videos in a format, whole or not at all.

    Where a format takes one video a file and there are several, ``target`` is a folder of them.

    Args:
        name: Name of the format.
        videos: One after the other; each is read when its turn comes.
        target: File or folder.
        overwrite: Replace what is there.
        in_folder: Make that folder for one video, too.

    Returns:
        The files or folders of the videos, or the one for all.

    Raises:
        ConfigError: The format is unknown, or there is something at ``target``.
        DataError: A mask is damaged, or there is no video.
        OutputError: The target cannot be written.
    """
    exchange = find_exchange_format(name)
    iterator = iter(videos)
    head = [video for _, video in zip(range(2), iterator, strict=False)]
    if not head:
        raise DataError("there is no video to write")
    if exchange.holds_several or (len(head) == 1 and not in_folder):
        _write_one(exchange, chain(head, iterator), target, overwrite)
        return [target]
    written = []
    for video in chain(head, iterator):
        own = target / f"{safe_name(video.name)}{exchange.suffix}"
        _write_one(exchange, [video], own, overwrite)
        written.append(own)
    return written


def read_exchange(source: Path, name: str | None = None) -> Iterator[LabelledVideo]:
    """Read the videos of a file or folder.

    Args:
        source: File or folder.
        name: Name of its format; None looks at the content.

    Raises:
        ConfigError: The format is unknown, or cannot be told.
        DataError: It is missing or damaged.
    """
    return find_exchange_format(name or detect_format(source)).read(source)


def detect_format(source: Path) -> str:
    """Name of the format of a file or folder.

    Raises:
        ConfigError: It cannot be told.
        DataError: It is missing or damaged.
    """
    if source.is_dir():
        return _format_of_folder(source)
    suffix = source.suffix.lower()
    if suffix == ".json":
        return _format_of_json(source, read_json(source))
    known = {".xml": "cvat", ".zip": "cvat", ".txt": "mots", ".mov": "alpha-mov"}
    known |= {".webm": "alpha-webm"}
    if suffix not in known:
        if not source.exists():
            raise DataError(f"{source} does not exist")
        raise ConfigError(f"the format of {source} is not recognised: name it with --from")
    return known[suffix]


def _format_of_folder(source: Path) -> str:
    if (source / "manifest.json").is_file():
        return "fiftyone"
    if (source / "meta.json").is_file():
        return "youtube-vos"
    annotations = sorted(source.glob("*.json"))
    is_labelme = annotations and not (source / "masks").is_dir() and _has_shapes(annotations[0])
    return "labelme" if is_labelme else "png"


def _has_shapes(file: Path) -> bool:
    content = read_json(file)
    return isinstance(content, dict) and "shapes" in content


def _format_of_json(source: Path, content: Any) -> str:
    if isinstance(content, list):
        return "label-studio"
    if isinstance(content, dict) and "annotations" in content:
        return "youtube-vis" if "videos" in content else "coco"
    if isinstance(content, dict) and "shapes" in content:
        return "labelme"
    raise ConfigError(f"the format of {source} is not recognised: name it with --from")


def _write_one(
    exchange: ExchangeFormat, videos: Iterable[LabelledVideo], target: Path, overwrite: bool
) -> None:
    _check_target(target, is_file=bool(exchange.suffix), overwrite=overwrite)
    with translate_write_errors(target):
        if not exchange.suffix:
            with _whole_folder(target) as folder:
                exchange.write(videos, folder)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(target.parent, "export") as folder:
            # The suffix names the container for encoders, so the temporary name keeps it.
            exchange.write(videos, folder / f"export{exchange.suffix}")
            (folder / f"export{exchange.suffix}").replace(target)


def _check_target(target: Path, is_file: bool, overwrite: bool) -> None:
    if is_file and target.is_dir():
        raise ConfigError(f"{target} is a folder: this format is one file")
    if not is_file and target.exists() and not target.is_dir():
        raise ConfigError(f"{target} is a file: this format is a folder")
    is_taken = target.is_file() or (target.is_dir() and any(_visible(target)))
    if is_taken and not overwrite:
        raise ConfigError(f"{target} exists already: --overwrite replaces it")


def _visible(folder: Path) -> Sequence[str]:
    return [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]


@contextmanager
def _whole_folder(target: Path) -> Iterator[Path]:
    with lock_folder(target):
        finish_publishing(target)
        with temporary_folder(target, "export") as folder:
            yield folder
            publish(folder, target, sorted(_visible(folder)))
