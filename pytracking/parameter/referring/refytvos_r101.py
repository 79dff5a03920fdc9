"""Tracking-forced referring segmentation (TF²) with ResNet-101, trained on Ref-YouTube-VOS."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """Tracking from a key frame, with a network that was trained with tracking images."""
    return ReferringParameters(net="refytvos_r101.pth.tar")
