"""The network that ships with the package, first part: narrow, from scratch, on small crops.

``docs/demo_networks.md`` has the commands.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.joint import joint_stage1
from ltr.train_settings.joint.assembly import JointAssembly
from ltr.train_settings.joint.recipe import MODULES, from_scratch

RECIPE = replace(
    from_scratch(joint_stage1.RECIPE, width=32),
    description="JOINT with a narrow ResNet-18 from scratch, on DAVIS and pasted objects",
    train_sets={"DAVIS/2017/train": 1, "pasted:DAVIS/2017/train": 3},
    validation_sets={},
    validation_samples=0,
    num_test_frames=2,
    max_gap=40,
    output_size=(192, 112),
    search_area_factor=3.2,
    train_centre_jitter=2.0,
    train_scale_jitter=0.35,
    test_centre_jitter=(3.0, 2.5),
    test_scale_jitter=0.45,
    out_feature_dim=128,
    transformer_dim=128,
    key_dim=64,
    label_encoder_dims=(8, 16, 32),
    decoder_mdim=24,
    num_refinement_iter=1,
    difference_weight=0.0,
    entropy_weight=100.0,
    max_epochs=20,
    batch_size=8,
    num_workers=1,
    samples_per_epoch=400,
    learning_rates=dict.fromkeys(MODULES, 5e-4),
    milestones=(),
    print_interval=10,
    keep_checkpoints=3,
)

run = experiment(RECIPE, JointAssembly)
