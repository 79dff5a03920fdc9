"""What commands tell of a video that is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytracking.evaluation.running.jobs import Outcome


def tell_dropped(outcome: Outcome) -> None:
    """Print how many frames of a stream came too late; nothing where none did."""
    if outcome.dropped:
        print(f"{outcome.dropped} frames came too late and were left out", flush=True)
