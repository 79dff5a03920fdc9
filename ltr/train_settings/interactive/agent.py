"""The agent of IVOS-W, learning from a table of experience.

``scripts/interactive/train_agent.py`` also plays new episodes while it learns, as published: an
epoch is what is learned after one episode, here and there.
"""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.interactive.recommendation_assembly import AgentAssembly
from ltr.train_settings.interactive.recommendation_recipe import AgentRecipe

RECIPE = AgentRecipe(description="IVOS-W agent: DQN on DAVIS 2017", max_epochs=900, seed=2019)

run = experiment(RECIPE, AgentAssembly)
