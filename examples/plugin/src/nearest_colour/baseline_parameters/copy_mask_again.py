"""The baseline under another name."""

from pytracking.tracker.baseline.parameters import BaselineParameters


def parameters() -> BaselineParameters:
    """Parameters of this configuration."""
    return BaselineParameters(method="copy_mask")
