"""TF² with Video-Swin-S on Ref-YouTube-VOS, from ReferFormer's image pre-training."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import refytvos_r50
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import with_backbone

RECIPE = with_backbone(refytvos_r50.RECIPE, "video_swin_s_p4w7")

run = experiment(RECIPE, ReferringAssembly)
