"""Propose-Reduce, fine-tuning on DAVIS, ResNet-101."""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import ytvis19_r101
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    ytvis19_r101.RECIPE,
    description="Propose-Reduce fine-tuning on DAVIS, unsupervised",
    train_set="DAVIS/2017/train",
    categories="davis",
    init_checkpoint="ltr/propose_reduce/coco_davis_r101",
    img_scale=(854, 480),
    batch_size=8,
    pairs_per_group=2,
    lr_scale=5e-4 * 4 / 6,
)

run = experiment(RECIPE, ProposeReduceAssembly)
