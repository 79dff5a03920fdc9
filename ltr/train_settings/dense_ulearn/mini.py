"""A very narrow network that learns from a few clips in minutes on one core of a CPU.

``docs/dense_ulearn.md`` shows what it learned from 34 clips.
"""

from dataclasses import replace

from ltr.train_settings.dense_ulearn import folder
from ltr.train_settings.dense_ulearn.assembly import DenseULearnAssembly
from ltr.train_settings.experiment import experiment

RECIPE = replace(
    folder.RECIPE,
    description="Dense Unsupervised Learning with a very narrow ResNet-18, on a CPU",
    train_videos=("DAVIS/2017/train",),
    video_len=4,
    frame_gap=3,
    crop_size=(96, 96),
    smallest_range=(160, 241),
    backbone_width=8,
    grid_size=6,
    max_epochs=8,
    batch_size=8,
    num_workers=0,
    samples_per_epoch=400,
    learning_rates={"fast_net": 1e-3},
    milestones=(5, 7),
    gamma=0.3,
)

run = experiment(RECIPE, DenseULearnAssembly)
