from __future__ import annotations

import math

import pytest

from ltr.admin.stats import Meters


def test_means_are_weighted_and_go_into_the_history() -> None:
    meters = Meters()
    meters.update({"b": 1.0, "a": 10.0}, 20)
    meters.update({"b": 4.0, "a": 40.0}, 10)
    assert meters.means() == pytest.approx({"b": 2.0, "a": 20.0})
    assert list(meters.means()) == ["b", "a"], "the actor's order"
    meters.finish_epoch()
    assert meters.means() == {}
    meters.finish_epoch()
    assert meters.by_name["a"].history == [20.0], "an epoch without values leaves no mean"
    assert math.isnan(meters.by_name["a"].mean)


def test_a_restored_meter_goes_on() -> None:
    meters = Meters()
    meters.update({"a": 1.0}, 1)
    meters.finish_epoch()
    meters.update({"a": 2.0}, 1)
    again = Meters.restored(meters.state())
    for one in (meters, again):
        one.update({"a": 4.0}, 3)
    assert again.state() == meters.state()
    meters.finish_epoch()
    assert again.by_name["a"].history == [1.0], "states are not shared"
