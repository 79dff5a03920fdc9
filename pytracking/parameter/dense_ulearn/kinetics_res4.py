"""Label propagation with the network trained on Kinetics-400."""

from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters


def parameters() -> DenseULearnParameters:
    """Released snapshot, features of the last stage."""
    return DenseULearnParameters(net="kinetics_e026_res4.pth")
