"""Cut-outs: the objects of every frame as PNGs with transparency."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.frame_files import list_visible, sort_naturally
from ltr.data.image_io import read_rgba, write_rgba
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    safe_name,
)

_OPAQUE = 128


class CutOuts(ExchangeFormat):
    """``<object>/<frame>.png``: the frame where the object is, transparent elsewhere."""

    needs_frames = True

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        (video,) = videos
        for index, stem in enumerate(video.stems):
            image = video.frame(index)
            for number, mask in video.masks(index):
                alpha = mask.astype(np.uint8) * np.uint8(255)
                picture = np.dstack((image * mask[..., None], alpha))
                write_rgba(target / str(number) / f"{stem}.png", picture)

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``; frames without any object are lost."""
        folders = [name for name in list_visible(source) if name.isdecimal() and int(name) in _IDS]
        files = {
            int(folder): {
                Path(name).stem: source / folder / name
                for name in list_visible(source / folder)
                if name.lower().endswith(".png")
            }
            for folder in sorted(folders, key=int)
        }
        stems = sort_naturally(list({stem for own in files.values() for stem in own}))
        if not stems:
            raise DataError(f"{source} holds no cut-outs: expected <object>/<frame>.png")
        first = next(own[stems[0]] for own in files.values() if stems[0] in own)
        height, width = read_rgba(first).shape[:2]
        yield LabelledVideo(
            safe_name(source.resolve().name),
            (width, height),
            stems,
            partial(_labels, files, stems, (height, width)),
        )


CUT_OUTS = CutOuts()
_IDS = range(1, 255)


def _labels(
    files: dict[int, dict[str, Path]], stems: Sequence[str], shape: tuple[int, int], index: int
) -> np.ndarray:
    labels = np.zeros(shape, np.uint8)
    for number, own in files.items():
        if stems[index] in own:
            alpha = read_rgba(own[stems[index]])[..., 3]
            if alpha.shape != shape:
                raise DataError(f"{own[stems[index]]} is not as large as the other cut-outs")
            labels[alpha >= _OPAQUE] = number
    return labels
