"""Checkpoints written by upstream's own trainer."""

from __future__ import annotations

from pathlib import Path

from ltr.admin.checkpoint import read_checkpoint
from ltr.admin.errors import ToolkitError
from tests.conformance.report import Report
from tests.seeded_weights import seeded_tensor

_MOVED_BY_ONE_STEP = {
    "target_model.filter_optimizer.residual_module.filter_reg",
    "decoder.project.conv2.bias",
}
_STEP = 2.1e-5


def run(path: Path, report: Report) -> None:
    """Read a file through the restricted reader and compare constructor and tensors."""
    case = path.name
    try:
        checkpoint = read_checkpoint(path)
    except ToolkitError as error:
        report.fail(case, str(error))
        return
    report.equal(case, "net_type", checkpoint.net_type, "JOINTNet")
    constructor = checkpoint.constructor
    function = constructor.function if constructor is not None else None
    report.equal(
        case, "constructor", function, "ltr.models.joint.joint_net:steepest_descent_resnet50"
    )
    report.equal(case, "is_empty", not checkpoint.net, False)
    for key, tensor in checkpoint.net.items():
        want = seeded_tensor(key, tensor.shape, seed=0, gain=1.0)
        report.close(case, key, tensor, want, absolute=_STEP if key in _MOVED_BY_ONE_STEP else 0.0)
