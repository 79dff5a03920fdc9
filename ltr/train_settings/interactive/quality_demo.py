"""The small quality network that ships with the package, for the host ``joint joint_demo``.

It starts from the backbone of that network; see docs/demo_networks.md.
"""

from pathlib import Path

from ltr.train_settings.experiment import experiment
from ltr.train_settings.interactive.recommendation_assembly import QualityAssembly
from ltr.train_settings.interactive.recommendation_recipe import QualityRecipe

_BACKBONE = Path(__file__).parents[3] / "pytracking" / "networks" / "joint_demo.pth.tar"

RECIPE = QualityRecipe(
    description="Small IVOS-W quality network",
    rounds=8,
    episodes=3,
    threshold=0.5,
    backbone_weights=str(_BACKBONE),
    backbone_format="bgr255",
    image_size=(160, 284),
    width=32,
    depths=(2, 2, 2, 2),
    side=96,
    block="basic",
    rows=160,
    max_epochs=4,
    samples_per_epoch=3200,
    batch_size=32,
    num_workers=0,
    optimizer="adamw",
    learning_rates={"Encoder": 3e-4, "fc1": 1e-3},
    weight_decay=1e-2,
    rate_schedule="cosine",
    warmup_steps=30,
    average_decay=0.99,
    seed=0,
)

run = experiment(RECIPE, QualityAssembly)
