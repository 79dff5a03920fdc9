"""Propose-Reduce, main stage for DAVIS: pseudo-videos of COCO, ResNeXt-101."""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import coco_davis_r101
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    coco_davis_r101.RECIPE,
    backbone="resnext101_64x4d",
    backbone_weights="resnext101_64x4d",
)

run = experiment(RECIPE, ProposeReduceAssembly)
