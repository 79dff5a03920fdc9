"""Dense Unsupervised Learning on TrackingNet."""

from dataclasses import replace

from ltr.train_settings.dense_ulearn import kinetics
from ltr.train_settings.dense_ulearn.assembly import DenseULearnAssembly
from ltr.train_settings.experiment import experiment

RECIPE = replace(
    kinetics.RECIPE,
    description="Dense Unsupervised Learning on the frames of TrackingNet",
    train_videos=("TrackingNet",),
    keep_order=False,
    max_epochs=251,
    samples_per_epoch=16 * 1883,
    milestones=tuple(range(20, 251, 20)),
    gamma=0.9,
)

run = experiment(RECIPE, DenseULearnAssembly)
