"""ReferFormer's inference_ytvos.py: the whole clip at once, without tracking.

Masks: OUT/<split>/<video>/<sentence>/<frame>.png, and OUT/refytvos_<split>.zip for the server. With
--visualize also boxes, points and masks over the frames: OUT/<split>_images/<video>/<number>.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from inference import draw, inference_parser, run_inference

from ltr.admin.cli import command


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Segment the videos of Ref-YouTube-VOS."""
    arguments = inference_parser(__doc__).parse_args(argv)
    dataset = f"refytvos_{arguments.split}"
    masks = run_inference(arguments, "referformer", dataset, arguments.split, [])
    print(f"Masks: {masks}")
    draw(arguments, "referformer", dataset)
    return 0


if __name__ == "__main__":
    sys.exit(main())
