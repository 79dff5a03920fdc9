"""ReferFormer for the shipped network, first part: single frames of synthetic clips, from scratch.

``docs/demo_networks.md`` has the commands.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import synthetic_images
from ltr.train_settings.referring.assembly import ReferringAssembly

RECIPE = replace(
    synthetic_images.RECIPE,
    description="ReferFormer with a narrow ResNet-18 and a small text encoder, on synthetic images",
    backbone="resnet18_shifted",
    backbone_width=24,
    hidden_dim=64,
    feedforward_dim=128,
    decoder_layers=3,
    num_queries=5,
    max_epochs=22,
    milestones=(),
)

run = experiment(RECIPE, ReferringAssembly)
