"""Convert masks between the formats of labelling tools and data sets.

Example:
    python convert_masks.py out masks.xml --to cvat
    python convert_masks.py annotations.json masks --to png
    python convert_masks.py masks cutouts --to cut-outs --frames dog.mp4
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import ConfigError
from pytracking.evaluation.outputs.exchange.registry import (
    find_exchange_format,
    format_names,
    read_exchange,
    write_exchange,
)


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Convert a file or folder."""
    arguments = _parser().parse_args(argv)
    source: Path = arguments.source
    target: Path = arguments.target
    if source.resolve() == target.resolve():
        raise ConfigError(f"{target} is the source itself: name another file or folder")
    exchange = find_exchange_format(arguments.to)
    if exchange.needs_frames and arguments.frames is None:
        raise ConfigError(f"--to {arguments.to} needs the pictures: name them with --frames")
    videos = read_exchange(source, arguments.format)
    if arguments.frames is not None:
        from pytracking.evaluation.outputs.exchange.frames import with_frames

        videos = with_frames(videos, arguments.frames)
    for path in write_exchange(arguments.to, videos, target, arguments.overwrite):
        print(path)
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(__doc__)
    parser.add_argument("source", type=Path, help="file or folder with masks")
    parser.add_argument("target", type=Path, help="file or folder of the result")
    parser.add_argument(
        "--to", required=True, metavar="FORMAT", help=f"one of {', '.join(format_names())}"
    )
    parser.add_argument(
        "--from",
        dest="format",
        metavar="FORMAT",
        help="format of the source (by default recognised from its content)",
    )
    parser.add_argument(
        "--frames",
        type=Path,
        metavar="VIDEO",
        help="the video or folder of frames, or for several videos a folder of them; for formats "
        "with pictures",
    )
    parser.add_plugin()
    parser.add_switch("--overwrite", "replace what is at the target")
    return parser


if __name__ == "__main__":
    sys.exit(main())
