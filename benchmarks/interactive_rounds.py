"""Speed of ATNet's rounds against its reference implementation.

    python benchmarks/interactive_rounds.py         4 frames of 240x427, 3 objects, 3 rounds
    python benchmarks/interactive_rounds.py --full  12 frames of 480x854
    python benchmarks/interactive_rounds.py --full --frames 4 --objects 1 --rounds 2
    python benchmarks/interactive_rounds.py --device cuda

The reference implementation does as upstream: every object has a copy of a frame's features, its
own correlations and similarities, and all of them are recomputed in every round. Both forms get the
same network (random weights), the same clip and the same lines. On a CPU the seconds are those of
the processor, so that other work on the machine does not count. The last line is ``ratio=``: time
of the reference implementation divided by ours.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from machine import describe_machine
from synthetic_clip import draw_clip

from ltr.data.interactive.scribbles import ScribbleLine
from ltr.models.interactive.atnet import ATNet, FrameFeatures
from pytracking.tracker.base import Runtime
from pytracking.tracker.interactive.atnet import AtnetHost
from pytracking.tracker.interactive.base import InteractiveVOS
from pytracking.tracker.interactive.computing import FrameCache
from pytracking.tracker.interactive.parameters import AtnetParameters

# A drawn network gives all objects nearly the same probabilities: masks would compare noise.
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Setting:
    """What is played, and where."""

    runtime: Runtime
    objects: int
    rounds: int
    width: int = 64


class PlainNetwork(ATNet):
    """Compares displacement by displacement, and mixes the frame anew with every transfer."""

    def encode(self, image: torch.Tensor) -> FrameFeatures:
        """See ``ATNet.encode``; nothing is mixed."""
        found = self.encoder_3ch(image)
        top, key = found["res5"], self.prev_conv1x1(found["res2"])
        return FrameFeatures(top, top, *self.decoder_prop.prepare(found), key)

    def compare(self, target: FrameFeatures, neighbour: FrameFeatures) -> torch.Tensor:
        """See ``ATNet.compare``."""
        return correlate_plainly(target.key, neighbour.key)

    def propagate(
        self,
        target: FrameFeatures,
        looks: torch.Tensor,
        similarity: torch.Tensor,
        masks: torch.Tensor,
        align_corners: bool = True,
    ) -> torch.Tensor:
        """See ``ATNet.propagate``; the looks are not mixed yet."""
        local = self.transfer_locally(similarity, masks, align_corners)
        top = self.conv1x1(torch.cat([target.top, looks], dim=1))
        decoder = self.decoder_prop
        return decoder.read(decoder(top, (target.middle, target.fine), local))


def correlate_plainly(target: torch.Tensor, neighbour: torch.Tensor) -> torch.Tensor:
    """See ``correlate``: one pass over both maps for each of the 81 displacements."""
    height, width = target.shape[-2:]
    padded, steps = F.pad(neighbour, (8,) * 4), range(0, 17, 2)
    moved = (padded[..., y : y + height, x : x + width] for y in steps for x in steps)
    return torch.stack([(target * maps).mean(dim=1) for maps in moved], dim=1)


def transfer_plainly(
    annotated: torch.Tensor, indicators: torch.Tensor, target: torch.Tensor
) -> torch.Tensor:
    """See ``transfer_globally``."""
    shares = (annotated[0].flatten(1).T @ target[0].flatten(1)).softmax(dim=1)
    return (indicators.flatten(2) @ shares).view_as(indicators)


class PlainAtnet(AtnetHost):
    """Keeps nothing of a frame, shares nothing between objects, and folds no norms."""

    def __init__(self, params: AtnetParameters, network: ATNet, runtime: Runtime) -> None:
        InteractiveVOS.__init__(self)
        self.params, self.runtime = params, runtime
        self._encode_image, self._segment = network.encode, network.annotate
        self._propagate = network.propagate
        self._compare = network.compare
        self._mix = lambda indicators: indicators
        self._features = FrameCache(0)

    def _encode(self, index: int) -> FrameFeatures:
        images = self._image(index).expand(self.num_objects, -1, -1, -1).contiguous()
        return self._encode_image(images)

    def _compare_neighbours(
        self, index: int, step: int, target: FrameFeatures, neighbour: FrameFeatures
    ) -> torch.Tensor:
        return self._compare(target, neighbour)

    def _look(self, part: slice, index: int, target: FrameFeatures) -> torch.Tensor:
        state, found = self.state, []
        for number in range(part.start, part.stop):
            own = slice(number, number + 1)
            looks = [
                transfer_plainly(top[own], indicators[own], target.top[own])
                for top, indicators in zip(state.tops, state.indicators, strict=True)
            ]
            found.append(torch.stack(looks).mean(dim=0))
        return torch.cat(found)


def drawn_network(device: torch.device, kind: type[ATNet], width: int) -> ATNet:
    """The released network's form with PyTorch's initial weights, its logits spread."""
    torch.manual_seed(0)
    network = kind(width, 4 * width).eval().requires_grad_(False)
    for name in ("decoder_iact", "decoder_prop"):
        last = f"{name}.lastconv.{len(network.decoder_iact.lastconv) - 1}"
        network.get_parameter(f"{last}.weight").mul_(50)
        network.get_parameter(f"{last}.bias").fill_(1.4)
    return network.to(device)


def draw_lines(labels: np.ndarray) -> list[ScribbleLine]:
    """A short line in the middle of every object."""
    lines = []
    for number in range(1, int(labels.max()) + 1):
        rows, columns = np.nonzero(labels == number)
        y, x = rows.mean() / labels.shape[0], columns.mean() / labels.shape[1]
        lines.append(ScribbleLine(np.array([[x - 0.02, y], [x + 0.02, y]]), number))
    return lines


class Played(NamedTuple):
    """What the rounds of one form took and gave.

    Args:
        seconds: Of every round.
        probs: After the first round.
        masks: After the last.
    """

    seconds: list[float]
    probs: torch.Tensor
    masks: np.ndarray


def play(
    form: type[AtnetHost], frames: list[np.ndarray], labels: np.ndarray, setting: Setting
) -> Played:
    """Play the rounds, on frames spread from the first to the last."""
    device = setting.runtime.device
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    kind = PlainNetwork if form is PlainAtnet else ATNet
    network = drawn_network(device, kind, setting.width)
    host, lines = form(AtnetParameters(net=""), network, setting.runtime), draw_lines(labels)
    host.start(frames, setting.objects)
    seconds: list[float] = []
    probs: list[torch.Tensor] = []
    for number in range(setting.rounds):
        frame = number * (len(frames) - 1) // max(1, setting.rounds - 1)
        started = clock()
        result = host.interact(frame, lines)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(clock() - started)
        probs = probs or [result.probs.clone()]
    return Played(seconds, probs[0], result.masks)


def main() -> None:
    """Measure both forms and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="12 frames of 480x854")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, help="4, or 12 with --full")
    parser.add_argument("--objects", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    setting = Setting(Runtime(device), arguments.objects, arguments.rounds)
    count, size = (12, (480, 854)) if arguments.full else (4, (240, 427))
    frames, labels = draw_clip(arguments.frames or count, setting.objects, size)
    print(describe_machine(device))
    print(
        f"{len(frames)} frames of {size[0]}x{size[1]}, {setting.objects} objects, "
        f"{setting.rounds} rounds, fp32"
    )
    played = {}
    for name, form in (("plain", PlainAtnet), ("ours", AtnetHost)):
        played[name] = play(form, frames, labels, setting)
        seconds = played[name].seconds
        rounds = ", ".join(f"{value:.1f}" for value in seconds)
        print(f"{name}: {sum(seconds):.1f} s (rounds {rounds})", flush=True)
    plain, ours = played["plain"], played["ours"]
    difference = float((plain.probs - ours.probs).abs().max())
    print(f"largest difference of probabilities after the first round: {difference:.1e}")
    print(f"equal pixels after the last: {(plain.masks == ours.masks).mean():.4%}")
    if difference > _TOLERANCE:
        raise SystemExit("the two forms differ")
    print(f"ratio={sum(plain.seconds) / sum(ours.seconds):.2f}")


if __name__ == "__main__":
    main()
