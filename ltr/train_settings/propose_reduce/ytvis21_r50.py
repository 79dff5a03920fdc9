"""Propose-Reduce, fine-tuning on YouTube-VIS 2021, ResNet-50."""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import ytvis19_r50
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    ytvis19_r50.RECIPE,
    description="Propose-Reduce fine-tuning on YouTube-VIS 2021",
    train_set="YouTubeVIS/2021/train",
    categories="ytvis2021",
    init_checkpoint="ltr/propose_reduce/coco_ytvis21_r50",
)

run = experiment(RECIPE, ProposeReduceAssembly)
