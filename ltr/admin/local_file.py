"""The user's ``local.py``: written once with comments, then only read."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ltr.admin.errors import ConfigError
from ltr.admin.files import atomic_write

_LOG = logging.getLogger(__name__)


def create_local_file(file: Path, comments: Mapping[str, str], template: str, line: str) -> None:
    """Write a commented ``local.py`` when there is none; without permission only say so.

    Args:
        file: The ``local.py``; an existing one is left as it is.
        comments: One comment a variable, by name.
        template: The text of the file, with ``{variables}`` where the assignments stand.
        line: One assignment, with ``{name}``.
    """
    if file.exists():
        return
    rows = [f"{line.format(name=name)}  # {comment}" for name, comment in comments.items()]
    try:
        with atomic_write(file, "w") as stream:
            stream.write(template.format(variables="\n".join(rows)))
    except OSError as error:
        _LOG.info("%s cannot be written (%s): using the defaults", file, error.strerror)
    else:
        _LOG.info("wrote %s: enter your paths there", file)


def read_local_file(file: Path, name: str) -> dict[str, Any]:
    """Execute a user's ``local.py`` and call its function or class ``name``.

    Args:
        file: The file; none is the same as an empty one.
        name: What returns an object whose attributes are the variables.

    Returns:
        The attributes by name.

    Raises:
        ConfigError: The file is broken; the sentence carries the real reason and the line.
    """
    if not file.is_file():
        return {}
    namespace: dict[str, Any] = {"__name__": f"{file.parent.name}.local", "__file__": str(file)}
    try:
        exec(compile(file.read_bytes(), str(file), "exec"), namespace)
        if callable(namespace.get(name)):
            return dict(vars(namespace[name]()))
    except Exception as error:
        raise ConfigError(f"{file} is broken: {_reason(error, file)}") from error
    raise ConfigError(f"{file} is broken: it does not define {name}")


def _reason(error: Exception, file: Path) -> str:
    """What failed, and in which line of the user's file."""
    line = getattr(error, "lineno", None)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f" in line {line}" if line else ""
    return f"{type(error).__name__}{where}: {getattr(error, 'msg', error)}"


def as_path_text(name: str, value: Any, file: Path) -> str:
    """A path of ``local.py`` as text, ``~`` expanded; None is the same as empty.

    Raises:
        ConfigError: It is neither a text nor a path.
    """
    if value is None:
        return ""
    if not isinstance(value, str | os.PathLike):
        raise ConfigError(f"{file}: {name} must be a text, got {value!r}")
    return os.path.expanduser(os.fspath(value))
