"""The original's inference_frame_key.py: track outward from a key frame on Ref-YouTube-VOS.

Example:
    python3 scripts/referring/inference_frame_key.py --with_box_refine --binary \\
        --freeze_text_encoder --output_dir=OUT --resume=FILE --backbone resnet50

Masks: OUT/Annotations/<video>/<sentence>/<frame>.png, and OUT/refytvos_valid.zip for the server.
Where the folder Annotations lies beside, as the original expects it, its masks are the first pass;
else the first pass is run.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from inference import draw, inference_parser, run_inference
from original_flags import SHORT_NAMES

from ltr.admin.cli import command
from pytracking.evaluation.outputs.referring import KEY_FRAMES_FILE

_FAMILY = "refytvos"
_CRITERIA = ("confidence", "score", "first", "middle", "stability", "file")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the first pass where it is missing, then track."""
    arguments = _parse(argv)
    changes = [f"rounds={arguments.rounds}", f"on_empty={arguments.on_empty}"]
    if arguments.key_criterion != "file":
        changes.append(f"key_criterion={arguments.key_criterion}")
    reads_keys = arguments.key_frames is not None and (
        arguments.key_frames.is_file() or arguments.key_criterion == "file"
    )
    if reads_keys:
        changes.append(f"key_frames={arguments.key_frames}")
    if arguments.skip_first_neighbour:
        changes.append("skip_first_neighbour=true")
    if arguments.init_weights:
        changes.append(f"init_weights={arguments.init_weights}")
    if arguments.propagator == "none":
        changes.append("tracking=false")
    if arguments.first_masks.is_dir():
        changes.append(f"first_masks={arguments.first_masks}")
    dataset = f"refytvos_{arguments.split}"
    masks = run_inference(arguments, _FAMILY, dataset, "Annotations", changes)
    if arguments.key_frames is not None and not reads_keys and arguments.propagator != "none":
        name = f"{_FAMILY}_{SHORT_NAMES[arguments.backbone]}"
        runs = Path(arguments.output_dir) / "runs" / "referring" / name / dataset
        shutil.copyfile(runs / KEY_FRAMES_FILE, arguments.key_frames)
        print(f"Key frames: {arguments.key_frames}")
    print(f"Masks: {masks}")
    draw(arguments, _FAMILY, dataset)
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = inference_parser(__doc__)
    add = parser.add_argument
    add("--key_frames", type=Path, help="JSON of key frames; written where it does not exist")
    add("--key_criterion", choices=_CRITERIA, default="confidence", help="(confidence)")
    add("--skip_first_neighbour", action="store_true", help="as the released script")
    add("--on_empty", choices=("black", "keep"), default="black", help="(black)")
    add("--rounds", type=int, default=1, help="(1)")
    add("--init_weights", help="network of the first pass, a plain ReferFormer")
    add("--propagator", choices=("tf2", "none"), default="tf2", help="none: first pass only")
    add("--first_masks", type=Path, default=Path("Annotations"), help="(Annotations)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
