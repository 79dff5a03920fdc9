"""Draw the losses of training runs.

    python benchmarks/training_curves.py OUT.png LABEL=log.jsonl [LABEL=log.jsonl ...]

Also prints the mean loss of the first and the last tenth of each run's steps.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

_NAMES = ("Loss/total", "Loss/main")


def read_losses(log: Path, loader: str = "train") -> np.ndarray:
    """The loss of every step; of a step that was repeated after a stop, the last value."""
    losses = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["kind"] == "batch" and record["loader"] == loader:
            stats = record["stats"]
            losses[record["steps"]] = next(stats[name] for name in _NAMES if name in stats)
    return np.array([losses[step] for step in sorted(losses)])


def smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Means of the last ``width`` values."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - width, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def main() -> None:
    output, *runs = sys.argv[1:]
    figure, axes = plt.subplots(1, len(runs), figsize=(4.2 * len(runs), 2.8), squeeze=False)
    for axis, run in zip(axes[0], runs, strict=True):
        label, _, log = run.partition("=")
        losses = read_losses(Path(log))
        tenth = max(len(losses) // 10, 1)
        axis.plot(np.arange(1, len(losses) + 1), losses, color="0.75", linewidth=0.8)
        axis.plot(np.arange(1, len(losses) + 1), smooth(losses, tenth), color="tab:blue")
        axis.set(title=label, xlabel="step", ylabel="loss")
        axis.grid(alpha=0.3)
        first, last = losses[:tenth].mean(), losses[-tenth:].mean()
        print(f"{label}: first tenth {first:.4f}, last tenth {last:.4f}")
    figure.tight_layout()
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    main()
