"""Make the table that rewards are measured by: random annotation of the training samples.

Example:
    python scripts/interactive/produce_reward.py
    python scripts/interactive/produce_reward.py joint joint_demo with agent.reward_epochs=6
"""

from __future__ import annotations

from collections.abc import Sequence

from ltr.admin.cli import command
from pytracking.recommendation.command import parse_task
from pytracking.recommendation.config import RecommendationSettings
from pytracking.recommendation.tables import record_random_episodes


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write ``reward.csv``."""
    task = parse_task(__doc__, argv, RecommendationSettings(seed=2020))
    agent = task.settings.agent
    path = task.settings.tables / agent.reward_csv
    rows = record_random_episodes(task, path, agent.reward_epochs, None)
    print(f"{len(rows)} rows: {path}")
    return 0
