"""What the documents show: Python is type-checked, command lines are read by their own parsers."""

from __future__ import annotations

import argparse
import ast
import builtins
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mypy import api

from pytracking.cli.vos import COMMANDS as COMMANDS_OF_VOS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
_PROGRAMS = ("python", "torchrun", "vos")
_ASSIGNMENT = re.compile(r"\w+=\S*")
_CHECKS = ("--check-untyped-defs", "--ignore-missing-imports", "--follow-imports=silent")


def blocks(page: Path, *languages: str) -> list[str]:
    found = re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def as_module(texts: list[str]) -> str:
    """All blocks of a page; names that it leaves to the reader have any type."""
    text = "\n".join(texts)
    tree = ast.parse(text)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    free = {node.id for node in names} - bound - set(dir(builtins))
    declared = "".join(f"{name}: _Any\n" for name in sorted(free))
    lines = ["from __future__ import annotations", "from typing import Any as _Any", declared]
    return "\n".join([*lines, text.replace("from __future__ import annotations\n", "")])


def test_python_in_the_documents_type_checks(tmp_path, monkeypatch):
    files = []
    for page in PAGES:
        if texts := blocks(page, "python"):
            file = tmp_path / f"{page.stem.lower()}_page.py"
            file.write_text(as_module(texts))
            files.append(str(file))
    assert len(files) >= 6
    monkeypatch.setenv("MYPYPATH", str(ROOT))
    cache = f"--cache-dir={ROOT / '.mypy_cache' / 'documents'}"
    report, problems, code = api.run(["--config-file=", cache, *_CHECKS, *files])
    assert code == 0, report + problems


USER = """
from typing import assert_type

import numpy as np

from ltr.run_training import main as train
from pytracking import FrameInfo, FrameStepper, load_tracker, read_video, segment_video
from pytracking.evaluation import Tracker, create_tracker, get_dataset, trackerlist
from pytracking.run_tracker import main as run_tracker
from pytracking.tracker.base import OnlineTracker
from pytracking.tracker.whole_video import TextPrompt, WholeVideoTracker
from pytracking.tracker.interactive.base import InteractiveVOS


def work(mask: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> int:
    online = load_tracker("joint", "joint_ytvos")
    assert_type(online, OnlineTracker)
    assert_type(create_tracker("propose_reduce", "ytvis19_r50"), WholeVideoTracker)
    assert_type(load_tracker("interactive", "atnet"), InteractiveVOS)
    with read_video("dog.mp4") as video:
        for frame in segment_video(online, video, mask):
            print(frame.index, frame.output.boxes)
            FrameStepper(online).step(frame.image, FrameInfo((1,), mask))
    frames = [np.zeros((4, 4, 3), np.uint8)]
    print(load_tracker("referring", "referformer_r50").segment(frames, TextPrompt(("a dog",))))
    trackers: tuple[Tracker, ...] = trackerlist("joint", "joint_davis", range(3))
    print(trackers, [sequence.name for sequence in get_dataset("dv2017_val")])
    return run_tracker() + train(["joint", "joint_stage1"])
"""


def test_a_strict_project_can_use_the_public_calls(tmp_path, monkeypatch):
    (tmp_path / "user.py").write_text(USER)
    monkeypatch.setenv("MYPYPATH", str(ROOT))
    cache = f"--cache-dir={ROOT / '.mypy_cache' / 'user'}"
    flags = ("--config-file=", cache, "--strict", "--follow-imports=silent")
    report, problems, code = api.run([*flags, str(tmp_path / "user.py")])
    assert code == 0, report + problems


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Page, and the words of every command of this project."""
    for page in PAGES:
        for block in blocks(page, "bash", "sh", "console"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                while words and _ASSIGNMENT.fullmatch(words[0]):
                    words = words[1:]
                words = [word for word in words if not word.startswith("$")]  # the shell's own
                words = words[: words.index(">")] if ">" in words else words
                if words and (words[0] in _PROGRAMS or words[0].startswith("vos-")):
                    yield page.name, words


class _Parsed(Exception):
    """Ends a program as soon as its arguments are understood."""


def run_until_parsed(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if words[0] == "vos" and words[1:2] and not words[1].startswith("-"):
        words = ["python", "-m", COMMANDS_OF_VOS[words[1]].module, *words[2:]]
    elif words[0] == "vos":
        words = ["python", "-m", "pytracking.cli.vos", *words[1:]]
    if words[0].startswith("vos-"):
        entry = re.search(
            rf'^{words[0]} = "([\w.]+):main"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
        )
        assert entry, words[0]
        words = ["python", "-m", entry[1], *words[1:]]
    if words[0] == "torchrun":
        words = ["python", *words[next(i for i, w in enumerate(words) if w.endswith(".py")) :]]
    is_module = words[1] == "-m"
    target, rest = (words[2], words[3:]) if is_module else (words[1], words[2:])
    monkeypatch.setattr(sys, "argv", [target, *rest])
    monkeypatch.setattr(sys, "path", [*sys.path])
    if is_module:
        runpy.run_module(target, run_name="__main__")
        return
    folders = ("", "ltr", "pytracking", "benchmarks")
    found = [path for folder in folders if (path := ROOT / folder / target).exists()]
    assert found, target
    monkeypatch.setattr(sys, "path", [str(found[0].parent), *sys.path])
    runpy.run_path(str(found[0]), run_name="__main__")


COMMANDS = sorted({(page, shlex.join(words)) for page, words in command_lines()})


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_command_lines_are_understood(page, line, monkeypatch):
    parse = argparse.ArgumentParser.parse_known_args

    def parse_and_stop(parser, args=None, namespace=None):
        _, unknown = parse(parser, args, namespace)
        if unknown:
            raise AssertionError(f"{line}: unknown {unknown}")
        raise _Parsed

    words = shlex.split(line)
    if words[1:3] in (["-m", "pytest"], ["-m", "pip"]) or "..." in words or "-c" in words:
        pytest.skip("another program, or not the whole line")
    if words[1:] and words[1].endswith("training_curves.py"):
        pytest.skip("takes names of files only and reads them at once")
    monkeypatch.setattr(argparse.ArgumentParser, "parse_known_args", parse_and_stop)
    with pytest.raises(_Parsed):
        run_until_parsed(words, monkeypatch)
