"""Sentences about shapes, with the small network and vocabulary that ship with the package."""

from pytracking.tracker.referring.parameters import ReferringParameters


def parameters() -> ReferringParameters:
    """Clips of eight frames at once, small input."""
    return ReferringParameters(
        net="referring_demo.pth.tar",
        tokenizer_dir="referring_demo",
        tracking=False,
        window=8,
        short_side=64,
    )
