"""The states of the page, each in a tab of a real browser: for tests, and for pictures of them.

    python -m tests.e2e.page_states DIR [STATE …]

writes a picture of each state to DIR, light and dark, 390 and 1280 pixels wide.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from .devtools import Tab
from .stage import ANSWERS, Places, Stage, recorded_call, records_without_end, stage, talk

WIDTHS = {1280: 1000, 390: 844}

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

# The connection is reached and, when the page looks whether it was, lost for a moment.
HASTE = """
const [wait, Connection] = [setTimeout, RTCPeerConnection];
RTCPeerConnection = class extends Connection {
  get connectionState() {
    return window.lost ? "disconnected" : super.connectionState;
  }
};
setTimeout = (run, ms, ...rest) => {
  if (ms !== 15000) return wait(run, ms, ...rest);
  const look = () => {
    if (document.querySelector("#state").dataset.state === "connecting") return wait(look, 50);
    window.lost = true;
    run();
    window.lost = false;
    window.checked = true;
  };
  return wait(look, 50);
};
"""

# A browser in which the page was never opened before.
STRANGER = "localStorage.clear()"


# The states.


async def ready(on: Stage) -> Tab:
    """Before the first call."""
    return await on.opened()


async def call(on: Stage) -> Tab:
    """In a call in which the agent was interrupted, and began again."""
    tab = await on.in_call()
    await on.shown(tab, records_without_end(on.folder))
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


async def full(tab: Tab) -> Tab:
    """The tab, once it has said that there is no place."""
    await tab.until("document.querySelector('#link').textContent === 'no place'")
    return tab


async def no_place(on: Stage) -> Tab:
    """A server all of whose places are taken."""
    places = await on.places(1)
    await on.in_call(url=places.page.url)
    return await full(await on.seen(url=places.page.url))


async def taken(on: Stage) -> Tab:
    """The agent talks with somebody else, and is there for one caller."""
    await on.in_call()
    return await full(await on.seen(STRANGER))


async def heard(tab: Tab, words: str) -> None:
    """Wait until these words of an answer were heard."""
    await tab.until(
        f"[...document.querySelectorAll('#captions .heard')].some((e) => e.textContent.includes({words!r}))"
    )


async def asked(on: Stage) -> tuple[Places, Tab]:
    """In a call on a page for several callers, in which somebody asked by voice."""
    places = await on.places(1)
    tab = await on.in_call(url=places.page.url)
    (agent,) = places.agents
    (caller,) = agent.participants
    await agent.turn_detection.speak(caller, 0.8)
    await heard(tab, ANSWERS[0])
    return places, tab


async def typed(on: Stage) -> Tab:
    """After a call in which somebody spoke, and typed."""
    _, tab = await asked(on)
    for text, answer in zip(("And on Sundays?", "Is there <b>parking</b>?"), ANSWERS[1:], strict=True):
        await tab.until("!document.querySelector('#text').disabled")
        await tab.run(f"document.querySelector('#text').value = {text!r}, document.querySelector('#send').click()")
        await heard(tab, answer)
    await tab.click("#talk")
    await tab.until("!document.querySelector('#summary').hidden")
    await tab.until("!document.querySelector('#fresh').hidden && !document.querySelector('#fresh').disabled")
    return tab


async def new_conversation(on: Stage) -> Tab:
    """A second conversation: the first one ended, and its captions stay above."""
    places, tab = await asked(on)
    await places.agents[0].close()
    await tab.until("!document.querySelector('#talk').disabled && document.querySelector('#fresh').hidden")
    await talk(tab)
    await tab.until("!document.querySelector('#fresh').hidden")
    return tab


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
    "no-place": no_place,
    "taken": taken,
    "typed": typed,
    "new-conversation": new_conversation,
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
