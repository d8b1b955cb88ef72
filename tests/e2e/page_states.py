"""The states of the page, each in a tab of a real browser: for tests, and for pictures of them.

    python -m tests.e2e.page_states DIR [STATE …]

writes a picture of each state to DIR, light and dark, 390 and 1280 pixels wide.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vision_agents.core import InterruptionPolicy
from vision_agents.core.audio import PcmData
from vision_agents.core.tts import VoiceTuning
from vision_agents.plugins.local import Edge
from vision_agents.testing import virtual_time

from ..core.observability.spoken_call import hold_call, user_wav
from ..plugins.local.browser_kit import AGENT, NotingSink, tone_of
from .devtools import Browser, Tab, chromium

WIDTHS = {1280: 1000, 390: 844}
IN_CALL = "!['off', 'connecting'].includes(document.querySelector('#state').dataset.state)"

# What the page shows is of its own call.
MICROPHONE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


def recorded_call(folder: Path) -> Path:
    """A folder with the `trace.jsonl` and `call.wav` of a call, in which somebody interrupts. Takes virtual time."""
    records: list[Any] = []
    wav = user_wav(folder / "user.wav")
    virtual_time.run(hold_call(wav, folder / "call.wav", records.append))
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (folder / "trace.jsonl").write_text(lines, encoding="utf-8")
    return folder


def records_of(folder: Path) -> list[dict[str, Any]]:
    """The records of such a call."""
    return [json.loads(line) for line in (folder / "trace.jsonl").read_text(encoding="utf-8").splitlines()]


class Speaker:
    """A voice that can be tuned."""

    def __init__(self) -> None:
        self.now = VoiceTuning(("Ann", "Bob"), "Ann", 1.0)

    def tuning(self) -> VoiceTuning:
        return self.now

    def tune(self, voice: str | None = None, pace: float | None = None) -> None:
        self.now = VoiceTuning(("Ann", "Bob"), voice or self.now.voice, pace or self.now.pace)


class Controls:
    """An agent as far as pages change it; what is typed to it is kept."""

    def __init__(self) -> None:
        self.instructions = "You are a lighthouse keeper. Answer in one sentence."
        self.policy = InterruptionPolicy()
        self.tts = Speaker()
        self.typed: list[str] = []

    async def simple_response(self, text: str, interrupt: bool = True) -> bool:
        self.typed.append(text)
        return True


@dataclass
class Stage:
    """A page that is served, with an agent that plays a quiet tone, and a browser to look at it."""

    browser: Browser
    edge: Edge
    agent: Controls
    folder: Path
    tabs: list[Tab] = field(default_factory=list)

    async def opened(self, script: str = "") -> Tab:
        """The page, ready to talk; `script` runs in it first."""
        tab = await self.browser.tab()
        await tab.send("Page.addScriptToEvaluateOnNewDocument", source=script)
        await tab.open(self.edge.url)
        await tab.until("!document.querySelector('#talk').disabled")
        return tab

    async def in_call(self, script: str = "") -> Tab:
        """The page in a call."""
        tab = await self.opened(script)
        await tab.click("#talk")
        await tab.until(IN_CALL)
        return tab

    async def shown(self, tab: Tab, records: list[dict[str, Any]]) -> None:
        """Have the page show these records, as if they had just happened."""
        # The quickest record tells the page how the agent's clock relates to its own: so the last is told first.
        self.edge.observe({"t": records[-1]["t"], "state": "thinking"})
        for record in records:
            self.edge.observe(record)
        # In the order in which they came: when this is there, so are they.
        self.edge.observe({"t": records[-1]["t"], "effect": "RecordOverheard", "participant": "user", "text": "(end)"})
        await tab.until("document.querySelector('#events').textContent.includes('(end)')")


@asynccontextmanager
async def stage(folder: Path, *flags: str) -> AsyncIterator[Stage]:
    """Serve the page and start a browser. `folder`: what `recorded_call` made."""

    async def caller(name: str) -> PcmData:
        return PcmData(tone_of(20), 48_000)

    edge, agent = Edge(port=0, caller=caller), Controls()
    edge.lend(agent)
    await edge.join(AGENT, None, NotingSink(level=300))
    try:
        async with chromium(*MICROPHONE, *flags) as browser:
            yield Stage(browser, edge, agent, folder)
    finally:
        await edge.leave()


# The states.


async def ready(on: Stage) -> Tab:
    """Before the first call."""
    return await on.opened()


async def call(on: Stage) -> Tab:
    """In a call in which the agent was interrupted, and began again."""
    tab = await on.in_call()
    records = [record for record in records_of(on.folder) if record.get("note") != "CallEnded"]
    await on.shown(tab, records)
    await tab.run("document.querySelector('#decisions details')?.setAttribute('open', '')")
    return tab


async def over(on: Stage) -> Tab:
    """After the call: its figures, and what went wrong in it."""
    tab = await call(on)
    on.edge.observe({"t": 20.0, "note": "ComponentFailed", "component": "tts", "error": "the voice's service is gone"})
    await tab.until("!document.querySelector('#notice').hidden")
    await tab.click("#talk")
    await tab.until("!document.querySelector('#summary').hidden")
    return tab


async def no_microphone(on: Stage) -> Tab:
    """The browser gives no microphone."""
    tab = await on.opened(
        "MediaDevices.prototype.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'));"
    )
    await tab.click("#talk")
    await tab.until("!document.querySelector('#notice').hidden")
    return tab


async def settings(on: Stage) -> Tab:
    """The agent's settings."""
    tab = await on.in_call()
    await tab.until("!document.querySelector('#settings-all').hidden")
    await tab.run("document.querySelector('#settings').open = true")
    return tab


async def recorded(on: Stage) -> Tab:
    """A recorded call at the moment of an interruption, under a policy that would not have had it."""
    tab = await on.opened()
    await tab.run("document.querySelector('#recorded-call').open = true")
    await tab.choose("#recorded-files", on.folder / "trace.jsonl", on.folder / "call.wav")
    await tab.until("!document.querySelector('#recorded-view').hidden")
    await tab.run("""(() => {
      const scrub = document.querySelector('#recorded-scrub');
      scrub.value = 10.4;
      scrub.dispatchEvent(new Event('input'));
      document.querySelector('#recorded-policy').parentElement.open = true;
      const field = [...document.querySelectorAll('#recorded-policy input')].find((each) =>
        each.parentElement.textContent.startsWith('commit_speech'));
      field.value = '1.5';
      field.dispatchEvent(new Event('change'));
    })()""")
    await tab.until("document.querySelector('#recorded-changes').children.length > 2")
    return tab


async def gone(on: Stage) -> Tab:
    """The server died in mid-call."""
    tab = await call(on)
    await on.edge.leave()
    await tab.until("!document.querySelector('#notice').hidden")
    return tab


STATES: dict[str, Callable[[Stage], Awaitable[Tab]]] = {
    "ready": ready,
    "call": call,
    "over": over,
    "no-microphone": no_microphone,
    "settings": settings,
    "recorded": recorded,
    "gone": gone,
}


async def pictures(out: Path, names: list[str]) -> None:
    """Write the pictures of these states."""
    with tempfile.TemporaryDirectory() as place:
        folder = await asyncio.to_thread(recorded_call, Path(place))
        for name in names:
            async with stage(folder) as on:
                tab = await STATES[name](on)
                for width, height in WIDTHS.items():
                    for dark in (False, True):
                        picture = await tab.screenshot(width, height, dark=dark, whole=True)
                        (out / f"{name}-{width}-{'dark' if dark else 'light'}.png").write_bytes(picture)


def main(arguments: list[str]) -> int:
    """Write pictures of the states that are named, or of all."""
    out, names = Path(arguments[0]), arguments[1:] or list(STATES)
    out.mkdir(parents=True, exist_ok=True)
    asyncio.run(pictures(out, names))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
