"""Training samples of MANet's second stage: a frame with scribbles, and how it came to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.interactive.scribbles import NOTHING, VideoScribbles, draw_scribbles, read_scribbles
from ltr.data.randomness import Generators, SampleKey
from ltr.dataset.davis import Davis
from ltr.dataset.interactive.damage import spoil_labels
from ltr.dataset.interactive.triplets import (
    CROP_DRAWS,
    CropSamples,
    LabelledFrames,
    place_crop,
    resize,
)

ROUNDS = 3
_PASSES_PER_ROUND = 30
_FILES = 3
_FIRST_CROP_DRAWS = 100


class CorrectionDraw(NamedTuple):
    """Sequence, round from 0, number of the scribble file, and a neighbour pair per round."""

    sequence: int
    round: int
    file: int
    pairs: tuple[int, ...]


class CorrectionSamples(CropSamples[Davis, CorrectionDraw]):
    """One frame of every sequence in turn; rounds change after so many passes over all.

    The data set is DAVIS with ``Scribbles`` beside its frames.
    """

    orders_epochs = True  # the round follows from the place in the run

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> CorrectionDraw:
        """The sequence whose turn it is in this pass, at random when that failed."""
        draw, count = random.python, self.dataset.get_num_sequences()
        done, place = divmod((key.epoch - 1) * self.samples_per_epoch + key.position, count)
        order = np.random.default_rng((key.seed, done)).permutation(count)
        sequence = draw.randrange(count) if attempt else int(order[place])
        number = done // _PASSES_PER_ROUND % ROUNDS
        frames = len(self.dataset.get_sequence_info(sequence)["object_sizes"])
        pairs = tuple(draw.randrange(max(1, frames - 1)) for _ in range(number))
        return CorrectionDraw(sequence, number, draw.randint(1, _FILES), pairs)

    def read(self, draw: CorrectionDraw, random: Generators) -> dict[str, Any]:
        """Read the frames of a sample.

        Returns:
            ``image`` float32 (3, side, side) and ``labels`` int64 (side, side): the frame of the
            round, augmented; ``rows`` and ``columns`` int64 (side,): where its pixels lie in the
            frame of ``size`` (H, W); ``start`` float32 (3, side, side) and ``lines`` int64
            (side, side): the frame with a person's scribbles as a whole, -1 where no line runs;
            ``first_lines``: the scribbles of ``image`` in the first round, else -1; ``pairs``
            float32 (2, 2, 3, side, side), ``pair_before`` (damaged) and ``pair_labels`` int64
            (2, side, side): neighbour and frame of each simulated round; ``round``; ``num_ids``.

        Raises:
            DataError: A file is missing or damaged, or a crop shows too little.
        """
        info = self.dataset.get_sequence_info(draw.sequence)
        scribbles = self._scribbles(info["sequence"], draw.file)
        start = scribbles.annotated[0]
        places = [start, *(frame for pair in draw.pairs for frame in (pair, pair + 1))]
        images, record, _ = self.dataset.get_frames(draw.sequence, places, info)
        frames = LabelledFrames(np.stack(images), np.stack(record["mask"]))
        shape = frames.labels.shape[1:]
        lines = draw_scribbles(scribbles.frames[start], shape)
        last = LabelledFrames(frames.images[-1:], frames.labels[-1:])
        is_first = draw.round == 0
        shown = lines if is_first else last.labels[0].astype(np.int16)
        draws = _FIRST_CROP_DRAWS if is_first else CROP_DRAWS
        placement = place_crop(shown, self.crop_size, draws, random)
        image, labels = placement.apply(last)
        side = (self.crop_size, self.crop_size)
        blank = np.full(side, NOTHING, np.int16)
        return {
            "image": self._normalised(image),
            "labels": _numbers(labels),
            "first_lines": _numbers(placement.pick(lines) if is_first else blank),
            "rows": torch.from_numpy(placement.rows),
            "columns": torch.from_numpy(placement.columns),
            "size": [int(length) for length in shape],
            "start": self._normalised(resize(frames, self.crop_size).images[0]),
            "lines": _numbers(draw_scribbles(scribbles.frames[start], side)),
            **self._pairs(frames, draw, random),
            "round": draw.round,
            "num_ids": 1 + max(info["object_ids"]),
        }

    def source(self, draw: CorrectionDraw) -> str:
        """Sequence and round."""
        name = self.dataset.get_sequence_info(draw.sequence)["sequence"]
        return f"{self.dataset.get_name()} {name} round {draw.round + 1}"

    def _scribbles(self, name: str, number: int) -> VideoScribbles:
        path = Path(self.dataset.root) / "Scribbles" / name / f"{number:03d}.json"
        if not path.is_file():
            raise DataError(
                f"{path} does not exist: it comes with DAVIS 2017, or is drawn by "
                "scripts/interactive/write_scribbles.py"
            )
        scribbles = read_scribbles(path)
        if not scribbles.annotated:
            raise DataError(f"{path} has no line")
        return scribbles

    def _pairs(
        self, frames: LabelledFrames, draw: CorrectionDraw, random: Generators
    ) -> dict[str, torch.Tensor]:
        """The neighbours and frames of the simulated rounds, whole; zeros where there is none."""
        side = self.crop_size
        images = torch.zeros(ROUNDS - 1, 2, 3, side, side)
        before, labels = (torch.zeros(ROUNDS - 1, side, side, dtype=torch.int64) for _ in range(2))
        whole = resize(frames, side)
        for place in range(draw.round):
            first = 1 + 2 * place
            for part in range(2):
                images[place, part] = self._normalised(whole.images[first + part])
            before[place] = _numbers(spoil_labels(whole.labels[first], random))
            labels[place] = _numbers(whole.labels[first + 1])
        return {"pairs": images, "pair_before": before, "pair_labels": labels}

    def _normalised(self, image: np.ndarray) -> torch.Tensor:
        planes = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
        return self.image_format.normalise(planes[None].float())[0]


def _numbers(labels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(labels.astype(np.int64))
