"""The original's main.py, main_pretrain.py and main_joint.py: train, or evaluate with --eval.

Example:
    python scripts/referring/main.py --with_box_refine --binary --freeze_text_encoder \\
        --epochs 6 --lr_drop 3 5 --output_dir=OUT --pretrained_weights=FILE --backbone resnet50
    python scripts/referring/main.py --eval --dataset_file a2d --resume=FILE --output_dir=OUT

``--tokenizer_dir`` names the text encoder's vocabulary, ``--no_tracking`` trains plain ReferFormer,
further recipe rows or parameters follow ``--set``. ``--eval`` runs plain ReferFormer, as all
released files are; ``--num_frames`` is its window too.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from original_flags import (
    check_fixed,
    device_of,
    original_parser,
    recipe_rows,
    set_folders,
)

from ltr import run_training
from ltr.admin.cli import command
from ltr.admin.errors import ConfigError, did_you_mean
from pytracking import run_evaluation, run_tracker

_EXPERIMENTS = {
    "ytvos": "refytvos_r50",
    "davis": "refytvos_r50",
    "a2d": "a2d_video_swin_t",
    "all": "refcoco_r50",
    "joint": "joint_r50",
    **dict.fromkeys(("refcoco", "refcoco+", "refcocog"), "refcoco_r50"),
}
_SETS = {
    "davis": "RefDAVIS/train",
    "refcoco": "RefCOCO/train",
    "refcoco+": "RefCOCO+/train",
    "refcocog": "RefCOCOg/train",
}
_CLASSES = {"ytvos": 65, "davis": 78}
_EVALUATED = {"a2d": "a2d_test", "jhmdb": "jhmdb"}


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Translate the flags and start the work."""
    parser = original_parser(__doc__)
    parser.add_argument("--tokenizer_dir", help="folder of vocab.json and merges.txt")
    parser.add_argument("--no_tracking", action="store_true", help="train plain ReferFormer")
    parser.add_argument("--set", dest="assignments", action="append", default=[])
    arguments = parser.parse_args(argv)
    check_fixed(arguments)
    set_folders(arguments)
    return _evaluate(arguments) if arguments.eval else _train(arguments)


def _train(arguments: argparse.Namespace) -> int:
    dataset = arguments.dataset_file
    if dataset not in _EXPERIMENTS:
        hint = did_you_mean(dataset, _EXPERIMENTS)
        raise ConfigError(f"--dataset_file {dataset}: nothing to train on{hint}")
    os.environ["LTR_WORKSPACE_DIR"] = str(Path(arguments.output_dir).resolve())
    rows = recipe_rows(arguments)
    if dataset in _SETS:
        rows.append(f"train_sets={_SETS[dataset]}")
    if dataset in _CLASSES and not arguments.binary:
        rows.append(f"num_classes={_CLASSES[dataset]}")
    rows += _extra(arguments)
    words = ["referring", _EXPERIMENTS[dataset], "--device", device_of(arguments)]
    if arguments.resume:
        words += ["--resume", arguments.resume]
    return run_training.main([*words, *(word for row in rows for word in ("--set", row))])


def _evaluate(arguments: argparse.Namespace) -> int:
    dataset = _EVALUATED.get(arguments.dataset_file)
    if dataset is None:
        raise ConfigError(
            "--eval is for a2d and jhmdb: use inference_ytvos.py, inference_davis.py or "
            "inference_frame_key.py"
        )
    if not arguments.resume:
        raise ConfigError("--eval needs the network: --resume FILE")
    name = "referformer_a2d_video_swin_t"  # whatever the backbone: the file tells it
    words = ["referring", name, "--dataset_name", dataset, "--results", arguments.output_dir]
    rows = [f"target_window={arguments.num_frames}", *_extra(arguments)]
    changes = (word for row in rows for word in ("--set", row))
    code = run_tracker.main(
        [*words, "--net", arguments.resume, "--device", device_of(arguments), *changes]
    )
    return code or run_evaluation.main(words)


def _extra(arguments: argparse.Namespace) -> list[str]:
    rows = list(arguments.assignments)
    if arguments.tokenizer_dir:
        rows.append(f"tokenizer_dir={arguments.tokenizer_dir}")
    if arguments.no_tracking:
        rows.append("tracking=false")
    return rows


if __name__ == "__main__":
    sys.exit(main())
