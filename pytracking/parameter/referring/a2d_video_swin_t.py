"""Referring segmentation with Video-Swin-T, trained on A2D-Sentences."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """As ``refytvos``, with the longer side of the input limited."""
    return ReferringParameters(net="a2d_video_swin_tiny.pth", max_size=640)
