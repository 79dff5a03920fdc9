"""Propose-Reduce for the shipped network: small, on synthetic clips of moving shapes, on a CPU.

``docs/demo_networks.md`` has the commands; ``--set train_set=videos:FOLDER/train`` names the clips.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.propose_reduce import synthetic
from ltr.train_settings.propose_reduce.assembly import ProposeReduceAssembly

RECIPE = replace(
    synthetic.RECIPE,
    max_epochs=12,
    rate_schedule="cosine",
    average_decay=0.99,
)

run = experiment(RECIPE, ProposeReduceAssembly)
