"""One process or many: devices, and the communication between the processes of a run."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

from ltr.admin.allocator import keep_memory
from ltr.admin.devices import resolve_device
from ltr.admin.errors import ConfigError, LockedError, ToolkitError
from ltr.admin.locks import lock_folder
from ltr.admin.optional import import_optional

if TYPE_CHECKING:
    from lightning.fabric import Fabric

    # Lightning's type of its argument; it has no public name.
    from lightning.fabric.connector import _PRECISION_INPUT

    from ltr.admin.settings import Precision

_POLL_S = 1.0
_PRECISIONS: dict[Precision, _PRECISION_INPUT] = {
    "fp32": "32-true",
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
}


def launch_fabric(device: str, precision: Precision) -> Fabric:
    """Start the processes of a run, or join those that ``torchrun`` or Slurm started.

    Args:
        device: See ``resolve_device``; ``cuda`` is every GPU of the machine.
        precision: Arithmetic of the network.

    Raises:
        ConfigError: No such device here, it cannot compute in this precision, or Lightning is
            not installed.
    """
    import_optional("lightning.fabric", "training", "train")
    from lightning.fabric import Fabric
    from lightning.fabric.strategies import DDPStrategy

    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    accelerator, devices = _resolve_device(device)
    if accelerator == "cpu" and precision == "fp16":
        raise ConfigError("--precision fp16 needs a GPU: use bf16 or fp32 on a CPU")
    launched = _launched_processes()
    if launched is not None:
        devices, nodes = launched
    else:
        nodes = 1
    is_alone = nodes == 1 and (devices == 1 or isinstance(devices, list))
    fabric = Fabric(
        accelerator=accelerator,
        devices=devices,
        num_nodes=nodes,
        # A network may have parameters without a gradient, like JOINT's value projections.
        strategy="auto" if is_alone else DDPStrategy(find_unused_parameters=True),
        precision=_PRECISIONS[precision],
    )
    fabric.launch()
    if accelerator == "cpu":
        keep_memory()
    return fabric


def _resolve_device(text: str) -> tuple[str, int | list[int]]:
    """Accelerator, and a number of devices or the index of one."""
    device = resolve_device(text)
    if device.type != "cuda":
        return device.type, 1
    return "cuda", torch.cuda.device_count() if device == torch.device("cuda") else [device.index]


def _launched_processes() -> tuple[int, int] | None:
    """Processes a machine and machines that ``torchrun`` or Slurm's ``srun`` started."""
    from lightning.fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment

    variables = os.environ
    if TorchElasticEnvironment.detect():
        per_machine = int(variables.get("LOCAL_WORLD_SIZE", 1))
        return per_machine, int(variables.get("WORLD_SIZE", 1)) // per_machine
    if SLURMEnvironment.detect():
        machines = int(variables.get("SLURM_NNODES", 1))
        return int(variables["SLURM_NTASKS"]) // machines, machines
    return None


@contextmanager
def lock_for_all(fabric: Fabric, folder: Path, wait: bool) -> Iterator[None]:
    """Lock a folder for all processes of a run; the first one holds the lock.

    Args:
        fabric: The processes.
        folder: See ``lock_folder``.
        wait: Wait for another run's end, instead of refusing.

    Raises:
        LockedError: Another run works in it; every process raises it.
        OutputError: The folder cannot be written.
    """
    with ExitStack() as stack:
        while True:
            refusal: ToolkitError | None = None
            if fabric.is_global_zero:
                try:
                    stack.enter_context(lock_folder(folder, wait=wait and fabric.world_size == 1))
                except ToolkitError as error:
                    refusal = error
            refusal = fabric.broadcast(refusal)
            if refusal is None:
                break
            if not (wait and isinstance(refusal, LockedError)):
                raise refusal
            time.sleep(_POLL_S)  # together: a process that waited in a broadcast would time out
        yield


def gather_batch(*tensors: torch.Tensor, dim: int) -> tuple[torch.Tensor, ...]:
    """Join the parts of a batch that the processes hold, so that a loss sees the whole batch.

    Gradients flow into this process's own part only. Averaged over the processes and multiplied by
    their number they are those of a single process with the whole batch.

    Args:
        *tensors: Of this process; equal sizes except along ``dim``.
        dim: Axis of the batch.

    Returns:
        The whole tensors, in the order of the processes; the inputs themselves if there is one.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return tensors
    sizes = [torch.zeros((), dtype=torch.int64, device=tensors[0].device) for _ in _processes()]
    dist.all_gather(sizes, torch.full_like(sizes[0], tensors[0].shape[dim]))
    lengths = [int(size) for size in sizes]
    return tuple(_gather(tensor, dim, lengths) for tensor in tensors)


def _gather(tensor: torch.Tensor, dim: int, lengths: list[int]) -> torch.Tensor:
    first = tensor.detach().movedim(dim, 0)
    padded = first.new_zeros(max(lengths), *first.shape[1:])
    padded[: len(first)] = first
    parts = [torch.empty_like(padded) for _ in lengths]
    dist.all_gather(parts, padded)
    whole = [part[:n].movedim(0, dim) for part, n in zip(parts, lengths, strict=True)]
    whole[dist.get_rank()] = tensor
    return torch.cat(whole, dim)


def _processes() -> range:
    return range(dist.get_world_size())
