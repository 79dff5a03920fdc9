"""ReferFormer for the shipped network, fourth part: clips in which sentences need every word.

``docs/demo_networks.md`` has the commands.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ltr.admin.errors import ConfigError
from ltr.dataset.referring.rivals import DrawClip, RivalSamples, draw_rivals
from ltr.train_settings.assembly import SampleSets
from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import demo_images
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import ReferringRecipe

_DRAWN = ("rivals",)


@dataclass(frozen=True, kw_only=True)
class RivalRecipe(ReferringRecipe):
    """Clips of rivals are drawn; see ``ReferringRecipe`` for the other rows.

    Args:
        target_frames: Frames of a clip that have losses; the others only serve the backbone.
    """

    target_frames: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.train_sets != _DRAWN:
            raise ConfigError("train_sets stays rivals: the clips of this recipe are drawn")
        if not 1 <= self.target_frames <= self.num_frames <= 8:
            raise ConfigError("1 <= target_frames <= num_frames <= 8 does not hold")


class RivalAssembly(ReferringAssembly):
    """Turns a ``RivalRecipe`` into objects."""

    recipe: RivalRecipe

    def clips(self) -> DrawClip:
        """What draws the clips."""
        return draw_rivals

    def datasets(self) -> SampleSets:
        """Clips that are drawn when they are needed."""
        recipe = self.recipe
        count, clips = recipe.samples_per_epoch, self.clips()
        return RivalSamples(count, recipe.num_frames, recipe.target_frames, clips), None


_IMAGES = demo_images.RECIPE
_ROWS = {item.name: getattr(_IMAGES, item.name) for item in fields(_IMAGES)}
RECIPE = RivalRecipe(
    **_ROWS
    | {
        "description": "ReferFormer with a backbone that learned looks, on clips of rivals",
        "init_checkpoint": "ltr/referring/demo_words",
        "train_sets": _DRAWN,
        "num_frames": 6,
        "batch_size": 6,
        "samples_per_epoch": 6 * 50,
        "max_epochs": 44,
        "learning_rates": {
            **_IMAGES.learning_rates,
            **dict.fromkeys(("text_encoder", "resizer", "fusion_module", "input_proj"), 3e-4),
            "backbone": 1e-4,
        },
        "rate_schedule": "cosine",
        "warmup_steps": 50,
        "average_decay": 0.99,
    }
)

run = experiment(RECIPE, RivalAssembly)
