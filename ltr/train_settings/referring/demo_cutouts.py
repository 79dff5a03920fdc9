"""ReferFormer for the shipped network, last part: sentences about cut-outs and about drawn shapes.

``docs/demo_networks.md`` has the commands.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ltr.dataset.referring.mixtures import CutoutSources
from ltr.dataset.referring.rivals import DrawClip
from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import demo
from ltr.train_settings.referring.demo import RivalAssembly, RivalRecipe


@dataclass(frozen=True, kw_only=True)
class CutoutRecipe(RivalRecipe, CutoutSources):
    """See ``RivalRecipe`` and ``CutoutSources``."""


class CutoutAssembly(RivalAssembly):
    """Turns a ``CutoutRecipe`` into objects."""

    recipe: CutoutRecipe

    def clips(self) -> DrawClip:
        """Clips of cut-outs among drawn ones."""
        return self.recipe.clips()


_ROWS = {item.name: getattr(demo.RECIPE, item.name) for item in fields(demo.RECIPE)}
RECIPE = CutoutRecipe(
    **_ROWS
    | {
        "description": "ReferFormer on clips of real cut-outs and of drawn rivals",
        "init_checkpoint": "ltr/referring/demo_cutout_words",
        "max_epochs": 20,
    }
)

run = experiment(RECIPE, CutoutAssembly)
