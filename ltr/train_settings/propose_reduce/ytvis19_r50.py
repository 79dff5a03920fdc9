"""Propose-Reduce, fine-tuning on YouTube-VIS 2019, ResNet-50."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly
from ltr.train_settings.propose_reduce.recipe import ProposeReduceRecipe

RECIPE = ProposeReduceRecipe(
    description="Propose-Reduce fine-tuning on YouTube-VIS 2019",
    train_set="YouTubeVIS/2019/train",
    categories="ytvis2019",
    init_checkpoint="ltr/propose_reduce/coco_ytvis19_r50",
    max_epochs=4,
    batch_size=20,
    pairs_per_group=5,
    lr_scale=5e-5 * 4 / 6,
    milestones=(2,),
    warmup_steps=10,
    print_interval=50,
)

run = experiment(RECIPE, ProposeReduceAssembly)
