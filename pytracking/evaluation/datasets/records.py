"""All data sets, one record each: where it lies, its sequences, its scorer, what its server takes.

What a record needs is imported when it is used, so that a command that only scores does not load
what runs trackers.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.admin.plugins import plugin_parts
from pytracking.utils.folder_names import FOLDER_PREFIX

if TYPE_CHECKING:
    from pytracking.analysis.reports.report import Report
    from pytracking.analysis.scorers.request import Request
    from pytracking.analysis.scorers.submissions import FindRoot, Submission
    from pytracking.evaluation.datasets.sequence import SequenceList


@dataclass(frozen=True)
class DatasetRecord:
    """What is known of a data set.

    Args:
        variable: The path variable of its root, for instance ``davis_dir``; empty where there is
            none.
        build: Makes its sequences from root and name.
        score: Scores results on it; None where a plug-in has a scorer of its own for it.
        submission: What an archive for its official server must hold, from what gives the folder
            of a path variable; None where no server takes results.
        hint: A warning for whoever runs a tracker on it.
    """

    variable: str
    build: Callable[[Path, str], SequenceList]
    score: Callable[[Request], Report] | None = None
    submission: Callable[[FindRoot], Submission] | None = None
    hint: str = ""


def find_record(name: str) -> DatasetRecord:
    """The record of a data set.

    Args:
        name: In upper or lower case; no ``folder:PATH``.

    Raises:
        ConfigError: There is no such data set.
    """
    table = all_records()
    if name.lower() not in table:
        raise ConfigError(
            f"there is no data set {name!r}{did_you_mean(name.lower(), list_datasets())}"
        )
    return table[name.lower()]


def list_datasets() -> list[str]:
    """All names, with the form of a folder's name."""
    return [*sorted(all_records()), f"{FOLDER_PREFIX}PATH"]


def all_records() -> dict[str, DatasetRecord]:
    """All records by name; a plug-in cannot replace one of ours."""
    added = (part.load().DATASETS for part in plugin_parts("datasets").values())
    return {name: record for table in (*added, RECORDS) for name, record in table.items()}


@dataclass(frozen=True)
class _Imported:
    """A function that is imported when it is called.

    Args:
        name: ``"module:function"`` below this package or ``pytracking.analysis.scorers``.
        arguments: Keyword arguments added to each call.
    """

    name: str
    arguments: tuple[tuple[str, Any], ...] = ()

    def __call__(self, *inputs: Any) -> Any:
        module, function = self.name.split(":")
        return getattr(importlib.import_module(module), function)(*inputs, **dict(self.arguments))


def _sequences(name: str, **arguments: Any) -> Callable[[Path, str], SequenceList]:
    return _Imported(f"pytracking.evaluation.datasets.{name}", tuple(arguments.items()))


def _scorer(name: str, **arguments: Any) -> Callable[[Request], Report]:
    return _Imported(f"pytracking.analysis.scorers.{name}", tuple(arguments.items()))


def _submission(name: str, **arguments: Any) -> Callable[[FindRoot], Submission]:
    return _Imported(f"pytracking.analysis.scorers.submissions:{name}", tuple(arguments.items()))


def _davis(
    split: str,
    variable: str = "davis_dir",
    year: str = "2017",
    annotations: str = "Annotations",
    rule: str = "davis",
    has_truth: bool = True,
    has_server: bool = False,
    result_format: str = "",
) -> DatasetRecord:
    return DatasetRecord(
        variable,
        _sequences(
            "vos:davis",
            version=year,
            split=split,
            annotations=annotations,
            result_format=result_format,
        ),
        _scorer(
            "davis:score_davis",
            set_name=split,
            variable=variable,
            year=year,
            official=rule,
            annotations=annotations,
            has_truth=has_truth,
        ),
        _submission("davis", variable=variable, split=split) if has_server else None,
    )


def _youtubevos(
    year: str,
    split: str,
    all_frames: bool = False,
    cleanup: tuple[str, ...] = (),
    has_server: bool = False,
    hint: str = "",
) -> DatasetRecord:
    part = {"split": split, "all_frames": all_frames, "cleanup": cleanup}
    return DatasetRecord(
        "youtubevos_dir",
        _sequences("vos:youtubevos", version=year, **part),
        _scorer("youtubevos:score_youtubevos", year=year, has_truth=not has_server, **part),
        _submission("youtubevos", year=year, split=split) if has_server else None,
        hint,
    )


def _sparse(name: str) -> str:
    return (
        f"{name} shows the tracker only every fifth frame, which costs about 4 points: the "
        f"published numbers are those of {name}_all"
    )


def _youtubevis(year: str, split: str) -> DatasetRecord:
    return DatasetRecord(
        f"ytvis{year}_dir",
        _sequences("instances:youtubevis", split=split),
        _scorer("youtubevis:score_youtubevis", year=year, split=split),
        _submission("youtubevis", year=year) if split == "valid" else None,
    )


def _refytvos(split: str) -> DatasetRecord:
    return DatasetRecord(
        "refytvos_dir",
        _sequences("referring:refytvos", split=split),
        _scorer("referring:score_refytvos", split=split),
        _submission("refytvos", split=split),
    )


def _sentences(variable: str, sequences: str, truth: str) -> DatasetRecord:
    return DatasetRecord(
        variable,
        _sequences(f"referring:{sequences}"),
        _scorer("referring:score_sentences", variable=variable, file=truth),
    )


def _refcoco(family: str, split: str) -> DatasetRecord:
    return DatasetRecord(
        "coco_dir",
        _sequences("referring:refcoco", family=family, split=split),
        _scorer(
            "referring:score_pictures",
            variable="coco_dir",
            file=f"{family}/instances_{family}_{split}.json",
        ),
    )


_STARTS = ("starts",)
_REFCOCO_SPLITS = {
    "refcoco": ("val", "testA", "testB"),
    "refcoco+": ("val", "testA", "testB"),
    "refcocog": ("val", "test"),
}

RECORDS: dict[str, DatasetRecord] = {
    "dv2016_val": _davis("val", "davis16_dir", "2016"),
    "dv2017_train": _davis("train"),
    "dv2017_val": _davis("val", has_server=True),
    "dv2017_test_dev": _davis("test-dev", "davis_testdev_dir", has_truth=False, has_server=True),
    "dv2017_unsup_val": _davis(
        "val",
        annotations="Annotations_unsupervised",
        rule="unsupervised",
        result_format="pytracking.evaluation.outputs.formats:LABEL_MAPS",
    ),
    "yt2018_valid": _youtubevos("2018", "valid", has_server=True, hint=_sparse("yt2018_valid")),
    "yt2018_valid_all": _youtubevos("2018", "valid", all_frames=True, has_server=True),
    "yt2018_jjval": _youtubevos("2018", "jjvalid"),
    "yt2019_train": _youtubevos("2019", "train"),
    "yt2019_valid": _youtubevos("2019", "valid", has_server=True, hint=_sparse("yt2019_valid")),
    "yt2019_valid_all": _youtubevos("2019", "valid", all_frames=True, has_server=True),
    "yt2019_test": _youtubevos("2019", "test", has_server=True),
    "yt2019_jjval": _youtubevos("2019", "jjvalid", cleanup=_STARTS),
    "yt2019_jjval_all": _youtubevos("2019", "jjvalid", all_frames=True, cleanup=_STARTS),
    "ytvis2019_train": _youtubevis("2019", "train"),
    "ytvis2019_valid": _youtubevis("2019", "valid"),
    "ytvis2021_train": _youtubevis("2021", "train"),
    "ytvis2021_valid": _youtubevis("2021", "valid"),
    "refytvos_valid": _refytvos("valid"),
    "refytvos_test": _refytvos("test"),
    "refdavis_val": DatasetRecord(
        "refdavis_dir", _sequences("referring:refdavis"), _scorer("referring:score_refdavis")
    ),
    "a2d_test": _sentences("a2d_dir", "a2d", "a2d_sentences_test_annotations_in_coco_format.json"),
    "jhmdb": _sentences("jhmdb_dir", "jhmdb", "jhmdb_sentences_gt_annotations_in_coco_format.json"),
    **{
        f"{family}_{split.lower()}": _refcoco(family, split)
        for family, splits in _REFCOCO_SPLITS.items()
        for split in splits
    },
    "scribble_ytvos": DatasetRecord(
        "scribble_ytvos_dir",
        _sequences("interactive:scribble_youtubevos"),
        _scorer("davis:score_davis", set_name="val", variable="scribble_ytvos_dir"),
    ),
}
