"""Result files: ``<results>/<system>/<name>[_<runid>]/<dataset>/<sequence>/<frame>.png``.

Boxes and times lie beside the folder of masks as text. A sequence is written whole or not at all:
its folder appears last, and so marks it as finished.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.errors import ConfigError
from ltr.admin.files import atomic_write
from ltr.data.bounding_boxes import NO_BOX, Box
from ltr.data.image_io import encode_binary_mask, encode_label_map, read_label_map
from pytracking.evaluation.datasets.sequence import SequenceList
from pytracking.evaluation.tracker import DEVIATIONS, compare_runs
from pytracking.tracker.base import FrameOutput
from pytracking.utils.background import BackgroundWorker
from pytracking.utils.publishing import discard, finish_publishing, publish
from pytracking.utils.staging import temporary_folder, translate_write_errors

CONFIG_FILE = "config.json"
MASK_SUFFIX = ".png"

_QUEUE_LENGTH = 8


@dataclass(frozen=True)
class ResultFolder:
    """The results of one tracker configuration on one data set.

    Args:
        path: ``<results>/<system>/<name>[_<runid>]/<dataset>``.
        is_binary: Whether masks are 0 and 255, as the tools of DAVIS 2016 expect them.
    """

    path: Path
    is_binary: bool = False

    def check(self, config: Mapping[str, Any], rerun: Iterable[str], overwrite: bool) -> None:
        """Refuse to mix the results of two configurations.

        Args:
            config: JSON-like, what will make the results; only the network's path, the device and
                whether it compiles may change from run to run.
            rerun: Names of the sequences that the run is about.
            overwrite: Whether finished sequences among them are replaced.

        Raises:
            ConfigError: There are finished results of another configuration that would stay.
        """
        kept = set(self.finished()).difference(rerun if overwrite else ())
        difference = compare_runs(self._stored_config(), config)
        if kept and difference:
            raise ConfigError(
                f"{self.path} holds results of another configuration ({difference}): choose "
                "another --runid, or run all sequences again with --overwrite"
            )

    def prepare(self, config: Mapping[str, Any]) -> None:
        """Make the folder, note the configuration, sweep what killed runs left.

        Results of another configuration, which ``check`` found to be overwritten, go at once, so
        that a run that is ended early leaves no mixture.

        Raises:
            OutputError: The folder cannot be written.
        """
        with translate_write_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self.sweep()
            if compare_runs(self._stored_config(), config):
                for name in self.finished():
                    discard(self.path / name)
            kept = self._stored_deviations()
            kept = {name: kept[name] for name in self.finished() if name in kept}
            self._store_config({**config, **({DEVIATIONS: kept} if kept else {})})

    def note_deviation(self, sequence: str, deviation: str) -> None:
        """Note beside the configuration in what a sequence was run otherwise.

        Raises:
            OutputError: The file cannot be written.
        """
        with translate_write_errors(self.path):
            found = {**self._stored_deviations(), sequence: deviation}
            self._store_config({**self._stored_config(), DEVIATIONS: found})

    def sweep(self) -> None:
        """Finish or remove what killed processes left."""
        with translate_write_errors(self.path):
            finish_publishing(self.path)

    def finished(self) -> list[str]:
        """Names of the finished sequences."""
        if not self.path.is_dir():
            return []
        folders = (entry for entry in self.path.iterdir() if entry.is_dir())
        return sorted(folder.name for folder in folders if not folder.name.startswith("."))

    def mask_path(self, sequence: str, frame: str) -> Path:
        """Where the mask of a frame lies; ``frame`` is the stem of the frame's own file."""
        return self.path / sequence / f"{frame}{MASK_SUFFIX}"

    def read_mask(self, sequence: str, frame: str) -> np.ndarray:
        """Label map of a frame, uint8 (H, W); the one object of a binary result is 1.

        Raises:
            DataError: It is missing or damaged.
        """
        labels = read_label_map(self.mask_path(sequence, frame))
        return np.minimum(labels, 1) if self.is_binary else labels

    def encode_mask(self, labels: np.ndarray) -> bytes:
        """The PNG file of a label map, uint8 (H, W)."""
        return encode_binary_mask(labels) if self.is_binary else encode_label_map(labels)

    @contextmanager
    def write_sequence(self, name: str) -> Iterator[SequenceWriter]:
        """Collect the results of a sequence; they appear when the block ends without an error.

        Raises:
            OutputError: They cannot be written.
        """
        with translate_write_errors(self.path / name):
            self.path.mkdir(parents=True, exist_ok=True)
            with temporary_folder(self.path, name) as staging:
                (staging / name).mkdir()
                writer = SequenceWriter(staging, name, self.encode_mask)
                with writer.encoder:
                    yield writer
                writer.write_tables()
                self._publish(staging, name)

    def _publish(self, staging: Path, name: str) -> None:
        table = re.compile(rf"{re.escape(name)}_\d+(_time)?\.txt")
        tables = filter(table.fullmatch, {*os.listdir(staging), *os.listdir(self.path)})
        publish(staging, self.path, [*sorted(tables), name])

    def _store_config(self, config: Mapping[str, Any]) -> None:
        with atomic_write(self.path / CONFIG_FILE, "w") as stream:
            json.dump(config, stream, indent=2)
            stream.write("\n")

    def _stored_deviations(self) -> dict[str, str]:
        stored = self._stored_config()
        found = stored.get(DEVIATIONS) if isinstance(stored, dict) else None
        return found if isinstance(found, dict) else {}

    def _stored_config(self) -> Any:
        try:
            return json.loads((self.path / CONFIG_FILE).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}


class SequenceWriter:
    """Takes the results of a sequence frame by frame; masks are encoded by a thread.

    Args:
        staging: An existing folder with a folder ``name`` in it.
        name: Name of the sequence.
        encode: Label map, uint8 (H, W), to PNG file.
    """

    def __init__(
        self,
        staging: Path,
        name: str,
        encode: Callable[[np.ndarray], bytes] = encode_label_map,
    ) -> None:
        def write_mask(item: tuple[Path, np.ndarray]) -> None:
            path, labels = item
            path.write_bytes(encode(labels))

        self.encoder: BackgroundWorker[tuple[Path, np.ndarray]] = BackgroundWorker(
            write_mask, _QUEUE_LENGTH
        )
        self._staging = staging
        self._name = name
        self._boxes: dict[int, list[Box]] = {}
        self._seconds: dict[int, list[float]] = {}

    def add(self, frame: str, output: FrameOutput, seconds: float) -> None:
        """Take the result of the next frame.

        Args:
            frame: Stem of the frame's file.
            output: Masks and boxes.
            seconds: What the tracker took; each object is charged with an equal share.
        """
        self.encoder.put(
            (self._staging / self._name / f"{frame}{MASK_SUFFIX}", output.segmentation)
        )
        share = seconds / max(1, len(output.boxes))
        for object_id in self._boxes.keys() | output.boxes.keys():
            box = output.boxes.get(object_id, NO_BOX)
            self._boxes.setdefault(object_id, []).append(box)
            self._seconds.setdefault(object_id, []).append(share)

    def add_mask(self, name: str, labels: np.ndarray) -> None:
        """Take a label map.

        Args:
            name: File name, relative to the sequence's folder.
            labels: uint8 (H, W).
        """
        path = self._staging / self._name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.encoder.put((path, labels))

    def add_file(self, name: str, content: bytes) -> None:
        """Write any file; ``name`` is relative to the sequence's folder."""
        (self._staging / self._name / name).write_bytes(content)

    def write_tables(self) -> None:
        """Write boxes and times, one line per frame since the object's start."""
        for object_id, boxes in self._boxes.items():
            stem = f"{self._name}_{object_id}"
            rows = ("\t".join(str(int(side)) for side in box) for box in boxes)
            _write_lines(self._staging / f"{stem}.txt", rows)
            times = (f"{seconds:f}" for seconds in self._seconds[object_id])
            _write_lines(self._staging / f"{stem}_time.txt", times)


def result_folder(
    results: Path, system: str, result_name: str, dataset: SequenceList
) -> ResultFolder:
    """Where the results of a tracker on a data set lie.

    Args:
        results: The folder of all results.
        system: First word of the command.
        result_name: ``TrackerSpec.result_name``.
        dataset: What the tracker runs on.
    """
    return ResultFolder(results / system / result_name / dataset.name, dataset.is_binary)


def _write_lines(path: Path, lines: Iterator[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
