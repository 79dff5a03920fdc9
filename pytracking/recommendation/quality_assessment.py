"""Train the quality network on the masks of generate_data: it learns to tell their J&F.

Writes assess_net.pt every tenth epoch and at the end.

Example:
    python scripts/interactive/quality_assessment.py
    python scripts/interactive/quality_assessment.py with assess_net.num_epochs=4
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler

from ltr.admin.cli import command
from ltr.admin.errors import DataError
from ltr.admin.progress import FrameProgress
from ltr.models.interactive.assess import assess_network
from pytracking.recommendation.command import Task, parse_task
from pytracking.recommendation.config import AssessSettings, RecommendationSettings
from pytracking.recommendation.quality_masks import QualityMasks, list_samples
from pytracking.recommendation.tables import training_videos
from pytracking.recommendation.train_agent import save_network
from pytracking.utils.staging import translate_write_errors

_LOG = logging.getLogger(__name__)
_SAVE_EVERY = 10
_GRADIENT_LIMIT = 1.0
_PUBLISHED = AssessSettings()


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write ``assess_net.pt``."""
    task = parse_task(__doc__, argv, RecommendationSettings(seed=2019))
    settings, file = task.settings, task.settings.assess_file
    videos = list(training_videos(settings).values())
    rounds = settings.davis_interactive.max_nb_interactions
    samples = list_samples(settings.quality_data, videos, rounds)
    masks = QualityMasks(samples, settings.assess_net.image_size, settings.seed)
    with translate_write_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    for epoch, (network, loss) in enumerate(train(task, masks), 1):
        _LOG.info("epoch %d of %d: loss %.5f", epoch, settings.assess_net.num_epochs, loss)
        if epoch % _SAVE_EVERY == 0 or epoch == settings.assess_net.num_epochs:
            with translate_write_errors(file):
                save_network(file, network)
    print(f"Quality network: {file}")
    return 0


def build_network(settings: AssessSettings) -> nn.Module:
    """The quality network in the settings' size, freshly drawn."""
    names = ("width", "depths", "side")
    changed = {
        name: getattr(settings, name)
        for name in names
        if getattr(settings, name) != getattr(_PUBLISHED, name)
    }
    return assess_network(**changed)


def train(task: Task, masks: QualityMasks) -> Iterator[tuple[nn.Module, float]]:
    """Train epoch by epoch.

    Args:
        task: Settings and device.
        masks: The samples.

    Yields:
        The network and the mean loss after every epoch.

    Raises:
        DataError: A file is missing or damaged, or there is less than one batch.
    """
    rules = task.settings.assess_net
    torch.manual_seed(task.settings.seed)
    network = build_network(rules).to(task.device).train()
    optimizer = torch.optim.SGD(
        network.parameters(), rules.lr, rules.momentum, weight_decay=rules.weight_decay
    )
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, rules.gamma)
    count = min(rules.max_masks or len(masks), len(masks))
    if count < rules.train_batch_size:
        raise DataError(f"{count} masks do not fill a batch of {rules.train_batch_size}")
    total = rules.num_epochs * (count // rules.train_batch_size)
    with FrameProgress("training", total, task.quiet, unit="steps") as progress:
        for epoch in range(rules.num_epochs):
            masks.epoch = epoch
            losses = [
                _step(network, optimizer, batch, rules.accumulate_grad_bug, progress)
                for batch in _loader(masks, rules, count)
            ]
            schedule.step()
            yield network, sum(losses) / len(losses)


def _loader(masks: QualityMasks, rules: AssessSettings, count: int) -> DataLoader:
    return DataLoader(
        masks,
        rules.train_batch_size,
        sampler=RandomSampler(masks, num_samples=count),
        num_workers=rules.num_workers,
        drop_last=True,
    )


def _step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Sequence[torch.Tensor],
    accumulates: bool,
    progress: FrameProgress,
) -> float:
    device = next(network.parameters()).device
    images, probabilities, quality, counts = (part.to(device) for part in batch)
    errors = (network(images, probabilities)[:, 0] - quality.float()) ** 2
    loss = errors[counts].mean() if counts.any() else 0 * errors.sum()
    if not accumulates:
        optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(network.parameters(), _GRADIENT_LIMIT)
    optimizer.step()
    progress.advance()
    return loss.item()
