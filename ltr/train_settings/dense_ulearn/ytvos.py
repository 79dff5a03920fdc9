"""Dense Unsupervised Learning on YouTube-VOS."""

from ltr.train_settings.dense_ulearn.assembly import DenseULearnAssembly
from ltr.train_settings.dense_ulearn.recipe import DenseULearnRecipe
from ltr.train_settings.experiment import experiment

# Upstream counts epochs from 0 to its last one, both included, so it validates in our epochs 1, 11
# and so on. It leaves out the last clips of an epoch that fill no batch.
RECIPE = DenseULearnRecipe(
    description="Dense Unsupervised Learning on the frames of YouTube-VOS, without their masks",
    train_videos=("YouTubeVOS",),
    frame_gap=2,
    max_epochs=501,
    batch_size=16,
    samples_per_epoch=16 * 216,
    learning_rates={"fast_net": 1e-4},
    milestones=(100, 200, 300, 400, 500),
    gamma=0.5,
    validation_videos=("DAVIS/2017/val",),
    validation_samples=30,
    validation_interval=10,
    validation_offset=1,
    scored_split="val",
    keep_checkpoints=3,
)

run = experiment(RECIPE, DenseULearnAssembly)
