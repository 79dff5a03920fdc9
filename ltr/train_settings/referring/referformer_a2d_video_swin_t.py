"""ReferFormer with Video-Swin-T on A2D-Sentences, from its image pre-training.

The authors used 8 GPUs with two clips each, and evaluated after every epoch.
"""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import referformer_video_swin_t
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import on_a2d

RECIPE = on_a2d(referformer_video_swin_t.RECIPE)

run = experiment(RECIPE, ReferringAssembly)
