"""Propose-Reduce for the shipped network, first part: persons, animals, vehicles and objects.

It learns from stills and sequences, and from folders of clips that ``--set train_set`` adds;
``docs/demo_networks.md`` has the commands.
"""

from dataclasses import replace
from pathlib import Path

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import synthetic
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

_BACKBONE = Path(__file__).parents[3] / "pytracking" / "networks" / "joint_demo.pth.tar"

RECIPE = replace(
    synthetic.RECIPE,
    description="Small Propose-Reduce on stills, sequences, cut-outs and shapes",
    train_set="zoomed:COCO/2017/train/300=3+DAVIS/2017/train=2",
    categories="coarse",
    img_scale=(224, 126),
    colour_jitter=0.25,
    rpn_batch_size=64,
    backbone_weights=str(_BACKBONE),
    backbone_format="bgr255",
    backbone_width=32,
    max_objects=3,
    max_epochs=18,
    samples_per_epoch=800,
    learning_rates={"backbone": 0.2, "rpn": 1.0, "roi_heads": 1.0, "prop_head": 0.5},
    rate_schedule="cosine",
    weight_decay=1e-2,
    average_decay=0.99,
)

run = experiment(RECIPE, ProposeReduceAssembly)
