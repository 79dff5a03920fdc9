"""ReferFormer with Video-Swin-T on A2D-Sentences, from its image pre-training.

The authors used 8 GPUs with two clips each, and evaluated after every epoch.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import referformer_video_swin_t
from ltr.train_settings.referring.assembly import ReferringAssembly

RECIPE = replace(
    referformer_video_swin_t.RECIPE,
    description="ReferFormer with Video-Swin-T on A2D-Sentences",
    train_sets=("A2D/train",),
    validation_sets=("A2D/test",),
    batch_size=16,
)

run = experiment(RECIPE, ReferringAssembly)
