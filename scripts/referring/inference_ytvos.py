"""ReferFormer's inference_ytvos.py: the whole clip at once, without tracking.

Masks: OUT/<split>/<video>/<sentence>/<frame>.png, and OUT/refytvos_<split>.zip for the server.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from inference import inference_parser, run_inference

from ltr.admin.cli import command


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Segment the videos of Ref-YouTube-VOS."""
    arguments = inference_parser(__doc__).parse_args(argv)
    dataset = f"refytvos_{arguments.split}"
    print(f"Masks: {run_inference(arguments, dataset, arguments.split, ['tracking=false'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
