"""Plain ReferFormer with Video-Swin-T, as released, trained on A2D-Sentences."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """As ``referformer_video_swin_t``, with the longer side of the input limited."""
    return ReferringParameters(net="a2d_video_swin_tiny.pth", tracking=False, max_size=640)
