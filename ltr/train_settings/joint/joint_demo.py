"""The network that ships with the package, last part: crops as large as in tracking.

``docs/demo_networks.md`` has the commands.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.joint import joint_demo_broad
from ltr.train_settings.joint.assembly import JointAssembly

RECIPE = replace(
    joint_demo_broad.RECIPE,
    description="JOINT with a narrow ResNet-18, on larger crops, the rate falling to zero",
    train_sets={
        "DAVIS/2017/train": 2,
        "pasted:DAVIS/2017/train": 2,
        "pasted:COCO/2017/train/900": 1,
    },
    init_checkpoint="ltr/joint/joint_demo_broad",
    output_size=(320, 176),
    max_epochs=26,
    rate_schedule="cosine",
    average_decay=0.995,
    keep_checkpoints=4,
)

run = experiment(RECIPE, JointAssembly)
