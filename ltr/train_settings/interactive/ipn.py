"""IPN: both networks together, from clips of one object that a robot corrects.

500 epochs over the objects of DAVIS 2017, one clip of eight frames per step.
"""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.interactive.ipn_assembly import IpnAssembly
from ltr.train_settings.interactive.ipn_recipe import IpnRecipe

RECIPE = IpnRecipe(
    description="IPN: interaction and propagation on DAVIS 2017",
    max_epochs=500,
    batch_size=1,
    milestones=(300, 400),
    max_gradient_value=1.0,
    keep_checkpoints=5,
    seed=2019,
)

run = experiment(RECIPE, IpnAssembly)
