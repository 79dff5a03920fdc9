"""The base commands run without the packages of the extras; what needs one says which."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from tests.project_file import ROOT, project_table

OPTIONAL = (
    "aiohttp", "h5py", "lightning", "lightning_fabric", "matplotlib", "pandas", "pytest",
    "ray", "skimage", "tensorboard", "torchmetrics", "transformers", "visdom",
)  # fmt: skip
_BLOCK = f"""
import sys

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL!r}:
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
"""
_COMMANDS = """
import contextlib, io
from pathlib import Path

def call(main, *words):
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        code = main(list(words))
    return code, errors.getvalue().strip().splitlines()[-1:]
"""


def run_without(script: str, folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _BLOCK + _COMMANDS + script],
        env=environment, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_base_commands_run_without_the_extras(tmp_path):
    """The demo runs a network over a video and scores it; masks are tracked, then scored."""
    script = """
import pytracking.demo, pytracking.run_evaluation, pytracking.run_tracker, pytracking.run_video
import pytracking.run_webcam, pytracking.utils.doctor, pytracking.utils.download
import ltr.admin.average, ltr.admin.convert
from ltr.data.image_io import read_image
from pytracking.utils.video_reader import read_video

words = ("--output", "demo", "--frames", "4", "--device", "cpu")
assert call(pytracking.demo.main, *words)[0] == 0
frames, masks = Path("set/JPEGImages/clip"), Path("set/Annotations/clip")
for folder in (frames, masks):
    folder.mkdir(parents=True)
from ltr.data.image_io import write_image
for frame in read_video(Path("demo/demo_clip.mp4")):
    write_image(frames / f"{len(list(frames.iterdir())):05d}.jpg", frame)
first = Path("demo/demo_first_frame.png").read_bytes()
for frame in frames.iterdir():
    (masks / frame.with_suffix(".png").name).write_bytes(first)
dataset = ("--dataset-name", "folder:set")
tracker = ("baseline", "copy_mask")
assert call(pytracking.run_tracker.main, *tracker, *dataset, "--results", "out")[0] == 0
code, said = call(pytracking.run_evaluation.main, *tracker, *dataset, "--results", "out")
assert code == 0, said
"""
    run_without(script, tmp_path)


@pytest.mark.parametrize(
    ("call", "package", "extra"),
    [
        ("import ltr.run_training as m; code = call(m.main, 'joint', 'joint_stage1')",
         "lightning", "train"),
        ("import pytracking.run_interactive as m; code = call(m.main, 'joint', 'joint_demo')",
         "aiohttp", "interactive"),
        ("import pytracking.run_evaluation as m; "
         "code = call(m.main, '--results', '.', '--dataset-name', 'a', '--output', 'b')",
         "matplotlib", "plots"),
        ("import pytracking.run_tracker as m; import numpy as np; "
         "from ltr.data.image_io import write_label_map\n"
         "for kind in ('JPEGImages', 'Annotations'):\n"
         "    (Path(kind) / 'a').mkdir(parents=True)\n"
         "    write_label_map(Path(kind) / 'a' / '00000.png', np.ones((8, 8), np.uint8))\n"
         "words = ('--dataset-name', 'folder:.', '--engine', 'ray')\n"
         "code = call(m.main, 'baseline', 'copy_mask', *words)", "ray", "ray"),
        ("import pytracking.run_video as m; from pytracking.demo import write_clip; "
         "clip, _ = write_clip(Path(), 3); "
         "code = call(m.main, 'referring', 'demo', str(clip), '--text', 'x')",
         "transformers", "referring"),
    ],
)  # fmt: skip
def test_a_missing_package_is_one_sentence_with_its_line(tmp_path, call, package, extra):
    script = f"""
{call}
assert code[0] == 2, code
assert code[1][0].startswith("error: "), code
assert code[1][0].endswith("needs {package}: pip install 'vos-toolkit[{extra}]'"), code
assert not Path("b").exists()
"""
    run_without(script, tmp_path)


DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "skimage": "scikit-image",
    "tokenizers": "transformers",  # comes with it
    "trax": "vot-trax",
}
_NOT_OURS = {
    "supervision",  # a user of it has it; it would put opencv-python over the other OpenCV
    "triton",  # comes with PyTorch where there is CUDA
}


def _imports(path: Path) -> set[str]:
    """First words of the modules that a file imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def test_every_package_that_is_imported_is_declared():
    project = project_table()
    lines = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    declared = {re.match(r"[\w.-]+", line)[0] for line in lines} | _NOT_OURS
    of_checkers = {"_typeshed", "typing_extensions"}  # come with every type checker
    known = {*sys.stdlib_module_names, *of_checkers, "tomllib", "ltr", "pytracking"}
    for path in [*ROOT.glob("ltr/**/*.py"), *ROOT.glob("pytracking/**/*.py")]:
        if path.name != "local.py" or path.parent.name == "engines":
            for module in _imports(path) - known:
                name = DISTRIBUTIONS.get(module, module.replace("_", "-"))
                assert name in declared, f"{path.relative_to(ROOT)} imports {module}"
