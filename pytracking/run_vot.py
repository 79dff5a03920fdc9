"""Run a tracker under the VOT toolkit: a server of the TraX protocol on standard input and output.

The toolkit's trackers.ini names this command:

    [joint]
    label = JOINT
    protocol = trax
    command = python /path/to/pytracking/run_vot.py joint joint_ytvos

Example:
    python run_vot.py joint joint_ytvos
    python run_vot.py joint joint_davis --region rectangle
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import command, set_up_logging
from pytracking.cli.arguments import (
    TrackerParser,
    resolve_runtime,
    resolve_tracker,
)

_REGIONS = ("mask", "rectangle", "polygon")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Serve one client."""
    arguments = _parser().parse_args(argv)
    set_up_logging(arguments.quiet)
    spec = resolve_tracker(arguments)
    from pytracking.evaluation.running.vot import run_vot

    count = run_vot(spec, resolve_runtime(arguments), arguments.region, arguments.multiobject)
    print(f"{count} frames", file=sys.stderr)
    return 0


def _parser() -> TrackerParser:
    parser = TrackerParser(__doc__)
    parser.add_tracker()
    parser.add_argument(
        "--run-id",
        type=int,
        dest="runid",
        metavar="N",
        help="accepted as in pytracking; nothing is written",
    )
    parser.add_argument(
        "--region",
        choices=_REGIONS,
        default="mask",
        help="kind of regions: masks, rectangles, or polygons as before VOT 2020 (mask)",
    )
    parser.add_switch("--multiobject", "let the client name several objects (VOTS)")
    parser.add_runtime()
    return parser


if __name__ == "__main__":
    sys.exit(main())
