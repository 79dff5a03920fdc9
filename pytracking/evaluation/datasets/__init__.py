"""Data sets by the name of ``--dataset-name``.

Every module of this package offers a table ``DATASETS`` of names; a new kind of data set is a new
module.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache
from pathlib import Path

from ltr.admin.environment import comments, with_origin
from ltr.admin.errors import ConfigError, DataError, did_you_mean
from ltr.admin.plugins import plugin_parts
from pytracking.evaluation.datasets.entry import DatasetEntry
from pytracking.evaluation.datasets.folder import FOLDER_PREFIX, folder_sequences
from pytracking.evaluation.datasets.sequence import SequenceList
from pytracking.utils.environment import (
    EvaluationEnvironment,
    evaluation_environment,
    require,
)

__all__ = ["get_dataset", "list_datasets"]


def get_dataset(name: str, environment: EvaluationEnvironment | None = None) -> SequenceList:
    """Find a data set.

    Args:
        name: One of ``list_datasets()``, upper or lower case, or ``folder:PATH``.
        environment: The paths; by default those of ``local.py``.

    Raises:
        ConfigError: An unknown name, or its path variable is not set or wrong.
        DataError: The folder does not have the data set's layout.
    """
    if name.lower().startswith(FOLDER_PREFIX):
        return folder_sequences(name[len(FOLDER_PREFIX) :])
    key, table = name.lower(), _table()
    if key not in table:
        hint = did_you_mean(key, list_datasets())
        raise ConfigError(f"there is no data set {name!r}{hint}")
    entry = table[key]
    if not entry.variable:
        return replace(entry.build(Path(), key), source=key, hint=entry.hint)
    environment = environment or evaluation_environment()
    root = require(environment, entry.variable)
    try:
        sequences = entry.build(root, key)
    except DataError as error:
        origin = with_origin(environment, entry.variable)
        layout = comments(type(environment))[entry.variable]
        raise DataError(f"{origin} does not hold {key}: {error} (expected {layout})") from error
    return replace(sequences, source=key, hint=entry.hint)


def list_datasets() -> list[str]:
    """All names, with the form of a folder's name."""
    return [*sorted(_table()), f"{FOLDER_PREFIX}PATH"]


@cache
def _own_table() -> dict[str, DatasetEntry]:
    table: dict[str, DatasetEntry] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        table |= getattr(importlib.import_module(module.name), "DATASETS", {})
    return table


def _table() -> dict[str, DatasetEntry]:
    """All data sets; a plug-in cannot replace one of ours."""
    added = (part.load().DATASETS for part in plugin_parts("datasets").values())
    return {name: entry for table in (*added, _own_table()) for name, entry in table.items()}
