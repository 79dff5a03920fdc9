"""Label propagation with the network trained on OxUvA."""

from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters


def parameters() -> DenseULearnParameters:
    """Released snapshot, features of the last stage."""
    return DenseULearnParameters(net="oxuva_e430_res4.pth")
