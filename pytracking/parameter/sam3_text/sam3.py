"""The weights of facebook/sam3 in the folder sam3."""

from pytracking.tracker.promptable.parameters import PromptableParameters


def parameters() -> PromptableParameters:
    """Parameters of this configuration."""
    return PromptableParameters(net="sam3")
