"""Dense Unsupervised Learning on OxUvA: the recipe of YouTube-VOS on other videos."""

from dataclasses import replace

from ltr.train_settings.dense_ulearn.assembly import DenseULearnAssembly
from ltr.train_settings.dense_ulearn.ytvos import RECIPE as YTVOS
from ltr.train_settings.experiment import experiment

RECIPE = replace(
    YTVOS,
    description="Dense Unsupervised Learning on the frames of OxUvA (dev)",
    train_videos=("OxUvA",),
    frame_gap=10,
    samples_per_epoch=16 * 12,
)

run = experiment(RECIPE, DenseULearnAssembly)
