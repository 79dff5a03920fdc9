"""Errors that a user can cause, each explained in one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ToolkitError(Exception):
    """Base of errors told in one sentence; a command prints it and exits with its code."""

    exit_code = 2


class ConfigError(ToolkitError):
    """A setting, parameter, path variable or command-line argument is wrong."""


class DataError(ToolkitError):
    """An image, mask, video or data set is missing, damaged or of the wrong form."""


class CheckpointError(ToolkitError):
    """A network file is missing, damaged, refused or belongs to another network."""


class WorkerError(ToolkitError):
    """A process that worked for this one died; nothing is wrong with the input."""

    exit_code = 1


class OutputError(ToolkitError):
    """Results cannot be written (no permission, no space)."""


class LockedError(ToolkitError):
    """Another process works in the same folder."""


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Name the nearest valid choices, for the end of an error sentence.

    Args:
        name: What the user typed.
        choices: Every valid name.

    Returns:
        ``" (did you mean 'a' or 'b'?)"``, or ``" (choose from a, b, ...)"`` when nothing is near.

    >>> did_you_mean("joint_davs", ["joint_davis", "atnet"])
    " (did you mean 'joint_davis'?)"
    """
    options = sorted(choices)
    spelled = {option.lower(): option for option in options}
    near = difflib.get_close_matches(name.lower(), spelled, n=2)
    if near:
        return f" (did you mean {' or '.join(repr(spelled[match]) for match in near)}?)"
    return f" (choose from {', '.join(options)})" if options else ""
