"""TF² with Video-Swin-T on A2D-Sentences, from ReferFormer's image pre-training.

Clips have one frame and one tracking image. The published networks are plain ReferFormer:
``referformer_a2d_video_swin_t``.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import refytvos_video_swin_t
from ltr.train_settings.referring.assembly import ReferringAssembly

RECIPE = replace(
    refytvos_video_swin_t.RECIPE,
    description="TF² with Video-Swin-T on A2D-Sentences",
    train_sets=("A2D/train",),
    validation_sets=("A2D/test",),
    batch_size=16,
)

run = experiment(RECIPE, ReferringAssembly)
