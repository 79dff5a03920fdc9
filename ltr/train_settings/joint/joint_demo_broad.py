"""The network that ships with the package, third part: three times the sequences, and stills.

``docs/demo_networks.md`` has the commands.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.joint import joint_demo_middle
from ltr.train_settings.joint.assembly import JointAssembly

RECIPE = replace(
    joint_demo_middle.RECIPE,
    description="JOINT with a narrow ResNet-18, on more sequences of DAVIS and cut-outs of stills",
    train_sets={
        "DAVIS/2017/train": 1,
        "pasted:DAVIS/2017/train": 2,
        "pasted:COCO/2017/train/900": 1,
    },
    init_checkpoint="ltr/joint/joint_demo_middle",
    max_epochs=14,
    lr_scale=0.6,
    milestones=(),
    max_gradient_norm=5.0,
)

run = experiment(RECIPE, JointAssembly)
