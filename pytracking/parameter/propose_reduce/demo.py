"""Discs, triangles and stars, with the small network that ships with the package."""

from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters


def parameters() -> ProposeReduceParameters:
    """Narrow network, small input."""
    return ProposeReduceParameters(
        net="propose_reduce_demo.pth.tar", categories="shapes", img_scale=(160, 96)
    )
