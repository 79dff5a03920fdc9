"""ReferFormer with ResNet-50 on Ref-YouTube-VOS and clips made of RefCOCO's images, together.

The authors used 32 GPUs with one clip each and did not start from the image pre-training.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import refcoco_r50
from ltr.train_settings.referring.assembly import ReferringAssembly

RECIPE = replace(
    refcoco_r50.RECIPE,
    description="ReferFormer with ResNet-50, joint training on videos and pseudo clips",
    train_sets=(*refcoco_r50.RECIPE.train_sets, "RefYouTubeVOS/train"),
    validation_sets=(),
    freeze_text_encoder=True,
    num_frames=5,
    batch_size=32,
    clips_per_group=1,
)

run = experiment(RECIPE, ReferringAssembly)
