import gc
import subprocess
import sys

import pytest

from ltr.admin.collection import collection_paused


def test_the_search_pauses_and_goes_on_even_after_an_error():
    @collection_paused()
    def fail() -> None:
        raise KeyError(gc.isenabled())

    with pytest.raises(KeyError, match="False"):
        fail()
    assert gc.isenabled()


def test_a_search_that_the_caller_switched_off_stays_off():
    gc.disable()
    try:
        with collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_command_ends_without_a_last_search():
    code = "import atexit, gc\n"
    code += "atexit.register(lambda: print('frozen' if gc.get_freeze_count() else 'searched'))\n"
    code += "from pytracking.run_video import main\n"
    code += "main(['joint', 'no_such_parameters', 'clip'])\n"
    code += "print(gc.get_freeze_count())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "frozen"], done.stderr
