"""Plain ReferFormer with Video-Swin-S, as released, trained on A2D-Sentences."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """As ``referformer_video_swin_s``, with the longer side of the input limited."""
    return ReferringParameters(net="a2d_video_swin_small.pth", tracking=False, max_size=640)
