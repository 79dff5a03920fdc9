"""TF² with Video-Swin-T on A2D-Sentences, from ReferFormer's image pre-training.

Clips have one frame and one tracking image; ``--set tracking=false`` trains ReferFormer, which sees
``num_frames`` frames around the annotated one.
"""

from dataclasses import replace

from ltr.admin.settings import Settings
from ltr.train_settings.experiment import train
from ltr.train_settings.referring import refytvos_r50
from ltr.train_settings.referring.assembly import ReferringAssembly

RECIPE = replace(
    refytvos_r50.RECIPE,
    description="TF² with Video-Swin-T on A2D-Sentences",
    train_sets=("A2D/train",),
    backbone="video_swin_t_p4w7",
    pretrained="video_swin_tiny_pretrained.pth",
    batch_size=16,
)


def run(settings: Settings) -> None:
    """Train."""
    train(settings, RECIPE, ReferringAssembly)
