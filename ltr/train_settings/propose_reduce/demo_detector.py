"""Propose-Reduce for the shipped network, first part: persons, animals, vehicles and objects.

It learns from stills and sequences, and from folders of clips that ``--set train_set`` adds;
``docs/demo_networks.md`` has the commands.
"""

from pathlib import Path

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly
from ltr.train_settings.propose_reduce.recipe import ProposeReduceRecipe

_BACKBONE = Path(__file__).parents[3] / "pytracking" / "networks" / "joint_demo.pth.tar"

RECIPE = ProposeReduceRecipe(
    description="Small Propose-Reduce on stills, sequences, cut-outs and shapes",
    train_set="zoomed:COCO/2017/train/300=3+DAVIS/2017/train=2",
    categories="coarse",
    img_scale=(224, 126),
    colour_jitter=0.25,
    rpn_batch_size=64,
    box_batch_size=64,
    entropy_weight=1.0,
    backbone="resnet18",
    backbone_weights=str(_BACKBONE),
    backbone_format="bgr255",
    backbone_width=32,
    width=32,
    from_scratch=True,
    max_objects=3,
    max_epochs=18,
    batch_size=8,
    samples_per_epoch=800,
    num_workers=0,
    optimizer="adamw",
    learning_rates={"backbone": 0.2, "rpn": 1.0, "roi_heads": 1.0, "prop_head": 0.5},
    lr_scale=2e-3,
    warmup_steps=50,
    warmup_start=0.1,
    rate_schedule="cosine",
    weight_decay=1e-2,
    average_decay=0.99,
    keep_checkpoints=2,
)

run = experiment(RECIPE, ProposeReduceAssembly)
