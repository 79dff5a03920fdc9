"""ReferFormer with Video-Swin-T on Ref-YouTube-VOS, without the image pre-training.

Only the backbone and the text encoder are pre-trained. For another backbone change ``backbone`` and
``backbone_weights``.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import referformer_video_swin_t
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import from_backbone

RECIPE = replace(
    from_backbone(referformer_video_swin_t.RECIPE),
    description="ReferFormer with Video-Swin-T on Ref-YouTube-VOS, without image pre-training",
    max_epochs=10,
    milestones=(6, 8),
)

run = experiment(RECIPE, ReferringAssembly)
