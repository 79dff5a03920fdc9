"""Plain ReferFormer with ResNet-50, as released, trained on Ref-YouTube-VOS."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """Windows of frames without tracking; the configuration of the published scores."""
    return ReferringParameters(net="ytvos_r50.pth", tracking=False)
