"""ATNet as released."""

from pytracking.tracker.interactive.parameters import AtnetParameters


def parameters() -> AtnetParameters:
    """Released network."""
    return AtnetParameters()
