"""Dense Unsupervised Learning on your own videos: --set train_videos=folder:PATH."""

from ltr.train_settings.dense_ulearn.assembly import DenseULearnAssembly
from ltr.train_settings.dense_ulearn.recipe import DenseULearnRecipe
from ltr.train_settings.experiment import experiment

RECIPE = DenseULearnRecipe(
    description="Dense Unsupervised Learning on any folder of videos",
    train_videos=(),
    frame_gap=2,
    crop_size=(192, 192),
    smallest_range=(192, 240),
    max_epochs=40,
    batch_size=16,
    samples_per_epoch=2000,
    learning_rates={"fast_net": 1e-4},
    milestones=(24, 34),
    gamma=0.5,
    keep_checkpoints=3,
)

run = experiment(RECIPE, DenseULearnAssembly)
