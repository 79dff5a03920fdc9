"""The flags of ReferFormer's and TF²'s programs, and what they are here."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltr.admin.cli import CommandParser
from ltr.admin.errors import ConfigError

SHORT_NAMES = {
    "resnet50": "r50",
    "resnet101": "r101",
    "swin_t_p4w7": "swin_t",
    "swin_l_p4w7": "swin_l",
    "video_swin_t_p4w7": "video_swin_t",
    "video_swin_s_p4w7": "video_swin_s",
    "video_swin_b_p4w7": "video_swin_b",
}
_FOLDERS = {
    "ytvos_path": "REFYTVOS_DIR",
    "davis_path": "REFDAVIS_DIR",
    "a2d_path": "A2D_DIR",
    "jhmdb_path": "JHMDB_DIR",
    "coco_path": "COCO_DIR",
}
_USUAL_FOLDERS = {
    "ytvos_path": "data/ref-youtube-vos",
    "davis_path": "data/ref-davis",
    "a2d_path": "data/a2d_sentences",
    "jhmdb_path": "data/jhmdb_sentences",
    "coco_path": "data/coco",
}


@dataclass(frozen=True)
class Flag:
    """One flag with a value.

    Args:
        default: Default of the original.
        row: Row of the training recipe that it sets; empty where it sets none.
        is_fixed: Only the default is offered here.
    """

    default: Any
    row: str = ""
    is_fixed: bool = False


VALUES: Mapping[str, Flag] = {
    "lr": Flag(1e-4),
    "lr_backbone": Flag(5e-5),
    "lr_text_encoder": Flag(1e-5),
    "lr_linear_proj_mult": Flag(1.0, is_fixed=True),
    "batch_size": Flag(1),
    "weight_decay": Flag(5e-4, "weight_decay"),
    "epochs": Flag(10, "max_epochs"),
    "clip_max_norm": Flag(0.1, "max_gradient_norm"),
    "pretrained_weights": Flag("", "pretrained"),
    "backbone": Flag("resnet50", "backbone"),
    "backbone_pretrained": Flag("", "backbone_weights"),
    "position_embedding": Flag("sine", is_fixed=True),
    "num_feature_levels": Flag(4, "num_levels"),
    "enc_layers": Flag(4, "encoder_layers"),
    "dec_layers": Flag(4, "decoder_layers"),
    "dim_feedforward": Flag(2048, "feedforward_dim"),
    "hidden_dim": Flag(256, "hidden_dim"),
    "dropout": Flag(0.1, "dropout"),
    "nheads": Flag(8, "num_heads"),
    "num_frames": Flag(5, "num_frames"),
    "num_queries": Flag(5, "num_queries"),
    "dec_n_points": Flag(4, "num_points"),
    "enc_n_points": Flag(4, "num_points"),
    "mask_dim": Flag(256, "mask_dim"),
    "controller_layers": Flag(3, is_fixed=True),
    "dynamic_mask_channels": Flag(8, is_fixed=True),
    "set_cost_class": Flag(2.0),
    "set_cost_bbox": Flag(5.0),
    "set_cost_giou": Flag(2.0),
    "set_cost_mask": Flag(2.0),
    "set_cost_dice": Flag(5.0),
    "mask_loss_coef": Flag(2.0),
    "dice_loss_coef": Flag(5.0),
    "cls_loss_coef": Flag(2.0),
    "bbox_loss_coef": Flag(5.0),
    "giou_loss_coef": Flag(2.0),
    "eos_coef": Flag(0.1),
    "focal_alpha": Flag(0.25, "focal_alpha"),
    "dataset_file": Flag("ytvos"),
    "max_skip": Flag(3),
    "max_size": Flag(640, "max_size"),
    "output_dir": Flag("output"),
    "device": Flag("cuda"),
    "seed": Flag(42, "seed"),
    "resume": Flag(""),
    "start_epoch": Flag(0, is_fixed=True),
    "num_workers": Flag(4, "num_workers"),
    "threshold": Flag(0.5),
    "ngpu": Flag(8),
    "split": Flag("valid"),
    "world_size": Flag(1),
    "dist_url": Flag("env://"),
}
# Flags that are entries of one row: the row, and the entry of each flag.
GROUPS: Mapping[str, Mapping[str, str]] = {
    "match_costs": {
        "set_cost_class": "label",
        "set_cost_bbox": "box",
        "set_cost_giou": "giou",
        "set_cost_mask": "mask",
        "set_cost_dice": "dice",
    },
    "loss_weights": {
        "cls_loss_coef": "loss_ce",
        "bbox_loss_coef": "loss_bbox",
        "giou_loss_coef": "loss_giou",
        "mask_loss_coef": "loss_mask",
        "dice_loss_coef": "loss_dice",
    },
}
# Two stages and layers with the norm before were never used; masks and boxes are always refined.
SWITCHES = (
    "with_box_refine", "use_checkpoint", "freeze_text_encoder", "masks", "binary",
    "remove_difficult", "cache_mode", "eval", "visualize", "dilation", "no_rel_coord",
    "no_aux_loss",
)  # fmt: skip
REFUSED = ("two_stage", "pre_norm")


def original_parser(description: str | None) -> CommandParser:
    """A parser of all flags of the original programs."""
    parser = CommandParser(description)
    for name, flag in VALUES.items():
        parser.add_argument(f"--{name}", type=type(flag.default), default=flag.default)
    for name in (*SWITCHES, *REFUSED):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--lr_drop", type=int, nargs="+", default=[6, 8])
    for name in ("lr_backbone_names", "lr_text_encoder_names", "lr_linear_proj_names"):
        parser.add_argument(f"--{name}", nargs="+", help="as upstream; the groups are fixed here")
    for name in _FOLDERS:
        parser.add_argument(f"--{name}", help=f"({_USUAL_FOLDERS[name]})")
    return parser


def check_fixed(arguments: argparse.Namespace) -> None:
    """Refuse what is not offered.

    Raises:
        ConfigError: Names the flag.
    """
    for name in REFUSED:
        if getattr(arguments, name):
            raise ConfigError(f"--{name} is not offered: no released network uses it")
    for name, flag in VALUES.items():
        if flag.is_fixed and getattr(arguments, name) != flag.default:
            raise ConfigError(f"--{name} is fixed at {flag.default} here")
    if arguments.backbone not in SHORT_NAMES:
        known = ", ".join(SHORT_NAMES)
        raise ConfigError(f"--backbone {arguments.backbone}: choose from {known}")


def set_folders(arguments: argparse.Namespace) -> None:
    """Let the original's data folders stand for our path variables, where they exist."""
    for name, variable in _FOLDERS.items():
        folder = Path(getattr(arguments, name) or _USUAL_FOLDERS[name])
        if getattr(arguments, name) and not folder.is_dir():
            raise ConfigError(f"--{name} {folder} is not a folder")
        if folder.is_dir():
            for prefix in ("LTR", "PYTRACKING"):
                os.environ[f"{prefix}_{variable}"] = str(folder.resolve())


def device_of(arguments: argparse.Namespace) -> str:
    """``auto`` for the original's default, so that the commands also run without a GPU."""
    return "auto" if arguments.device == VALUES["device"].default else arguments.device


def recipe_rows(arguments: argparse.Namespace) -> list[str]:
    """Assignments of the training recipe: all flags that differ from the recipe's usual values."""
    rows = {
        flag.row: value
        for name, flag in VALUES.items()
        if flag.row and (value := getattr(arguments, name)) != flag.default
    }
    for row, entries in GROUPS.items():
        values = {entry: getattr(arguments, name) for name, entry in entries.items()}
        usual = {entry: VALUES[name].default for name, entry in entries.items()}
        if values != usual:
            rows[row] = ",".join(f"{entry}={value}" for entry, value in values.items())
    base = {"": arguments.lr, "backbone": arguments.lr_backbone}
    base["text_encoder"] = arguments.lr_text_encoder
    usual = {"": 1e-4, "backbone": 5e-5, "text_encoder": 1e-5}
    if base != usual:
        rows["learning_rates"] = _rates(base)
    rows |= {
        "max_epochs": arguments.epochs,
        "milestones": ",".join(map(str, arguments.lr_drop)),
        "batch_size": arguments.batch_size * int(os.environ.get("WORLD_SIZE", "1")),
        "clips_per_group": arguments.batch_size,
        "with_box_refine": arguments.with_box_refine,
        "freeze_text_encoder": arguments.freeze_text_encoder,
        "gradient_checkpointing": arguments.use_checkpoint,
        "dilation": arguments.dilation and arguments.backbone.startswith("resnet"),
        "relative_coordinates": not arguments.no_rel_coord,
        "auxiliary_losses": not arguments.no_aux_loss,
    }
    return [f"{row}={value}" for row, value in rows.items()]


def _rates(base: Mapping[str, float]) -> str:
    from ltr.train_settings.referring.recipe import RATES

    return ",".join(f"{name}={base.get(name, base[''])}" for name in RATES)
