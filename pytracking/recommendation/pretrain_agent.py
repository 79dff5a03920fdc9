"""Collect the agent's first experience: random annotation of the training samples, with rewards.

No network learns here, as in upstream's command of this name.

Example:
    python scripts/interactive/pretrain_agent.py
    python scripts/interactive/pretrain_agent.py joint joint_demo with agent.pretrain_epochs=4
"""

from __future__ import annotations

from collections.abc import Sequence

from ltr.admin.cli import command
from pytracking.recommendation.command import parse_task
from pytracking.recommendation.config import RecommendationSettings
from pytracking.recommendation.tables import record_random_episodes, reward_table


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write ``pretrain.csv``."""
    task = parse_task(__doc__, argv, RecommendationSettings(seed=2021))
    agent = task.settings.agent
    path = task.settings.tables / agent.pretrain_csv
    rows = record_random_episodes(task, path, agent.pretrain_epochs, reward_table(task.settings))
    print(f"{len(rows)} rows: {path}")
    return 0
