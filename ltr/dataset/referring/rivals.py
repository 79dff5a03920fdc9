"""Sentences about synthetic clips whose objects have much in common, drawn when they are needed.

Among objects of random looks a colour is nearly always enough to find the one that is meant, so a
network hardly learns shapes and motions. Here most clips show rivals: of one colour, of one shape,
or each sharing its colour with one and its shape with another.
"""

from __future__ import annotations

import random as python_random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ltr.data.randomness import Generators, SampleKey
from ltr.data.referring.batches import SharedClips, pad_clips
from ltr.data.referring.clip import Clip
from ltr.data.referring.samples import to_input, to_target
from ltr.data.samples import RandomSamples
from ltr.dataset.referring.synthetic import (
    FORMS,
    OBJECTS,
    can_name,
    fits,
    name_object,
    sentences_of,
)
from ltr.dataset.synthetic_shapes import (
    COLOURS,
    SHAPES,
    SyntheticClip,
    SyntheticObject,
    as_stored,
    render_clip,
)

_SEEDS = (20_000_000, 1 << 31)  # far from those of the data sets of sentences
_FRAMES = 8
_SIZE = (64, 96)
# Numbers of shapes and of colours that occur in a clip, all equally often.
_MIXTURES = ((len(SHAPES), len(COLOURS)), (len(SHAPES), 1), (1, len(COLOURS)), (2, 2))
PLACELESS_FORMS = (("motion",), *(form for form in FORMS if "place" not in form))

DrawClip = Callable[[int], tuple[SyntheticClip, dict[int, str]]]
"""The clip of a seed, as it is stored, and a sentence for every object by its id."""


def draw_rivals(
    seed: int, forms: Sequence[Sequence[str]] = FORMS, frames: int = _FRAMES
) -> tuple[SyntheticClip, dict[int, str]]:
    """Draw the clip of a seed, with a sentence of one of the forms for every object by its id.

    There always is one: no two objects have both shape and colour in common.
    """
    random = python_random.Random(seed)
    shapes, colours = random.choice(_MIXTURES)
    clip = render_clip(
        seed,
        frames,
        _SIZE,
        OBJECTS,
        OBJECTS,
        random.sample(SHAPES, shapes),
        random.sample(tuple(COLOURS), colours),
    )
    sentences = sentences_of(clip, seed, forms)
    return as_stored(clip), {number: text for number, (text, _) in sentences.items()}


class _DrawnClips(RandomSamples[int]):
    """Parts of clips of rivals by the clips' seeds.

    Args:
        samples_per_epoch: Length of an epoch.
        num_frames: Frames in a row that the backbone sees, up to 8.
        target_frames: How many of them have targets.
        draw_clip: Draws the clips.
    """

    def __init__(
        self,
        samples_per_epoch: int,
        num_frames: int,
        target_frames: int,
        draw_clip: DrawClip = draw_rivals,
    ) -> None:
        super().__init__(samples_per_epoch)
        self.num_frames = num_frames
        self.target_frames = target_frames
        self.draw_clip = draw_clip

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> int:
        """The seed of the clip."""
        return random.python.randrange(*_SEEDS)

    def source(self, draw: int) -> str:
        """The seed."""
        return f"clip of rivals {draw}"

    def window(self, clip: SyntheticClip, random: Generators) -> range:
        """The frames that the backbone sees."""
        first = random.python.randint(0, len(clip.images) - self.num_frames)
        return range(first, first + self.num_frames)


class RivalSamples(_DrawnClips):
    """A part of a clip, with a sentence for each of its objects; see ``_DrawnClips``."""

    def read(self, draw: int, random: Generators) -> dict[str, Any]:
        """Draw the clip; one whose objects are hardly ever seen together is replaced.

        Returns:
            ``clip``, float32 (num_frames, 3, H, W), normalised; ``frames``, int64 (target_frames,);
            ``target``, a ``ReferringTarget`` of these frames for each object; ``sentence``, theirs.
        """
        frames: list[int] = []
        while len(frames) < self.target_frames:
            clip, sentences = self.draw_clip(draw)
            window = self.window(clip, random)
            frames = [f for f in window if len(np.unique(clip.labels[f])) == 1 + OBJECTS]
            draw += 1
        frames = sorted(random.python.sample(frames, self.target_frames))
        images = [clip.images[frame] for frame in frames]
        labels = np.stack([clip.labels[frame] for frame in frames])
        named = [Clip.of_masks(images, labels == key, text) for key, text in sentences.items()]
        return {
            "clip": to_input(np.stack([clip.images[frame] for frame in window])),
            "frames": torch.tensor(frames) - window.start,
            "target": [to_target(one, 0) for one in named],
            "sentence": [one.sentence for one in named],
        }

    @staticmethod
    def collate(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Join samples to a batch with the entries of ``collate_clips``; the clips are shared."""
        targets = [target for sample in samples for target in sample["target"]]
        no_others = {"previous": None, "target_frames": None}
        return _share(samples, OBJECTS) | {"targets": targets, **no_others}


class WordSamples(_DrawnClips):
    """A part of a clip, with sentences that fit some of its objects, and which they are.

    Args:
        samples_per_epoch: Length of an epoch.
        num_frames: Frames in a row that the backbone sees, up to 8.
        target_frames: How many of them have targets.
        sentences: Number of sentences.
        draw_clip: Draws the clips.
        forms: What the sentences name; no places.
    """

    def __init__(
        self,
        samples_per_epoch: int,
        num_frames: int,
        target_frames: int,
        sentences: int,
        draw_clip: DrawClip = draw_rivals,
        forms: Sequence[Sequence[str]] = PLACELESS_FORMS,
    ) -> None:
        super().__init__(samples_per_epoch, num_frames, target_frames, draw_clip)
        self.sentences = sentences
        self.forms = forms

    def read(self, draw: int, random: Generators) -> dict[str, Any]:
        """Draw the clip.

        Returns:
            ``clip``, float32 (num_frames, 3, H, W), normalised; ``frames``, int64 (target_frames,);
            ``labels``, uint8 (target_frames, H, W); ``fits``, bool (sentences, objects);
            ``sentence``, their texts.
        """
        clip, _ = self.draw_clip(draw)
        window = self.window(clip, random)
        frames = sorted(random.python.sample(window, self.target_frames))
        texts, fitting = [], []
        for _ in range(self.sentences):
            form, looks = self._choose_words(clip, random.python)
            texts.append(name_object(looks, form))
            fitting.append(
                [
                    all(fits(other, key, getattr(looks, key)) for key in form)
                    for other in clip.objects
                ]
            )
        return {
            "clip": to_input(np.stack([clip.images[frame] for frame in window])),
            "frames": torch.tensor(frames) - window.start,
            "labels": torch.from_numpy(np.stack([clip.labels[frame] for frame in frames])),
            "fits": torch.tensor(fitting),
            "sentence": texts,
        }

    def _choose_words(
        self, clip: SyntheticClip, random: python_random.Random
    ) -> tuple[Sequence[str], SyntheticObject]:
        """What to name, and an object that has it; colours only where all of them are known."""
        has_colours = all(looks.colour for looks in clip.objects)
        while True:
            form, looks = random.choice(self.forms), random.choice(clip.objects)
            if can_name(looks, form) and (
                has_colours or "colour" not in form or {"shape", "kind"} & set(form)
            ):
                return form, looks

    @staticmethod
    def collate(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Join samples to a batch: shared ``clips``, ``sentences``, and ``labels`` and ``fits``."""
        labels, fits = (torch.stack([s[key] for s in samples]) for key in ("labels", "fits"))
        return _share(samples, fits.shape[1]) | {"labels": labels, "fits": fits}


def _share(samples: Sequence[Mapping[str, Any]], sentences: int) -> dict[str, Any]:
    """Clips and sentences of a batch, and where they come from."""
    clips = pad_clips([sample["clip"] for sample in samples])
    frames = torch.stack([sample["frames"] for sample in samples])
    return {
        "clips": SharedClips(clips, frames, sentences),
        "sentences": [text for sample in samples for text in sample["sentence"]],
        **{key: [sample[key] for sample in samples] for key in ("source", "failures")},
    }
