"""Propose-Reduce, fine-tuning on DAVIS, ResNeXt-101."""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import davis_r101
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    davis_r101.RECIPE,
    backbone="resnext101_64x4d",
    init_checkpoint="ltr/propose_reduce/coco_davis_x101",
    batch_size=4,
    pairs_per_group=1,
)

run = experiment(RECIPE, ProposeReduceAssembly)
