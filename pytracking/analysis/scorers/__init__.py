"""Evaluations by the name of the data set.

Every module of this package may offer a table ``EVALUATORS``: a new kind of data set is a new
module.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.admin.plugins import plugin_parts
from pytracking.analysis.reports.report import Report
from pytracking.analysis.scorers.folder import evaluate_folder, folder_path, folder_result_name
from pytracking.analysis.scorers.request import Evaluator, Request, SessionOptions

__all__ = [
    "FOLDER_PREFIX",
    "Request",
    "SessionOptions",
    "evaluate",
    "list_evaluators",
    "result_name",
]

FOLDER_PREFIX = "folder:"


def evaluate(request: Request) -> Report:
    """Score results on a data set.

    Raises:
        ConfigError: An unknown data set, a rule that it does not have, or no ground truth.
        DataError: Results or annotations are missing or damaged.
    """
    if not request.dataset or _is_folder(request.dataset):
        return evaluate_folder(request)
    name = result_name(request.dataset)
    return _table()[name](replace(request, dataset=name))


def result_name(dataset: str) -> str:
    """Name of a data set as part of the path of its results.

    Raises:
        ConfigError: An unknown data set.
    """
    if _is_folder(dataset):
        return folder_result_name(folder_path(dataset))
    name = dataset.lower()
    if name not in _table():
        raise ConfigError(
            f"there is no data set {dataset!r}{did_you_mean(name, list_evaluators())}"
        )
    return name


def list_evaluators() -> list[str]:
    """Names of all data sets, with the form of a folder's name."""
    return [*sorted(_table()), f"{FOLDER_PREFIX}PATH"]


def _is_folder(dataset: str) -> bool:
    return dataset.lower().startswith(FOLDER_PREFIX)


@cache
def _own_table() -> dict[str, Evaluator]:
    table: dict[str, Evaluator] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        table |= getattr(importlib.import_module(module.name), "EVALUATORS", {})
    return table


def _table() -> dict[str, Evaluator]:
    """The scorers of all data sets; a plug-in cannot replace one of ours."""
    added = (part.load().EVALUATORS for part in plugin_parts("scorers").values())
    return {name: scorer for table in (*added, _own_table()) for name, scorer in table.items()}
