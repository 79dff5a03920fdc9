"""Network, data and losses of Dense Unsupervised Learning, as a recipe describes them."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from torch import nn

from ltr.actors.dense_ulearn import DenseULearnActor
from ltr.actors.label_propagation import VideoOfSet
from ltr.admin.errors import ConfigError
from ltr.data.clips import ClipSampler
from ltr.data.two_views import TwoViews
from ltr.data.unlabelled_videos import UnlabelledVideos
from ltr.dataset.davis import Davis
from ltr.dataset.unlabelled import open_unlabelled
from ltr.models.dense_ulearn.dense_ulearn_net import DenseULearnNet, dense_ulearn_resnet18
from ltr.train_settings.assembly import Assembly, SampleSets
from ltr.train_settings.dense_ulearn.recipe import DenseULearnRecipe

_LOG = logging.getLogger(__name__)


class DenseULearnAssembly(Assembly[DenseULearnNet]):
    """Turns a ``DenseULearnRecipe`` into objects."""

    recipe: DenseULearnRecipe

    def network(self) -> DenseULearnNet:
        """Build the network with random weights."""
        return dense_ulearn_resnet18(self.recipe.feature_dim, self.recipe.backbone_width)

    def datasets(self) -> SampleSets:
        """Open the videos of training and validation."""
        recipe = self.recipe
        if not recipe.train_videos:
            raise ConfigError("train_videos is empty: --set train_videos=folder:PATH")
        videos = [open_unlabelled(name, recipe.filelist) for name in recipe.train_videos]
        for dataset in videos:
            _LOG.info("%s: %d videos", dataset.name, len(dataset))
        train = self._sampler(videos, recipe.samples_per_epoch, recipe.frame_gap, recipe.keep_order)
        if recipe.validation_samples == 0 or not recipe.validation_videos:
            return train, None
        others = [open_unlabelled(name) for name in recipe.validation_videos]
        return train, self._sampler(others, recipe.validation_samples, recipe.validation_frame_gap)

    def actor(self, network: nn.Module) -> DenseULearnActor:
        """Build the losses."""
        recipe = self.recipe
        return DenseULearnActor(
            network,
            recipe.grid_size,
            recipe.grid_size_ref,
            recipe.temp,
            recipe.ce_ref,
            recipe.stop_grad,
            self._scored_videos(),
            recipe.validation_interval,
            recipe.validation_offset,
        )

    def _scored_videos(self) -> list[VideoOfSet]:
        """The annotated videos that choose the best checkpoint."""
        recipe = self.recipe
        if recipe.scored_split is None:
            return []
        dataset = Davis(split=recipe.scored_split)
        count = min(recipe.num_scored or math.inf, dataset.get_num_sequences())
        names = [dataset.get_sequence_info(i)["sequence"] for i in range(int(count))]
        _LOG.info("the best checkpoint is chosen by J&F on %s: %s", dataset.get_name(), names)
        return [VideoOfSet(dataset, number) for number in range(int(count))]

    def _sampler(
        self,
        videos: Sequence[UnlabelledVideos],
        samples: int,
        frame_gap: int,
        keep_order: bool = False,
    ) -> ClipSampler:
        recipe = self.recipe
        views = TwoViews(
            recipe.crop_size,
            recipe.smallest_range,
            recipe.rnd_crop,
            recipe.rnd_hflip,
            recipe.guided_hflip,
            recipe.rnd_zoom_range,
        )
        return ClipSampler(videos, samples, views, recipe.video_len, frame_gap, keep_order)
