"""MANet, first stage: embedding and propagation, from frames with complete labels.

The released program lets only the rate of the feature extractor fall. 101,000 steps of two
triplets.
"""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.interactive.manet_assembly import ManetAssembly
from ltr.train_settings.interactive.manet_recipe import ManetRecipe

RECIPE = ManetRecipe(
    description="MANet stage 1: propagation on DAVIS 2017",
    max_epochs=101,
    samples_per_epoch=2000,
    batch_size=2,
    nesterov=True,
    poly_modules=("feature_extracter",),
    poly_steps=101_000,
    max_gradient_norm=5.0,
    keep_checkpoints=5,
)

run = experiment(RECIPE, ManetAssembly)
