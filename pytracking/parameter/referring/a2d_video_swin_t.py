"""Tracking-forced referring segmentation (TF²) with Video-Swin-T, trained on A2D-Sentences."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """As ``refytvos_video_swin_t``, with the longer side of the input limited."""
    return ReferringParameters(net="a2d_video_swin_t.pth.tar", max_size=640)
