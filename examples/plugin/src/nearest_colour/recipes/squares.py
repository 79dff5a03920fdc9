"""JOINT in small on the squares."""

import os
from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.joint import joint_debug
from ltr.train_settings.joint.assembly import JointAssembly

RECIPE = replace(
    joint_debug.RECIPE,
    description="JOINT in small, on squares",
    train_sets={f"folder:{os.environ.get('SQUARES_DIR', '.')}": 1},
    validation_sets={},
    max_epochs=1,
    milestones=(),
    samples_per_epoch=4,
    batch_size=2,
)

run = experiment(RECIPE, JointAssembly)
