"""All objects of any kind, with ResNet-101 trained on DAVIS."""

from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters


def parameters() -> ProposeReduceParameters:
    """Released network; larger input, more key frames, ten frames of memory."""
    return ProposeReduceParameters(
        net="seq_mask_rcnn_r101_davis.pth",
        categories="davis",
        img_scale=(854, 480),
        key_num=8,
        mem_num=10,
        reduction="soft",
    )
