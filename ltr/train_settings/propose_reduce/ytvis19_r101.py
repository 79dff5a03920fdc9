"""Propose-Reduce, fine-tuning on YouTube-VIS 2019, ResNet-101."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import ytvis19_r50
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly
from ltr.train_settings.propose_reduce.recipe import with_backbone

RECIPE = with_backbone(
    ytvis19_r50.RECIPE, "resnet101", "ltr/propose_reduce/coco_ytvis19_r101", pairs=3
)

run = experiment(RECIPE, ProposeReduceAssembly)
