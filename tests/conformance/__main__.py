"""Command line of the conformance runner.

A part is a module of this package with a function ``run(folder, report)`` that finds and compares
every case in a folder of reference values.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from ltr.admin.cli import command
from ltr.admin.errors import ConfigError
from tests.conformance import PARTS
from tests.conformance.on_device import on_device
from tests.conformance.report import Report


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run one part over one folder; 0 when every case passed, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("folder", type=Path, help="reference values in the format of this part")
    parser.add_argument("--device", type=torch.device, help="where to compute, for instance cuda")
    arguments = parser.parse_args(argv)
    if not arguments.folder.is_dir():
        raise ConfigError(f"{arguments.folder} is not a folder")
    report = Report()
    run = importlib.import_module(f"tests.conformance.{arguments.part}").run
    with on_device(arguments.device) if arguments.device else nullcontext():
        run(arguments.folder, report)
    print(f"{report.passed} passed, {report.failed} failed")
    return 0 if report.passed and not report.failed else 1


if __name__ == "__main__":
    sys.exit(main())
