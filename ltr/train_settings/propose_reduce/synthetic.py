"""A small Propose-Reduce from random weights: --set train_set=videos:PATH/train."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly
from ltr.train_settings.propose_reduce.recipe import ProposeReduceRecipe

RECIPE = ProposeReduceRecipe(
    description="Small Propose-Reduce on synthetic clips of moving shapes",
    train_set="",
    categories="shapes",
    img_scale=(160, 96),
    box_batch_size=64,
    entropy_weight=1.0,
    backbone="resnet18",
    backbone_width=16,
    width=32,
    from_scratch=True,
    max_epochs=5,
    batch_size=8,
    samples_per_epoch=1200,
    num_workers=0,
    optimizer="adamw",
    learning_rates={"backbone": 1.0, "rpn": 1.0, "roi_heads": 1.0, "prop_head": 0.35},
    lr_scale=2e-3,
    warmup_steps=50,
    warmup_start=0.1,
    milestones=(3, 4),
    gamma=0.3,
    keep_checkpoints=2,
)

run = experiment(RECIPE, ProposeReduceAssembly)
