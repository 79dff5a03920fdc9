import importlib

import pytest

from ltr.admin.cli import CommandParser
from ltr.admin.errors import ConfigError

COMMANDS = (
    "ltr.run_training",
    "ltr.admin.average",
    "ltr.admin.convert",
    "ltr.dataset.convert.__main__",
    "ltr.dataset.scribble_youtubevos",
    "pytracking.demo",
    "pytracking.run_evaluation",
    "pytracking.run_experiment",
    "pytracking.run_interactive",
    "pytracking.run_tracker",
    "pytracking.run_video",
    "pytracking.run_webcam",
    "pytracking.utils.doctor",
    "pytracking.utils.download",
    "pytracking.utils.extract_frames",
)


@pytest.mark.parametrize("module", COMMANDS)
def test_every_command_tells_its_version(module, capsys):
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(module).main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("vos-toolkit ")


@pytest.mark.parametrize("module", COMMANDS)
def test_options_are_shown_with_hyphens(module, capsys):
    with pytest.raises(SystemExit):
        importlib.import_module(module).main(["--help"])
    shown = [word.strip("[],") for word in capsys.readouterr().out.split()]
    options = {word.partition("=")[0] for word in shown if word.startswith("--")}
    assert "--version" in options
    assert not [option for option in options if "_" in option]


@pytest.mark.parametrize(
    "words", [["--data-set", "a_b"], ["--data_set", "a_b"], ["--data_set=a_b"]]
)
def test_underscores_are_understood_and_values_kept(words):
    parser = CommandParser("x")
    parser.add_argument("--data-set")
    assert parser.parse_args(words).data_set == "a_b"


def test_an_unknown_option_is_named_as_it_was_typed():
    parser = CommandParser("x")
    parser.add_argument("--data-set")
    with pytest.raises(ConfigError, match="unknown argument '--no_such'"):
        parser.parse_args(["--no_such"])
