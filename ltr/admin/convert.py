"""``python -m ltr.admin.convert SRC DST``: rewrite a network file in the safe form.

The source is read without executing anything; the new file holds tensors and plain values only
and the source's checksum. ``--network-only`` makes a file to hand out: weights in half precision,
without optimiser, statistics of the training and folders of this machine.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltr.admin.cli import CommandParser, check_network_file, command, json_results
from ltr.admin.errors import CheckpointError, OutputError
from ltr.admin.files import file_checksum

if TYPE_CHECKING:
    from ltr.admin.checkpoint import Checkpoint

_NETWORK_FIELDS = ("net_info", "epoch", "settings")


def convert(source: Path, target: Path, network_only: bool = False) -> Checkpoint:
    """Write the checkpoint ``source`` in the safe form as ``target``.

    Args:
        source: Checkpoint of this code or of upstream's trainer.
        target: Replaced if it exists.
        network_only: Keep what inference needs and the recipe, weights as float16.

    Returns:
        What was read from the source.

    Raises:
        CheckpointError: The source is missing, damaged or refused, or holds an unknown object.
        OSError: The target cannot be written.
    """
    check_network_file(source)
    from ltr.admin.checkpoint import (
        constructor_field,
        read_checkpoint,
        save_checkpoint,
        without_folders,
    )

    checkpoint = read_checkpoint(source)
    net, fields = checkpoint.net, checkpoint.fields
    if network_only:
        net = {n: t.half() if t.is_floating_point() else t for n, t in net.items()}
        kept = {name: fields[name] for name in _NETWORK_FIELDS if name in fields}
        fields = without_folders(kept)
    record = {
        **fields,
        "net": net,
        "net_type": checkpoint.net_type,
        "constructor": constructor_field(checkpoint.constructor),
        "source": {"file": source.name, "sha256": file_checksum(source)},
    }
    try:
        save_checkpoint(target, record)
    except TypeError as error:
        raise CheckpointError(f"{source}: {error}") from error
    return dataclasses.replace(checkpoint, fields=fields)


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Convert one file and print what was kept."""
    parser = CommandParser(__doc__, prog="vos-convert")
    parser.add_argument("source", type=Path, help="checkpoint, also of upstream's trainer")
    parser.add_argument("target", type=Path, help="file to write")
    parser.add_switch("--overwrite", "replace an existing target")
    parser.add_switch("--network-only", "weights in half precision, and the recipe")
    parser.add_json()
    arguments = parser.parse_args(argv)
    if arguments.target.exists() and not arguments.overwrite:
        raise OutputError(f"{arguments.target} exists already: give --overwrite to replace it")
    checkpoint = convert(arguments.source, arguments.target, arguments.network_only)
    with json_results(arguments.json) as results:
        results.update(_print_summary(checkpoint, arguments.target))
    return 0


def _print_summary(checkpoint: Checkpoint, target: Path) -> dict[str, Any]:
    numbers = sum(tensor.numel() for tensor in checkpoint.net.values())
    constructor = checkpoint.constructor
    checksum = file_checksum(checkpoint.path)
    print(f"network      {checkpoint.net_type or 'unknown'}, epoch {checkpoint.epoch}")
    print(f"constructor  {constructor.function if constructor else 'not in the file'}")
    for name, value in (constructor.kwargs if constructor else {}).items():
        print(f"             {name} = {value!r}")
    print(f"weights      {len(checkpoint.net)} tensors, {numbers:,} numbers")
    print(f"also kept    {', '.join(checkpoint.fields) or 'nothing'}")
    print(f"sha256       {checksum} of {checkpoint.path}")
    print(f"written      {target}")
    return {
        "network": checkpoint.net_type,
        "epoch": checkpoint.epoch,
        "constructor": constructor and constructor.function,
        "tensors": len(checkpoint.net),
        "numbers": numbers,
        "source_sha256": checksum,
        "file": target,
    }


if __name__ == "__main__":
    sys.exit(main())
