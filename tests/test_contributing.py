"""The table of CONTRIBUTING that says where a feature starts."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FEATURES = (
    "score", "result format", "tracker", "data set", "command-line option", "backbone", "loss",
    "prompt kind", "export", "engine",
)  # fmt: skip


def rows() -> list[list[str]]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("## Where a feature starts\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| a")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_planned_feature_has_a_row():
    assert [re.sub("^an? ", "", row[0]) for row in rows()] == list(FEATURES)


def test_every_place_that_a_row_names_is_there():
    places = [
        place
        for row in rows()
        for place in re.findall(r"`((?:ltr|pytracking)/[^`]+)`", " ".join(row))
    ]
    assert len(places) > 20
    for place in places:
        known = place.replace("SYSTEM", "joint").replace("NAME", "joint_davis")
        assert (ROOT / known).exists(), place
