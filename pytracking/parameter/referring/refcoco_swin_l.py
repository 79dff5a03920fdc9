"""Plain ReferFormer with Swin-L after its training on images, for RefCOCO."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """As ``referformer_swin_l``, with the longer side of the input limited."""
    return ReferringParameters(net="swin_large_pretrained.pth", tracking=False, max_size=640)
