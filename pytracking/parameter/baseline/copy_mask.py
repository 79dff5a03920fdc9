"""The start mask of every object, unchanged in all frames."""

from pytracking.tracker.baseline.parameters import BaselineParameters


def parameters() -> BaselineParameters:
    """Parameters of this configuration."""
    return BaselineParameters(method="copy_mask")
