"""All objects of any kind, with ResNeXt-101 trained on DAVIS."""

from dataclasses import replace

from pytracking.parameter.propose_reduce import davis_r101
from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters


def parameters() -> ProposeReduceParameters:
    """Released network; the rest as with ResNet-101."""
    return replace(davis_r101.parameters(), net="seq_mask_rcnn_x101_davis.pth")
