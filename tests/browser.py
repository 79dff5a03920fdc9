"""Drives Chromium through its DevTools protocol."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import websocket

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-first-run", "--disable-background-networking", "--hide-scrollbars", "--mute-audio",
    "--remote-debugging-port=0", "about:blank",
)  # fmt: skip
_START_S = 60.0


def chromium() -> str:
    """The browser's program; skips the test where there is none."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip(f"no Chromium here (looked for {', '.join(_NAMES)})")
    return found


class Browser:
    """One tab.

    Args:
        address: Address of the tab's DevTools socket.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._socket = websocket.create_connection(address, timeout=120, suppress_origin=True)
        self._numbers = itertools.count(1)
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.exceptions: list[str] = []
        for domain in ("Page", "Runtime", "Network", "DOM", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events are noted on the way."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._note(message)

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event["method"] == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif event["method"] == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.exceptions.append(details.get("exception", details).get("description", ""))
            self.problems.append(json.dumps(details))
        elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(params["entry"]["text"])

    def open_tab(self) -> Browser:
        """One more tab of the same browser."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        return Browser(f"{self._address.rpartition('/')[0]}/{target}")

    def open(self, address: str, size: tuple[int, int] = (1280, 800)) -> None:
        """Go to a page."""
        width, height = size
        self.resize(width, height)
        self.call("Page.navigate", url=address)

    def resize(self, width: int, height: int) -> None:
        """Give the tab a size in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 120.0) -> None:
        """Wait until a JavaScript expression is true; an exception in the page ends it."""
        end = time.monotonic() + seconds
        while not self.run(condition):
            assert not self.exceptions, self.exceptions
            assert time.monotonic() < end, f"{condition} stayed false: {self.problems}"
            time.sleep(0.1)

    def text(self, selector: str) -> str:
        """What an element says."""
        return self.run(f"document.querySelector({selector!r}).textContent")

    def click(self, selector: str) -> None:
        """Click into the middle of an element."""
        self.drag([self._place(selector, 0.5, 0.5)])

    def stroke(self, selector: str, points: Sequence[tuple[float, float]]) -> None:
        """Press, move and release; points are fractions of the element."""
        self.drag([self._place(selector, *point) for point in points])

    def press_on(self, selector: str) -> tuple[float, float]:
        """Press on the middle of an element without a release; gives the place."""
        place = self._place(selector, 0.5, 0.5)
        self._mouse("mousePressed", place)
        return place

    def release(self, place: tuple[float, float]) -> None:
        """Release what ``press_on`` has pressed."""
        self._mouse("mouseReleased", place)

    def drag(self, places: Sequence[tuple[float, float]]) -> None:
        """Press at the first place, move through the others, release."""
        kinds = ["mousePressed", *["mouseMoved"] * (len(places) - 1), "mouseReleased"]
        for kind, place in zip(kinds, [*places, places[-1]], strict=True):
            self._mouse(kind, place)

    def _mouse(self, kind: str, place: tuple[float, float]) -> None:
        held = {"button": "left", "buttons": 1, "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], **held)

    def press(self, key: str, modifiers: int = 0) -> None:
        """Press a key, with Alt (1), Ctrl (2) or Shift (8) held down."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, modifiers=modifiers, **text)

    def type(self, text: str) -> None:
        """Type into the field that has the focus."""
        self.call("Input.insertText", text=text)

    def touch(self, selector: str, points: Sequence[tuple[float, float]]) -> None:
        """Move one finger; points are fractions of the element."""
        kinds = ["touchStart", *["touchMove"] * (len(points) - 1)]
        for kind, point in zip(kinds, points, strict=True):
            x, y = self._place(selector, *point)
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def wheel(self, selector: str, delta: float) -> None:
        """Turn the wheel in the middle of an element."""
        x, y = self._place(selector, 0.5, 0.5)
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=delta)

    def choose_file(self, selector: str, path: Path) -> None:
        """Give a file to a file field."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def screenshot(self, path: Path) -> None:
        """Write what the tab shows as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _place(self, selector: str, x: float, y: float) -> tuple[float, float]:
        box = self.run(
            f"(() => {{ const b = document.querySelector({selector!r}).getBoundingClientRect();"
            " return [b.left, b.top, b.width, b.height]; })()"
        )
        return box[0] + x * box[2], box[1] + y * box[3]


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """Start Chromium with a fresh profile in ``folder``."""
    command = [chromium(), f"--user-data-dir={folder}", *_FLAGS]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Browser(_tab_address(folder / "DevToolsActivePort"))
    finally:
        process.terminate()
        process.wait()


def _tab_address(port_file: Path) -> str:
    end = time.monotonic() + _START_S
    while not (port_file.exists() and port_file.read_text().strip()):
        assert time.monotonic() < end, "Chromium does not start"
        time.sleep(0.1)
    port = port_file.read_text().split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
        tabs = json.load(answer)
    return next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
