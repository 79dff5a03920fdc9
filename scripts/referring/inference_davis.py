"""ReferFormer's inference_davis.py: Ref-DAVIS 2017 without tracking.

Masks: OUT/valid/anno_<k>/<video>/<frame>.png; eval_davis.py scores them. --visualize draws
nothing, as in the original.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from inference import inference_parser, run_inference

from ltr.admin.cli import command


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Segment the videos of Ref-DAVIS."""
    arguments = inference_parser(__doc__).parse_args(argv)
    print(f"Masks: {run_inference(arguments, 'referformer', 'refdavis_val', 'valid', [])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
