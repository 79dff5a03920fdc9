"""Convert a published data set: ``python -m ltr.dataset.convert KIND SRC DST``.

refdavis: SRC holds DAVIS 2017 unsupervised (trainval, 480p) with davis_semantics.json, and the four
          text files Davis17_annot{1,2}{,_full_video}.txt; DST becomes refdavis_dir.
refcoco:  SRC holds refcoco/, refcoco+/ and refcocog/, each with its refs(...).p and instances.json;
          DST, which may be SRC, becomes coco_dir beside train2014/.
davis:    SRC holds DAVIS 2017, for the unsupervised task where it has its masks; DST gets
          train_davis.json and valid_davis.json in YouTube-VIS's format.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from ltr.admin.cli import CommandParser, command, set_up_logging
from ltr.admin.errors import ConfigError, did_you_mean

_KINDS = ("davis", "refcoco", "refdavis")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Convert one data set."""
    parser = CommandParser(__doc__, prog="python -m ltr.dataset.convert")
    parser.add_argument("kind", metavar="KIND", help="refdavis, refcoco or davis")
    parser.add_argument("source", type=Path, metavar="SRC", help="what was downloaded")
    parser.add_argument("target", type=Path, metavar="DST", help="folder to write")
    parser.add_quiet()
    arguments = parser.parse_args(argv)
    set_up_logging(arguments.quiet)
    if arguments.kind not in _KINDS:
        hint = did_you_mean(arguments.kind, _KINDS)
        raise ConfigError(f"no data set {arguments.kind!r} to convert{hint}")
    if not arguments.source.is_dir():
        raise ConfigError(f"{arguments.source} is not a folder")
    module = importlib.import_module(f"ltr.dataset.convert.{arguments.kind}")
    print(module.convert(arguments.source, arguments.target, arguments.quiet))
    return 0


if __name__ == "__main__":
    sys.exit(main())
