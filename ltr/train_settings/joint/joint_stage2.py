"""JOINT, second stage: the whole network but the backbone's first layers."""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.joint import joint_stage1
from ltr.train_settings.joint.assembly import JointAssembly

RECIPE = replace(
    joint_stage1.RECIPE,
    description="JOINT stage 2: backbone trained from layer 2 on, smaller rates",
    init_checkpoint="ltr/joint/joint_stage1",
    init_epoch=joint_stage1.RECIPE.max_epochs,
    backbone_weights=None,
    frozen_backbone_layers=("conv1", "bn1", "layer1"),
    validation_interval=1,
    learning_rates={
        "target_model.filter_initializer": 5e-5,
        "target_model.filter_optimizer": 2e-5,
        "target_model.feature_extractor": 2e-5,
        "decoder": 2e-5,
        "label_encoder": 2e-5,
        "transformer": 2e-5,
        "feature_extractor.layer2": 2e-5,
        "feature_extractor.layer3": 2e-5,
        "feature_extractor.layer4": 2e-5,
    },
    milestones=(25, 75),
)

run = experiment(RECIPE, JointAssembly)
