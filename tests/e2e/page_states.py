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
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from vision_agents.core import InterruptionPolicy
from vision_agents.core.audio import PcmData
from vision_agents.core.tts import VoiceTuning
from vision_agents.plugins.local import Edge
from vision_agents.plugins.local import recorded_call as recorded_call_module
from vision_agents.testing import virtual_time

from ..core.observability.spoken_call import hold_call, user_wav
from ..plugins.local.browser_kit import AGENT, NotingSink, tone_of
from .devtools import Browser, Tab, chromium

WIDTHS = {1280: 1000, 390: 844}
IN_CALL = "!['off', 'connecting'].includes(document.querySelector('#state').dataset.state)"

# Keeps the track that goes to the agent at hand.
TRACKS = """
const [add, replace] = [RTCPeerConnection.prototype.addTransceiver, RTCRtpSender.prototype.replaceTrack];
RTCPeerConnection.prototype.addTransceiver = function (track, ...rest) {
  window.track = track;
  return add.call(this, track, ...rest);
};
RTCRtpSender.prototype.replaceTrack = function (track) {
  window.track = track;
  return replace.call(this, track);
};
"""

# Lets the page's clock be put on, and its connection be cut, as they are when a tab has slept.
CLOCK = """
window.slept = 0;
const tell = Date.now;
Date.now = () => tell() + window.slept;
const Socket = WebSocket;
WebSocket = class extends Socket {
  constructor(...from) {
    super(...from);
    window.records = this;
  }
};
"""

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
        self.voices: tuple[str, ...] = ("Ann", "Bob")
        self.voice, self.pace = "Ann", 1.0

    def tuning(self) -> VoiceTuning:
        return VoiceTuning(self.voices, self.voice, self.pace)

    def tune(self, voice: str | None = None, pace: float | None = None) -> None:
        self.voice, self.pace = voice or self.voice, pace or self.pace


class Controls:
    """An agent as far as pages change it; what is typed to it is kept."""

    def __init__(self) -> None:
        self.instructions = "You are a lighthouse keeper. Answer in one sentence."
        self.policy = InterruptionPolicy()
        self.tts: Speaker | None = Speaker()
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
        # Where other tests want the cores, too, a trace is not read within the time that people have.
        with patch.object(recorded_call_module, "DEADLINE", 300.0):
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


async def noticed(tab: Tab, words: str = "") -> Tab:
    """The tab, once a notice with these words is shown."""
    await tab.until("!document.querySelector('#notice').hidden")
    await tab.until(f"document.querySelector('#notice-text').textContent.includes({words!r})")
    return tab


async def refused(on: Stage, script: str, words: str) -> Tab:
    """A call that a browser of this kind keeps from beginning, or from being heard."""
    tab = await on.opened(script)
    await tab.click("#talk")
    return await noticed(tab, words)


async def no_microphone(on: Stage) -> Tab:
    """The browser gives no microphone."""
    return await refused(
        on,
        "MediaDevices.prototype.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'));",
        "There is no microphone",
    )


async def no_webrtc(on: Stage) -> Tab:
    """An extension keeps WebRTC from pages."""
    return await refused(on, "delete window.RTCPeerConnection;", "switches it off")


async def no_autoplay(on: Stage) -> Tab:
    """The browser plays no sound before somebody presses something."""
    return await refused(
        on,
        "HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException('', 'NotAllowedError'));",
        "plays no sound",
    )


async def microphone_gone(on: Stage) -> Tab:
    """The microphone was pulled out in mid-call, and there is no other."""
    tab = await on.in_call(TRACKS)
    await tab.run("""
      MediaDevices.prototype.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'));
      window.track.dispatchEvent(new Event('ended'));
    """)
    return await noticed(tab, "plug one in")


async def elsewhere(on: Stage) -> Tab:
    """Another tab took the call over."""
    tab = await on.in_call()
    await on.in_call()
    return await noticed(tab, "taken over")


async def asleep(on: Stage) -> Tab:
    """The browser let the tab sleep, and the call broke meanwhile."""
    tab = await on.in_call(CLOCK)
    await tab.run("window.slept = 3600e3, window.records.close()")
    await noticed(tab, "asleep")
    await tab.until("!document.querySelector('#talk').disabled")
    return tab


async def acting(on: Stage, state: str) -> Tab:
    """In a call, in this state of the agent's floor, muted."""
    tab = await on.in_call()
    await tab.click("#mute")
    on.edge.observe({"t": 1.0, "state": state})
    await tab.until(f"document.querySelector('#state').dataset.state === {state!r}")
    return tab


async def folded_out(on: Stage) -> Tab:
    """After a call, with everything open that explains."""
    tab = await over(on)
    await tab.run(
        "document.querySelectorAll('details:not(#settings):not(#recorded-call)').forEach((e) => e.open = true)"
    )
    return tab


async def settings(on: Stage) -> Tab:
    """The agent's settings."""
    tab = await on.in_call()
    await tab.until("!document.querySelector('#settings-all').hidden")
    await tab.run("document.querySelector('#settings').open = true")
    return tab


async def silent_recorded(on: Stage) -> Tab:
    """A recorded call of which there is no sound."""
    tab = await on.opened()
    await tab.run("document.querySelector('#recorded-call').open = true")
    await tab.choose("#recorded-files", on.folder / "trace.jsonl")
    await tab.until("document.querySelector('#recorded-message').textContent.includes('no recording of this call')")
    return tab


async def other_version(on: Stage) -> Tab:
    """The trace is of another version."""
    tab = await on.opened()
    (on.folder / "other.jsonl").write_text('{"t": 0, "note": "SessionStarted", "version": 99}\n')
    await tab.run("document.querySelector('#recorded-call').open = true")
    await tab.choose("#recorded-files", on.folder / "other.jsonl")
    await tab.until("document.querySelector('#recorded-message').textContent.includes('version 99')")
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
    "folded-out": folded_out,
    **{state: partial(acting, state=state) for state in ("listening", "thinking", "speaking", "held")},
    "no-microphone": no_microphone,
    "no-webrtc": no_webrtc,
    "no-autoplay": no_autoplay,
    "microphone-gone": microphone_gone,
    "elsewhere": elsewhere,
    "asleep": asleep,
    "settings": settings,
    "recorded": recorded,
    "silent-recorded": silent_recorded,
    "other-version": other_version,
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
