"""The weights of yonigozlan/EdgeTAM-hf in the folder edgetam."""

from pytracking.tracker.promptable.parameters import PromptableParameters


def parameters() -> PromptableParameters:
    """Parameters of this configuration."""
    return PromptableParameters(net="edgetam")
