"""Label propagation with the small network that ships with the package."""

from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters


def parameters() -> DenseULearnParameters:
    """Narrow network, small input, features of the last stage."""
    return DenseULearnParameters(net="dense_ulearn_demo.pth.tar", input_size=240)
