"""Plain ReferFormer with Video-Swin-S, as released, trained on Ref-YouTube-VOS."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """Windows of frames without tracking; the configuration of the published scores."""
    return ReferringParameters(net="ytvos_video_swin_small.pth", tracking=False)
