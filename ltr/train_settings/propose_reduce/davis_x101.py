"""Propose-Reduce, fine-tuning on DAVIS, ResNeXt-101."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import davis_r101
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly
from ltr.train_settings.propose_reduce.recipe import with_backbone

RECIPE = with_backbone(
    davis_r101.RECIPE, "resnext101_64x4d", "ltr/propose_reduce/coco_davis_x101", pairs=1
)

run = experiment(RECIPE, ProposeReduceAssembly)
