"""The rows of experiments with the networks of IVOS-W (CVPR 2021): agent and quality network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from ltr.admin.ranges import Count, CountOrZero, NotNegative, Positive, Probability, Range
from ltr.dataset.interactive.experience_samples import Reward
from ltr.dataset.interactive.quality_masks import IS_OBJECT
from ltr.models.interactive.prompt_encoder import Block
from ltr.train_settings.recipe import RateSchedule, Recipe
from ltr.trainers.optimizer import OptimizerKind


@dataclass(frozen=True, kw_only=True)
class AgentRows:
    """Rows that upstream's settings of the agent have under the same names.

    Args:
        memory_size: Largest number of rows of the experience buffer.
        sample_th: Videos on which quality changes less are left out, 0..1.
        unfiltered_buffer: Begin with the first rows of the table, those that ``sample_th`` refuses
            among them, as upstream does.
        hidden: Width of the network.
        update_rate: Probability that a step copies the policy to the target network.
        weight_decay: L2 penalty.
    """

    memory_size: Count = 100_000
    sample_th: NotNegative = 0.05
    unfiltered_buffer: bool = True
    hidden: Count = 128
    update_rate: NotNegative = 0.05
    weight_decay: NotNegative = 5e-4


@dataclass(frozen=True, kw_only=True)
class AgentRecipe(AgentRows, Recipe):
    """How the agent of IVOS-W learns; see ``AgentRows`` and ``Recipe`` for the other rows.

    Args:
        experience: Table of first experience; None takes ``pretrain.csv`` in
            ``workspace_dir/interactive``, or ``reward.csv`` where the reward is the gain.
        simulated_episodes: Learn from so many simulated ones instead, see ``simulate_episodes``; 0
            for none.
        simulated_rounds: Rounds of each.
        simulated_frames: Frames of each.
        discount: Weight of the next state's value.
        reward: ``score`` or ``gain``, see ``ExperienceView``.
        step_weight: Weight of the reward for frames annotated as rarely as any.
        mirrored: Show half of the transitions backwards in time.
        quality_noise: Error that is added to the quality of every frame, 0..1.
    """

    experience: str | None = None
    simulated_episodes: CountOrZero = 0
    simulated_rounds: Annotated[int, Range(2)] = 8
    simulated_frames: Count = 20
    discount: NotNegative = 0.95
    reward: Reward = "score"
    step_weight: NotNegative = 1.0
    mirrored: bool = False
    quality_noise: NotNegative = 0.0

    samples_per_epoch: Count = 14 * 32
    batch_size: Count = 32
    num_workers: CountOrZero = 0
    fused_optimizer: bool = False  # the network is small, and upstream's digits are kept
    learning_rates: Mapping[str, float] = field(default_factory=lambda: {"policy": 5e-6})
    max_gradient_value: Positive | None = 1.0
    keep_checkpoints: CountOrZero = 1


@dataclass(frozen=True, kw_only=True)
class QualityRows:
    """Rows that upstream's settings of the quality network have under the same names.

    Args:
        backbone_weights: ImageNet weights of the backbone: a name of torchvision, whose file lies
            in ``pretrained_networks``, or a path; None starts from random weights.
        image_size: (height, width) to which frames are resized, in pixels.
        width: Channels of the network's stem.
        depths: Blocks of its stages.
        side: Side of the region that the network sees, pixels.
        num_workers: Processes that read images.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty.
        gamma: Factor of the learning rate after every epoch.
    """

    backbone_weights: str | None = "resnet50"
    image_size: tuple[int, int] = (480, 854)
    width: Count = 64
    depths: tuple[int, ...] = (3, 4, 6, 3)
    side: Count = 256
    num_workers: CountOrZero = 12
    momentum: float = 0.9
    weight_decay: NotNegative = 5e-4
    gamma: float = 0.95


@dataclass(frozen=True, kw_only=True)
class HostMasks:
    """Masks of a host that a quality network learns from.

    Args:
        root: Data set in the layout of DAVIS; None takes ``davis_dir``.
        split: List of its sequences, a file of ``ImageSets/2017`` without ``.txt``.
        masks: Folder of the probabilities that ``generate_data`` writes; None takes
            ``quality_assessment`` in ``workspace_dir/interactive``.
        rounds: Rounds that were played for every video.
        episodes: How often each video was played, see ``agent.keep_masks``.
        threshold: Probability above which a pixel is the object's in the host's masks.
    """

    root: str | None = None
    split: str = "train"
    masks: str | None = None
    rounds: Count = 5
    episodes: Count = 1
    threshold: Probability = IS_OBJECT


@dataclass(frozen=True, kw_only=True)
class MeasureRecipe(HostMasks, Recipe):
    """How a ``MeasureNet`` learns; see ``HostMasks`` and ``Recipe`` for more rows.

    Args:
        level_weight: See ``MeasureActor``.
        samples_per_epoch: Number of rounds per epoch; None for all.
    """

    level_weight: NotNegative = 0.05

    samples_per_epoch: Count | None = None


@dataclass(frozen=True, kw_only=True)
class QualityRecipe(QualityRows, HostMasks, Recipe):
    """How the quality network of IVOS-W learns; the other rows are those of the bases.

    The optimiser ``accumulating_sgd`` is the rule that upstream's program really followed;
    ``sgd`` with ``max_gradient_value=1`` is the usual one.

    Args:
        backbone_format: Input that ``backbone_weights`` were trained with: ``rgb``, or ``bgr255``
            for those of JOINT.
        block: Kind of the network's blocks, ``bottleneck`` or ``basic``.
        rows: Rows to which the network scales frames; None takes them as they come.
        samples_per_epoch: Number of masks per epoch, drawn anew for each; None for all.
    """

    backbone_format: Literal["rgb", "bgr255"] = "rgb"
    block: Block = "bottleneck"
    rows: Count | None = None

    samples_per_epoch: Count | None = None
    batch_size: Count = 32
    optimizer: OptimizerKind = "accumulating_sgd"
    learning_rates: Mapping[str, float] = field(
        default_factory=lambda: dict.fromkeys(("Encoder", "fc1"), 5e-6)
    )
    rate_schedule: RateSchedule = "exponential"
    keep_checkpoints: CountOrZero = 1
