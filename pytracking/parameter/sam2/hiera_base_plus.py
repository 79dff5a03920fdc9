"""The weights of facebook/sam2.1-hiera-base-plus in the folder sam2.1_hiera_base_plus."""

from pytracking.tracker.promptable.parameters import PromptableParameters


def parameters() -> PromptableParameters:
    """Parameters of this configuration."""
    return PromptableParameters(net="sam2.1_hiera_base_plus")
