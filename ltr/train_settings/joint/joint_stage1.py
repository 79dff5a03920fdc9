"""JOINT, first stage: everything but the backbone."""

from ltr.admin.pretrained import MASK_RCNN_FILE
from ltr.train_settings.experiment import experiment
from ltr.train_settings.joint.assembly import JointAssembly
from ltr.train_settings.joint.recipe import JointRecipe

RECIPE = JointRecipe(
    description="JOINT stage 1: Mask R-CNN backbone frozen, everything else from scratch",
    train_sets={"YouTubeVOS/2019/jjtrain": 6, "DAVIS/2017/train": 1},
    validation_sets={"YouTubeVOS/2019/jjvalid": 1},
    backbone_weights=MASK_RCNN_FILE,
    frozen_backbone_layers=("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"),
    max_epochs=90,
    batch_size=20,
    samples_per_epoch=20 * 1000,
    validation_samples=20 * 100,
    validation_interval=5,
    learning_rates={
        "target_model.filter_initializer": 5e-5,
        "target_model.filter_optimizer": 1e-4,
        "target_model.feature_extractor": 2e-5,
        "decoder": 1e-4,
        "label_encoder": 2e-4,
        "transformer": 2e-5,
    },
    milestones=(40, 80),
    gamma=0.2,
    print_interval=1,
)

run = experiment(RECIPE, JointAssembly)
