"""Propose-Reduce, main stage for DAVIS: pseudo-videos of COCO, ResNet-101."""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import coco_ytvis19_r101
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    coco_ytvis19_r101.RECIPE,
    description="Propose-Reduce main stage: pseudo-videos of COCO, objects of one class",
    categories="davis",
)

run = experiment(RECIPE, ProposeReduceAssembly)
