"""The quality network of IVOS-W, on the masks that generate_data.py writes."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.interactive.recommendation_assembly import QualityAssembly
from ltr.train_settings.interactive.recommendation_recipe import QualityRecipe

RECIPE = QualityRecipe(description="IVOS-W quality network", max_epochs=50, seed=2019)

run = experiment(RECIPE, QualityAssembly)
