"""TF² with ResNet-50 on Ref-YouTube-VOS, from ReferFormer's image pre-training.

The authors used 3 GPUs with one clip each; ``referformer_r50`` is the same without tracking.
"""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import ReferringRecipe

RECIPE = ReferringRecipe(
    description="TF² with ResNet-50 on Ref-YouTube-VOS",
    train_sets=("RefYouTubeVOS/train",),
    pretrained="r50_pretrain.pth",
    max_epochs=6,
    milestones=(3, 5),
    batch_size=3,
    clips_per_group=1,
    num_workers=4,
)

run = experiment(RECIPE, ReferringAssembly)
