"""ReferFormer with Video-Swin-T on A2D-Sentences, without the image pre-training.

Clips have six frames, as those of the published network: its evaluation needs
``--set target_window=6``.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import referformer_a2d_video_swin_t
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import from_backbone

RECIPE = replace(
    from_backbone(referformer_a2d_video_swin_t.RECIPE),
    description="ReferFormer with Video-Swin-T on A2D-Sentences, without image pre-training",
    num_frames=6,
    max_epochs=12,
    milestones=(8, 10),
    batch_size=8,
    clips_per_group=1,
    dropout=0.0,
    weight_decay=1e-4,
)

run = experiment(RECIPE, ReferringAssembly)
