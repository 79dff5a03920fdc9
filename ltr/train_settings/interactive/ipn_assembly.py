"""Networks, data and losses of IPN, as a recipe describes them."""

from __future__ import annotations

import logging

from torch import nn

from ltr.actors.ipn import IpnActor
from ltr.dataset.davis import Davis
from ltr.dataset.interactive.object_clips import ObjectClips
from ltr.models.interactive.ipn import IPN, interaction_propagation_network
from ltr.models.interactive.prompt_encoder import load_imagenet
from ltr.train_settings.assembly import Assembly, SampleSets
from ltr.train_settings.interactive.ipn_recipe import IpnRecipe

_LOG = logging.getLogger(__name__)


class IpnAssembly(Assembly[IPN]):
    """Turns an ``IpnRecipe`` into objects."""

    recipe: IpnRecipe

    def network(self) -> IPN:
        """Build both networks with random weights."""
        return interaction_propagation_network(self.recipe.width, self.recipe.mdim)

    def initialise(self, network: IPN) -> None:
        """Load the weights of ImageNet into both encoders."""
        if self.recipe.backbone_weights is None:
            return
        for part in (network.interaction, network.propagation):
            load_imagenet(
                part.Encoder,
                self.recipe.backbone_weights,
                self.environment.pretrained_networks,
                "--set backbone_weights=none",
            )

    def datasets(self) -> SampleSets:
        """Open the videos."""
        recipe = self.recipe
        samples = ObjectClips(Davis(split=recipe.split), recipe.short_side, recipe.crop_size)
        _LOG.info("%s: %d objects", samples.dataset.get_name(), len(samples))
        return samples, None

    def actor(self, network: nn.Module) -> IpnActor:
        """Build the losses."""
        return IpnActor(network)
