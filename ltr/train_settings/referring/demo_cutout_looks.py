"""ReferFormer for the shipped network, fifth part: its backbone learns the looks of real cut-outs.

It begins with the backbone of ``demo``. ``docs/demo_networks.md`` has the commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import ClassVar

from torch import nn

from ltr.admin.checkpoint import read_checkpoint
from ltr.admin.loading import load_state
from ltr.dataset.referring.looks import Properties, RenderClip
from ltr.dataset.referring.mixtures import MIXED_PROPERTIES, CutoutSources
from ltr.models.referring.looks import LookNet
from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import demo_looks
from ltr.train_settings.referring.demo_looks import LookAssembly, LookRecipe

_BODY = "backbone.0.body."


@dataclass(frozen=True, kw_only=True)
class CutoutLookRecipe(LookRecipe, CutoutSources):
    """Clips of cut-outs among drawn ones; see ``LookRecipe`` and ``CutoutSources``."""

    weights: Mapping[str, float] = field(
        default_factory=lambda: {
            "kind": 2.0, "shape": 2.0, "colour": 0.5, "motion": 1.0, "size": 0.5,
        }
    )  # fmt: skip


class CutoutLookAssembly(LookAssembly):
    """Turns a ``CutoutLookRecipe`` into objects."""

    recipe: CutoutLookRecipe
    properties: ClassVar[Properties] = MIXED_PROPERTIES

    def load(self, network: nn.Module, path: Path) -> None:
        """Fill the backbone with that of a ``ReferFormer``."""
        assert isinstance(network, LookNet)  # as built
        checkpoint = read_checkpoint(path)
        body = {
            name.removeprefix(_BODY): value
            for name, value in checkpoint.net.items()
            if name.startswith(_BODY)
        }
        load_state(network.backbone, body, checkpoint.path)

    def render(self) -> RenderClip:
        """Clips of cut-outs among drawn ones."""
        return self.recipe.clips().render


_ROWS = {
    item.name: getattr(demo_looks.RECIPE, item.name)
    for item in fields(demo_looks.RECIPE)
    if item.name != "weights"
}
RECIPE = CutoutLookRecipe(
    **_ROWS
    | {
        "description": "A ResNet-18 that knows drawn shapes learns looks of real cut-outs",
        "init_checkpoint": "ltr/referring/demo",
        "max_epochs": 20,
        "weight_decay": 0.02,
        "cutout_share": 0.7,
    }
)

run = experiment(RECIPE, CutoutLookAssembly)
