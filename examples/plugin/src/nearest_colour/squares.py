"""A data set and its scorer: the folder that the variable ``SQUARES_DIR`` names."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ltr.admin.errors import ConfigError
from ltr.dataset.folder import FolderVideos
from pytracking.analysis.reports.report import Report
from pytracking.analysis.scorers.folder import score_folder
from pytracking.analysis.scorers.request import Request
from pytracking.evaluation.datasets.records import DatasetRecord
from pytracking.evaluation.datasets.sequence import SequenceList, sequence_builders


def _sequences(root: Path, name: str) -> SequenceList:
    return SequenceList(name, sequence_builders(FolderVideos(_root())))


def _evaluate(request: Request) -> Report:
    return score_folder(replace(request, dataset=f"folder:{_root()}"))


def _root() -> str:
    if "SQUARES_DIR" not in os.environ:
        raise ConfigError("SQUARES_DIR is not set: it names the folder of the squares")
    return os.environ["SQUARES_DIR"]


DATASETS = {"squares": DatasetRecord("", _sequences)}
EVALUATORS = {"squares": _evaluate}
