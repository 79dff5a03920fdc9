"""A format for ``--export``: all label maps of a video in one ``.npz`` file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from pytracking.evaluation.outputs.exchange.labelled_video import ExchangeFormat, LabelledVideo


class NumpyFile(ExchangeFormat):
    """``labels``: uint8 (T, H, W); ``stems``: the names of the frames."""

    suffix = ".npz"

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        (video,) = videos
        labels = np.stack([video.labels(index) for index in range(len(video))])
        np.savez_compressed(target, labels=labels, stems=np.array(video.stems))

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``."""
        try:
            with np.load(source, allow_pickle=False) as content:
                labels, stems = content["labels"], content["stems"].tolist()
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{source} is not a file of label maps: {error}") from error
        size = (labels.shape[2], labels.shape[1])
        yield LabelledVideo(source.stem, size, stems, labels.__getitem__)


NUMPY_FILE = NumpyFile()
