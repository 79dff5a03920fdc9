"""The usual settings."""

from nearest_colour.tracker import NearestColourParameters


def parameters() -> NearestColourParameters:
    """Parameters of this configuration."""
    return NearestColourParameters()
