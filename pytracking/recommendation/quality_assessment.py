"""Train the quality network on the masks of generate_data: it learns to predict their J&F.

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
from ltr.admin.environment import train_environment
from ltr.admin.errors import DataError
from ltr.admin.progress import FrameProgress
from ltr.models.interactive.assess import AssessNet, assess_network
from ltr.models.interactive.prompt_encoder import load_imagenet
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


def build_network(settings: AssessSettings) -> AssessNet:
    """The quality network in the settings' size; the backbone from ImageNet, the rest drawn.

    Raises:
        CheckpointError: The backbone's file is missing, damaged or of another network.
    """
    names = ("width", "depths", "side")
    changed = {
        name: getattr(settings, name)
        for name in names
        if getattr(settings, name) != getattr(_PUBLISHED, name)
    }
    network = assess_network(**changed)
    if settings.backbone_weights is not None:
        folder = train_environment().pretrained_networks
        name, without = settings.backbone_weights, "with assess_net.backbone_weights=none"
        load_imagenet(network.Encoder, name, folder, without)
    return network


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
    optimizer = torch.optim.SGD(network.parameters(), rules.lr, rules.momentum)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, rules.gamma)
    count = min(rules.max_masks or len(masks), len(masks))
    if count < rules.train_batch_size:
        raise DataError(f"{count} masks do not fill a batch of {rules.train_batch_size}")
    total = rules.num_epochs * (count // rules.train_batch_size)
    with FrameProgress("training", total, task.quiet, unit="steps") as progress:
        for epoch in range(rules.num_epochs):
            masks.epoch = epoch
            losses = [
                _step(network, optimizer, batch, rules, progress)
                for batch in _loader(masks, rules, count)
            ]
            schedule.step()
            known = [loss for loss in losses if loss is not None]
            yield network, sum(known) / max(1, len(known))


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
    rules: AssessSettings,
    progress: FrameProgress,
) -> float | None:
    """Learn from a batch; one without any object is skipped and has no loss."""
    progress.advance()
    device = next(network.parameters()).device
    images, probabilities, quality, counts = (part.to(device) for part in batch)
    if not counts.any():
        return None
    errors = (network(images, probabilities)[:, 0] - quality.float()) ** 2
    loss = errors[counts].mean()
    if not rules.accumulate_grad_bug:
        optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(network.parameters(), _GRADIENT_LIMIT)
    decay_into_gradients(network, rules.weight_decay)
    optimizer.step()
    return loss.item()


@torch.no_grad()
def decay_into_gradients(network: nn.Module, weight_decay: float) -> None:
    """Add the weights' share to the stored gradients, in place, as PyTorch did before 1.7.

    The step then learns what it would learn from an optimiser's ``weight_decay``; gradients that
    are never set to zero keep the share for all later steps.
    """
    for parameter in network.parameters():
        if parameter.grad is not None:
            parameter.grad.add_(parameter, alpha=weight_decay)
