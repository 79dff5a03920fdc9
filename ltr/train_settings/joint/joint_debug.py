"""JOINT in small: trains in seconds on a CPU, to try out data sets, settings and machines."""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.joint import joint_stage1
from ltr.train_settings.joint.assembly import JointAssembly
from ltr.train_settings.joint.recipe import MODULES, from_scratch

RECIPE = replace(
    from_scratch(joint_stage1.RECIPE, width=8),
    description="JOINT with a narrow ResNet-18 and small crops, on DAVIS",
    train_sets={"DAVIS/2017/train": 1},
    validation_sets={"DAVIS/2017/val": 1},
    output_size=(112, 64),
    num_filters=4,
    out_feature_dim=16,
    transformer_dim=16,
    key_dim=8,
    label_encoder_dims=(4, 8, 8),
    decoder_mdim=8,
    max_epochs=4,
    batch_size=4,
    num_workers=0,
    samples_per_epoch=40,
    validation_samples=8,
    validation_interval=2,
    learning_rates=dict.fromkeys(MODULES, 1e-3),
    milestones=(3,),
)

run = experiment(RECIPE, JointAssembly)
