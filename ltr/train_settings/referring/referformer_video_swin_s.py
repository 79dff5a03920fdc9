"""ReferFormer with Video-Swin-S on Ref-YouTube-VOS, from its image pre-training."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import referformer_r50
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import with_backbone

RECIPE = with_backbone(referformer_r50.RECIPE, "video_swin_s_p4w7")

run = experiment(RECIPE, ReferringAssembly)
