"""Dense Unsupervised Learning on Kinetics-400."""

from ltr.train_settings.dense_ulearn.assembly import DenseULearnAssembly
from ltr.train_settings.dense_ulearn.recipe import DenseULearnRecipe
from ltr.train_settings.experiment import experiment

# Upstream counts epochs from 0 to its last one, both included, and leaves out the last clips of an
# epoch that fill no batch.
RECIPE = DenseULearnRecipe(
    description="Dense Unsupervised Learning on the frames of Kinetics-400",
    train_videos=("Kinetics",),
    frame_gap=10,
    keep_order=True,
    smallest_range=(256, 256),
    rnd_crop=False,
    max_epochs=81,
    batch_size=16,
    samples_per_epoch=16 * 14375,
    optimizer="sgd",
    learning_rates={"fast_net": 1e-3},
    milestones=(20, 40, 60, 80),
    gamma=0.5,
    validation_videos=("DAVIS/2017/val",),
    validation_samples=30,
    validation_interval=2,
    scored_split="val",
    keep_checkpoints=3,
)

run = experiment(RECIPE, DenseULearnAssembly)
