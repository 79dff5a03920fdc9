"""Plug-ins: what other packages add to the toolkit, by entry points.

An installed package names its parts in groups ``vos_toolkit.<kind>`` of its metadata. A package
that is not installed is used from its folder: ``--plugin PATH``, or the variable ``VOS_PLUGINS``,
whose folders are separated like those of ``PATH``. Both ways the same ``pyproject.toml`` counts.
"""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ltr.admin.errors import ConfigError

VARIABLE = "VOS_PLUGINS"
KINDS = ("trackers", "parameters", "datasets", "scorers", "formats", "recipes")
"""What can be added:

- ``trackers``: a system's name and its module with ``get_tracker_class()``;
- ``parameters``: a system's name and the package of its parameter files;
- ``datasets``: any name and a module with a table ``DATASETS``;
- ``scorers``: any name and a module with a table ``EVALUATORS``;
- ``formats``: a name for ``--export`` and an ``ExchangeFormat``;
- ``recipes``: a system's name and the package of its experiments.
"""
_GROUP = "vos_toolkit."


class PluginPart(NamedTuple):
    """One entry point.

    Args:
        name: Name under which the toolkit offers what it points to.
        value: ``"module"`` or ``"module:member"``.
        origin: The package or folder it comes from, for errors.
    """

    name: str
    value: str
    origin: str

    def load(self) -> Any:
        """Import the module, or its member.

        Raises:
            ConfigError: That is not possible; the sentence names the plug-in.
        """
        module, _, member = self.value.partition(":")
        try:
            found = importlib.import_module(module)
            return getattr(found, member) if member else found
        except (ImportError, AttributeError, SyntaxError) as error:
            raise ConfigError(
                f"the plug-in {self.origin} cannot be used: {self.name} = {self.value!r}: {error}"
            ) from error


def use_plugin_folder(folder: str | os.PathLike[str]) -> None:
    """Use the plug-in in a folder, in this process and in those that it starts."""
    path = str(Path(folder).resolve())
    known = _folders()
    if path not in known:
        os.environ[VARIABLE] = os.pathsep.join([*known, path])


def plugin_parts(kind: str) -> dict[str, PluginPart]:
    """The parts of all plug-ins of one kind by their names.

    Args:
        kind: One of ``KINDS``.

    Raises:
        ConfigError: Two plug-ins offer the same name, or a folder is none.
    """
    found = list(_installed()[kind])
    for folder in _folders():
        found += [part for own, part in _parts_of_folder(folder) if own == kind]
    parts: dict[str, PluginPart] = {}
    for part in found:
        first = parts.setdefault(part.name, part)
        if first.value != part.value:
            raise ConfigError(f"{first.origin} and {part.origin} both offer {kind}: {part.name}")
    return parts


def _folders() -> list[str]:
    return [folder for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]


@cache
def _installed() -> dict[str, list[PluginPart]]:
    """Parts of the installed packages by kind; the packages are searched once."""
    if not _may_be_installed():
        return {kind: [] for kind in KINDS}
    from importlib import metadata

    entries = metadata.entry_points()
    return {
        kind: [
            PluginPart(entry.name, entry.value, entry.dist.name if entry.dist else entry.value)
            for entry in entries.select(group=f"{_GROUP}{kind}")
        ]
        for kind in KINDS
    }


def _may_be_installed() -> bool:
    """Whether any package names a group of ours, without parsing the metadata of all."""
    for place in map(Path, sys.path):
        if place.is_file():
            return True  # an archive, which only that search opens
        for file in place.glob("*-info/entry_points.txt"):
            with suppress(OSError):
                if _GROUP.encode() in file.read_bytes():
                    return True
    return False


@cache
def _parts_of_folder(folder: str) -> tuple[tuple[str, PluginPart], ...]:
    """Kinds and parts of a plug-in's folder, whose modules can be imported from now on."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    file = Path(folder) / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8"))
        groups = project["project"]["entry-points"]
        parts = tuple(
            (group.removeprefix(_GROUP), PluginPart(name, str(value), folder))
            for group, entries in groups.items()
            if group.startswith(_GROUP)
            for name, value in entries.items()
        )
    except OSError as error:
        raise ConfigError(f"{folder} is not a plug-in: {file.name} cannot be read") from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ConfigError(f"{file} names no entry points {_GROUP}...: {error!r}") from error
    strange = sorted({kind for kind, _ in parts} - set(KINDS))
    if strange or not parts:
        raise ConfigError(
            f"{file} has {strange or 'no'} entry points of the toolkit: there are "
            f"{', '.join(_GROUP + kind for kind in KINDS)}"
        )
    source = Path(folder) / "src"
    sys.path.append(str(source if source.is_dir() else folder))
    return parts
