"""Masks carried from frame to frame along the optical flow."""

from pytracking.tracker.baseline.parameters import BaselineParameters


def parameters() -> BaselineParameters:
    """Parameters of this configuration."""
    return BaselineParameters(method="optical_flow")
