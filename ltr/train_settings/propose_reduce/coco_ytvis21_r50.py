"""Propose-Reduce, main stage for YouTube-VIS 2021: pseudo-videos of COCO, ResNet-50."""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import coco_ytvis19_r50
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    coco_ytvis19_r50.RECIPE,
    description="Propose-Reduce main stage: pseudo-videos of COCO, classes of YouTube-VIS 2021",
    categories="ytvis2021",
)

run = experiment(RECIPE, ProposeReduceAssembly)
