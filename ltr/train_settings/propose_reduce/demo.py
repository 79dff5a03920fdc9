"""Propose-Reduce for the shipped network, second part: a propagation head that starts anew.

``docs/demo_networks.md`` has the commands.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import demo_detector
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    demo_detector.RECIPE,
    description="Small Propose-Reduce with an attention that is taught, from a trained detector",
    init_checkpoint="ltr/propose_reduce/demo_detector",
    new_propagation=True,
    key_weight=1.0,
    learning_rates={"backbone": 0.2, "rpn": 1.0, "roi_heads": 1.0, "prop_head": 0.3},
    lr_scale=1.5e-3,
    max_epochs=18,
)

run = experiment(RECIPE, ProposeReduceAssembly)
