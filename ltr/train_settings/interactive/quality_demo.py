"""The small quality network that ships with the package, for the host ``joint joint_demo``.

It judges masks by measurements; see docs/demo_networks.md.
"""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.interactive.recommendation_assembly import MeasureAssembly
from ltr.train_settings.interactive.recommendation_recipe import MeasureRecipe

RECIPE = MeasureRecipe(
    description="Small IVOS-W quality network",
    rounds=4,
    episodes=2,
    threshold=0.5,
    max_epochs=40,
    batch_size=8,
    num_workers=0,
    optimizer="adam",
    learning_rates={"judgement": 1e-2},
    rate_schedule="cosine",
    keep_checkpoints=1,
    seed=0,
)

run = experiment(RECIPE, MeasureAssembly)
