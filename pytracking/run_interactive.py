"""Segment a video interactively: click, draw and correct in a page of your browser.

Example:
    python run_interactive.py joint joint_demo --video clip.mp4
    python run_interactive.py interactive atnet --video clip.mp4 --output out --port 7860
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import command, set_up_logging
from ltr.admin.errors import ConfigError
from ltr.admin.optional import import_optional
from pytracking.cli.arguments import resolve_tracker
from pytracking.cli.video_arguments import VideoParser

_PORT = 7860


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl-C."""
    arguments = _parser().parse_args(argv)
    set_up_logging(arguments.quiet)
    if not 0 <= arguments.port < 1 << 16:
        raise ConfigError(f"--port {arguments.port}: expected 0 to 65535")
    spec = resolve_tracker(arguments)
    import_optional("aiohttp", "the page", "interactive")
    from ltr.admin.devices import resolve_device
    from pytracking.evaluation.running.task import default_folder
    from pytracking.interactive_page.guidance import load_guidance
    from pytracking.interactive_page.launch import serve
    from pytracking.interactive_page.opening import create_finder, create_opener
    from pytracking.interactive_page.settings import PageSettings
    from pytracking.interactive_page.workbench import Workbench
    from pytracking.tracker.base import Runtime

    limits = {name: getattr(arguments, name) for name in vars(PageSettings())}
    settings = PageSettings(**limits)
    device = resolve_device(arguments.device)
    runtime = Runtime(device)
    finder = None
    if spec.kind == "online":
        finder = create_finder(arguments.text_finder, arguments.all_finder, runtime)
    opener = create_opener(spec, runtime, arguments.to_mask)
    name = f"{spec.system} {spec.name}"
    workbench = Workbench(name, opener, load_guidance(device), settings, finder)
    if arguments.video is not None:
        workbench.open(arguments.video)
    folder = arguments.output or default_folder(spec, "page")
    serve(workbench, folder, arguments.port, arguments.browser)
    return 0


def _parser() -> VideoParser:
    from pytracking.interactive_page.settings import HELP, PageSettings

    parser = VideoParser(__doc__)
    parser.add_tracker()
    parser.add_to_mask()
    parser.add_finders()
    parser.add_argument(
        "--video",
        type=Path,
        metavar="PATH",
        help="video file or folder of frames to open; without it, upload one in the page",
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="folder for exported masks and uploaded videos"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=_PORT,
        metavar="N",
        help=f"port of the page; 0 picks a free one ({_PORT})",
    )
    parser.add_switch("--browser", "open the page in your browser")
    parser.add_device()
    parser.add_quiet()
    for name, value in vars(PageSettings()).items():
        text = f"{HELP[name]} ({value})"
        option = "--" + name.replace("_", "-")
        parser.add_argument(option, type=int, default=value, metavar="N", help=text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
