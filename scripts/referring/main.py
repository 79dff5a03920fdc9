"""The original's main.py, main_pretrain.py and main_joint.py: train, or evaluate with --eval.

Example:
    python scripts/referring/main.py --with_box_refine --binary --freeze_text_encoder \\
        --epochs 6 --lr_drop 3 5 --output_dir=OUT --pretrained_weights=FILE --backbone resnet50
    python scripts/referring/main.py --eval --dataset_file a2d --resume=FILE --output_dir=OUT

``--tokenizer_dir`` names the text encoder's vocabulary, ``--no_tracking`` trains plain ReferFormer
on Ref-YouTube-VOS, further recipe rows or parameters follow ``--set``. All else is plain
ReferFormer, as in the released programs; ``--num_frames`` is the window of ``--eval`` too.
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
from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import ConfigError, did_you_mean
from ltr.train_settings.referring.recipe import START_FILES
from pytracking import run_evaluation, run_tracker

_PICTURES = ("refcoco", "refcoco+", "refcocog")
_EXPERIMENTS = {
    "ytvos": "refytvos_r50",
    "davis": "referformer_r50",
    "a2d": "referformer_a2d_video_swin_t",
    "all": "refcoco_r50",
    "joint": "joint_r50",
    **dict.fromkeys(_PICTURES, "refcoco_r50"),
}
_SETS = {
    "davis": "RefDAVIS/train",
    "refcoco": "RefCOCO/train",
    "refcoco+": "RefCOCO+/train",
    "refcocog": "RefCOCOg/train",
}
_CLASSES = {"ytvos": 65, "davis": 78, **dict.fromkeys(("all", *_PICTURES), 91)}
_EVALUATED = {
    "a2d": ("a2d_test",),
    "jhmdb": ("jhmdb",),
    "all": tuple(f"{name}_val" for name in _PICTURES),
    **{name: (f"{name}_val",) for name in _PICTURES},
}


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Translate the flags and start the work."""
    arguments = make_parser().parse_args(argv)
    check_fixed(arguments)
    set_folders(arguments)
    return _evaluate(arguments) if arguments.eval else _train(arguments)


def make_parser() -> CommandParser:
    """The original's flags, and ours."""
    parser = original_parser(__doc__)
    parser.add_argument("--tokenizer_dir", help="folder of vocab.json and merges.txt")
    parser.add_argument("--no_tracking", action="store_true", help="train plain ReferFormer")
    parser.add_argument("--set", dest="assignments", action="append", default=[])
    return parser


def _train(arguments: argparse.Namespace) -> int:
    dataset = arguments.dataset_file
    if dataset not in _EXPERIMENTS:
        hint = did_you_mean(dataset, _EXPERIMENTS)
        raise ConfigError(f"--dataset_file {dataset}: nothing to train on{hint}")
    os.environ["LTR_WORKSPACE_DIR"] = str(Path(arguments.output_dir).resolve())
    rows = [*recipe_rows(arguments), f"backbone={arguments.backbone}", *_start(arguments)]
    rows += [*_data_rows(dataset, arguments.binary), *_extra(arguments)]
    is_plain = dataset == "ytvos" and arguments.no_tracking
    name = "referformer_r50" if is_plain else _EXPERIMENTS[dataset]
    words = ["referring", name, "--device", device_of(arguments)]
    if arguments.resume:
        words += ["--resume", arguments.resume]
    return run_training.main([*words, *(word for row in rows for word in ("--set", row))])


def _data_rows(dataset: str, is_binary: bool) -> list[str]:
    """What is trained on and evaluated, where it is not the recipe's, and the number of classes."""
    rows = [f"train_sets={_SETS[dataset]}"] if dataset in _SETS else []
    if dataset in _PICTURES:
        rows.append(f"validation_sets={_SETS[dataset].replace('train', 'val')}")
    if dataset in _CLASSES and not is_binary:
        rows.append(f"num_classes={_CLASSES[dataset]}")
    return rows


def _start(arguments: argparse.Namespace) -> list[str]:
    """Without a pre-trained network the backbone's own weights are the start, as in the original.

    Those of ResNets are torchvision's, those of all others must be given.
    """
    if arguments.pretrained_weights:
        return []
    rows = ["pretrained=none"]
    if not arguments.backbone_pretrained:
        is_resnet = arguments.backbone.startswith("resnet")
        own = START_FILES[arguments.backbone].backbone if is_resnet else "none"
        rows.append(f"backbone_weights={own}")
    return rows


def _evaluate(arguments: argparse.Namespace) -> int:
    datasets = _EVALUATED.get(arguments.dataset_file)
    if datasets is None:
        raise ConfigError(
            f"--eval is for {', '.join(_EVALUATED)}: use inference_ytvos.py, inference_davis.py or "
            "inference_frame_key.py"
        )
    if not arguments.resume:
        raise ConfigError("--eval needs the network: --resume FILE")
    return max(_evaluate_on(dataset, arguments) for dataset in datasets)


def _evaluate_on(dataset: str, arguments: argparse.Namespace) -> int:
    """Run the network on a data set and score it; whatever the backbone: the file tells it."""
    is_video = arguments.dataset_file in ("a2d", "jhmdb")
    name = "referformer_a2d_video_swin_t" if is_video else "refcoco_r50"
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
    return rows


if __name__ == "__main__":
    sys.exit(main())
