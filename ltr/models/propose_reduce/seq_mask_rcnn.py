"""Seq Mask R-CNN, and how it is trained on pairs of frames."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ltr.admin.model_constructor import model_constructor
from ltr.models.propose_reduce.mask_rcnn import MaskRCNN
from ltr.models.propose_reduce.targets import Sampling
from ltr.models.propose_reduce.training import TrainingFrames, TrainingOutputs, training_pass


class SeqMaskRCNN(MaskRCNN):
    """The network of Propose-Reduce; see ``MaskRCNN`` for its parts and arguments."""

    def forward(
        self,
        query: TrainingFrames,
        guidance: TrainingFrames,
        links: Sequence[torch.Tensor],
        sampling: Sampling,
    ) -> TrainingOutputs:
        """The pass of a training step; see ``training_pass``."""
        return training_pass(self, query, guidance, links, sampling)


@model_constructor
def seq_mask_rcnn(
    num_classes: int,
    backbone: str = "resnet50",
    width: int = 256,
    backbone_width: int = 64,
    from_scratch: bool = False,
) -> SeqMaskRCNN:
    """Build the network, with random weights.

    Args:
        num_classes: With the background: 41 for YouTube-VIS, 2 for DAVIS.
        backbone: ``resnet50``, ``resnet101`` and ``resnext101_64x4d`` have released weights;
            ``resnet18`` suits small problems.
        width: Channels of the pyramid; 256 in the released networks.
        backbone_width: Channels of the stem of ``resnet18``.
        from_scratch: See ``SeqMaskRCNN``.
    """
    return SeqMaskRCNN(num_classes, backbone, width, backbone_width, from_scratch)
