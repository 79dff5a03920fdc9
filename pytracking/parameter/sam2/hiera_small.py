"""The weights of facebook/sam2.1-hiera-small in the folder sam2.1_hiera_small."""

from pytracking.tracker.promptable.parameters import PromptableParameters


def parameters() -> PromptableParameters:
    """Parameters of this configuration."""
    return PromptableParameters(net="sam2.1_hiera_small")
