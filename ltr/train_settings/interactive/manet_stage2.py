"""MANet, second stage: the interaction head, from scribbles of people and of a robot.

It starts from step 100,000 of the first stage. Rounds of corrections change every thirty passes
over the videos; 101,000 steps of two frames.
"""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.interactive.manet_assembly import ManetInteractionAssembly
from ltr.train_settings.interactive.manet_recipe import ManetRecipe

RECIPE = ManetRecipe(
    description="MANet stage 2: interaction on DAVIS 2017",
    max_epochs=101,
    samples_per_epoch=2000,
    batch_size=2,
    learning_rates={"inter_seghead": 7e-4},
    poly_modules=("inter_seghead",),
    poly_steps=101_000,
    init_checkpoint="ltr/interactive/manet_stage1",
    init_epoch=100,
    keep_checkpoints=5,
)

run = experiment(RECIPE, ManetInteractionAssembly)
