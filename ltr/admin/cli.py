"""What all commands share: argument types, logging and the translation of errors to exit codes.

Exit codes: 0 success, 1 some part of the work failed, 2 wrong input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import functools
import logging
import sys
from collections.abc import Callable, Sequence

from ltr.admin.errors import OutputError, ToolkitError

Main = Callable[[Sequence[str] | None], int]

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def boolean(text: str) -> bool:
    """Parse a boolean argument.

    >>> boolean("False"), boolean("1")
    (False, True)
    """
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")


def command(main: Main) -> Main:
    """Decorate a ``main(argv)``: user errors become one sentence on stderr and exit code 2."""

    @functools.wraps(main)
    def guarded(argv: Sequence[str] | None = None) -> int:
        try:
            return main(argv)
        except ToolkitError as error:
            print(f"error: {error}", file=sys.stderr)
        except OSError as error:
            print(f"error: {OutputError(describe_os_error(error))}", file=sys.stderr)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        return 2

    return guarded


def describe_os_error(error: OSError) -> str:
    """One sentence for a failed file operation, with the file and the system's reason.

    >>> describe_os_error(PermissionError(13, "Permission denied", "/out/a.png"))
    'Permission denied: /out/a.png'
    """
    reason = error.strerror or str(error)
    return f"{reason}: {error.filename}" if error.filename else reason


def set_up_logging(quiet: bool = False) -> None:
    """Send log messages to stderr: everything from INFO on, or only warnings when quiet."""
    logging.basicConfig(
        level=logging.WARNING if quiet else logging.INFO,
        format="%(message)s",
        stream=sys.stderr,
        force=True,
    )
