"""All instances of 40 classes, with ResNet-101 trained on YouTube-VIS 2019."""

from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters


def parameters() -> ProposeReduceParameters:
    """Released network; ``--set reduction=category_aware`` finds more, at lower scores."""
    return ProposeReduceParameters(net="seq_mask_rcnn_r101_ytv19.pth")
