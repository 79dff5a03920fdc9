"""Write a network for a model hub: weights as safetensors, and a model card.

    python -m ltr.admin.publish joint_davis.pth.tar card --title "JOINT, my training"
    hf upload OWNER/NAME card

What was published is used by its address: ``--net hf://OWNER/NAME/model.safetensors``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltr.admin.cli import CommandParser, check_network_file, command
from ltr.admin.errors import CheckpointError, ConfigError
from ltr.admin.files import atomic_write, file_checksum

if TYPE_CHECKING:
    from ltr.admin.checkpoint import Checkpoint

WEIGHTS, CARD = "model.safetensors", "README.md"
_FIELDS = ("net_info", "epoch", "settings")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write the two files."""
    parser = CommandParser(__doc__, "python -m ltr.admin.publish")
    parser.add_argument("network", type=Path, help="network file, or folder of a training run")
    parser.add_argument("folder", type=Path, help="new or empty folder")
    parser.add_argument("--title", default="", help="heading of the card (the network's name)")
    parser.add_argument("--license", default="other", help="identifier for the card (other)")
    arguments = parser.parse_args(argv)
    for path in publish(arguments.network, arguments.folder, arguments.title, arguments.license):
        print(path)
    return 0


def publish(
    network: Path, folder: Path, title: str = "", license_name: str = "other"
) -> list[Path]:
    """Write ``model.safetensors`` and ``README.md`` (the model card).

    Args:
        network: A network file, or the folder of a training run (its newest checkpoint).
        folder: New or empty.
        title: Heading of the card.
        license_name: Identifier of the licence, for the hub.

    Returns:
        The files.

    Raises:
        CheckpointError: The network is missing or damaged, or does not say what builds it.
        ConfigError: The folder holds something, or ``safetensors`` is not installed.
        OSError: The folder cannot be written.
    """
    if not network.is_dir():
        check_network_file(network)
    from ltr.admin.checkpoint import (
        as_plain,
        constructor_field,
        find_checkpoint,
        read_checkpoint,
        without_folders,
    )
    from ltr.admin.safetensors_files import write_safetensors

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is not an empty folder: name another one")
    checkpoint = read_checkpoint(find_checkpoint(network) if network.is_dir() else network)
    if checkpoint.constructor is None:
        raise CheckpointError(f"{checkpoint.path} does not say which network it belongs to")
    kept = {name: checkpoint.fields[name] for name in _FIELDS if name in checkpoint.fields}
    checkpoint = replace(checkpoint, fields=without_folders(kept))
    fields = checkpoint.fields
    record = {
        **{name: as_plain(value, name) for name, value in fields.items()},
        "net": checkpoint.net,
        "net_type": checkpoint.net_type,
        "constructor": constructor_field(checkpoint.constructor),
        "source": {"file": checkpoint.path.name, "sha256": file_checksum(checkpoint.path)},
    }
    write_safetensors(folder / WEIGHTS, record)
    card = _card(checkpoint, title, license_name, file_checksum(folder / WEIGHTS))
    with atomic_write(folder / CARD, "w") as stream:
        stream.write(card)
    return [folder / WEIGHTS, folder / CARD]


def _card(checkpoint: Checkpoint, title: str, license_name: str, checksum: str) -> str:
    constructor = checkpoint.constructor
    numbers = sum(tensor.numel() for tensor in checkpoint.net.values())
    settings = checkpoint.fields.get("settings")
    recipe: Any = settings.get("recipe") if isinstance(settings, dict) else None
    rows = [
        ("network", f"`{constructor.function}`" if constructor else ""),
        ("weights", f"{numbers:,} in {len(checkpoint.net)} tensors"),
        ("epoch", str(checkpoint.epoch or "unknown")),
        ("sha256", f"`{checksum}`"),
    ]
    lines = [
        "---",
        "library_name: vos-toolkit",
        "pipeline_tag: image-segmentation",
        "tags: [video-object-segmentation]",
        f"license: {license_name}",
        "---",
        "",
        f"# {title or checkpoint.net_type}",
        "",
        "A network of vos-toolkit for video object segmentation.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows),
        "",
        "```bash",
        "pip install 'vos-toolkit[hub]'",
        f"vos-video SYSTEM NAME video.mp4 --mask first.png --net hf://OWNER/NAME/{WEIGHTS}",
        "```",
        "",
    ]
    if isinstance(recipe, dict):
        lines += ["## Training", "", "| row of the recipe | value |", "|---|---|"]
        lines += [f"| `{name}` | `{_cell(value)}` |" for name, value in recipe.items()]
        lines.append("")
    lines += [
        "## Data, scores and limits",
        "",
        "Say here what it was trained on, and how it scores.",
        "",
    ]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
