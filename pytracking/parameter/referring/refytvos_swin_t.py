"""Referring segmentation with Swin-T, trained on Ref-YouTube-VOS."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """Tracking from a key frame; ``--set tracking=false`` gives plain ReferFormer."""
    return ReferringParameters(net="ytvos_swin_tiny.pth")
