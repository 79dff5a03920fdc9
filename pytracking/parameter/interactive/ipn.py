"""IPN as released."""

from pytracking.tracker.interactive.parameters import IpnParameters


def parameters() -> IpnParameters:
    """Released network."""
    return IpnParameters()
