"""Propose-Reduce, main stage for YouTube-VIS 2019: pseudo-videos of COCO, ResNet-50."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly
from ltr.train_settings.propose_reduce.recipe import ProposeReduceRecipe

# The authors never released this stage: its length and rates are those usual for Mask R-CNN.
RECIPE = ProposeReduceRecipe(
    description="Propose-Reduce main stage: pseudo-videos of COCO, classes of YouTube-VIS 2019",
    train_set="pseudo:COCO/2017/train",
    categories="ytvis2019",
    backbone_weights="resnet50",
    max_epochs=12,
    batch_size=16,
    lr_scale=0.02,
    milestones=(8, 11),
    warmup_steps=500,
)

run = experiment(RECIPE, ProposeReduceAssembly)
