"""Data sets by the name of ``--dataset-name``; ``records.py`` lists them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ltr.admin.environment import comments, with_origin
from ltr.admin.errors import DataError
from pytracking.evaluation.datasets.records import find_record, list_datasets
from pytracking.utils.environment import (
    EvaluationEnvironment,
    evaluation_environment,
    require,
)
from pytracking.utils.folder_names import folder_path, is_file_name, is_folder_name

if TYPE_CHECKING:
    from pytracking.evaluation.datasets.sequence import SequenceList

__all__ = ["get_dataset", "list_datasets"]


def get_dataset(name: str, environment: EvaluationEnvironment | None = None) -> SequenceList:
    """Find a data set.

    Args:
        name: One of ``list_datasets()``, upper or lower case, ``folder:PATH``,
            or ``videos:FILE.json`` (YouTube-VIS's form).
        environment: The paths; by default those of ``local.py``.

    Raises:
        ConfigError: An unknown name, or its path variable is not set or wrong.
        DataError: The folder does not have the data set's layout.
    """
    if is_folder_name(name):
        from pytracking.evaluation.datasets.folder import folder_sequences

        return folder_sequences(folder_path(name))
    if is_file_name(name):
        from pytracking.evaluation.datasets.instances import vis_file

        return vis_file(folder_path(name))
    key, record = name.lower(), find_record(name)
    if not record.variable:
        return replace(record.build(Path(), key), source=key, hint=record.hint)
    environment = environment or evaluation_environment()
    root = require(environment, record.variable)
    try:
        sequences = record.build(root, key)
    except DataError as error:
        origin = with_origin(environment, record.variable)
        layout = comments(type(environment))[record.variable]
        raise DataError(f"{origin} does not hold {key}: {error} (expected {layout})") from error
    return replace(sequences, source=key, hint=record.hint)
