from __future__ import annotations

import errno
import logging
import os

import pytest

from ltr.admin.cli import CommandParser, boolean, command, set_up_logging
from ltr.admin.errors import ConfigError


def parser() -> CommandParser:
    result = CommandParser("Describes\n    itself.", prog="vos-test")
    result.add_argument("video")
    result.add_argument("--visdom_port", type=int)
    result.add_argument("--use_visdom", type=boolean)
    return result


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a", "--visdom_prt", "1"], "unknown argument '--visdom_prt' (did you mean '--visdom_"),
        (["a", "--visdomport=1"], "unknown argument '--visdomport' (did you mean '--visdom_port'"),
        (["a", "b"], "unknown argument 'b'"),
        ([], "the following arguments are required: video (see vos-test --help)"),
        (["a", "--visdom_port", "x"], "argument --visdom_port: invalid int value: 'x'"),
        (["a", "--use_visdom", "x"], "argument --use_visdom: expected true or false, got 'x'"),
    ],
)
def test_wrong_words_are_one_sentence(words, sentence):
    with pytest.raises(ConfigError) as caught:
        parser().parse_args(words)
    assert str(caught.value).startswith(sentence)


def test_help_keeps_the_lines_of_the_docstring(capsys):
    with pytest.raises(SystemExit) as stop:
        parser().parse_args(["--help"])
    assert stop.value.code == 0
    assert "Describes\n    itself." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (ConfigError("no such tracker"), 2, "error: no such tracker\n"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), 2, "error: No space left on device\n"),
        (PermissionError(13, "Permission denied", "/x"), 2, "error: Permission denied: /x\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_errors_become_one_line_and_an_exit_code(capsys, error, code, sentence):
    @command
    def main(argv=None):
        raise error

    assert main([]) == code
    assert capsys.readouterr().err == sentence


def test_mistakes_of_the_program_keep_their_traceback():
    @command
    def main(argv=None):
        raise KeyError("a mistake")

    with pytest.raises(KeyError):
        main([])


@pytest.mark.parametrize(("quiet", "said"), [(True, "warned\n"), (False, "told\nwarned\n")])
def test_quiet_keeps_warnings(capsys, quiet, said):
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        set_up_logging(quiet)
        logging.getLogger("test").info("told")
        logging.getLogger("test").warning("warned")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert capsys.readouterr().err == said
