"""The network that ships with the package, second part: larger crops, smaller rates.

``docs/demo_networks.md`` has the commands; the next part starts from the mean of 16 epochs.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.joint import joint_demo_coarse
from ltr.train_settings.joint.assembly import JointAssembly

RECIPE = replace(
    joint_demo_coarse.RECIPE,
    init_checkpoint="ltr/joint/joint_demo_coarse",
    output_size=(256, 144),
    max_epochs=23,
    milestones=(4, 7),
    gamma=0.5,
    keep_checkpoints=16,
)

run = experiment(RECIPE, JointAssembly)
