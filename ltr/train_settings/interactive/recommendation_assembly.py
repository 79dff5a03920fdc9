"""Networks, data and losses of IVOS-W, as a recipe describes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from ltr.actors.recommendation import AgentActor, MeasureActor, QualityActor
from ltr.admin.environment import TrainEnvironment
from ltr.admin.errors import DataError
from ltr.data.image_format import BACKBONE_FORMATS
from ltr.dataset.davis import Davis
from ltr.dataset.experience import Transition
from ltr.dataset.interactive.experience_samples import (
    ExperienceSamples,
    ExperienceView,
    Reward,
    first_experience,
)
from ltr.dataset.interactive.measured_clips import MeasuredClips, group_by_round
from ltr.dataset.interactive.quality_masks import (
    MaskSample,
    QualityMasks,
    annotated_videos,
    list_samples,
)
from ltr.dataset.interactive.simulated_rounds import simulate_episodes
from ltr.models.interactive.agent import AgentPair, agent_pair
from ltr.models.interactive.assess import AssessNet, assess_network
from ltr.models.interactive.measure_net import MeasureNet, measure_network
from ltr.models.interactive.prompt_encoder import load_imagenet
from ltr.train_settings.assembly import Assembly, SampleSets
from ltr.train_settings.interactive.recommendation_recipe import (
    AgentRecipe,
    HostMasks,
    MeasureRecipe,
    QualityRecipe,
)

_WITHOUT = "backbone_weights=none"
_TABLES: dict[Reward, str] = {"score": "pretrain.csv", "gain": "reward.csv"}


class AgentAssembly(Assembly[AgentPair]):
    """Turns an ``AgentRecipe`` into objects."""

    recipe: AgentRecipe

    def network(self) -> AgentPair:
        """Build the agent and its target network."""
        hidden = self.recipe.hidden
        return agent_pair() if hidden == AgentRecipe.hidden else agent_pair(hidden=hidden)

    def datasets(self) -> SampleSets:
        """Read the experience."""
        rows, _ = self.experience()
        recipe = self.recipe
        view = ExperienceView(recipe.reward, recipe.mirrored, recipe.quality_noise)
        return ExperienceSamples(rows, self.samples_per_epoch(rows), view), None

    def experience(self) -> tuple[list[Transition], set[str]]:
        """The experience at the start, and the videos that are worth learning from.

        Raises:
            DataError: The table is missing or damaged, or holds nothing to learn.
        """
        recipe = self.recipe
        if recipe.simulated_episodes:
            rows = simulate_episodes(
                recipe.simulated_episodes,
                recipe.simulated_rounds,
                recipe.simulated_frames,
                recipe.seed,
            )
            return rows, {row.sequence for row in rows}
        folder = Path(self.environment.workspace_dir, "interactive")
        path = recipe.experience or folder / _TABLES[recipe.reward]
        return first_experience(
            Path(path), recipe.memory_size, recipe.sample_th, recipe.unfiltered_buffer
        )

    def samples_per_epoch(self, rows: Sequence[Transition]) -> int:
        """The recipe's number, or all rows where there are fewer."""
        return min(self.recipe.samples_per_epoch, len(rows))

    def actor(self, network: nn.Module) -> AgentActor:
        """Build the loss."""
        assert isinstance(network, AgentPair)  # as ``network`` built it
        recipe = self.recipe
        return AgentActor(
            network, recipe.discount, recipe.update_rate, recipe.seed, recipe.step_weight
        )


class QualityAssembly(Assembly[AssessNet]):
    """Turns a ``QualityRecipe`` into objects."""

    recipe: QualityRecipe

    def network(self) -> AssessNet:
        """Build the network; arguments that are the published ones are not recorded."""
        names = ("width", "depths", "side", "block", "rows")
        sizes = {name: getattr(self.recipe, name) for name in names}
        changed = {k: v for k, v in sizes.items() if v != getattr(QualityRecipe, k)}
        return assess_network(**changed)

    def initialise(self, network: AssessNet) -> None:
        """Load the ImageNet weights of the backbone.

        Raises:
            CheckpointError: The file is missing, damaged or of another network.
        """
        if self.recipe.backbone_weights is not None:
            folder = self.environment.pretrained_networks
            source = BACKBONE_FORMATS[self.recipe.backbone_format]
            load_imagenet(network.Encoder, self.recipe.backbone_weights, folder, _WITHOUT, source)

    def datasets(self) -> SampleSets:
        """List the masks.

        Raises:
            DataError: A file is missing, or there is less than one batch.
        """
        recipe = self.recipe
        samples = _played(recipe, self.environment)
        count = min(recipe.samples_per_epoch or len(samples), len(samples))
        if count < recipe.batch_size:
            raise DataError(f"{count} masks do not fill a batch of {recipe.batch_size}")
        whole_batches = count - count % recipe.batch_size
        return QualityMasks(samples, recipe.image_size, whole_batches, recipe.threshold), None

    def actor(self, network: nn.Module) -> QualityActor:
        """Build the loss."""
        return QualityActor(network)


class MeasureAssembly(Assembly[MeasureNet]):
    """Turns a ``MeasureRecipe`` into objects."""

    recipe: MeasureRecipe

    def network(self) -> MeasureNet:
        """Build the network."""
        return measure_network()

    def datasets(self) -> SampleSets:
        """List the rounds.

        Raises:
            DataError: A file is missing, or the videos have different lengths.
        """
        clips = group_by_round(_played(self.recipe, self.environment))
        count = self.recipe.samples_per_epoch or len(clips)
        return MeasuredClips(clips, self.recipe.threshold, count), None

    def actor(self, network: nn.Module) -> MeasureActor:
        """Build the loss."""
        assert isinstance(network, MeasureNet)  # as ``network`` built it
        return MeasureActor(network, self.recipe.level_weight)


def _played(recipe: HostMasks, environment: TrainEnvironment) -> list[MaskSample]:
    """The masks of the host.

    Raises:
        DataError: A file is missing.
    """
    dataset = Davis(recipe.root, split=recipe.split)
    folder = Path(recipe.masks or Path(environment.workspace_dir, "interactive/quality_assessment"))
    return list_samples(folder, annotated_videos(dataset), recipe.rounds, recipe.episodes)
