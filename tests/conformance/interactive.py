"""Reference cases of interactive segmentation; every sub-folder is a group of cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ltr.admin.errors import ToolkitError
from tests.conformance import (
    interactive_assess,
    interactive_atnet,
    interactive_ipn,
    interactive_manet,
    interactive_protocol,
    interactive_recommend,
)
from tests.conformance.report import Report

_GROUPS = {
    "agent": (
        interactive_recommend.run_values,
        interactive_protocol.run_exploration,
        interactive_protocol.run_update,
    ),
    "assess": (interactive_assess.run,),
    "atnet": (interactive_atnet.run,),
    "ipn": (interactive_ipn.run,),
    "manet": (interactive_manet.run,),
    "recommend": (interactive_recommend.run_recommend,),
    "reward": (interactive_protocol.run_reward,),
    "robot": (interactive_protocol.run_robot,),
    "summary": (interactive_protocol.run_summary,),
}


def run(folder: Path, report: Report) -> None:
    """Run every group of a folder."""
    for path in sorted(folder.iterdir()):
        if path.name == "README.md":
            continue
        if path.name not in _GROUPS or not path.is_dir():
            report.fail(path.name, "neither a group of cases nor a known file")
            continue
        for run_group in _GROUPS[path.name]:
            _run_group(run_group, path, report)


def _run_group(run_group: Callable[[Path, Report], None], path: Path, report: Report) -> None:
    try:
        run_group(path, report)
    except (ToolkitError, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        report.fail(path.name, f"{type(error).__name__}: {error}")
