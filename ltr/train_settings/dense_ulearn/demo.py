"""Dense Unsupervised Learning for the shipped network: narrow, on frames without labels, on a CPU.

``docs/demo_networks.md`` has the command.
"""

from dataclasses import replace

from ltr.train_settings.dense_ulearn import mini
from ltr.train_settings.dense_ulearn.assembly import DenseULearnAssembly
from ltr.train_settings.experiment import experiment

RECIPE = replace(
    mini.RECIPE,
    description="Dense Unsupervised Learning with a narrow ResNet-18, on a CPU",
    crop_size=(128, 128),
    backbone_width=16,
    grid_size=8,
    max_epochs=30,
    rate_schedule="cosine",
    average_decay=0.99,
)

run = experiment(RECIPE, DenseULearnAssembly)
