"""The first part of the small agent: simulated rounds, which cost nothing."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.interactive.recommendation_assembly import AgentAssembly
from ltr.train_settings.interactive.recommendation_recipe import AgentRecipe

RECIPE = AgentRecipe(
    description="Small IVOS-W agent, simulated rounds",
    simulated_episodes=6000,
    hidden=64,
    reward="gain",
    step_weight=0.0,
    discount=0.0,
    mirrored=True,
    quality_noise=0.05,
    max_epochs=10,
    samples_per_epoch=128 * 60,
    batch_size=128,
    learning_rates={"policy": 2e-3},
    rate_schedule="cosine",
    weight_decay=1e-5,
    seed=0,
)

run = experiment(RECIPE, AgentAssembly)
