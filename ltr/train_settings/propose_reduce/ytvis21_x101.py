"""Propose-Reduce, fine-tuning on YouTube-VIS 2021, ResNeXt-101."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import ytvis21_r50
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly
from ltr.train_settings.propose_reduce.recipe import with_backbone

RECIPE = with_backbone(
    ytvis21_r50.RECIPE, "resnext101_64x4d", "ltr/propose_reduce/coco_ytvis21_x101", pairs=2
)

run = experiment(RECIPE, ProposeReduceAssembly)
