"""ReferFormer for the shipped network, third part: words and pixels learn to fit each other.

``docs/demo_networks.md`` has the commands; ``--set backbone_weights=FOLDER`` names the training of
``demo_looks``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import ClassVar

from torch import nn

from ltr.actors.words import WordActor
from ltr.dataset.referring.rivals import PLACELESS_FORMS, WordSamples
from ltr.models.referring.referformer import ReferFormer
from ltr.models.referring.text_encoder import load_tokenizer, tokenise
from ltr.train_settings.assembly import SampleSets
from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import demo, demo_images
from ltr.train_settings.referring.demo import RivalAssembly, RivalRecipe


@dataclass(frozen=True, kw_only=True)
class WordRecipe(RivalRecipe):
    """Clips with many sentences; see ``RivalRecipe`` for the other rows.

    Args:
        sentences: Number of sentences about a clip.
    """

    sentences: int = 12


class WordAssembly(RivalAssembly):
    """Turns a ``WordRecipe`` into objects."""

    recipe: WordRecipe
    forms: ClassVar[Sequence[Sequence[str]]] = PLACELESS_FORMS

    def datasets(self) -> SampleSets:
        """Clips that are drawn when they are needed."""
        recipe = self.recipe
        samples = WordSamples(
            recipe.samples_per_epoch,
            recipe.num_frames,
            recipe.target_frames,
            recipe.sentences,
            self.clips(),
            self.forms,
        )
        return samples, None

    def actor(self, network: nn.Module) -> WordActor:
        """Build the losses."""
        assert isinstance(network, ReferFormer)  # as built
        tokenizer = load_tokenizer(self._find(self.recipe.tokenizer_dir, None))
        return WordActor(network, partial(tokenise, tokenizer))


_ROWS = {item.name: getattr(demo.RECIPE, item.name) for item in fields(demo.RECIPE)}
RECIPE = WordRecipe(
    **_ROWS
    | {
        "description": "ReferFormer learns which words fit what its backbone sees",
        "init_checkpoint": "ltr/referring/demo_images",
        "batch_size": 8,
        "samples_per_epoch": 8 * 50,
        "max_epochs": 12,
        "average_decay": None,
        "learning_rates": {**demo_images.RECIPE.learning_rates, "backbone": 3e-4},
    }
)

run = experiment(RECIPE, WordAssembly)
