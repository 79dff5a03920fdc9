"""Network, data and losses of a referring experiment, as a recipe describes them."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import nn

from ltr.actors.base import Actor
from ltr.actors.referring import ReferringActor
from ltr.admin.config import select_fields
from ltr.admin.errors import CheckpointError
from ltr.data.referring.augmentation import ClipAugmentation
from ltr.data.referring.samples import ClipOptions, ReferringSamples
from ltr.dataset.referring.registry import open_referring
from ltr.models.referring.criterion import Criterion, LossWeights, MatchCosts
from ltr.models.referring.design import Design
from ltr.models.referring.referformer import ReferFormer, referformer
from ltr.models.referring.snapshot import load_backbone, load_pretrained
from ltr.models.referring.text_encoder import load_text_weights, load_tokenizer, tokenise
from ltr.train_settings.assembly import Assembly, SampleSets
from ltr.train_settings.referring.recipe import ReferringRecipe

_LOG = logging.getLogger(__name__)
_CROP_SHARE = 0.5


class ReferringAssembly(Assembly[ReferFormer]):
    """Turns a ``ReferringRecipe`` into objects."""

    recipe: ReferringRecipe

    def network(self) -> ReferFormer:
        """Build the network with random weights."""
        return referformer(**select_fields(Design, self.recipe))

    def initialise(self, network: ReferFormer) -> None:
        """Load a pre-trained network, or backbone and text encoder each from its own file."""
        recipe = self.recipe
        if recipe.pretrained is not None:
            path = self._find(recipe.pretrained, "pretrained")
            load_pretrained(network, path)
            _LOG.info("starting from %s, but for its classifiers", path)
            return
        if recipe.backbone_weights is not None:
            load_backbone(network, self._find(recipe.backbone_weights, "backbone_weights"))
        if recipe.load_text_encoder:
            load_text_weights(network.text_encoder, self._find(recipe.tokenizer_dir, None))

    def load(self, network: nn.Module, path: Path) -> None:
        """Fill a new network from a file, its backbone from ``backbone_weights`` where given."""
        super().load(network, path)
        if self.recipe.backbone_weights is not None and isinstance(network, ReferFormer):
            load_backbone(network, self._find(self.recipe.backbone_weights, "backbone_weights"))

    def datasets(self) -> SampleSets:
        """Open the data sets of training and validation."""
        recipe = self.recipe
        use_categories = recipe.num_classes > 1
        sets = [open_referring(name, use_categories) for name in recipe.train_sets]
        for dataset in sets:
            _LOG.info("%s: %d sentences", dataset.name, len(dataset))
        count = None if recipe.full_epochs else recipe.samples_per_epoch
        train = ReferringSamples(sets, self._options(), count)
        if not recipe.validation_sets or not (recipe.full_epochs or recipe.validation_samples):
            return train, None
        others = [open_referring(name, use_categories) for name in recipe.validation_sets]
        count = None if recipe.full_epochs else recipe.validation_samples
        return train, ReferringSamples(others, self._validation_options(), count)

    def actor(self, network: nn.Module) -> Actor:
        """Build the losses."""
        tokenizer = load_tokenizer(self._find(self.recipe.tokenizer_dir, None))
        recipe = self.recipe
        criterion = Criterion(
            recipe.num_classes,
            LossWeights(**recipe.loss_weights),
            MatchCosts(**recipe.match_costs),
            recipe.focal_alpha,
            recipe.clips_per_group,
        )
        tokenize = partial(tokenise, tokenizer)
        return ReferringActor(network, criterion, tokenize, recipe.auxiliary_losses)

    def _validation_options(self) -> ClipOptions:
        """Clips as at inference: one size, the frames around the annotated one, no changes."""
        recipe = self.recipe
        plain = ClipAugmentation(
            short_sides=(recipe.validation_short_side,),
            max_size=recipe.max_size,
            crop_probability=0.0,
            photometric_distortion=False,
            horizontal_flip=False,
        )
        return ClipOptions(
            num_frames=recipe.num_frames,
            use_tracking=recipe.tracking,
            augment=plain,
            augment_image=plain,
            is_training=False,
        )

    def _options(self) -> ClipOptions:
        recipe = self.recipe
        crop_share = _CROP_SHARE if recipe.random_crop else 0.0
        video = ClipAugmentation(
            short_sides=recipe.short_sides,
            max_size=recipe.max_size,
            cropped_short_sides=recipe.short_sides,
            cropped_max_size=recipe.max_size,
            crop_probability=crop_share,
            photometric_distortion=recipe.photometric_distortion,
            horizontal_flip=recipe.horizontal_flip,
        )
        image = replace(
            video,
            short_sides=recipe.image_short_sides,
            max_size=recipe.image_max_size,
            cropped_short_sides=recipe.cropped_image_short_sides,
            photometric_distortion=False,
        )
        return ClipOptions(
            num_frames=recipe.num_frames,
            neighbouring_frames=recipe.neighbouring_frames,
            use_tracking=recipe.tracking,
            paired_augmentation=recipe.paired_augmentation,
            tracking_dropout=recipe.tracking_dropout,
            augment=video,
            augment_image=image,
        )

    def _find(self, name: str, row: str | None) -> Path:
        """A path as given, or below ``pretrained_networks``.

        Args:
            name: The path.
            row: The recipe's row that names a file which must exist; None leaves the complaint to
                who reads it.
        """
        given = Path(name).expanduser()
        folder = Path(self.environment.pretrained_networks)
        found = next((path for path in (given, folder / name) if path.exists()), None)
        if found is None and row is not None:
            raise CheckpointError(
                f"{row} = {name}: neither a file nor in {folder}: put it there, or give another "
                f"with --set {row}=FILE"
            )
        return found or folder / name
