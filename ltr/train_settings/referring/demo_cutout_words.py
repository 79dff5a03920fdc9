"""ReferFormer for the shipped network, sixth part: new words and real cut-outs fit each other.

It is the network of ``demo`` with the backbone of ``demo_cutout_looks``. ``docs/demo_networks.md``
has the commands; ``--set backbone_weights=FOLDER`` names the training of ``demo_cutout_looks``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

from ltr.dataset.referring.mixtures import PLACELESS_CUTOUT_FORMS
from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import demo_cutouts, demo_words
from ltr.train_settings.referring.demo_cutouts import CutoutAssembly, CutoutRecipe
from ltr.train_settings.referring.demo_words import WordAssembly, WordRecipe


@dataclass(frozen=True, kw_only=True)
class CutoutWordRecipe(WordRecipe, CutoutRecipe):
    """See ``WordRecipe`` and ``CutoutRecipe``."""


class CutoutWordAssembly(WordAssembly, CutoutAssembly):
    """Turns a ``CutoutWordRecipe`` into objects."""

    recipe: CutoutWordRecipe
    forms: ClassVar[Sequence[Sequence[str]]] = PLACELESS_CUTOUT_FORMS


_ROWS = {
    item.name: getattr(recipe, item.name)
    for recipe in (demo_cutouts.RECIPE, demo_words.RECIPE)
    for item in fields(recipe)
}
RECIPE = CutoutWordRecipe(
    **_ROWS
    | {
        "description": "ReferFormer learns which words fit real cut-outs",
        "init_checkpoint": "ltr/referring/demo",
        "max_epochs": 7,
        "cutout_share": 0.5,
    }
)

run = experiment(RECIPE, CutoutWordAssembly)
