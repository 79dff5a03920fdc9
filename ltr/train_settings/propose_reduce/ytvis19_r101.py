"""Propose-Reduce, fine-tuning on YouTube-VIS 2019, ResNet-101."""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import ytvis19_r50
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    ytvis19_r50.RECIPE,
    backbone="resnet101",
    init_checkpoint="ltr/propose_reduce/coco_ytvis19_r101",
    batch_size=12,
    pairs_per_group=3,
)

run = experiment(RECIPE, ProposeReduceAssembly)
