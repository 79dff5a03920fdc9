"""ReferFormer with ResNet-50 on images: RefCOCO, RefCOCO+ and RefCOCOg.

The authors used 32 GPUs with two images each; the learning rates are not scaled with the batch.
"""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import START_FILES, ReferringRecipe

RECIPE = ReferringRecipe(
    description="ReferFormer with ResNet-50, pre-training on RefCOCO, RefCOCO+ and RefCOCOg",
    train_sets=("RefCOCO/train", "RefCOCO+/train", "RefCOCOg/train"),
    validation_sets=("RefCOCO/val", "RefCOCO+/val", "RefCOCOg/val"),
    backbone_weights=START_FILES["resnet50"].backbone,
    freeze_text_encoder=False,
    num_frames=1,
    tracking=False,
    max_epochs=12,
    milestones=(8, 10),
    batch_size=64,
    clips_per_group=2,
)

run = experiment(RECIPE, ReferringAssembly)
