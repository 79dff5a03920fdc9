"""What happens when a loss or a gradient is not finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from ltr.admin.checkpoint import network_fields, save_checkpoint


class NonFiniteError(Exception):
    """The loss or a gradient is NaN or infinite."""

    @classmethod
    def saved(
        cls,
        path: Path,
        place: str,
        network: nn.Module,
        microbatches: Sequence[Mapping[str, Any]],
        stats: Mapping[str, float],
    ) -> NonFiniteError:
        """Write what is needed to repeat the step, and make an error that says where.

        Args:
            path: Gets the network before the step, the batch (``microbatches``) and ``stats``.
            place: Names the step.
            network: Not yet changed by the step.
            microbatches: Microbatches of the failing batch.
            stats: What the actor reported.
        """
        record = {
            **network_fields(network),
            "microbatches": list(microbatches),
            "stats": dict(stats),
        }
        save_checkpoint(path, record)
        values = ", ".join(f"{key} {value:g}" for key, value in stats.items())
        sources = [source for microbatch in microbatches for source in microbatch.get("source", ())]
        return cls(
            f"loss or gradient not finite in {place} ({values}); network and batch are in {path}; "
            f"the samples are: {'; '.join(sources) or 'not named'}"
        )
