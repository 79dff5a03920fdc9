"""Label propagation with the network trained on TrackingNet."""

from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters


def parameters() -> DenseULearnParameters:
    """Released snapshot, features of the last stage."""
    return DenseULearnParameters(net="trackingnet_e088_res4.pth")
