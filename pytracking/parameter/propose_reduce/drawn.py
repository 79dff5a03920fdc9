"""Drawn shapes of three classes, with a small network of one's own (``docs/propose_reduce.md``)."""

from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters


def parameters() -> ProposeReduceParameters:
    """The recipe ``drawn``; give its checkpoint with ``--net``."""
    return ProposeReduceParameters(
        net="propose_reduce_drawn.pth.tar", categories="shapes", img_scale=(160, 96)
    )
