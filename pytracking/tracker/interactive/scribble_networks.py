"""From scribbles on a frame to a mask, with the annotation network of a host."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ltr.data.image_format import IMAGENET_RGB
from ltr.data.interactive.rounds import scribble_maps
from ltr.models.interactive.atnet import ATNet, atnet
from ltr.models.interactive.ipn import InteractionNet, interaction_network
from pytracking.tracker.interactive.atnet_maps import annotation_maps, pad, plan_padding
from pytracking.tracker.interactive.blending import merge_objects
from pytracking.tracker.interactive.computing import image_batch, load_host_network
from pytracking.tracker.interactive.scribble_mask import DrawnFrame, ScribbleToMask


@dataclass(frozen=True)
class InteractionMask(ScribbleToMask):
    """Segments with IPN's I-Net, which is in eval mode."""

    network: InteractionNet

    @torch.inference_mode()
    def _segment(self, drawn: DrawnFrame) -> np.ndarray:
        image, lines, previous, num_objects = drawn
        device = next(self.network.parameters()).device
        objects = np.arange(1, num_objects + 1)
        labels = np.zeros(image.shape[:2], np.uint8) if previous is None else previous
        was_object = labels == objects[:, None, None]
        before = torch.from_numpy(was_object.astype(np.float32))
        if previous is None:
            before = torch.full_like(before, -1.0)
        maps = (before, *scribble_maps(lines, objects.tolist(), was_object))
        images = (image_batch(image, device) / 255).expand(num_objects, -1, -1, -1)
        guess = self.network(images, *(values.to(device) for values in maps))
        return merge_objects(guess.probabilities)[1].cpu().numpy()


@dataclass(frozen=True)
class AnnotationMask(ScribbleToMask):
    """Segments with ATNet's A-Net, which is in eval mode."""

    network: ATNet

    @torch.inference_mode()
    def _segment(self, drawn: DrawnFrame) -> np.ndarray:
        image, lines, previous, num_objects = drawn
        device, size = next(self.network.parameters()).device, image.shape[:2]
        padding = plan_padding(size)
        frame = IMAGENET_RGB.normalise(image_batch(pad(image, padding), device))
        maps = [
            pad(annotation_maps(lines, number, previous, size).transpose(1, 2, 0), padding)
            for number in range(1, num_objects + 1)
        ]
        inputs = torch.from_numpy(np.stack(maps)).permute(0, 3, 1, 2).to(device)
        images = frame.expand(num_objects, -1, -1, -1)
        logits, _ = self.network.annotate(torch.cat([images, inputs], dim=1))
        (top, _), (left, _) = padding
        found = logits[:, 0, top : top + size[0], left : left + size[1]].sigmoid()
        return merge_objects(found)[1].cpu().numpy()


def load_interaction_mask(net: str, device: torch.device) -> InteractionMask:
    """Load IPN's I-Net.

    Raises:
        CheckpointError: The network file is missing, damaged or of another network.
    """
    return InteractionMask(load_host_network(net, InteractionNet, interaction_network, device))


def load_annotation_mask(net: str, device: torch.device) -> AnnotationMask:
    """Load ATNet's A-Net.

    Raises:
        CheckpointError: The network file is missing, damaged or of another network.
    """
    return AnnotationMask(load_host_network(net, ATNet, atnet, device))
