"""What the page works with: sessions of a tracker or a host, and networks that find objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ltr.admin.errors import ConfigError
from pytracking.evaluation.hosts import create_host
from pytracking.evaluation.prompt_types import Prompt
from pytracking.evaluation.prompting.finders import find_objects, parse_finder
from pytracking.evaluation.session import VideoSession
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.interactive_page.host_session import HostSession
from pytracking.interactive_page.workbench import Find, OpenSession, Session
from pytracking.tracker.base import OnlineTracker, Runtime
from pytracking.tracker.interactive.base import InteractiveVOS
from pytracking.tracker.interactive.scribble_mask import ScribbleToMask
from pytracking.tracker.interactive.scribble_methods import create_scribble_to_mask
from pytracking.utils.lazy_frames import LazyFrames


def open_with_host(host: InteractiveVOS) -> OpenSession:
    """Sessions of an interactive host."""

    def open_session(frames: LazyFrames, on_frame: Callable[[], None]) -> Session:
        host.on_frame = on_frame
        return HostSession(host, frames)

    return open_session


def open_with_tracker(tracker: OnlineTracker, to_mask: ScribbleToMask) -> OpenSession:
    """Sessions of a tracker of masks."""

    def open_session(frames: LazyFrames, on_frame: Callable[[], None]) -> Session:
        return VideoSession(tracker, frames, to_mask)

    return open_session


def create_opener(spec: TrackerSpec, runtime: Runtime, to_mask: str) -> OpenSession:
    """Load a tracker or host, and give what opens its sessions.

    Raises:
        ConfigError: It takes neither masks nor lines.
        CheckpointError: Its network is missing, damaged or another one.
    """
    if spec.kind == "online":
        drawer = create_scribble_to_mask(to_mask, runtime.device)
        return open_with_tracker(spec.create(runtime), drawer)
    host = create_host(spec.system, spec.name, spec.overrides, spec.net, runtime, to_mask)
    return open_with_host(host)


def create_finder(text_finder: str, all_finder: str, runtime: Runtime) -> Find | None:
    """What finds objects by a sentence, or all of them; None where ``none`` is named.

    Raises:
        ConfigError: There is no such network, or only one of the two is left out.
    """
    names = (text_finder, all_finder)
    if names == ("none", "none"):
        return None
    if "none" in names:
        raise ConfigError("leave out both finders, or none of them")
    by_text, by_nothing = parse_finder(text_finder, True), parse_finder(all_finder, False)

    def find(
        frames: LazyFrames, text: str, check: Callable[[], None]
    ) -> Sequence[tuple[int, Prompt]]:
        texts = (text,) if text else ()
        finder = by_text if text else by_nothing
        found = find_objects(finder, runtime, frames, texts, advance=lambda count: check())
        return [(key.frame, key.prompt) for key in found]

    return find
