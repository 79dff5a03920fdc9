"""Train the quality network on the masks of generate_data: it learns to predict their J&F.

Writes assess_net.pt. A stopped run resumes from its newest checkpoint; ``--overwrite`` starts anew.

Example:
    python scripts/interactive/quality_assessment.py
    python scripts/interactive/quality_assessment.py with assess_net.num_epochs=4
"""

from __future__ import annotations

from collections.abc import Sequence

from ltr.admin.cli import command
from ltr.admin.config import select_fields
from ltr.train_settings.interactive.recommendation_assembly import QualityAssembly
from ltr.train_settings.interactive.recommendation_recipe import QualityRecipe, QualityRows
from pytracking.recommendation.command import parse_task
from pytracking.recommendation.config import RecommendationSettings, dataset_root
from pytracking.recommendation.training import save_network, train_network


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write ``assess_net.pt``."""
    task = parse_task(__doc__, argv, RecommendationSettings(seed=2019))
    file = task.settings.assess_file
    network = train_network(task, "quality", file, recipe_of(task.settings), QualityAssembly)
    save_network(file, network)
    print(f"Quality network: {file}")
    return 0


def recipe_of(settings: RecommendationSettings) -> QualityRecipe:
    """The recipe that upstream's keys describe."""
    rules = settings.assess_net
    root, split = dataset_root(settings, settings.data.subset)
    return QualityRecipe(
        description="IVOS-W quality network",
        root=str(root),
        split=split,
        masks=str(settings.quality_data),
        rounds=settings.davis_interactive.max_nb_interactions,
        max_epochs=rules.num_epochs,
        samples_per_epoch=rules.max_masks or None,
        batch_size=rules.train_batch_size,
        optimizer="accumulating_sgd" if rules.accumulate_grad_bug else "sgd",
        max_gradient_value=None if rules.accumulate_grad_bug else 1.0,
        learning_rates=dict.fromkeys(("Encoder", "fc1"), rules.lr),
        seed=settings.seed,
        **select_fields(QualityRows, rules),
    )
