"""Dense Unsupervised Learning on OxUvA."""

from ltr.admin.settings import Settings
from ltr.train_settings.dense_ulearn.assembly import DenseULearnAssembly
from ltr.train_settings.dense_ulearn.recipe import DenseULearnRecipe
from ltr.train_settings.experiment import train

# Upstream counts epochs from 0 to its last one, both included, and leaves out the last clips of an
# epoch that fill no batch.
RECIPE = DenseULearnRecipe(
    description="Dense Unsupervised Learning on the frames of OxUvA (dev)",
    train_videos=("OxUvA",),
    frame_gap=10,
    max_epochs=501,
    batch_size=16,
    samples_per_epoch=16 * 12,
    learning_rates={"fast_net": 1e-4},
    milestones=(100, 200, 300, 400, 500),
    gamma=0.5,
    validation_videos=("DAVIS/2017/val",),
    validation_samples=30,
    validation_interval=10,
    scored_split="val",
    keep_checkpoints=3,
)


def run(settings: Settings) -> None:
    """Train."""
    train(settings, RECIPE, DenseULearnAssembly)
