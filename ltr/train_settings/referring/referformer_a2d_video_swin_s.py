"""ReferFormer with Video-Swin-S on A2D-Sentences, from its image pre-training."""

from ltr.admin.settings import Settings
from ltr.train_settings.experiment import train
from ltr.train_settings.referring import referformer_a2d_video_swin_t
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import with_backbone

RECIPE = with_backbone(referformer_a2d_video_swin_t.RECIPE, "video_swin_s_p4w7")


def run(settings: Settings) -> None:
    """Train."""
    train(settings, RECIPE, ReferringAssembly)
