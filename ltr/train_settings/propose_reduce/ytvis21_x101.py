"""Propose-Reduce, fine-tuning on YouTube-VIS 2021, ResNeXt-101."""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import ytvis21_r50
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    ytvis21_r50.RECIPE,
    backbone="resnext101_64x4d",
    init_checkpoint="ltr/propose_reduce/coco_ytvis21_x101",
    batch_size=8,
    pairs_per_group=2,
)

run = experiment(RECIPE, ProposeReduceAssembly)
