"""Draws what ``growth.py --output`` wrote: cost against objects, resolution, frames and workers.

python benchmarks/growth_curves.py growth.png joint.json dense_ulearn.json joint_frames.json ...
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_PANELS = (
    ("objects", "objects", "ms", "objects, 240p", "CPU ms a frame", "linear"),
    ("resolution", "pixels", "ms", "pixels, 240p to 4K, 1 object", "CPU ms a frame", "log"),
    ("frames", "frames", "ms", "frames so far, 112x64, 1 object", "CPU ms a frame", "log"),
    ("frames", "frames", "peak_mib", "frames so far, 112x64, 1 object", "peak memory, MiB", "log"),
    ("jobs", "workers", "measured_s", "workers, 24 clips of 112x64", "s (dotted: ideal)", "linear"),
)
_IDEAL = "ideal_s"


def draw(results: Sequence[dict[str, Any]], output: Path) -> None:
    """Write the picture.

    Args:
        results: Content of the files.
        output: A PNG file.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(1, len(_PANELS), figsize=(16, 3.2), layout="constrained")
    for axes, (table, x, y, x_title, y_title, scale) in zip(grid, _PANELS, strict=True):
        for result in results:
            rows = result.get(table, [])
            if rows:
                values = [row[x] for row in rows], [row[y] for row in rows]
                (line,) = axes.plot(*values, marker="o", label=result["system"])
                if _IDEAL in rows[0]:
                    ideal = [row[_IDEAL] for row in rows]
                    axes.plot(values[0], ideal, linestyle=":", color=line.get_color())
        axes.set(xlabel=x_title, ylabel=y_title, xscale=scale)
        if table == "jobs":
            axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(output, dpi=110)


def main() -> None:
    """Read the files and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("files", type=Path, nargs="+", help="files of growth.py --output")
    arguments = parser.parse_args()
    draw([json.loads(path.read_text()) for path in arguments.files], arguments.output)


if __name__ == "__main__":
    main()
