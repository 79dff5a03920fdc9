"""What the jobs of an engine have in common, whether sequences of a data set or clips."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ltr.admin.errors import DataError, ToolkitError

if TYPE_CHECKING:
    from pytracking.evaluation.running.sequence import Tracker
    from pytracking.evaluation.tracker import TrackerSpec
    from pytracking.tracker.base import Runtime

Result = TypeVar("Result")

WORKER_DIED = "its process was killed, possibly out of memory"


_loaded = threading.local()


def load_once(spec: TrackerSpec, runtime: Runtime) -> Tracker:
    """Load a tracker once per thread: it keeps the state of the video that the thread works on."""
    request = (spec, runtime)
    if getattr(_loaded, "request", None) != request:
        _loaded.tracker = spec.create(runtime)
        _loaded.request = request
    tracker: Tracker = _loaded.tracker
    return tracker


def guard(work: Callable[[], Result], fail: Callable[[str], Result]) -> Result:
    """Do one job; what concerns only this job becomes a failed result.

    Args:
        work: The job.
        fail: Makes a result of the reason.

    Raises:
        ToolkitError: All jobs would fail like this one.
        OSError: A shared disk is full or unreachable.
    """
    try:
        return work()
    except DataError as error:
        return fail(str(error))
    except (ToolkitError, OSError):
        raise
    except Exception:
        return fail(traceback.format_exc())
