"""Dense Unsupervised Learning on Kinetics-400."""

from dataclasses import replace

from ltr.train_settings.dense_ulearn import ytvos
from ltr.train_settings.dense_ulearn.assembly import DenseULearnAssembly
from ltr.train_settings.experiment import experiment

RECIPE = replace(
    ytvos.RECIPE,
    description="Dense Unsupervised Learning on the frames of Kinetics-400",
    train_videos=("Kinetics",),
    frame_gap=10,
    keep_order=True,
    smallest_range=(256, 256),
    rnd_crop=False,
    max_epochs=81,
    samples_per_epoch=16 * 14375,
    optimizer="sgd",
    learning_rates={"fast_net": 1e-3},
    milestones=(20, 40, 60, 80),
    validation_interval=2,
)

run = experiment(RECIPE, DenseULearnAssembly)
