"""Propose-Reduce, main stage for YouTube-VIS 2021: pseudo-videos of COCO, ResNeXt-101."""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import coco_ytvis21_r50
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    coco_ytvis21_r50.RECIPE,
    backbone="resnext101_64x4d",
    backbone_weights="resnext101_64x4d",
)

run = experiment(RECIPE, ProposeReduceAssembly)
