from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from ltr.admin.config import describe, override, to_plain
from ltr.admin.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    epochs: int = 3
    rate: float = 0.1
    size: tuple[int, int] = (480, 832)
    names: tuple[str, ...] = ("a",)
    limit: float | None = None
    mode: Literal["fast", "exact"] = "exact"
    is_on: bool = True
    rates: Mapping[str, float] = field(default_factory=dict)
    folder: Path = Path("out")


@pytest.mark.parametrize(
    ("assignment", "name", "value"),
    [
        ("epochs=7", "epochs", 7),
        ("rate=1e-4", "rate", 1e-4),
        ("size=96,160", "size", (96, 160)),
        ("size=(96, 160)", "size", (96, 160)),
        ("names=x,y,z", "names", ("x", "y", "z")),
        ("names=", "names", ()),
        ("limit=none", "limit", None),
        ("limit=2", "limit", 2.0),
        ("mode=fast", "mode", "fast"),
        ("is_on=no", "is_on", False),
        ("rates=decoder=1e-4,head=2", "rates", {"decoder": 1e-4, "head": 2.0}),
        ("folder=/a=b", "folder", Path("/a=b")),
    ],
)
def test_assignments_are_parsed_by_the_declared_type(assignment, name, value):
    changed = override(Settings(), [assignment])
    assert getattr(changed, name) == value
    assert type(getattr(changed, name)) is type(value)
    assert override(changed, []) == changed


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("epoch=7", "Settings has no setting 'epoch' (did you mean 'epochs'?)"),
        ("epochs", "expected key=value, got 'epochs'"),
        ("epochs=many", "epochs: expected int, got 'many'"),
        ("epochs=", "epochs: expected int, got ''"),
        ("size=96", "size: expected 2 values, got 1 in '96'"),
        ("size=96,x", "size: expected int, got 'x'"),
        ("mode=fst", "mode: unknown value 'fst' (did you mean 'fast'?)"),
        ("is_on=maybe", "is_on: expected bool, got 'maybe'"),
        ("limit=x", "limit: expected float, got 'x'"),
        ("rates=1e-4", "rates: expected key=value,key=value, got '1e-4'"),
    ],
)
def test_wrong_assignments_are_one_sentence(assignment, sentence):
    with pytest.raises(ConfigError) as caught:
        override(Settings(), [assignment])
    assert str(caught.value) == sentence


def test_the_original_is_unchanged_and_later_assignments_win():
    before = Settings()
    assert override(before, ["epochs=5", "epochs=6"]).epochs == 6
    assert before == Settings()
    with pytest.raises(FrozenInstanceError):
        before.epochs = 4


def test_a_configuration_can_be_stored_and_printed():
    plain = to_plain(Settings(rates={"decoder": 0.1}))
    assert plain["folder"] == "out"
    assert plain["size"] == [480, 832]
    assert plain["rates"] == {"decoder": 0.1}
    assert "epochs = 3\nrate = 0.1\nsize = [480, 832]" in describe(Settings())
