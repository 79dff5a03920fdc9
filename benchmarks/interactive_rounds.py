"""Speed of ATNet's rounds against its reference implementation.

    python benchmarks/interactive_rounds.py         4 frames of 240x427, 3 objects, 3 rounds
    python benchmarks/interactive_rounds.py --full  12 frames of 480x854
    python benchmarks/interactive_rounds.py --device cuda

The reference implementation does as upstream: every object has a copy of a frame's features, its
own correlations and similarities, and all of them are recomputed in every round. Both forms get the
same network (random weights), the same clip and the same lines. On a CPU the seconds are those of
the processor, so that other work on the machine does not count. The last line is ``ratio=``: time
of the plain form divided by ours.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
import torch.nn.functional as F
from synthetic_clip import draw_clip

from ltr.data.interactive.scribbles import ScribbleLine
from ltr.models.interactive.atnet import ATNet, FrameFeatures, transfer_globally
from ltr.models.interactive.deeplab import resize
from ltr.models.interactive.transfer import transfer
from pytracking.tracker.base import Runtime
from pytracking.tracker.interactive.atnet import AtnetHost
from pytracking.tracker.interactive.parameters import AtnetParameters

_OBJECTS = 3
_ROUNDS = 3
# A drawn network gives all objects nearly the same probabilities: masks would compare noise.
_TOLERANCE = 1e-4


class PlainNetwork(ATNet):
    """Compares displacement by displacement, and mixes the frame anew with every transfer."""

    def propagate(
        self,
        target: FrameFeatures,
        looks: torch.Tensor,
        neighbour: FrameFeatures,
        masks: torch.Tensor,
        align_corners: bool = True,
    ) -> torch.Tensor:
        """See ``ATNet.propagate``."""
        weights = correlate_plainly(target.key, neighbour.key).softmax(dim=2)
        small = resize(masks, target.key.shape[-2:])
        local = transfer(weights, small, align_corners)
        top = self.conv1x1(torch.cat([target.top, looks], dim=1))
        return self.decoder_prop(top, (target.middle, target.fine), local)[0]


def correlate_plainly(target: torch.Tensor, neighbour: torch.Tensor) -> torch.Tensor:
    """See ``correlate``: one pass over both maps for each of the 81 displacements."""
    height, width = target.shape[-2:]
    padded, steps = F.pad(neighbour, (8,) * 4), range(0, 17, 2)
    moved = (padded[..., y : y + height, x : x + width] for y in steps for x in steps)
    return torch.stack([(target * maps).mean(dim=1) for maps in moved], dim=1)


class PlainAtnet(AtnetHost):
    """Keeps nothing of a frame and shares nothing between objects."""

    def _encode(self, index: int) -> FrameFeatures:
        images = self._image(index).expand(self.num_objects, -1, -1, -1).contiguous()
        return self._encode_image(images)

    def _look(self, part: slice, target: FrameFeatures) -> torch.Tensor:
        state, found = self.state, []
        for number in range(part.start, part.stop):
            own = slice(number, number + 1)
            looks = [
                transfer_globally(top[own], indicators[own], target.top[own])
                for top, indicators in zip(state.tops, state.indicators, strict=True)
            ]
            found.append(torch.stack(looks).mean(dim=0))
        return torch.cat(found)


def drawn_network(device: torch.device, kind: type[ATNet] = ATNet) -> ATNet:
    """The released network's form with PyTorch's initial weights, its logits spread."""
    torch.manual_seed(0)
    network = kind(64, 256).eval().requires_grad_(False)
    for name in ("decoder_iact", "decoder_prop"):
        last = f"{name}.lastconv.{len(network.decoder_iact.lastconv) - 1}"
        network.get_parameter(f"{last}.weight").mul_(50)
        network.get_parameter(f"{last}.bias").fill_(1.4)
    return network.to(device)


def draw_lines(labels: np.ndarray) -> list[ScribbleLine]:
    """A short line in the middle of every object."""
    lines = []
    for number in range(1, _OBJECTS + 1):
        rows, columns = np.nonzero(labels == number)
        y, x = rows.mean() / labels.shape[0], columns.mean() / labels.shape[1]
        lines.append(ScribbleLine(np.array([[x - 0.02, y], [x + 0.02, y]]), number))
    return lines


def play(
    form: type[AtnetHost], frames: list[np.ndarray], lines: list[ScribbleLine], device: torch.device
) -> tuple[list[float], torch.Tensor]:
    """Seconds of every round, and the probabilities after the first."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    network = drawn_network(device, PlainNetwork if form is PlainAtnet else ATNet)
    host = form(AtnetParameters(net=""), network, Runtime(device))
    host.start(frames, _OBJECTS)
    seconds: list[float] = []
    probabilities: list[torch.Tensor] = []
    for number in range(_ROUNDS):
        frame = number * (len(frames) - 1) // (_ROUNDS - 1)
        started = clock()
        result = host.interact(frame, lines)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(clock() - started)
        if not probabilities:
            probabilities.append(result.probs.clone())
    return seconds, probabilities[0]


def main() -> None:
    """Measure both forms and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="12 frames of 480x854")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    count, size = (12, (480, 854)) if arguments.full else (4, (240, 427))
    frames, labels = draw_clip(count, _OBJECTS, size)
    lines, device = draw_lines(labels), torch.device(arguments.device)
    print(f"{count} frames of {size[0]}x{size[1]}, {_OBJECTS} objects, {device}, fp32")
    totals, probs = {}, {}
    for name, form in (("plain", PlainAtnet), ("ours", AtnetHost)):
        seconds, probs[name] = play(form, frames, lines, device)
        totals[name] = sum(seconds)
        rounds = ", ".join(f"{value:.1f}" for value in seconds)
        print(f"{name}: {totals[name]:.1f} s (rounds {rounds})", flush=True)
    difference = float((probs["plain"] - probs["ours"]).abs().max())
    print(f"largest difference of probabilities after the first round: {difference:.1e}")
    if difference > _TOLERANCE:
        raise SystemExit("the two forms differ")
    print(f"ratio={totals['plain'] / totals['ours']:.2f}")


if __name__ == "__main__":
    main()
