"""Plain ReferFormer with ResNet-101 after its training on images, for RefCOCO."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """As ``referformer_r101``, with the longer side of the input limited."""
    return ReferringParameters(net="r101_pretrain.pth", tracking=False, max_size=640)
