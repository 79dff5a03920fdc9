"""The weights of facebook/sam2.1-hiera-large in the folder sam2.1_hiera_large."""

from pytracking.tracker.promptable.parameters import PromptableParameters


def parameters() -> PromptableParameters:
    """Parameters of this configuration."""
    return PromptableParameters(net="sam2.1_hiera_large")
