"""IPN as an interactive host (Oh et al., CVPR 2019), with the rounds of zyy-cn/IPN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from ltr.data.interactive.rounds import blend_weights, scribble_maps
from ltr.data.interactive.scribbles import ScribbleLine
from ltr.models.interactive.fused import fuse_ipn
from ltr.models.interactive.ipn import (
    InteractionNet,
    PropagationNet,
    interaction_network,
    propagation_network,
)
from ltr.models.interactive.prompt_encoder import fold_stages
from pytracking.tracker.base import Runtime, StateOfVideo
from pytracking.tracker.interactive.base import InteractiveVOS, Segmentation
from pytracking.tracker.interactive.blending import merge_objects
from pytracking.tracker.interactive.computing import (
    image_batch,
    in_parts,
    load_host_network,
    prepare_network,
)
from pytracking.tracker.interactive.parameters import IpnParameters

_UNKNOWN = -1.0  # probability of a pixel before the first round


@dataclass
class IpnState:
    """All state between two rounds.

    Args:
        objects: float32 (objects, frames, H, W), probability of each alone, -1 at the start.
        probs: float32 (frames, 1 + objects, H, W), merged.
        masks: uint8 (frames, H, W).
        annotated: Frames of the rounds so far.
        references: Aggregated features of every group of objects.
    """

    objects: torch.Tensor
    probs: torch.Tensor
    masks: np.ndarray
    annotated: list[int] = field(default_factory=list)
    references: dict[int, torch.Tensor] = field(default_factory=dict)


class IpnHost(StateOfVideo[IpnState], InteractiveVOS):
    """Propagates from the annotated frame to the next annotated ones, objects side by side.

    Args:
        params: Configuration.
        networks: I-Net and P-Net in eval mode on the runtime's device; prepared in place.
        runtime: Device and precision.
    """

    name = "ipn"
    runs_without_scribbles = True

    def __init__(
        self,
        params: IpnParameters,
        networks: tuple[InteractionNet, PropagationNet],
        runtime: Runtime,
    ) -> None:
        super().__init__()
        runtime.keep_exact()
        self.params = params
        self.runtime = runtime
        for network in networks:
            prepare_network(network, _fold, fuse_ipn, runtime)
        self._mix = networks[1].SEFA
        self._segment = runtime.compiled(networks[0])
        self._propagate = runtime.compiled(networks[1])

    @classmethod
    def create(cls, params: IpnParameters, runtime: Runtime) -> IpnHost:
        """See ``InteractiveVOS.create``."""
        networks = (
            load_host_network(params.net, InteractionNet, interaction_network, runtime.device),
            load_host_network(
                params.propagation_net, PropagationNet, propagation_network, runtime.device
            ),
        )
        return cls(params, networks, runtime)

    def _start(self, video_id: str | None) -> None:
        frames, size = len(self.frames), self.frames[0].shape[:2]
        device, objects = self.runtime.device, self.num_objects
        self.state = IpnState(
            torch.full((objects, frames, *size), _UNKNOWN, device=device),
            torch.zeros(frames, 1 + objects, *size, device=device),
            np.zeros((frames, *size), np.uint8),
        )

    def _finish(self) -> None:
        self.state = None

    @torch.inference_mode()
    def _interact(self, frame: int, scribbles: Sequence[ScribbleLine]) -> Segmentation:
        state = self.state
        first, last, weights = blend_weights(frame, state.annotated, len(self.frames))
        for part in in_parts(self.num_objects, self.params.max_objects_per_batch):
            self._sweep(part, frame, scribbles, (first, last), weights)
        reached = [index for index, weight in enumerate(weights) if weight > 0]
        found = []
        for index in reached:
            state.probs[index], labels = merge_objects(state.objects[:, index])
            found.append(labels)
        state.masks[reached] = torch.stack(found).cpu().numpy()  # waits for a GPU once
        state.annotated.append(frame)
        return Segmentation(state.masks.copy(), state.probs, (reached[0], reached[-1]))

    def _sweep(
        self,
        part: slice,
        frame: int,
        scribbles: Sequence[ScribbleLine],
        ends: tuple[int, int],
        weights: Sequence[float],
    ) -> None:
        """Segment a group of objects on the annotated frame and to both sides of it."""
        objects, stored = self.state.objects[part], self.state.references.get(part.start)
        previous = objects[:, frame]
        marks = scribble_maps(
            scribbles, range(part.start + 1, part.stop + 1), (previous > 0.5).cpu().numpy()
        )
        positive, negative = (maps.to(previous.device) for maps in marks)
        images = self._images(frame, len(objects))
        with self.runtime.autocast():
            guess = self._segment(images, previous, positive, negative)
            reference = guess.reference
            if stored is not None and ends[0] < ends[1]:
                reference = self._mix(reference, stored)
        if ends[0] < ends[1]:
            self.state.references[part.start] = reference
        objects[:, frame] = guess.probabilities.float()
        for indices in (range(frame + 1, ends[1] + 1), range(frame - 1, ends[0] - 1, -1)):
            neighbour = objects[:, frame]
            for index in indices:
                if weights[index] == 0:
                    break
                self.on_frame()
                images = self._images(index, len(objects))
                with self.runtime.autocast():
                    guess = self._propagate(images, objects[:, index], neighbour, reference)
                neighbour = guess.probabilities.float()
                objects[:, index].lerp_(neighbour, weights[index])  # exact where the weight is 1

    def _images(self, index: int, count: int) -> torch.Tensor:
        image = image_batch(self.frames[index], self.runtime.device) / 255
        return image.expand(count, -1, -1, -1)


def _fold(network: InteractionNet | PropagationNet) -> None:
    fold_stages(network.Encoder)
