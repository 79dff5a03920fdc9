"""Exported graphs of the torch-export format, run by PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import torch

from ltr.admin.errors import DataError
from pytracking.export.runner.manifest import Arrays, Call, GraphFile


def load_program(file: GraphFile) -> Call:
    """What runs a graph that ``torch.export.save`` wrote.

    Raises:
        DataError: It cannot be loaded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of buffers that nobody writes to
            module = torch.export.load(file.path).module()
    except Exception as error:  # a zip of several parts, each with errors of its own
        raise DataError(f"PyTorch cannot load {file.path}: {error}") from error

    @torch.inference_mode()
    def call(inputs: Mapping[str, np.ndarray]) -> Arrays:
        outputs = module(*(torch.from_numpy(inputs[name]) for name in file.inputs))
        return {name: out.numpy() for name, out in zip(file.outputs, outputs, strict=True)}

    return call
