"""Network, data and losses of MANet's stages, as a recipe describes them."""

from __future__ import annotations

import logging
from pathlib import Path

from torch import nn

from ltr.actors.base import Actor
from ltr.actors.manet import ManetInteractionActor, ManetPropagationActor
from ltr.admin.checkpoint import as_state_dict
from ltr.admin.errors import CheckpointError
from ltr.admin.loading import load_state
from ltr.admin.tensor_files import read_tensor_file
from ltr.dataset.davis import Davis
from ltr.dataset.interactive.corrections import CorrectionSamples
from ltr.dataset.interactive.triplets import TripletSamples
from ltr.models.interactive.manet import IMAGE_FORMAT, MANet, manet, prepare_new_layers
from ltr.models.interactive.released import load_released
from ltr.train_settings.assembly import Assembly, SampleSets
from ltr.train_settings.interactive.manet_recipe import ManetRecipe

_LOG = logging.getLogger(__name__)


class ManetAssembly(Assembly[MANet]):
    """Turns a ``ManetRecipe`` into objects."""

    recipe: ManetRecipe

    def network(self) -> MANet:
        """Build the network with random weights; the interaction head waits for the next stage."""
        network = manet(self.recipe.width, self.recipe.planes, self.recipe.embedding_dim)
        prepare_new_layers(network)
        network.inter_seghead.requires_grad_(False)
        return network

    def initialise(self, network: MANet) -> None:
        """Load the weights of COCO."""
        if self.recipe.backbone_weights is None:
            return
        name = Path(self.recipe.backbone_weights).expanduser()
        path = name if name.is_file() else Path(self.environment.pretrained_networks) / name
        if not path.is_file():
            raise CheckpointError(
                f"backbone_weights = {name}: neither a file nor in {path.parent}: put it there, or "
                "start without: --set backbone_weights=none"
            )
        load_matching(network.feature_extracter, path)

    def datasets(self) -> SampleSets:
        """Open the videos."""
        recipe = self.recipe
        videos = Davis(split=recipe.split)
        _LOG.info("%s: %d videos", videos.get_name(), videos.get_num_sequences())
        samples = TripletSamples(videos, recipe.samples_per_epoch, recipe.crop_size, IMAGE_FORMAT)
        return samples, None

    def actor(self, network: nn.Module) -> Actor:
        """Build the loss."""
        return ManetPropagationActor(network, self.recipe.ramp_steps)


class ManetInteractionAssembly(ManetAssembly):
    """The second stage: the interaction head alone, from frames that a robot corrects."""

    def network(self) -> MANet:
        """Build the network with random weights, of which only the head can learn."""
        network = super().network().requires_grad_(False)
        network.inter_seghead.requires_grad_(True)
        return network

    def load(self, network: nn.Module, path: Path) -> None:
        """Take a run or a released file of the first stage."""
        loaded = load_released(path, MANet, manet)
        load_state(network, loaded.state_dict(), path)

    def datasets(self) -> SampleSets:
        """Open the videos."""
        recipe = self.recipe
        videos = Davis(split=recipe.split)
        _LOG.info("%s: %d videos", videos.get_name(), videos.get_num_sequences())
        return (
            CorrectionSamples(videos, recipe.samples_per_epoch, recipe.crop_size, IMAGE_FORMAT),
            None,
        )

    def actor(self, network: nn.Module) -> Actor:
        """Build the loss."""
        return ManetInteractionActor(network, self.recipe.ramp_steps)


def load_matching(network: nn.Module, path: Path) -> None:
    """Fill what has the same name and shape in a file, as the released program does.

    Raises:
        CheckpointError: The file is damaged, or nothing in it fits.
    """
    record = read_tensor_file(path)
    inner = record.get("state_dict", record) if isinstance(record, dict) else record
    state = as_state_dict(inner, path)
    own = network.state_dict()
    found = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
    if not found:
        raise CheckpointError(f"{path} has no weights that fit DeepLabV3+ with a ResNet-101")
    network.load_state_dict(own | found)
    _LOG.info("%s: %d of %d tensors", path, len(found), len(own))
