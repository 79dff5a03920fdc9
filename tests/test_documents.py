"""What the documents name exists: files, modules, commands."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("pytracking/**/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_commands_lead_somewhere(document):
    text = document.read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (document.parent / target).exists(), target
    for module in re.findall(r"python -m ([\w.]+)", text):
        assert importlib.util.find_spec(module), module
    for script in re.findall(r"python (run_\w+\.py)", text):
        assert [*ROOT.glob(f"*/{script}")], script


def test_the_console_commands_name_functions():
    text = (ROOT / "pyproject.toml").read_text()
    entries = re.findall(r'^vos-[\w-]+ = "([\w.]+):(\w+)"$', text, re.MULTILINE)
    assert len(entries) == len(re.findall(r"^vos-", text, re.MULTILINE)) > 0
    for module, function in entries:
        assert callable(getattr(importlib.import_module(module), function)), module
