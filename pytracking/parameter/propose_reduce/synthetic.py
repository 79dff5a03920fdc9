"""Synthetic shapes of three classes, with a network of your own (``docs/propose_reduce.md``)."""

from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters


def parameters() -> ProposeReduceParameters:
    """The recipe ``synthetic``; give its checkpoint with ``--net``."""
    return ProposeReduceParameters(
        net="propose_reduce_synthetic.pth.tar", categories="shapes", img_scale=(160, 96)
    )
