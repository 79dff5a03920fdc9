"""``python -m ltr.admin.average SRC SRC ... DST``: the mean of several checkpoints' weights.

The checkpoints of a run differ by the noise of their last steps; their mean is often better than
any of them (Izmailov et al., arXiv 1803.05407, without their learning rates).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ltr.admin.cli import CommandParser, check_network_file, command
from ltr.admin.errors import CheckpointError, OutputError
from ltr.admin.files import file_checksum

if TYPE_CHECKING:
    import torch

    from ltr.admin.checkpoint import Checkpoint

_KEPT_FIELDS = ("net_info", "epoch", "settings")


def average(sources: Sequence[Path], target: Path) -> None:
    """Write a network file with the mean weights of several checkpoints of one network.

    Args:
        sources: Checkpoints in order of time; entries that are not floating point, such as
            counters, are taken from the last one.
        target: Replaced if it exists.

    Raises:
        CheckpointError: A source is missing, damaged, of another network than the first, or holds
            weights that are not finite.
        OSError: The target cannot be written.
    """
    for path in sources:
        check_network_file(path)
    from ltr.admin.checkpoint import constructor_field, read_checkpoint, save_checkpoint

    sums: dict[str, torch.Tensor] = {}
    for path in sources:
        checkpoint = read_checkpoint(path)
        if sums:
            _check_same(checkpoint, sums, sources[0])
        for name, tensor in checkpoint.net.items():
            is_number = tensor.is_floating_point()
            if is_number and not tensor.isfinite().all():
                raise CheckpointError(f"{path}: {name} holds values that are not finite")
            sums[name] = sums.get(name, 0) + tensor.double() if is_number else tensor
    net = {
        name: (sums[name] / len(sources)).to(tensor.dtype)
        if tensor.is_floating_point()
        else sums[name]
        for name, tensor in checkpoint.net.items()
    }
    record = {
        **{name: checkpoint.fields[name] for name in _KEPT_FIELDS if name in checkpoint.fields},
        "net": net,
        "net_type": checkpoint.net_type,
        "constructor": constructor_field(checkpoint.constructor),
        "source": [{"file": path.name, "sha256": file_checksum(path)} for path in sources],
    }
    save_checkpoint(target, record)


def _check_same(checkpoint: Checkpoint, wanted: Mapping[str, torch.Tensor], first: Path) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in checkpoint.net.items()}
    for name in {**wanted, **shapes}:
        if name not in wanted or shapes.get(name) != tuple(wanted[name].shape):
            raise CheckpointError(f"{checkpoint.path} is of another network than {first}: {name}")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Average checkpoints."""
    parser = CommandParser(__doc__)
    parser.add_argument("sources", nargs="+", type=Path, help="checkpoints of one run")
    parser.add_argument("target", type=Path, help="file to write")
    parser.add_switch("--overwrite", "replace an existing target")
    arguments = parser.parse_args(argv)
    if arguments.target.exists() and not arguments.overwrite:
        raise OutputError(f"{arguments.target} exists already: give --overwrite to replace it")
    average(arguments.sources, arguments.target)
    print(f"{arguments.target}: the mean of {len(arguments.sources)} checkpoints")
    return 0


if __name__ == "__main__":
    sys.exit(main())
