"""Ref-YouTube-VOS and Ref-DAVIS, which share a layout.

``meta_expressions/<split>/meta_expressions.json``, ``<split>/meta.json``,
``<split>/JPEGImages/<video>/<frame>.jpg`` and ``<split>/Annotations/<video>/<frame>.png``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.frame_files import list_frames, stem_of
from ltr.data.image_io import read_image, read_label_map
from ltr.data.json_io import read_json
from ltr.data.referring.dataset import ReferringDataset
from ltr.dataset.referring.expressions import read_expressions


@dataclass(frozen=True)
class _Pair:
    video: str
    frames: tuple[str, ...]
    key: str
    text: str
    object_id: int


class ReferringVideos(ReferringDataset):
    """Every sentence of every video.

    Args:
        name: Name and split.
        root: The data set's folder.
        split: ``train``, or another one whose object ids are public.
        categories: Names of the categories in the order of the labels; empty needs no
            ``meta.json``, and all labels are 0.

    Raises:
        DataError: The lists are missing or damaged, hold no sentence or no object ids.
    """

    def __init__(
        self, name: str, root: Path, split: str = "train", categories: Sequence[str] = ()
    ) -> None:
        super().__init__(name)
        self._images = root / split / "JPEGImages"
        self._annotations = root / split / "Annotations"
        self._pairs = _list_pairs(root, split)
        self._labels = _read_labels(root / split / "meta.json", categories) if categories else {}

    def __len__(self) -> int:
        return len(self._pairs)

    def describe(self, index: int) -> str:
        """Data set, video and sentence."""
        pair = self._pairs[index]
        return f"{self.name} {pair.video} sentence {pair.key}"

    def sentence(self, index: int) -> str:
        """See ``ReferringDataset``."""
        return self._pairs[index].text

    def num_frames(self, index: int) -> int:
        """See ``ReferringDataset``."""
        return len(self._pairs[index].frames)

    def label(self, index: int) -> int:
        """See ``ReferringDataset``."""
        pair = self._pairs[index]
        return self._labels.get((pair.video, pair.object_id), 0)

    def read(
        self, index: int, positions: Sequence[int]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """See ``ReferringDataset``."""
        pair = self._pairs[index]
        names = _frame_names(self._images / pair.video)
        images, masks = [], []
        for position in positions:
            stem = pair.frames[position]
            if stem not in names:
                raise DataError(f"{self._images / pair.video} lacks the frame {stem}")
            images.append(read_image(self._images / pair.video / names[stem]))
            file = self._annotations / pair.video / f"{stem}.png"
            masks.append(read_label_map(file) == pair.object_id)
            if masks[-1].shape != images[-1].shape[:2]:
                raise DataError(f"{file} has another size than its frame")
        return images, masks


def category_names(data_set: str) -> tuple[str, ...]:
    """The categories of ``refytvos`` or ``refdavis`` in the order of their labels."""
    file = files("ltr") / "data_specs" / f"{data_set}_categories.txt"
    return tuple(file.read_text(encoding="utf-8").splitlines())


@lru_cache(maxsize=4096)
def _frame_names(folder: Path) -> Mapping[str, str]:
    """File names of a video's frames by stem."""
    return {stem_of(name): name for name in list_frames(folder)}


def _list_pairs(root: Path, split: str) -> list[_Pair]:
    pairs = []
    for video, entry in read_expressions(root, split).items():
        for key, expression in entry.expressions.items():
            if expression.object_id is None:
                raise DataError(
                    f"{root}: sentence {key} of {video} has no obj_id, so nobody can train on "
                    f"the split {split}"
                )
            pairs.append(_Pair(video, entry.frames, key, expression.text, expression.object_id))
    if not pairs:
        raise DataError(f"{root}: the split {split} holds no sentence")
    return pairs


def _read_labels(file: Path, categories: Sequence[str]) -> dict[tuple[str, int], int]:
    numbers = {name: number for number, name in enumerate(categories)}
    try:
        return {
            (video, int(key)): numbers[item["category"]]
            for video, entry in read_json(file)["videos"].items()
            for key, item in entry["objects"].items()
        }
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise DataError(f"{file} is damaged, or names an unknown category: {error!r}") from error
