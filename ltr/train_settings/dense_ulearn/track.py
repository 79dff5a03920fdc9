"""Dense Unsupervised Learning on TrackingNet."""

from ltr.train_settings.dense_ulearn.assembly import DenseULearnAssembly
from ltr.train_settings.dense_ulearn.recipe import DenseULearnRecipe
from ltr.train_settings.experiment import experiment

# Upstream counts epochs from 0 to its last one, both included, and leaves out the last clips of an
# epoch that fill no batch.
RECIPE = DenseULearnRecipe(
    description="Dense Unsupervised Learning on the frames of TrackingNet",
    train_videos=("TrackingNet",),
    frame_gap=10,
    smallest_range=(256, 256),
    rnd_crop=False,
    max_epochs=251,
    batch_size=16,
    samples_per_epoch=16 * 1883,
    optimizer="sgd",
    learning_rates={"fast_net": 1e-3},
    milestones=tuple(range(20, 251, 20)),
    gamma=0.9,
    validation_videos=("DAVIS/2017/val",),
    validation_samples=30,
    validation_interval=2,
    scored_split="val",
    keep_checkpoints=3,
)

run = experiment(RECIPE, DenseULearnAssembly)
