"""Network, data and losses of Propose-Reduce, as a recipe describes them."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from torch import nn

from ltr.actors.propose_reduce import ProposeReduceActor
from ltr.admin.errors import ConfigError
from ltr.admin.loading import load_state
from ltr.admin.pretrained import torchvision_state
from ltr.data.image_format import BACKBONE_FORMATS, IMAGENET_RGB, for_imagenet_input
from ltr.data.instance_pairs import PairSampler
from ltr.dataset.instance_sets import open_pairs
from ltr.models.layers.memory_format import to_channels_last
from ltr.models.propose_reduce.image_input import network_size
from ltr.models.propose_reduce.released import load_seq_mask_rcnn
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN, seq_mask_rcnn
from ltr.models.propose_reduce.targets import Sampling
from ltr.train_settings.assembly import Assembly, SampleSets
from ltr.train_settings.propose_reduce.recipe import ProposeReduceRecipe

_LOG = logging.getLogger(__name__)


class ProposeReduceAssembly(Assembly[SeqMaskRCNN]):
    """Turns a ``ProposeReduceRecipe`` into objects."""

    recipe: ProposeReduceRecipe

    def network(self) -> SeqMaskRCNN:
        """Build the network with random weights."""
        recipe = self.recipe
        network = seq_mask_rcnn(
            len(recipe.classes) + 1,
            recipe.backbone,
            recipe.width,
            recipe.backbone_width,
            recipe.from_scratch,
        )
        return to_channels_last(network)

    def initialise(self, network: SeqMaskRCNN) -> None:
        """Load the pre-trained backbone; keys that learn from scratch start alike."""
        if self.recipe.from_scratch:
            network.prop_head.align_keys()
        name = self.recipe.backbone_weights
        if name is not None:
            file, state = torchvision_state(name, self.environment.pretrained_networks)
            source = BACKBONE_FORMATS[self.recipe.backbone_format]
            if source != IMAGENET_RGB and "conv1.weight" in state:
                state["conv1.weight"] = for_imagenet_input(state["conv1.weight"], source)
            load_state(network.backbone.body, state, file)

    def load(self, network: nn.Module, path: Path) -> None:
        """Load a checkpoint or a released file, without its propagation where that starts anew."""
        state = load_seq_mask_rcnn(path).state_dict()
        if self.recipe.new_propagation and isinstance(network, SeqMaskRCNN):
            network.prop_head.align_keys()
            own = {f"prop_head.{k}": v for k, v in network.prop_head.state_dict().items()}
            state = {**state, **own}
        load_state(network, state, path)

    def datasets(self) -> SampleSets:
        """Open the frames of training and validation."""
        recipe = self.recipe
        if not recipe.train_set:
            raise ConfigError("train_set is empty: --set train_set=videos:PATH/train")
        train = self._sampler(recipe.train_set, recipe.samples_per_epoch)
        if recipe.validation_samples == 0 or recipe.validation_set is None:
            return train, None
        return train, self._sampler(recipe.validation_set, recipe.validation_samples)

    def actor(self, network: nn.Module) -> ProposeReduceActor:
        """Build the losses."""
        recipe = self.recipe
        return ProposeReduceActor(
            network,
            Sampling(rpn_batch_size=recipe.rpn_batch_size, box_batch_size=recipe.box_batch_size),
            recipe.pairs_per_group,
            recipe.entropy_weight,
            recipe.key_weight,
        )

    def _sampler(self, name: str, samples: int | None) -> PairSampler:
        recipe = self.recipe
        pairs = open_pairs(name, recipe.classes)
        _LOG.info("%s: %d frames, %d classes", pairs.name, len(pairs), len(pairs.classes))
        return PairSampler(
            pairs,
            samples,
            partial(network_size, scale=recipe.img_scale),
            recipe.flip_probability,
            recipe.max_objects,
            recipe.pairs_per_group or 1,
            recipe.colour_jitter,
        )
