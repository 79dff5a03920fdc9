"""Memory that a process keeps: fewer pages to fault in, and a switch."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from ltr.admin.allocator import VARIABLE, keep_memory
from ltr.admin.errors import ConfigError

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")

_PROGRAM = """
import resource
import numpy as np
from ltr.admin.allocator import keep_memory
print(keep_memory())
np.ones(2**22)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(2**22)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _run(switch: str) -> tuple[bool, int]:
    """Whether a process keeps memory, and its page faults for ten arrays of 32 MiB."""
    environment = {**os.environ, VARIABLE: switch}
    found = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, check=True
    )
    words = found.stdout.split()
    return words[0] == b"True", int(words[1])


def test_a_process_that_keeps_memory_faults_no_page_in_twice():
    kept, faults = _run("")
    left, usual_faults = _run("0")
    assert kept
    assert not left
    assert faults < usual_faults / 5


def test_a_wrong_switch_is_one_sentence(monkeypatch):
    monkeypatch.setenv(VARIABLE, "maybe")
    with pytest.raises(ConfigError, match="VOS_KEEP_MEMORY=maybe: expected 0 or 1"):
        keep_memory()


def test_free_memory_can_be_given_back_all_the_same():
    code = "import numpy as np\n"
    code += "from ltr.admin.allocator import give_free_memory_back, keep_memory\n"
    code += "from ltr.admin.progress import process_memory_mb\n"
    code += "keep_memory(); np.ones(2**25); kept = process_memory_mb()\n"
    code += "give_free_memory_back(); print(kept - process_memory_mb())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 200  # of 256 MiB
