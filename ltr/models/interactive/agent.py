"""The agent that says which frame to annotate next (IVOS-W, arXiv 2103.10391, section 3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ltr.admin.model_constructor import model_constructor
from ltr.models.interactive.released import without_module_prefix


class AgentNet(nn.Module):
    """Rates every frame of a video by quality and number of annotations of all frames.

    One recurrent cell runs over the video in both directions.

    Args:
        hidden: Width of all layers.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.encoder_fc1 = nn.Linear(2, hidden)
        self.encoder_fc2 = nn.Linear(hidden, hidden)
        self.lstm_cell = nn.LSTMCell(hidden, hidden, bias=False)
        self.decoder_fc1 = nn.Linear(2 * hidden, hidden)
        self.decoder_fc2 = nn.Linear(hidden, 1)

    adapt_state_dict = staticmethod(without_module_prefix)  # files of several GPUs

    def encode(self, states: torch.Tensor) -> torch.Tensor:
        """(..., 2) -> (..., hidden), every frame by itself."""
        return self.encoder_fc2(F.relu(self.encoder_fc1(states)))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Rate frames.

        Args:
            states: (videos, frames, 2): quality, and how often the frame was annotated.

        Returns:
            (videos, frames), the value of annotating a frame next.
        """
        codes = self.encode(states).unbind(1)
        onward, back = None, None
        forward, backward = [], []
        # Both directions step by step, the backward one first: so the gradients of the cell add up
        # in the order of the reference, to the last bit that decides where a weight is rounded to.
        for first, last in zip(codes, reversed(codes), strict=True):
            back = self.lstm_cell(last, back)
            onward = self.lstm_cell(first, onward)
            backward.append(back[0])
            forward.append(onward[0])
        both = torch.stack(forward, dim=1), torch.stack(backward[::-1], dim=1)
        found = F.relu(torch.cat(both, dim=2))
        return self.decoder_fc2(F.relu(self.decoder_fc1(found)))[..., 0]


@model_constructor
def agent_network(hidden: int = 128) -> AgentNet:
    """Build the agent; 128 is the width of the released one."""
    return AgentNet(hidden)


class AgentPair(nn.Module):
    """The agent that learns, and a copy of it that values next states.

    Args:
        hidden: Width of all layers.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.policy, self.target = AgentNet(hidden), AgentNet(hidden)
        self.target.requires_grad_(False)
        self.refresh_target()

    def refresh_target(self) -> None:
        """Make the target network a copy of the policy."""
        self.target.load_state_dict(self.policy.state_dict())

    def forward(
        self, states: torch.Tensor, next_states: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Rate the frames of states, and value next states.

        Args:
            states: (videos, frames, 2), see ``AgentNet``.
            next_states: (videos, frames, 2).

        Returns:
            (videos, frames), the policy's ratings; (videos,), without gradients, what the target
            network thinks of the frame that the policy would choose next.
        """
        ratings = self.policy(states)
        with torch.no_grad():
            chosen = self.policy(next_states).argmax(dim=1)
            to_come = self.target(next_states).gather(1, chosen[:, None])[:, 0]
        return ratings, to_come


@model_constructor
def agent_pair(hidden: int = 128) -> AgentPair:
    """Build the agent and its target network, equal to each other."""
    return AgentPair(hidden)
