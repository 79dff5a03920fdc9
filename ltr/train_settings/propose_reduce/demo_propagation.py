"""The shipped Propose-Reduce, second part: a propagation head that starts anew.

``docs/demo_networks.md`` has the commands; ``--set train_set=videos:FOLDER/train`` names the clips.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import demo
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    demo.RECIPE,
    description="Propagation of the shipped Propose-Reduce, on synthetic clips of moving shapes",
    init_checkpoint="ltr/propose_reduce/demo",
    new_propagation=True,
    learning_rates={"backbone": 0.1, "rpn": 0.1, "roi_heads": 0.1, "prop_head": 0.35},
    samples_per_epoch=8 * 50,
    max_epochs=10,
)

run = experiment(RECIPE, ProposeReduceAssembly)
