"""IPN's rounds against a plain transcription that goes object by object, for frames of any shape.

The transcription shares the encoders and decoders with the networks, nothing else.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ltr.data.interactive.scribbles import ScribbleLine, draw_scribbles
from ltr.models.interactive.ipn import (
    Guess,
    InteractionNet,
    PropagationNet,
    propagation_network,
    region_loss,
)
from pytracking.tracker.base import Runtime
from pytracking.tracker.interactive.ipn import IpnHost
from pytracking.tracker.interactive.parameters import IpnParameters
from tests.small_hosts import drawn, small_interaction_network
from tests.small_joint import small_clip

FRAMES, OBJECTS = 4, 2
SIZES = {"portrait": (120, 104), "square": (128, 128), "small": (48, 60), "wide": (70, 200)}


def region(marked: np.ndarray) -> tuple[float, float, float, float]:
    """Centre and size (y, x, h, w) of the region around marked pixels, scale 1.5, minimum 128."""
    height, width = marked.shape
    rows, columns = np.nonzero(marked)
    if len(rows):
        ymin, ymax, xmin, xmax = rows.min(), rows.max(), columns.min(), columns.max()
    else:
        ymin, ymax, xmin, xmax = 0, height, 0, width
    if ymax - ymin < 128:
        half = int((128 - (ymax - ymin)) / 2)
        ymin, ymax = ymin - half, ymax + half
    if xmax - xmin < 128:
        half = int((128 - (xmax - xmin)) / 2)
        xmin, xmax = xmin - half, xmax + half
    tall, wide = ymax - ymin + 1, xmax - xmin + 1
    ymin, ymax = max(-5, ymin - 0.25 * tall), min(height + 5, ymax + 0.25 * tall)
    xmin, xmax = max(-5, xmin - 0.25 * wide), min(width + 5, xmax + 0.25 * wide)
    return (ymax + ymin) / 2, (xmax + xmin) / 2, ymax - ymin + 1, xmax - xmin + 1


def grids(box: tuple[float, float, float, float], size: tuple[int, int]) -> list[torch.Tensor]:
    """Sampling grids from the image to the region (256 x 256) and back."""
    (y, x, h, w), (height, width) = box, size
    yl, yh, xl, xh = y - h / 2, y + h / 2, x - w / 2, x + w / 2
    sx, tx = (xh - xl) / (width - 1), (xl + xh - (width - 1)) / (width - 1)
    sy, ty = (yh - yl) / (height - 1), (yl + yh - (height - 1)) / (height - 1)
    there = torch.tensor([[[sx, 0, tx], [0, sy, ty]]], dtype=torch.float32)
    back = torch.tensor(
        [[[width / (xh - xl), 0, -tx / sx], [0, height / (yh - yl), -ty / sy]]],
        dtype=torch.float32,
    )
    return [
        F.affine_grid(there, [1, 1, 256, 256], align_corners=True),
        F.affine_grid(back, [1, 1, *size], align_corners=True),
    ]


def look(network, image, maps, top=None):
    """One object: (probability (H, W), encoder's features); ``maps`` holds stems and their maps."""
    maps = {k: np.full_like(m, 0.5) if (m == -1).all() else m for k, m in maps.items()}
    size = image.shape[1:]
    there, back = grids(region(np.any([m >= 0.49 for m in maps.values()], axis=0)), size)
    layers = [image, *(torch.from_numpy(m)[None] for m in maps.values())]
    cut = F.grid_sample(torch.cat(layers)[None], there, align_corners=True)
    stems = {k: cut[:, 3 + i : 4 + i] for i, k in enumerate(maps)}
    features = network.Encoder(cut[:, :3], stems)
    found = features["res5"] if top is None else torch.cat([top, features["res5"]], dim=1)
    logits = network.Decoder(found, features)[0]
    object_map = logits.softmax(dim=1)[:, 1:]
    return F.grid_sample(object_map, back, align_corners=True)[0, 0].numpy(), features["res5"]


class PlainIpn:
    """All rounds, object by object and frame by frame."""

    def __init__(self, interaction: InteractionNet, propagation: PropagationNet, frames):
        self.nets = interaction, propagation
        self.images = [torch.from_numpy(f).permute(2, 0, 1).float() / 255 for f in frames]
        self.maps = np.full((OBJECTS, len(frames), *frames[0].shape[:2]), -1.0, np.float32)
        self.annotated: list[int] = []
        self.stored: list[torch.Tensor | None] = [None] * OBJECTS

    def marks(self, lines, number, previous):
        lines = [line for line in lines if line.object_id in (0, number)]
        marks = draw_scribbles(lines, previous.shape)
        cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
        grown = [
            cv2.dilate(part.astype(np.uint8), cross, iterations=2) > 0
            for part in (marks == number, (marks == 0) & (previous > 0.5))
        ]
        return grown[0].astype(np.float32), (grown[1] & ~grown[0]).astype(np.float32)

    def weight(self, index, frame):
        if index == frame:
            return 1.0
        others = [a for a in self.annotated if (a < frame if index < frame else a > frame)]
        if not others:
            return 1.0
        end = max(others) if index < frame else min(others)
        return max(0.0, 1 - abs(index - frame) / abs(end - frame))

    def round(self, frame, lines):
        interaction, propagation = self.nets
        for number in range(1, OBJECTS + 1):
            maps = self.maps[number - 1]
            positive, negative = self.marks(lines, number, maps[frame])
            new, reference = look(
                interaction,
                self.images[frame],
                {"m": maps[frame], "p": positive, "n": negative},
            )
            if self.stored[number - 1] is not None:
                reference = propagation.SEFA(reference, self.stored[number - 1])
            self.stored[number - 1] = reference
            maps[frame] = new
            for step, end in ((1, len(maps)), (-1, -1)):
                neighbour = maps[frame]
                for index in range(frame + step, end, step):
                    weight = self.weight(index, frame)
                    if weight == 0:
                        break
                    neighbour, _ = look(
                        propagation,
                        self.images[index],
                        {"m": maps[index], "x": neighbour},
                        reference,
                    )
                    maps[index] = weight * neighbour + (1 - weight) * maps[index]
        self.annotated.append(frame)
        return self.maps.copy()


def stroke(object_id, *points):
    return ScribbleLine(np.array(points), object_id)


ROUNDS = (
    (0, [stroke(1, (0.2, 0.3), (0.3, 0.4)), stroke(2, (0.7, 0.6), (0.8, 0.7))]),
    (3, [stroke(2, (0.6, 0.6), (0.7, 0.7)), stroke(0, (0.1, 0.1), (0.9, 0.1))]),
)


@pytest.fixture(scope="module")
def networks():
    return small_interaction_network(), drawn(propagation_network(width=8, mdim=16))


@pytest.mark.parametrize("shape", SIZES)
@torch.inference_mode()
def test_rounds_follow_the_plain_transcription(networks, shape):
    frames = small_clip(FRAMES, SIZES[shape])[0] if shape != "small" else _small_frames()
    plain = PlainIpn(*networks, frames)
    want = [plain.round(*entry) for entry in ROUNDS]
    host = IpnHost(IpnParameters(), networks, Runtime())
    host.start(frames, OBJECTS)
    for number, entry in enumerate(ROUNDS):
        host.interact(*entry)
        found = host.state.objects.numpy()
        np.testing.assert_allclose(found, want[number], atol=2e-4, err_msg=f"round {number + 1}")
        assert np.ptp(found) > 0.1


def _small_frames():
    rng = np.random.default_rng(1)
    return [rng.integers(0, 255, (*SIZES["small"], 3), np.uint8) for _ in range(FRAMES)]


@pytest.mark.parametrize("size", [(120, 104), (128, 128), (48, 60), (300, 200)])
@torch.inference_mode()
def test_in_the_first_round_both_networks_see_the_whole_image(networks, size):
    interaction, propagation = networks
    image, unknown = torch.rand(1, 3, *size), torch.full((1, *size), -1.0)
    mark = torch.zeros(1, *size)
    mark[:, 4:9, 5:12] = 1
    guess = interaction(image, unknown, mark, torch.zeros_like(mark))
    step = propagation(image, unknown, 0.9 * mark, guess.reference)
    height, width = size
    whole = [height / 2, width / 2, height + 11, width + 11]
    assert guess.boxes.tolist() == step.boxes.tolist() == [whole]


@torch.inference_mode()
def test_a_map_that_is_missing_in_part_stays_as_it_is(networks):
    """Objects of a batch count one by one, and -1 in part lies below the region's threshold."""
    image, previous = torch.rand(2, 3, 300, 400), torch.full((2, 300, 400), -1.0)
    previous[1, 40:60, 50:90] = 0.8
    neighbour = torch.zeros_like(previous)
    reference = torch.rand(2, 256, 8, 8)
    boxes = networks[1](image, previous, neighbour, reference).boxes
    assert boxes[0].tolist() == [150, 200, 311, 411]
    y, x, h, w = region((previous[1] >= 0.49).numpy())
    assert boxes[1].tolist() == [y, x, h, w]


def test_an_object_without_scribbles_has_no_interaction_loss(networks):
    interaction = networks[0]
    logits = [torch.zeros(3, 2, side, side) for side in (256, 64, 32, 16, 8)]
    guess = Guess(torch.zeros(3, 60, 80), torch.zeros(3), logits, _whole(3, (60, 80)))
    scribbles = torch.zeros(3, 60, 80)
    scribbles[0, 3, 5] = scribbles[2, 1, 1] = 1
    five_scales = 5 * np.log(2)
    found = interaction.loss(guess, torch.zeros(3, 60, 80), scribbles)
    np.testing.assert_allclose(
        found, [five_scales / (2 / 3 + 0.001), 0, five_scales / (2 / 3 + 0.001)], rtol=1e-6
    )
    alone = Guess(
        guess.probabilities[:1], guess.reference, [x[:1] for x in logits], guess.boxes[:1]
    )
    found = interaction.loss(alone, torch.zeros(1, 60, 80), scribbles[:1])
    np.testing.assert_allclose(found, [five_scales / 1.001], rtol=1e-6)


def test_half_an_object_pixel_is_background():
    logits = [torch.zeros(1, 2, 8, 8)]
    logits[0][:, 1] = 3.0
    truth = torch.full((1, 60, 80), 0.5)
    guess = Guess(truth, truth, logits, torch.tensor([[30.0, 40.0, 20.0, 20.0]]))
    torch.testing.assert_close(region_loss(guess, truth), torch.tensor([3.0486]), atol=1e-4, rtol=0)


def _whole(count, size):
    height, width = size
    return torch.tensor([[height / 2, width / 2, height + 11, width + 11]]).expand(count, 4)
