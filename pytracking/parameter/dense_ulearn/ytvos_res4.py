"""Label propagation with the network trained on YouTube-VOS."""

from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters


def parameters() -> DenseULearnParameters:
    """Released snapshot, features of the last stage."""
    return DenseULearnParameters(net="ytvos_e060_res4.pth")
