"""``python -m ltr.admin.convert SRC DST``: rewrite a network file in the safe form.

The source is read without executing anything; the new file holds tensors and plain values only
and the source's checksum.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ltr.admin.checkpoint import Checkpoint, constructor_field, read_checkpoint, save_checkpoint
from ltr.admin.cli import command
from ltr.admin.errors import CheckpointError, OutputError
from ltr.admin.files import file_checksum


def convert(source: Path, target: Path) -> Checkpoint:
    """Write the checkpoint ``source`` in the safe form as ``target``.

    Returns:
        What was read from the source.

    Raises:
        CheckpointError: The source is missing, damaged or refused, or holds an unknown object.
        OSError: The target cannot be written.
    """
    checkpoint = read_checkpoint(source)
    record = {
        **checkpoint.fields,
        "net": checkpoint.net,
        "net_type": checkpoint.net_type,
        "constructor": constructor_field(checkpoint.constructor),
        "source": {"file": source.name, "sha256": file_checksum(source)},
    }
    try:
        save_checkpoint(target, record)
    except TypeError as error:
        raise CheckpointError(f"{source}: {error}") from error
    return checkpoint


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Convert one file and print what was kept."""
    parser = argparse.ArgumentParser(prog="vos-convert", description=__doc__)
    parser.add_argument("source", type=Path, help="checkpoint of upstream's trainer")
    parser.add_argument("target", type=Path, help="file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing target")
    arguments = parser.parse_args(argv)
    if arguments.target.exists() and not arguments.overwrite:
        raise OutputError(f"{arguments.target} exists already: give --overwrite to replace it")
    _print_summary(convert(arguments.source, arguments.target), arguments.target)
    return 0


def _print_summary(checkpoint: Checkpoint, target: Path) -> None:
    numbers = sum(tensor.numel() for tensor in checkpoint.net.values())
    constructor = checkpoint.constructor
    print(f"network      {checkpoint.net_type or 'unknown'}, epoch {checkpoint.epoch}")
    print(f"constructor  {constructor.function if constructor else 'not in the file'}")
    for name, value in (constructor.kwargs if constructor else {}).items():
        print(f"             {name} = {value!r}")
    print(f"weights      {len(checkpoint.net)} tensors, {numbers:,} numbers")
    print(f"also kept    {', '.join(checkpoint.fields) or 'nothing'}")
    print(f"sha256       {file_checksum(checkpoint.path)} of {checkpoint.path}")
    print(f"written      {target}")


if __name__ == "__main__":
    sys.exit(main())
