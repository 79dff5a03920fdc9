"""Plain ReferFormer with Swin-T after its training on images, for RefCOCO."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """As ``referformer_swin_t``, with the longer side of the input limited."""
    return ReferringParameters(net="swin_tiny_pretrained.pth", tracking=False, max_size=640)
