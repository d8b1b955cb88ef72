"""A headless Chromium, driven through the DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

# Seconds: for the browser to start, for one command, and for a condition on the page to come true.
START_TIMEOUT = 90.0
COMMAND_TIMEOUT = 90.0
WAIT_TIMEOUT = 90.0

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)


def find_chromium() -> str | None:
    """Where the browser is, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def fake_microphone(recording: Path) -> tuple[str, ...]:
    """Flags that make the microphone play a WAV once, and let every page have it unasked."""
    return (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={recording}%noloop",
    )


class PageError(Exception):
    """JavaScript on the page threw, or did not come to what was waited for."""


class Tab:
    """One page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        # Errors in the page's console, and exceptions that nobody caught.
        self.console: list[str] = []
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            answer = message.json()
            future = self._answers.pop(answer.get("id"), None)
            if future is not None and not future.done():
                future.set_result(answer)
            elif answer.get("method") == "Runtime.exceptionThrown":
                details = answer["params"]["exceptionDetails"]
                self.console.append(details.get("exception", {}).get("description", details["text"]))
            elif answer.get("method") == "Log.entryAdded" and answer["params"]["entry"]["level"] == "error":
                self.console.append(answer["params"]["entry"]["text"])

    async def send(self, method: str, **params: Any) -> Any:
        """One command of the protocol, and its result."""
        number = next(self._numbers)
        future = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(COMMAND_TIMEOUT):
            answer = await future
        if "error" in answer:
            raise PageError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    async def open(self, url: str) -> None:
        """Go to a page."""
        await self.send("Runtime.enable")
        await self.send("Log.enable")
        await self.send("Page.enable")
        await self.send("Page.navigate", url=url)
        await self.until(f"location.href.startsWith({url!r}) && document.readyState === 'complete'")

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited if it is a promise; counts as something that the user does."""
        result = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    async def until(self, condition: str, timeout: float = WAIT_TIMEOUT) -> Any:
        """Wait for an expression to become true and return its value."""
        value = None
        try:
            async with asyncio.timeout(timeout):
                # The page is asked, not waited for: a navigation would lose what waits in it.
                while not (value := await self.run(condition)):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise PageError(f"not within {timeout:.0f} s: {condition} (console: {self.console})") from None
        return value

    async def text(self, selector: str) -> str:
        """The text of an element."""
        text: str = await self.run(f"document.querySelector({selector!r}).textContent")
        return text

    async def click(self, selector: str) -> None:
        """Press a button, once it can be pressed."""
        await self.until(f"!document.querySelector({selector!r}).disabled")
        await self.run(f"document.querySelector({selector!r}).click()")

    async def choose(self, selector: str, *files: Path) -> None:
        """Choose files in a field for them."""
        await self.send("DOM.enable")
        root = (await self.send("DOM.getDocument"))["root"]["nodeId"]
        node = (await self.send("DOM.querySelector", nodeId=root, selector=selector))["nodeId"]
        await self.send("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    async def screenshot(self, width: int, height: int, *, dark: bool = False, whole: bool = False) -> bytes:
        """A picture of the page at that size in CSS pixels, or of the whole page at that width: PNG."""
        # A tab in the background draws nothing.
        await self.send("Page.bringToFront")
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])
        await self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        picture = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(picture["data"])

    async def close(self) -> None:
        """Close the tab."""
        await self._socket.close()
        self._reader.cancel()


class Browser:
    """A running browser. `tab()` opens another page."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: str) -> None:
        self._session = session
        self._endpoint = endpoint
        self._tabs: dict[Tab, str] = {}

    async def tab(self) -> Tab:
        """A new, empty page."""
        async with self._session.put(f"{self._endpoint}/json/new?about:blank") as response:
            target = await response.json()
        socket = await self._session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0)
        tab = Tab(socket)
        self._tabs[tab] = target["id"]
        return tab

    async def close(self, tab: Tab) -> None:
        """Close a tab as a user does."""
        target = self._tabs.pop(tab)
        async with self._session.get(f"{self._endpoint}/json/close/{target}") as response:
            await response.read()
        await tab.close()

    async def close_all(self) -> None:
        """Close every tab."""
        for tab in list(self._tabs):
            await self.close(tab)


@asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Browser]:
    """Start a browser with an empty profile; it ends with the block."""
    path = find_chromium()
    if path is None:
        raise FileNotFoundError(f"no browser: install one of {', '.join(NAMES)}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            path,
            *FLAGS,
            f"--user-data-dir={profile}",
            *flags,
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            # A group of its own: the browser is many processes, and all of them are to end.
            start_new_session=True,
        )
        try:
            port = await _port(Path(profile), process)
            async with aiohttp.ClientSession() as session:
                browser = Browser(session, f"http://127.0.0.1:{port}")
                try:
                    yield browser
                finally:
                    await browser.close_all()
        finally:
            _end(process)
            await process.wait()


async def _port(profile: Path, process: asyncio.subprocess.Process) -> int:
    file = profile / "DevToolsActivePort"
    async with asyncio.timeout(START_TIMEOUT):
        while not (file.exists() and (lines := file.read_text().split())):
            if process.returncode is not None:
                raise OSError(f"the browser ended with status {process.returncode} before it had started")
            await asyncio.sleep(0.05)
    return int(lines[0])


def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    if sys.platform == "win32":
        process.kill()
    else:
        import os

        os.killpg(process.pid, signal.SIGKILL)
