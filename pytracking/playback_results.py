"""Look through the boxes of several trackers on one sequence, in a window.

Example:
    python playback_results.py dv2017_val bmx-trees --tracker joint joint_davis
    python playback_results.py dv2017_val 0 --tracker joint joint_davis 1 --tracker joint other

Keys: left and right step by one frame; space plays, and stops again; while it plays, left and right
change the speed (2x, 4x, ...; through a stop to backward); q or escape closes the window.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import CommandParser, command, set_up_logging
from ltr.admin.errors import ConfigError
from ltr.admin.optional import import_optional

if TYPE_CHECKING:
    import numpy as np

    from pytracking.evaluation.datasets.sequence import Sequence as VideoSequence
    from pytracking.evaluation.datasets.sequence import SequenceList
    from pytracking.evaluation.tracker import TrackerSpec

_INTERVAL_MS = 40


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Open the window and wait until it is closed."""
    arguments = _parser().parse_args(argv)
    set_up_logging()
    import_optional("matplotlib", "the playback", "plots")
    import matplotlib.pyplot as plt

    from pytracking.evaluation.datasets import get_dataset

    if not _can_open_windows(plt.get_backend()):
        raise ConfigError("no window can be opened here: matplotlib finds no screen or toolkit")
    trackers = [_tracker(words) for words in arguments.trackers]
    playback_results(
        trackers, get_dataset(arguments.dataset), arguments.sequence, arguments.results
    )
    plt.show()
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(__doc__)
    parser.add_argument("dataset", help="name of the data set")
    parser.add_argument("sequence", type=_position_or_name, help="name, or position from 0")
    parser.add_argument(
        "--tracker",
        dest="trackers",
        action="append",
        required=True,
        nargs="+",
        metavar="WORD",
        help="system, name and perhaps run id of a tracker (repeatable)",
    )
    parser.add_argument(
        "--results", type=Path, metavar="DIR", help="folder of all results (results_path)"
    )
    parser.add_plugin()
    return parser


def _position_or_name(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _tracker(words: Sequence[str]) -> TrackerSpec:
    from pytracking.evaluation.tracker import TrackerSpec

    system, name, *run = [*words, ""]
    if len(words) not in (2, 3) or (len(words) == 3 and not words[2].isdecimal()):
        raise ConfigError(
            f"--tracker {' '.join(words)}: expected SYSTEM NAME, or SYSTEM NAME RUN_ID"
        )
    return TrackerSpec(system, name, run_id=int(run[0]) if run[0] else None)


def _can_open_windows(backend: str) -> bool:
    from matplotlib.backends.registry import BackendFilter, backend_registry

    return backend.lower() in backend_registry.list_builtin(BackendFilter.INTERACTIVE)


@dataclass
class Playback:
    """Which frame is shown, and which comes next.

    Args:
        length: Frames of the sequence.
        frame: The frame that is shown.
        is_auto: Whether it plays by itself.
        step: Speed is 2^|step| frames a tick, backward below 0; a stop lies between both.
    """

    length: int
    frame: int = 0
    is_auto: bool = False
    step: int = 1

    @property
    def speed(self) -> int:
        """Frames a tick: 1, 2, 4, ... forward, 0, -1, -2, ... backward."""
        if self.step == 0:
            return 0
        return int(2 ** (abs(self.step) - 1)) * (1 if self.step > 0 else -1)

    @property
    def title(self) -> str:
        """Mode and speed."""
        return f"Mode: {'auto' if self.is_auto else 'manual'} Speed: {self.speed}x"

    def press(self, key: str) -> None:
        """Take note of a key: ``left``, ``right`` or `` `` (space)."""
        direction = {"left": -1, "right": 1}.get(key, 0)
        if key == " ":
            self.is_auto, self.step = not self.is_auto, 1
        elif self.is_auto:
            self.step += direction
        else:
            self._move(direction)

    def tick(self) -> None:
        """Go on by one tick."""
        if self.is_auto:
            self._move(self.speed)

    def _move(self, frames: int) -> None:
        self.frame = min(max(self.frame + frames, 0), self.length - 1)


def playback_results(
    trackers: Sequence[TrackerSpec],
    dataset: SequenceList,
    sequence: int | str,
    results: Path | None = None,
) -> Any:
    """Open the window; returns its figure (the caller's ``matplotlib.pyplot.show`` waits for it).

    Args:
        trackers: Runs, as ``trackerlist`` gives them.
        dataset: Data set on which they ran.
        sequence: Name or position of the sequence.
        results: Folder of all results; None takes ``results_path``.

    Raises:
        ConfigError: There is no such sequence, or it has no masks of single objects.
        DataError: Boxes are missing or damaged.
    """
    from pytracking.evaluation.datasets.sequence import Sequence as VideoSequence

    video = dataset[sequence]
    if not isinstance(video, VideoSequence):
        raise ConfigError(f"{dataset.name} has no masks of single objects, so no boxes")
    import_optional("matplotlib", "the playback", "plots")
    return _Window(video, read_sequence_boxes(trackers, dataset, video, results)).figure


class _Window:
    """A figure that shows frames and boxes and answers keys.

    Args:
        video: The sequence.
        boxes: Boxes of every object by the tracker's name, see ``read_sequence_boxes``.
    """

    def __init__(self, video: VideoSequence, boxes: Mapping[str, Sequence[np.ndarray]]) -> None:
        import matplotlib.pyplot as plt

        self._video, self._boxes = video, boxes
        self._playback = Playback(len(video.frames))
        self.figure: Any = plt.figure()
        self._axes = self.figure.add_subplot()
        self.figure.canvas.mpl_connect("key_press_event", self._press)
        self._timer = self.figure.canvas.new_timer(interval=_INTERVAL_MS)
        self._timer.add_callback(self._tick)
        self._timer.start()
        vars(self.figure)["playback_timer"] = self._timer  # else it would be collected
        self._draw()

    def _draw(self) -> None:
        from ltr.data.image_io import read_image
        from pytracking.analysis.reports.plots import colour_of

        axes, frame = self._axes, self._playback.frame
        axes.clear()
        axes.axis("off")
        axes.imshow(read_image(self._video.frames[frame]))
        axes.set_title(f"Sequence: {self._video.name} {self._playback.title}")
        for place, (name, objects) in enumerate(self._boxes.items()):
            axes.plot([], color=colour_of(place), label=name)
            for boxes in objects:
                self._draw_box(boxes[frame], colour_of(place))
        axes.legend(loc="lower right")
        self.figure.canvas.draw_idle()

    def _draw_box(self, box: np.ndarray, colour: Any) -> None:
        from matplotlib.patches import Rectangle

        x, y, width, height = box
        if width > 0:
            self._axes.add_patch(Rectangle((x, y), width, height, fill=False, color=colour))

    def _press(self, event: Any) -> None:
        import matplotlib.pyplot as plt

        if event.key in ("q", "escape"):
            self._timer.stop()
            plt.close(self.figure)
            return
        self._playback.press(event.key or "")
        self._draw()

    def _tick(self) -> None:
        if self._playback.is_auto:
            self._playback.tick()
            self._draw()


def read_sequence_boxes(
    trackers: Sequence[TrackerSpec],
    dataset: SequenceList,
    sequence: VideoSequence,
    results: Path | None = None,
) -> dict[str, list[np.ndarray]]:
    """The boxes of every object by the tracker's name, (frames, 4) each; -1 where there is none.

    Args:
        trackers: See ``playback_results``.
        dataset: See ``playback_results``.
        sequence: One of its sequences.
        results: See ``playback_results``.

    Raises:
        DataError: A file is missing or damaged.
    """
    from pytracking.analysis.scorers.boxes import read_boxes
    from pytracking.evaluation.outputs.folder import result_folder
    from pytracking.utils.environment import evaluation_environment

    base = results or Path(evaluation_environment().results_path).expanduser()
    found: dict[str, list[np.ndarray]] = {}
    for tracker in trackers:
        folder = result_folder(base, tracker.system, tracker.result_name, dataset).path
        found[tracker.run_label] = [
            _padded(
                read_boxes(folder / f"{sequence.name}_{key}.txt"),
                sequence.start_of(key),
                len(sequence.frames),
            )
            for key in sequence.object_ids
        ]
    return found


def _padded(boxes: np.ndarray, start: int, length: int) -> np.ndarray:
    import numpy as np

    padded = np.full((length, 4), -1.0)
    kept = boxes[: length - start]
    padded[start : start + len(kept)] = kept
    return padded


if __name__ == "__main__":
    sys.exit(main())
