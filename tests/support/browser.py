"""A real headless browser, Debian's chromium, driven over a pipe by the DevTools protocol: no port, no driver program.

It resolves no name, so that nothing a page asks for leaves this machine; what pages ask for is kept.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.support.servers import tool

SECONDS = 60.0
"""How long one command may take on a busy machine."""

_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
)
_THEIR_IN, _THEIR_OUT = 3, 4  # the descriptors of --remote-debugging-pipe
_BEYOND = 10  # ours must not lie where theirs are put


class Browser:
    """The browser, from the start to the end of its context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._buffer = b""
        self._calls = 0
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        program = str(tool("chromium"))
        self._folder.mkdir(parents=True, exist_ok=True)
        their_in, self._to = _pipe()
        self._from, their_out = _pipe()
        log = os.open(self._folder / "chromium.log", os.O_CREAT | os.O_WRONLY)
        self._pid = os.posix_spawn(
            program,
            [program, *_OPTIONS, f"--user-data-dir={self._folder / 'profile'}"],
            {"PATH": os.environ["PATH"], "HOME": str(self._folder)},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, their_in, _THEIR_IN),
                (os.POSIX_SPAWN_DUP2, their_out, _THEIR_OUT),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setpgroup=0,  # its helpers end with it
        )
        for each in (their_in, their_out, log):
            os.close(each)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._to)
        os.close(self._from)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """Send one command of the DevTools protocol and return its result; events meanwhile go to `events`."""
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._calls:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def wait(self, event: str, session: str) -> None:
        """Return as soon as the event has come."""
        while not any(each.get("method") == event and each["sessionId"] == session for each in self.events):
            self.events.append(self._receive())

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            data = os.read(self._from, 1 << 20) if ready else b""
            if not data:
                pytest.fail(
                    f"chromium fell silent:\n{(self._folder / 'chromium.log').read_text(errors='replace')}"
                )
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


class Page:
    """One page in a tab of its own, loaded from a file."""

    def __init__(
        self,
        browser: Browser,
        file: Path,
        *,
        script: bool = True,
        dark: bool = False,
        width: int = 1280,
        fragment: str = "",
    ) -> None:
        self._browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._width = width
        self._size(900)
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Page.navigate", url=file.as_uri() + fragment)
        browser.wait("Page.loadEventFired", self._session)

    def call(self, method: str, **parameters: Any) -> Any:
        return self._browser.call(method, self._session, **parameters)

    def __call__(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page; works where scripts of the page do not run."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Return as soon as an expression is true."""
        deadline = time.monotonic() + SECONDS
        while not self(expression):
            assert time.monotonic() < deadline, f"{expression} never came true"

    def press(self, key: str) -> None:
        """Press and release a key where the focus is."""
        text = {"text": key} if len(key) == 1 else {}
        if key in ("Enter", "Space"):
            text = {"text": "\r" if key == "Enter" else " "}
        codes = {"Enter": 13, "Tab": 9, "Space": 32}
        named = {
            "key": " " if key == "Space" else key,
            "code": key,
            "windowsVirtualKeyCode": codes.get(key, 0),
        }
        self.call("Input.dispatchKeyEvent", type="keyDown", **named, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def type(self, text: str) -> None:
        """Type a text where the focus is."""
        self.call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click into the middle of what is shown of an element."""
        x, y = self(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}}); "
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, file: Path) -> None:
        """Write what the page looks like, down to its end, as a PNG."""
        self._size(round(self.call("Page.getLayoutMetrics")["cssContentSize"]["height"]))
        self("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        self._size(
            round(self.call("Page.getLayoutMetrics")["cssContentSize"]["height"])
        )  # what was skipped is drawn now
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _size(self, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=self._width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    @property
    def requests(self) -> list[str]:
        """What the page has asked for, itself included."""
        return [each["params"]["request"]["url"] for each in self._events("Network.requestWillBeSent")]

    @property
    def failures(self) -> list[str]:
        """Why what the page asked for did not come: `csp` where its own policy kept the request from being sent."""
        failed = (each["params"] for each in self._events("Network.loadingFailed"))
        return [each.get("blockedReason") or each["errorText"] for each in failed]

    @property
    def complaints(self) -> list[str]:
        """What the browser's console says: errors of scripts, and what the page's policy kept from loading."""
        logged = [each["params"]["entry"]["text"] for each in self._events("Log.entryAdded")]
        return logged + [str(each["params"]) for each in self._events("Runtime.exceptionThrown")]

    def _events(self, method: str) -> list[dict[str, Any]]:
        return [
            each
            for each in self._browser.events
            if each.get("method") == method and each["sessionId"] == self._session
        ]


def _pipe() -> tuple[int, int]:
    """Where to read and where to write; nothing that we start inherits either."""
    ends = os.pipe()
    read, write = (fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, _BEYOND) for each in ends)
    for each in ends:
        os.close(each)
    return read, write
