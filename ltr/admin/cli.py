"""What all commands share: argument types, logging and the translation of errors to exit codes.

Exit codes: 0 success, 1 some part of the work failed, 2 wrong input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NoReturn, Protocol

from ltr.admin.collection import end_without_collection
from ltr.admin.errors import CheckpointError, ConfigError, ToolkitError, did_you_mean
from ltr.admin.files import open_regular
from ltr.admin.opencv import describe_failure
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


class _UsePlugin(argparse.Action):
    """Makes the parts of a plug-in known."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        from ltr.admin.plugins import use_plugin_folder

        use_plugin_folder(str(values))


@contextmanager
def json_results(is_wanted: bool) -> Iterator[dict[str, Any]]:
    """Collect a command's results; ``--json`` prints them alone, everything else goes to stderr.

    Args:
        is_wanted: Whether ``--json`` was given; else nothing changes.

    Yields:
        What the command fills with numbers (NaN becomes null), texts and paths.
    """
    results: dict[str, Any] = {}
    if not is_wanted:
        yield results
        return
    with redirect_stdout(sys.stderr):
        yield results
    print(json.dumps(_plain(results), indent=1, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


class CommandParser(argparse.ArgumentParser):
    """Arguments of a command; a wrong one becomes a ``ConfigError`` of one sentence.

    Options are declared with hyphens. Upstream's underscores are understood in all of them:
    ``--dataset_name`` means ``--dataset-name``. Every command has ``--version``.

    Args:
        description: The docstring of the command's module, shown by ``--help`` as it is.
        prog: Name of the command where it is not that of the file.
    """

    def __init__(self, description: str | None, prog: str | None = None) -> None:
        super().__init__(
            prog=_called_as() or prog,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument(
            "--version", action=_ShowVersion, nargs=0, help="print the toolkit's version and stop"
        )

    def add_device(self) -> None:
        """Add ``--device``, for ``ltr.admin.devices.resolve_device``."""
        self.add_argument(
            "--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (auto: a GPU if any)"
        )

    def add_set(self, what: str) -> None:
        """Add ``--set``, for ``ltr.admin.config.override``; ``what`` names what it changes."""
        self.add_list("--set", "overrides", "KEY=VALUE", f"change {what}")

    def add_list(
        self,
        flag: str,
        name: str,
        metavar: str,
        text: str,
        parse: Callable[[str], object] = str,
    ) -> None:
        """Add an option that may be given several times.

        Args:
            flag: The option.
            name: Attribute of the list, empty where the option is not given.
            metavar: Form of one value.
            text: The help.
            parse: Makes a value of a word.
        """
        self.add_argument(
            flag,
            dest=name,
            type=parse,
            action="append",
            default=[],
            metavar=metavar,
            help=f"{text} (repeatable)",
        )

    def add_plugin(self) -> None:
        """Add ``--plugin``, which is obeyed at once, before other words are looked up."""
        self.add_argument(
            "--plugin",
            action=_UsePlugin,
            metavar="PATH",
            help="load the plug-in in this folder without installing it (repeatable)",
        )

    def add_json(self) -> None:
        """Add ``--json``, for ``json_results``."""
        self.add_switch("--json", "print the results as JSON, everything else to stderr")

    def add_wait(self) -> None:
        """Add what a second start does in a folder in which another process works."""
        self.add_switch(
            "--wait", "wait until no other process works in the folder, instead of giving up"
        )

    def add_quiet(self) -> None:
        """Add ``--quiet``, for ``set_up_logging`` and progress bars."""
        self.add_switch("--quiet", "hide progress, show only warnings and errors")

    def add_switch(self, flag: str, text: str, default: bool = False) -> None:
        """Add a boolean; one that is on by default takes ``true`` or ``false``."""
        if default:
            self.add_argument(
                flag, type=boolean, default=True, metavar="BOOL", help=f"{text} (true)"
            )
        else:
            self.add_argument(flag, action="store_true", help=text)

    def parse_args(  # type: ignore[override]  # the overloads differ in the namespace only
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse the words of the command line, with either spelling of an option.

        Raises:
            ConfigError: A word is unknown (near ones are named), missing or wrong.
        """
        if _only_parser.get():
            raise _ParserFound(self)
        options = self._option_string_actions
        words = list(sys.argv[1:] if args is None else args)
        for place, word in enumerate(words):
            name, sign, value = word.partition("=")
            spelled = name.replace("_", "-")
            is_option = name.startswith("--") and name not in options
            if is_option and any(option.startswith(spelled) for option in options):
                words[place] = f"{spelled}{sign}{value}"
        parsed, unknown = self.parse_known_args(words, namespace)
        if unknown:
            word = unknown[0].partition("=")[0]
            hint = did_you_mean(word, options) if word[0] == "-" else ""
            raise ConfigError(f"unknown argument {word!r}{hint}")
        return parsed

    def error(self, message: str) -> NoReturn:
        """Called by argparse with what is wrong."""
        raise ConfigError(f"{message} (see {self.prog} --help)")


class _ParserFound(Exception):
    """Carries the parser of a command out of it."""


_only_parser: ContextVar[bool] = ContextVar("_only_parser", default=False)


def parser_of(main: Main) -> CommandParser:
    """The parser of a command, without running it."""
    token = _only_parser.set(True)
    try:
        main([])
    except _ParserFound as found:
        parser: CommandParser = found.args[0]
        return parser
    finally:
        _only_parser.reset(token)
    raise TypeError(f"{main} parses no arguments")


def _called_as() -> str | None:
    """The installed program by which the user called, ``vos-track`` or ``vos track``."""
    name = Path(sys.argv[0]).stem
    if name == "vos":
        return f"vos {sys.argv[1]}" if len(sys.argv) > 1 else name
    return name if name.startswith("vos-") else None


class _ShowVersion(argparse.Action):
    """Prints the version of the installed toolkit and ends the program."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        print(f"vos-toolkit {_installed_version()}")
        parser.exit()


def _installed_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("vos-toolkit")
    except PackageNotFoundError:
        return "(not installed)"


def command(main: Callable[[Sequence[str] | None], int]) -> Main:
    """Decorate a ``main(argv)``: user errors become one sentence on stderr and their exit code."""

    @functools.wraps(main)
    def guarded(argv: Sequence[str] | None = None) -> int:
        survive_closed_pipes()
        end_without_collection()
        try:
            return main(argv)
        except ToolkitError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.exit_code
        except OSError as error:
            print(f"error: {describe_os_error(error)}", file=sys.stderr)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        except (ImportError, AttributeError) as error:
            if not (sentence := describe_failure(error)):
                raise
            print(f"error: {sentence}", file=sys.stderr)
        return 2

    return guarded


def describe_os_error(error: OSError) -> str:
    """One sentence for a failed file operation, with the file and the system's reason.

    >>> describe_os_error(PermissionError(13, "Permission denied", "/out/a.png"))
    'Permission denied: /out/a.png'
    """
    reason = error.strerror or str(error)
    return f"{reason}: {error.filename}" if error.filename else reason


def check_network_file(path: Path) -> None:
    """Refuse a network file that cannot be opened, before PyTorch is loaded to read it.

    Raises:
        CheckpointError: It is missing, or no regular file, or its permissions forbid reading.
    """
    try:
        open_regular(path).close()
    except OSError as error:
        raise CheckpointError(f"cannot read network file: {describe_os_error(error)}") from error


def set_up_logging(quiet: bool = False) -> None:
    """Send log messages to stderr: everything from INFO on, or only warnings when quiet."""
    logging.basicConfig(
        level=logging.WARNING if quiet else logging.INFO,
        format="%(message)s",
        stream=sys.stderr,
        force=True,
    )
