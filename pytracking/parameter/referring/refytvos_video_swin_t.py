"""Tracking-forced referring segmentation (TF²) with Video-Swin-T, trained on Ref-YouTube-VOS."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """Tracking from a key frame, with a network that was trained with tracking images."""
    return ReferringParameters(net="refytvos_video_swin_t.pth.tar")
