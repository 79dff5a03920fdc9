"""Settings of frame recommendation: upstream's keys, as in ``with seed=1 agent.lr=1e-4``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ltr.admin.config import override
from ltr.admin.environment import train_environment
from ltr.admin.errors import ConfigError, did_you_mean
from ltr.train_settings.interactive.recommendation_recipe import AgentRows, QualityRows
from pytracking.analysis.protocols.interactive import METRICS
from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.datasets.sequence import SequenceList
from pytracking.tracker.interactive.quality import AGENT_FILE, ASSESS_FILE
from pytracking.utils.environment import EvaluationEnvironment, evaluation_environment, require

Setting = Literal["oracle", "wild"]
Method = Literal["random", "linspace", "worst", "ours"]
DatasetWord = Literal["davis", "ytbvos"]

_DATASETS = {
    "davis": ("davis_dir", "root_dir_davis", Path("data/DAVIS"), "dv2017_{split}"),
    "ytbvos": (
        "scribble_ytvos_dir",
        "root_dir_scribble_youtube_vos",
        Path("data/Scribble_Youtube_VOS"),
        "scribble_ytvos",
    ),
}


@dataclass(frozen=True)
class DataSettings:
    """Where the videos are and which part of them is seen in training.

    Args:
        root_dir_davis: Empty: ``davis_dir``, or ``data/DAVIS`` where that is not set.
        root_dir_scribble_youtube_vos: Empty: ``scribble_ytvos_dir``, or ``data/...``.
        subset: Split that training plays on.
        len_subseq: Frames of a window in training.
        num_workers: Processes that read pictures for the quality network.
    """

    root_dir_davis: str = ""
    root_dir_scribble_youtube_vos: str = ""
    subset: Literal["train", "val"] = "train"
    len_subseq: int = 25
    num_workers: int = 2


@dataclass(frozen=True)
class RoundSettings:
    """How samples are played.

    Args:
        metric: ``J``, ``F`` or ``J_AND_F``.
        allow_repeat: Whether the agent may choose a frame again in an evaluation.
        max_nb_interactions: Rounds of an episode of training.
        eval_interactions: Rounds of an evaluation.
    """

    metric: str = "J_AND_F"
    allow_repeat: bool = True
    max_nb_interactions: int = 5
    eval_interactions: int = 8

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            hint = did_you_mean(self.metric, METRICS)
            raise ConfigError(f"davis_interactive.metric: unknown value {self.metric!r}{hint}")


@dataclass(frozen=True, kw_only=True)
class AgentSettings(AgentRows):
    """The agent and how it learns; see ``AgentRows`` for the other rows.

    Args:
        net: File of the network, below ``ckpt_dir`` or ``network_path``; the small one that ships
            is ``agent_demo.pth.tar``.
        most_annotations: A frame annotated so often is not chosen again; 0 for no limit, as
            published. The small agent is meant for 2.
        gamma: Weight of the next state's value.
        eps_start: Exploration at the first decision.
        eps_end: Exploration in the end.
        eps_decay: How slowly it falls, in decisions.
        lr: Learning rate of Adam.
        train_batch_size: Transitions of a step.
        save_result_dir: Folder of the tables; empty for ``workspace_dir/interactive``.
        reward_csv: Table of random annotation.
        pretrain_csv: Table of first experience.
        reward_epochs: How often ``produce_reward`` plays every sample.
        pretrain_epochs: How often ``pretrain_agent`` does.
        train_epochs: How often ``train_agent`` does.
        updates: Most updates after an episode.
        late_counts: Store counts that contain the action already, as upstream does.
        shifted_reward: Reward 0 means one standard deviation better than random, as upstream.
        keep_masks: Keep the probabilities of the episodes that are played, for the quality network,
            so that ``generate_data`` need not play others.
    """

    net: str = AGENT_FILE
    most_annotations: int = 0
    gamma: float = 0.95
    eps_start: float = 0.7
    eps_end: float = 0.25
    eps_decay: float = 500
    lr: float = 5e-6
    train_batch_size: int = 32
    save_result_dir: str = ""
    reward_csv: str = "reward.csv"
    pretrain_csv: str = "pretrain.csv"
    reward_epochs: int = 30
    pretrain_epochs: int = 10
    train_epochs: int = 5
    updates: int = 14
    late_counts: bool = True
    shifted_reward: bool = True
    keep_masks: bool = False


@dataclass(frozen=True, kw_only=True)
class AssessSettings(QualityRows):
    """The quality network and how it learns; see ``QualityRows`` for the other rows.

    Args:
        net: File of the network, below ``ckpt_dir`` or ``network_path``; ``confidence`` stands for
            the host's confidence, see ``ScaledConfidence``.
        num_epochs: Over all samples.
        lr: Learning rate of SGD.
        train_batch_size: Masks of a step.
        data_dir: Folder of the probabilities that ``generate_data`` writes; empty for
            ``workspace_dir/interactive/quality_assessment``.
        accumulate_grad_bug: Gradients are never set to zero and collect the weight decay too, as
            upstream's program really learned; false is the usual rule.
        max_masks: Number of masks per epoch, drawn anew for each epoch; 0 for all.
    """

    net: str = ASSESS_FILE
    num_epochs: int = 50
    lr: float = 5e-6
    train_batch_size: int = 32
    data_dir: str = ""
    accumulate_grad_bug: bool = True
    max_masks: int = 0


@dataclass(frozen=True)
class RecommendationSettings:
    """All settings; the names are upstream's.

    Args:
        seed: Seed of all random numbers.
        gpu_id: The GPU, where there is one.
        setting: Quality from the ground truth (``oracle``), or from the quality network.
        method: How the next frame is chosen.
        dataset: ``davis`` or ``ytbvos``.
        ckpt_dir: Folder of the networks; empty: ``network_path``.
        results: Folder of all results; empty: ``results_path``.
        data: Paths and subsets, see ``DataSettings``.
        davis_interactive: How samples are played, see ``RoundSettings``.
        agent: The agent and its training, see ``AgentSettings``.
        assess_net: The quality network and its training, see ``AssessSettings``.
    """

    seed: int = 0
    gpu_id: int = 0
    setting: Setting = "wild"
    method: Method = "ours"
    dataset: DatasetWord = "davis"
    ckpt_dir: str = ""
    results: str = ""
    data: DataSettings = field(default_factory=DataSettings)
    davis_interactive: RoundSettings = field(default_factory=RoundSettings)
    agent: AgentSettings = field(default_factory=AgentSettings)
    assess_net: AssessSettings = field(default_factory=AssessSettings)

    @property
    def agent_file(self) -> Path:
        """Where the agent is written."""
        return self._network_folder / self.agent.net

    @property
    def assess_file(self) -> Path:
        """Where the quality network is written."""
        return self._network_folder / self.assess_net.net

    @property
    def tables(self) -> Path:
        """Folder of the experience tables."""
        return Path(self.agent.save_result_dir or _workspace())

    @property
    def quality_data(self) -> Path:
        """Folder of the quality network's training masks."""
        return Path(self.assess_net.data_dir or _workspace() / "quality_assessment")

    @property
    def _network_folder(self) -> Path:
        if self.ckpt_dir:
            return Path(self.ckpt_dir)
        return evaluation_environment().network_folders[0]


def parse_settings(
    assignments: Sequence[str], settings: RecommendationSettings
) -> RecommendationSettings:
    """Change settings by ``key=value`` and ``group.key=value``.

    Raises:
        ConfigError: An unknown key, or a value of another type.

    >>> parse_settings(["method=worst", "agent.lr=1e-4"], RecommendationSettings()).agent.lr
    0.0001
    """
    for assignment in assignments:
        name, _, rest = assignment.partition(".")
        if "=" in name or not rest:
            _refuse_group(name.partition("=")[0])
            settings = override(settings, [assignment])
            continue
        if name not in _groups():
            raise ConfigError(f"there is no group {name!r}{did_you_mean(name, _groups())}")
        group = override(getattr(settings, name), [rest])
        settings = dataclasses.replace(settings, **{name: group})
    return settings


def _groups() -> list[str]:
    defaults = RecommendationSettings()
    names = [entry.name for entry in dataclasses.fields(defaults)]
    return [name for name in names if dataclasses.is_dataclass(getattr(defaults, name))]


def _refuse_group(name: str) -> None:
    if name in _groups():
        raise ConfigError(f"{name} is a group of settings: expected {name}.key=value")


def open_dataset(settings: RecommendationSettings, split: str) -> SequenceList:
    """The data set that the settings name.

    Args:
        settings: Settings with the data set's word and folders.
        split: ``train`` or ``val``; YouTube-VOS has one.

    Raises:
        ConfigError: Its folder is nowhere.
        DataError: The folder has another layout.
    """
    name = _DATASETS[settings.dataset][3]
    return get_dataset(name.format(split=split), _environment(settings))


def dataset_root(settings: RecommendationSettings, split: str) -> tuple[Path, str]:
    """Folder of the data set that the settings name, and its list for a split.

    Raises:
        ConfigError: The folder is nowhere.
    """
    variable = _DATASETS[settings.dataset][0]
    root = require(_environment(settings), variable)
    return root, split if settings.dataset == "davis" else "val"


def _environment(settings: RecommendationSettings) -> EvaluationEnvironment:
    """The paths, with the data set's folder where the settings or the current folder have it."""
    variable, key, original, _ = _DATASETS[settings.dataset]
    environment = evaluation_environment()
    given = getattr(settings.data, key)
    if not given and not getattr(environment, variable) and original.is_dir():
        given = str(original)
    if given:
        sources = {**environment.sources, variable: f"data.{key}"}
        environment = dataclasses.replace(environment, sources=sources, **{variable: given})
    return environment


def _workspace() -> Path:
    return Path(train_environment().workspace_dir) / "interactive"
