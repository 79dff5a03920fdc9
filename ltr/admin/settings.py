"""What the command line says about one training run; the recipe says the rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class Settings:
    """One call of ``run_training.py``; handed to ``run(settings)`` of an experiment.

    Args:
        module_name: Folder of ``ltr/train_settings``, for instance ``joint``.
        script_name: Experiment in it, for instance ``joint_stage1``.
        assignments: Changes of the recipe, ``"field=value"``.
        device: ``auto``, ``cpu``, ``cuda`` (every GPU), ``cuda:N`` or ``mps``.
        precision: Arithmetic of the network; parameters are always float32.
        resume: Checkpoint to resume from instead of the run's newest one.
        fresh: Train from the beginning in a new folder, ignoring existing checkpoints.
        max_steps: Stop after this many steps, counted from the beginning of the run.
        cudnn_benchmark: Let cuDNN try which convolution algorithm is the fastest.
        quiet: No progress, only warnings and errors.
        wait: Wait while another run works in the folder, instead of refusing.
        visdom: ``(server, port)`` of a live view.
        workspace: Base of the checkpoints instead of ``workspace_dir``.
    """

    module_name: str
    script_name: str
    assignments: tuple[str, ...] = ()
    device: str = "auto"
    precision: Precision = "fp32"
    resume: Path | None = None
    fresh: bool = False
    max_steps: int | None = None
    cudnn_benchmark: bool = True
    quiet: bool = False
    wait: bool = False
    visdom: tuple[str, int] | None = None
    workspace: Path | None = None

    @property
    def project_path(self) -> str:
        """Folder of the run below checkpoints and TensorBoard files.

        >>> Settings("joint", "joint_stage1").project_path
        'ltr/joint/joint_stage1'
        """
        return f"ltr/{self.module_name}/{self.script_name}"
