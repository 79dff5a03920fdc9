"""ReferFormer with Video-Swin-S on A2D-Sentences, from its image pre-training."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import referformer_a2d_video_swin_t
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import with_backbone

RECIPE = with_backbone(referformer_a2d_video_swin_t.RECIPE, "video_swin_s_p4w7")

run = experiment(RECIPE, ReferringAssembly)
