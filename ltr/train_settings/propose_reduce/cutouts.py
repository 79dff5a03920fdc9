"""Propose-Reduce for persons, animals, vehicles and objects, on clips of cut-out objects, on a CPU.

``python -m ltr.dataset.cutout_ytvis FOLDER`` writes the clips;
``--set train_set=videos:FOLDER/train`` names them. ``docs/demo_networks.md`` has the commands.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import synthetic
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    synthetic.RECIPE,
    description="Small Propose-Reduce on clips of objects cut out of still images",
    categories="coarse",
    img_scale=(192, 112),
    backbone_width=32,
    width=48,
    max_epochs=12,
    samples_per_epoch=800,
    lr_scale=1.5e-3,
    learning_rates={"backbone": 0.5, "rpn": 1.0, "roi_heads": 1.0, "prop_head": 0.5},
    rate_schedule="cosine",
    average_decay=0.99,
)

run = experiment(RECIPE, ProposeReduceAssembly)
