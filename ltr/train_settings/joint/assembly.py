"""JOINT's network, data and losses, as a recipe describes them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from ltr.actors.segmentation import SegActor
from ltr.admin.config import select_fields
from ltr.admin.pretrained import load_mask_rcnn_backbone, load_torchvision_backbone
from ltr.data.bounding_boxes import BoxJitter
from ltr.data.processing import SegProcessing
from ltr.data.sampler import SegSampler
from ltr.data.transforms import Compose, RandomAffine, RandomFlip, RandomGrey, SwapRedBlue, ToTensor
from ltr.data.video_dataset import EmptySplitError, VideoDataset
from ltr.dataset.registry import open_videos
from ltr.models.joint.design import Design
from ltr.models.joint.joint_net import (
    JOINTNet,
    steepest_descent_resnet18,
    steepest_descent_resnet50,
)
from ltr.models.layers.memory_format import to_channels_last
from ltr.train_settings.assembly import Assembly
from ltr.train_settings.joint.recipe import JointRecipe

_LOG = logging.getLogger(__name__)


class JointAssembly(Assembly[JOINTNet]):
    """Turns a ``JointRecipe`` into objects."""

    recipe: JointRecipe
    stack_dim = 1

    def network(self) -> JOINTNet:
        """Build the network with random weights."""
        recipe = self.recipe
        sizes = select_fields(Design, recipe)
        if recipe.backbone == "resnet18":
            return to_channels_last(steepest_descent_resnet18(**sizes))
        network = steepest_descent_resnet50(
            **sizes,
            backbone_pretrained=recipe.backbone_weights is not None,
            backbone_type=recipe.backbone_type,
        )
        return to_channels_last(network)

    def initialise(self, network: JOINTNet) -> None:
        """Load the pre-trained backbone."""
        name, folder = self.recipe.backbone_weights, Path(self.environment.pretrained_networks)
        if name is None:
            return
        backbone = network.feature_extractor
        if self.recipe.backbone == "resnet50" and self.recipe.backbone_type == "mrcnn":
            path = Path(name)
            load_mask_rcnn_backbone(backbone, path if path.is_file() else folder / path.name)
        else:
            load_torchvision_backbone(backbone, name, folder)

    def datasets(self) -> tuple[SegSampler, SegSampler | None]:
        """Open the videos of training and validation."""
        recipe = self.recipe
        train = self._sampler(_open(recipe.train_sets), recipe.samples_per_epoch, True)
        if recipe.validation_samples == 0 or not recipe.validation_sets:
            return train, None
        try:
            videos = _open(recipe.validation_sets)
        except EmptySplitError as error:
            _LOG.info("no validation: %s", error)
            return train, None
        return train, self._sampler(videos, recipe.validation_samples, False)

    def actor(self, network: nn.Module) -> SegActor:
        """Build the losses."""
        return SegActor(
            network,
            self.recipe.mask_weight,
            self.recipe.difference_weight,
            self.recipe.num_refinement_iter,
            self.recipe.freeze_batch_norm,
            self.recipe.entropy_weight,
        )

    def _sampler(
        self, videos: Mapping[VideoDataset, float], samples: int, is_training: bool
    ) -> SegSampler:
        recipe = self.recipe
        return SegSampler(
            list(videos),
            samples,
            self._processing(is_training),
            weights=list(videos.values()),
            max_gap=recipe.max_gap,
            num_train_frames=recipe.num_train_frames,
            num_test_frames=recipe.num_test_frames,
        )

    def _processing(self, is_training: bool) -> SegProcessing:
        recipe = self.recipe
        brightness = recipe.brightness if is_training else 0.0
        affine = RandomAffine(max_rotation=recipe.max_rotation, max_scale=recipe.max_scale)
        return SegProcessing(
            output_size=recipe.output_size,
            search_area_factor=recipe.search_area_factor,
            train_jitter=BoxJitter(recipe.train_scale_jitter, recipe.train_centre_jitter),
            test_jitter=BoxJitter(recipe.test_scale_jitter, recipe.test_centre_jitter),
            joint_transform=Compose(
                SwapRedBlue(),
                RandomGrey(recipe.grey_probability),
                RandomFlip(recipe.flip_probability),
            ),
            to_tensor=ToTensor(brightness, mean=recipe.image_mean, std=recipe.image_std),
            frame_transform=Compose(affine) if is_training else Compose(),
            crop_mode=recipe.crop_type,
            max_scale_change=recipe.max_scale_change,
        )


def _open(sets: Mapping[str, float]) -> dict[VideoDataset, float]:
    return {open_videos(name): weight for name, weight in sets.items()}
