"""The backbone of the bundled ReferFormer: it learns the looks of synthetic objects, cell by cell.

A sentence tells the network about one object of a clip; here it is told everything about all of
them. ``docs/demo_networks.md`` has the commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from torch import nn

from ltr.actors.looks import LookActor
from ltr.admin.ranges import Count
from ltr.dataset.referring.looks import PROPERTIES, LookSamples, Properties, RenderClip
from ltr.models.referring.looks import CELL, LookNet, look_network
from ltr.train_settings.assembly import Assembly, SampleSets
from ltr.train_settings.experiment import experiment
from ltr.train_settings.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class LookRecipe(Recipe):
    """Data and network; see ``Recipe`` for the other rows.

    Args:
        num_frames: Frames of a clip, and single images beside it.
        size: Height and width, multiples of 32.
        backbone: One of ``ltr.models.referring.backbones.BACKBONES``.
        backbone_width: Channels of the stem.
        width: Channels of the head.
        weights: Weight of each property in the loss.
    """

    samples_per_epoch: Count
    num_frames: int = 6
    size: tuple[int, int] = (64, 96)
    backbone: str = "resnet18_shifted"
    backbone_width: int = 24
    width: int = 64
    weights: Mapping[str, float] = field(
        default_factory=lambda: {"shape": 2.0, "colour": 1.0, "motion": 1.0}
    )


class LookAssembly(Assembly[LookNet]):
    """Turns a ``LookRecipe`` into objects."""

    recipe: LookRecipe
    properties: ClassVar[Properties] = PROPERTIES

    def network(self) -> LookNet:
        """Build the network with random weights."""
        recipe = self.recipe
        outputs = 1 + sum(len(values) for values in self.properties.values())
        return look_network(outputs, recipe.backbone, recipe.backbone_width, recipe.width)

    def render(self) -> RenderClip | None:
        """What draws the clips; None draws shapes."""
        return None

    def datasets(self) -> SampleSets:
        """Clips that are drawn when they are needed."""
        recipe = self.recipe
        samples = LookSamples(
            recipe.samples_per_epoch,
            recipe.num_frames,
            recipe.size,
            CELL,
            self.properties,
            self.render(),
        )
        return samples, None

    def actor(self, network: nn.Module) -> LookActor:
        """Build the losses."""
        return LookActor(network, self.recipe.weights, self.properties)


RECIPE = LookRecipe(
    description="A ResNet-18 that sees neighbouring frames learns looks of synthetic shapes",
    max_epochs=28,
    batch_size=4,
    samples_per_epoch=4 * 100,
    num_workers=0,
    optimizer="adamw",
    learning_rates=dict.fromkeys(("backbone", "lateral", "head"), 2e-3),
    weight_decay=5e-4,
    warmup_steps=50,
    rate_schedule="cosine",
    max_gradient_norm=5.0,
    print_interval=50,
    keep_checkpoints=2,
)

run = experiment(RECIPE, LookAssembly)
