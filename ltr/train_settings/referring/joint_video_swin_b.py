"""ReferFormer with Video-Swin-B on videos and pseudo clips, together."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import joint_r50
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import with_backbone

RECIPE = with_backbone(joint_r50.RECIPE, "video_swin_b_p4w7")

run = experiment(RECIPE, ReferringAssembly)
