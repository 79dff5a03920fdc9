"""MANet as released."""

from pytracking.tracker.interactive.parameters import ManetParameters


def parameters() -> ManetParameters:
    """Released network."""
    return ManetParameters()
