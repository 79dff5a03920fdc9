"""ReferFormer with ResNet-50 on Ref-YouTube-VOS, from its image pre-training.

The authors used 8 GPUs with one clip each.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import refytvos_r50
from ltr.train_settings.referring.assembly import ReferringAssembly

RECIPE = replace(
    refytvos_r50.RECIPE,
    description="ReferFormer with ResNet-50 on Ref-YouTube-VOS",
    tracking=False,
    batch_size=8,
)

run = experiment(RECIPE, ReferringAssembly)
