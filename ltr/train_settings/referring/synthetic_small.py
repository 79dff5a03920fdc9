"""TF² in small on synthetic clips, starting from ``synthetic_images``: minutes on one CPU core.

Data as for ``synthetic_images``.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import synthetic_images
from ltr.train_settings.referring.assembly import ReferringAssembly

RECIPE = replace(
    synthetic_images.RECIPE,
    description="TF² with a narrow ResNet-18 and a small text encoder, on synthetic clips",
    init_checkpoint="ltr/referring/synthetic_images",
    num_frames=3,
    tracking=True,
    tracking_dropout=0.3,
    batch_size=6,
    samples_per_epoch=6 * 50,
    max_epochs=4,
    milestones=(3,),
    learning_rates=dict.fromkeys(synthetic_images.RECIPE.learning_rates, 5e-4),
)

run = experiment(RECIPE, ReferringAssembly)
