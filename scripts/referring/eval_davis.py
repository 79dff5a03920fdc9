"""ReferFormer's eval_davis.py: score the masks of the four annotators together.

Example:
    python scripts/referring/eval_davis.py --results_path OUT/valid

``davis_dir`` names DAVIS 2017; results_path holds anno_0 .. anno_3, or is one of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ltr.admin.cli import CommandParser, command
from pytracking import run_evaluation


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Score results of Ref-DAVIS."""
    parser = CommandParser(__doc__)
    parser.add_argument("--results_path", type=Path, required=True, help="folder of the masks")
    parser.add_argument("--davis_path", type=Path, help="DAVIS 2017 (davis_dir)")
    arguments = parser.parse_args(argv)
    if arguments.davis_path is not None:
        os.environ["PYTRACKING_DAVIS_DIR"] = str(arguments.davis_path.resolve())
    results = arguments.results_path
    results = results.parent if results.name.startswith("anno_") else results
    return run_evaluation.main(["--results", str(results), "--dataset_name", "refdavis_val"])


if __name__ == "__main__":
    sys.exit(main())
