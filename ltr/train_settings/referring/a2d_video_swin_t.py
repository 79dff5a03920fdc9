"""TF² with Video-Swin-T on A2D-Sentences, from ReferFormer's image pre-training.

Clips have one frame and one tracking image. The published networks are plain ReferFormer:
``referformer_a2d_video_swin_t``.
"""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import refytvos_video_swin_t
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import on_a2d

RECIPE = on_a2d(refytvos_video_swin_t.RECIPE)

run = experiment(RECIPE, ReferringAssembly)
