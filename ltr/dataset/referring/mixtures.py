"""Training clips of cut-outs and of drawn rivals, mixed, with what is known of them."""

from __future__ import annotations

import random as python_random
from dataclasses import dataclass

from ltr.dataset.referring.cutouts import (
    CUTOUT_FORMS,
    DEFAULT_IMAGES,
    DEFAULT_VIDEOS,
    KINDS,
    SORTS,
    CutoutClips,
)
from ltr.dataset.referring.looks import PROPERTIES, Properties
from ltr.dataset.referring.rivals import draw_rivals
from ltr.dataset.referring.synthetic import FORMS, OBJECTS, SIZED_FORMS
from ltr.dataset.registry import open_images, open_videos
from ltr.dataset.synthetic_shapes import SHAPES, SIZES, SyntheticClip, as_stored, render_clip

MIXED_PROPERTIES: Properties = {
    "kind": KINDS,
    **PROPERTIES,
    "shape": SHAPES + SORTS,
    "size": SIZES,
}
PLACELESS_CUTOUT_FORMS = tuple(form for form in CUTOUT_FORMS if "place" not in form)
_LENGTHS = (8, 8, 8, 8, 16, 24)  # frames of clips; longer ones show slower motion


class MixedClips:
    """Clips by their seeds.

    Args:
        images: Name of the still images that give cut-outs and backgrounds.
        videos: Name of the videos that give cut-outs.
        share: Of the clips that show cut-outs.
    """

    def __init__(self, images: str, videos: str, share: float) -> None:
        self.cutouts = CutoutClips(open_images(images), open_videos(videos), is_validation=False)
        self.share = share

    def __call__(self, seed: int) -> tuple[SyntheticClip, dict[int, str]]:
        """A clip as it is stored, and a sentence for every object by its id."""
        draw = python_random.Random(seed)
        is_cut_out, frames = draw.random() < self.share, draw.choice(_LENGTHS)
        if not is_cut_out:
            return draw_rivals(seed, FORMS + SIZED_FORMS, frames)
        clip, sentences = self.cutouts.describe(seed, frames, CUTOUT_FORMS)
        return as_stored(clip), {number: text for number, (text, _) in sentences.items()}

    def render(self, seed: int, frames: int) -> SyntheticClip:
        """A clip of so many frames, without sentences."""
        if python_random.Random(seed).random() < self.share:
            return self.cutouts.render(seed, frames)
        return render_clip(seed, frames, self.cutouts.size, OBJECTS, OBJECTS)


@dataclass(frozen=True, kw_only=True)
class CutoutSources:
    """Rows of recipes that mix clips of cut-outs with drawn ones.

    Args:
        images: Still images that give cut-outs and backgrounds.
        videos: Videos that give cut-outs.
        cutout_share: Share of clips with cut-outs.
    """

    images: str = DEFAULT_IMAGES
    videos: str = DEFAULT_VIDEOS
    cutout_share: float = 0.4

    def clips(self) -> MixedClips:
        """Open the data sets."""
        return MixedClips(self.images, self.videos, self.cutout_share)
