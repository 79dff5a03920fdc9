"""What all commands share: argument types, logging and the translation of errors to exit codes.

Exit codes: 0 success, 1 some part of the work failed, 2 wrong input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import functools
import logging
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

from ltr.admin.errors import ConfigError, ToolkitError, did_you_mean
from ltr.admin.streams import survive_closed_pipes


class Main(Protocol):
    """A command as a function: ``main()`` reads the command line, ``main(argv)`` these words."""

    def __call__(self, argv: Sequence[str] | None = None) -> int:
        """Run the command and return its exit code."""


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


class CommandParser(argparse.ArgumentParser):
    """Arguments of a command; a wrong one becomes a ``ConfigError`` of one sentence.

    Args:
        description: The docstring of the command's module, shown by ``--help`` as it is.
        prog: Name of the command where it is not that of the file.
    """

    def __init__(self, description: str | None, prog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse the words of the command line.

        Raises:
            ConfigError: A word is unknown (near ones are named), missing or wrong.
        """
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].partition("=")[0]
            hint = did_you_mean(word, self._option_string_actions) if word[0] == "-" else ""
            raise ConfigError(f"unknown argument {word!r}{hint}")
        return parsed

    def error(self, message: str) -> NoReturn:
        """Called by argparse with what is wrong."""
        raise ConfigError(f"{message} (see {self.prog} --help)")


def command(main: Callable[[Sequence[str] | None], int]) -> Main:
    """Decorate a ``main(argv)``: user errors become one sentence on stderr and exit code 2."""

    @functools.wraps(main)
    def guarded(argv: Sequence[str] | None = None) -> int:
        survive_closed_pipes()
        try:
            return main(argv)
        except ToolkitError as error:
            print(f"error: {error}", file=sys.stderr)
        except OSError as error:
            print(f"error: {describe_os_error(error)}", file=sys.stderr)
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
