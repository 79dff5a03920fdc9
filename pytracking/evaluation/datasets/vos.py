"""DAVIS and YouTube-VOS, whose objects are given by masks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ltr.dataset.davis import Davis
from ltr.dataset.youtubevos import YouTubeVOS
from pytracking.evaluation.datasets.entry import DatasetEntry
from pytracking.evaluation.datasets.sequence import SequenceList, sequence_builders


def _davis(root: Path, name: str, result_format: str = "", **options: Any) -> SequenceList:
    builders = sequence_builders(Davis(root, **options))
    is_binary = options.get("version") == "2016"
    return SequenceList(
        name, builders, archive_folder="", result_format=result_format, is_binary=is_binary
    )


def _youtubevos(root: Path, name: str, **options: Any) -> SequenceList:
    return SequenceList(name, sequence_builders(YouTubeVOS(root, **options)))


def _davis_entry(variable: str, **options: Any) -> DatasetEntry:
    return DatasetEntry(variable, partial(_davis, **options))


def _youtubevos_entry(hint: str = "", **options: Any) -> DatasetEntry:
    return DatasetEntry("youtubevos_dir", partial(_youtubevos, **options), hint)


def _sparse(name: str) -> str:
    return (
        f"{name} shows the tracker only every fifth frame, which costs about 4 points: the "
        f"published numbers are those of {name}_all"
    )


_STARTS = ("starts",)
_LABEL_MAPS = "pytracking.evaluation.outputs.formats:LABEL_MAPS"

DATASETS = {
    "dv2016_val": _davis_entry("davis16_dir", version="2016", split="val"),
    "dv2017_train": _davis_entry("davis_dir", split="train"),
    "dv2017_val": _davis_entry("davis_dir", split="val"),
    "dv2017_test_dev": _davis_entry("davis_testdev_dir", split="test-dev"),
    "dv2017_unsup_val": _davis_entry(
        "davis_dir", split="val", annotations="Annotations_unsupervised", result_format=_LABEL_MAPS
    ),
    "yt2018_valid": _youtubevos_entry(_sparse("yt2018_valid"), version="2018", split="valid"),
    "yt2018_valid_all": _youtubevos_entry(version="2018", split="valid", all_frames=True),
    "yt2018_jjval": _youtubevos_entry(version="2018", split="jjvalid"),
    "yt2019_train": _youtubevos_entry(version="2019", split="train"),
    "yt2019_valid": _youtubevos_entry(_sparse("yt2019_valid"), version="2019", split="valid"),
    "yt2019_valid_all": _youtubevos_entry(version="2019", split="valid", all_frames=True),
    "yt2019_test": _youtubevos_entry(version="2019", split="test"),
    "yt2019_jjval": _youtubevos_entry(version="2019", split="jjvalid", cleanup=_STARTS),
    "yt2019_jjval_all": _youtubevos_entry(
        version="2019", split="jjvalid", cleanup=_STARTS, all_frames=True
    ),
}
