"""The page around the call, in a real browser: everybody can use it, and it says what to do when something fails."""

import asyncio
import os
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest

from vision_agents.plugins.local import Edge, protocol
from vision_agents.plugins.local.switchboard import Switchboard

from . import page_states
from .devtools import find_chromium
from .stage import AGENT, IN_CALL, QUESTION, NotingSink, recorded_call, stage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.patient,
    # In CI a browser that is missing is a failure.
    pytest.mark.skipif(
        find_chromium() is None and "CI" not in os.environ, reason="no browser here; on Debian: apt install chromium"
    ),
]

# The states that show the most.
RICH = ("over", "recorded", "no-place", "taken", "typed", "new-conversation")

NOTICE = "!document.querySelector('#notice').hidden && document.querySelector('#notice-text').textContent"
CAPTIONS = "[...document.querySelectorAll('#captions > li')].map((row) => row.textContent)"
STATE = "document.querySelector('#state').dataset.state"
# Chooses a microphone, by its number among those that have a name.
CHOOSE = """((number) => {
  const field = document.querySelector('#microphone');
  field.value = [...field.options].map(({ value }) => value).filter(Boolean).at(number);
  field.dispatchEvent(new Event('change'));
  return field.value;
})"""
DEVICES = "document.querySelector('#microphone').options.length > 2"
# What the browser has given.
STREAMS = """
window.streams = [];
const ask = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = async function (wanted) {
  const stream = await ask.call(this, wanted);
  window.streams.push(stream);
  return stream;
};
"""
LIVES = "window.streams.map((stream) => stream.getTracks()[0].readyState)"
VIOLATIONS = """axe.run().then(({ violations }) => violations.map(
  ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 100))}`))"""


def axe():
    """The script of axe-core, which finds what keeps people from using a page."""
    spec = find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return recorded_call(tmp_path_factory.mktemp("call"))


@pytest.fixture
async def on(folder):
    async with stage(folder) as on:
        yield on


async def check(tab, *looks):
    """Everybody can use the tab, in each width and theme."""
    await tab.run("document.querySelectorAll('details').forEach((each) => each.open = true)")
    await tab.run(axe())
    for width, dark in looks:
        await tab.screenshot(width, 900, dark=dark)
        assert await tab.run(VIOLATIONS) == [], (width, dark)
        wide = await tab.run("document.documentElement.scrollWidth")
        assert wide <= width, "nothing is cut off at the right"


@pytest.mark.parametrize("state", RICH)
async def test_everybody_can_use_the_page(on, state):
    tab = await page_states.STATES[state](on)
    await check(tab, *product((390, 1280), (False, True)))
    assert tab.console == []


async def test_everybody_can_use_it_in_every_other_state_too(on):
    states = [state for state in page_states.STATES if state not in RICH]
    assert states[-1] == "gone", "after which there is no server"
    for state in states:
        tab = await page_states.STATES[state](on)
        try:
            await check(tab, (390, False), (1280, True))
        except AssertionError as error:
            raise AssertionError(f"{state}: {error}") from None
        await on.browser.close_all()


async def test_in_a_call_too_and_what_was_said_survives_a_reload_and_a_restart(on):
    tab = await page_states.call(on)
    await tab.run("document.querySelector('#settings').open = true")
    await tab.run(axe())
    assert await tab.run(VIOLATIONS) == []
    said = await tab.run(CAPTIONS)
    assert any("tell me a story" in row for row in said)
    # The agent goes on while nobody looks: what was never heard is known after all.
    await tab.open(on.edge.url + "/?again")
    await tab.until(f"({CAPTIONS}).length >= {len(said)}")
    assert await tab.run(CAPTIONS) == said
    await on.edge.leave()
    assert "Start it again" in await tab.until(NOTICE)
    assert await tab.text("#notice-action") == "Try again now"
    edge = Edge(port=on.edge.port)
    await edge.join(AGENT, None, NotingSink())
    await tab.click("#notice-action")
    await tab.until("!document.querySelector('#talk').disabled")
    assert await tab.run("document.querySelector('#notice').hidden")
    await tab.open(edge.url + "/?more")
    await tab.until("!document.querySelector('#talk').disabled")
    assert await tab.run(CAPTIONS) == said
    await tab.click("#talk")
    await tab.until(IN_CALL)
    assert (await tab.run(CAPTIONS))[len(said) :] == ["A new conversation: the agent does not know what stands above."]
    await edge.leave()


async def test_an_error_stays_when_the_call_is_over(on):
    tab = await page_states.over(on)
    assert await tab.run(STATE) == "off"
    assert await tab.run(NOTICE) == "tts: the voice's service is gone"
    assert "1 error" in await tab.text("#figures")
    await tab.click("#notice-close")
    assert await tab.run("document.querySelector('#notice').hidden")


async def test_why_an_agent_did_not_begin_stays_when_it_is_told_after_the_end(on):
    places = await on.places(1)
    places.fault = ConnectionError("the model cannot be reached")
    tab = await on.opened(url=places.page.url)
    await tab.click("#talk")
    assert "The agent is not there: the model cannot be reached. Press Talk" in await tab.until(NOTICE)
    assert await tab.run(STATE) == "off"


@pytest.mark.parametrize("failed", [True, False])
async def test_an_offer_for_which_no_agent_begins_is_told_as_one_that_broke(on, monkeypatch, failed):
    """As a cluster tells it, whose agents are made before the answer. What was refused says itself what to do."""
    places = await on.places(1)

    async def refuse(_, page, wanted):
        page.feed.put(protocol.refused(wanted.do, "There is no key.", attempt=wanted.attempt, failed=failed))

    monkeypatch.setattr(Switchboard, "_connect", refuse)
    tab = await on.opened(url=places.page.url)
    await tab.click("#talk")
    assert await tab.until(NOTICE) == "There is no key." + failed * " Press Talk to try again."


async def test_what_is_typed_is_counted_beside_the_turns(on):
    tab = await page_states.typed(on)
    assert "1 turn, 2 typed texts" in await tab.text("#figures")
    await tab.run("URL.createObjectURL = (blob) => { window.saved = blob.text(); return 'blob:none'; }")
    await tab.click("#transcript")
    said = (await tab.run("window.saved")).splitlines()
    assert (said[0], said[2]) == (f"You: {QUESTION}", "You: And on Sundays? [typed]")


async def test_a_call_that_was_reached_is_not_ended_for_a_moment_s_loss_at_the_deadline(on):
    tab = await on.in_call(page_states.HASTE)
    await tab.until("window.checked")
    assert await tab.run(IN_CALL)
    assert await tab.run("document.querySelector('#notice').hidden")


async def test_a_microphone_that_vanishes_costs_no_call(on):
    tab = await on.in_call(page_states.TRACKS)
    await tab.run("window.track.dispatchEvent(new Event('ended'))")
    assert "The call goes on with" in await tab.until(NOTICE)
    await on.browser.close(tab)
    tab = await page_states.microphone_gone(on)
    assert "choose it under Microphone" in await tab.run(NOTICE)
    assert await tab.run(IN_CALL)


async def test_a_microphone_that_is_chosen_and_cannot_be_had_leaves_the_one_before(on):
    tab = await on.in_call(page_states.TRACKS)
    await tab.until("document.querySelector('#microphone').options.length > 2")
    own = await tab.run("window.track.getSettings().deviceId")
    await tab.run("""
      MediaDevices.prototype.getUserMedia = () => Promise.reject(new DOMException('', 'OverconstrainedError'));
      const field = document.querySelector('#microphone');
      const own = window.track.getSettings().deviceId;
      field.selectedIndex = [...field.options].findLastIndex(({ value }) => value !== own);
      field.dispatchEvent(new Event('change'));
    """)
    assert "goes on with the one before" in await tab.until(NOTICE)
    await tab.until(f"['', {own!r}].includes(document.querySelector('#microphone').value)")
    assert await tab.run("window.track.readyState") == "live"


async def test_a_microphone_that_the_system_has_muted_is_told_of_as_long_as_it_is(on):
    tab = await on.in_call(page_states.TRACKS)
    await tab.run("window.track.dispatchEvent(new Event('mute'))")
    assert "has muted it" in await tab.until(NOTICE)
    await tab.run("window.track.dispatchEvent(new Event('unmute'))")
    assert await tab.run("document.querySelector('#notice').hidden")


async def test_another_microphone_is_not_said_to_be_muted_nor_is_that_of_a_call_that_is_over(on):
    tab = await on.in_call(page_states.TRACKS)
    await tab.until(DEVICES)
    await tab.run("window.track.dispatchEvent(new Event('mute'))")
    assert "has muted it" in await tab.until(NOTICE)
    await tab.run(f"{CHOOSE}(-1)")
    await tab.until("document.querySelector('#notice').hidden")
    await tab.run("window.track.dispatchEvent(new Event('mute'))")
    assert "has muted it" in await tab.until(NOTICE)
    await tab.click("#talk")
    await tab.until(f"{STATE} === 'off'")
    assert await tab.run("document.querySelector('#notice').hidden")


async def test_a_muted_caller_who_chooses_another_microphone_is_not_heard_for_a_moment(on):
    watch = """
    const send = RTCRtpSender.prototype.replaceTrack;
    RTCRtpSender.prototype.replaceTrack = async function (track) {
      const enabled = [track.enabled];
      await send.call(this, track);
      window.sent = [...enabled, track.enabled];
    };
    """
    tab = await on.in_call(page_states.TRACKS + watch)
    await tab.until(DEVICES)
    await tab.click("#mute")
    await tab.run(f"{CHOOSE}(-1)")
    assert await tab.until("window.sent") == [False, False]
    await tab.click("#mute")
    assert await tab.run("window.track.enabled")


async def test_a_muted_caller_is_muted_in_the_call_that_follows_too(on):
    places = await on.places(1)
    tab = await on.in_call(page_states.TRACKS, url=places.page.url)
    await tab.click("#mute")
    before = await tab.run("window.track.id")
    await tab.click("#fresh")
    await tab.until(f"window.track.id !== {before!r} && {IN_CALL}")
    assert not await tab.run("window.track.enabled")
    assert await tab.text("#mute") == "Unmute"
    await tab.click("#mute")
    assert await tab.run("window.track.enabled")


async def test_a_setting_that_is_refused_says_again_what_holds(on):
    tab = await page_states.settings(on)
    await tab.run("""
      window.field = [...document.querySelectorAll('#policy input')].find((each) =>
        each.parentElement.textContent.startsWith('commit_speech'));
      window.field.value = '-1';
      window.field.dispatchEvent(new Event('change'));
    """)
    assert "commit_speech" in await tab.until(NOTICE)
    assert await tab.run("window.field.value") == "0.75"


async def test_the_microphone_that_was_chosen_last_is_taken_whichever_comes_last(on):
    tab = await on.in_call(page_states.TRACKS)
    await tab.until(DEVICES)
    await tab.run("""
      window.streams = [];
      window.give = [];
      const take = MediaDevices.prototype.getUserMedia;
      MediaDevices.prototype.getUserMedia = function (wanted) {
        return new Promise((resolve) => window.give.push(async () => {
          window.streams.push(await take.call(this, wanted));
          resolve(window.streams.at(-1));
        }));
      };
    """)
    await tab.run(f"{CHOOSE}(0)")
    last = await tab.run(f"{CHOOSE}(1)")
    await tab.run("window.give[1]()")
    await tab.until(f"window.track.getSettings().deviceId === {last!r}")
    await tab.run("window.give[0]()")
    await tab.until(f"({LIVES}).join() === 'live,ended'")
    assert await tab.run("window.track.getSettings().deviceId") == last


async def test_a_microphone_that_cannot_be_sent_leaves_the_one_before(on):
    refuse = "RTCRtpSender.prototype.replaceTrack = () => Promise.reject(new TypeError('no such codec'));"
    tab = await on.in_call(STREAMS + refuse)
    await tab.until(DEVICES)
    await tab.run(f"{CHOOSE}(-1)")
    assert "goes on with the one before" in await tab.until(NOTICE)
    assert await tab.run(LIVES) == ["live", "ended"]
    await tab.click("#talk")
    await tab.until(f"({LIVES}).join() === 'ended,ended'")


@pytest.mark.parametrize(
    "how",
    [
        "delete window.RTCPeerConnection;",
        "window.RTCPeerConnection = null;",
        "window.RTCPeerConnection = class { constructor() { throw new Error('not here'); } };",
    ],
)
async def test_without_webrtc_the_page_says_so_and_keeps_no_microphone(on, how):
    keep = """
    const take = MediaDevices.prototype.getUserMedia;
    MediaDevices.prototype.getUserMedia = async function (wanted) {
      window.given = await take.call(this, wanted);
      return window.given;
    };
    """
    tab = await page_states.refused(on, keep + how, "switches it off")
    assert await tab.run(STATE) == "off"
    assert await tab.run("window.given.getTracks().map((track) => track.readyState)") == ["ended"]
    await tab.until("!document.querySelector('#talk').disabled")


async def test_a_browser_that_plays_no_sound_is_asked_again_by_a_button(on):
    tab = await page_states.no_autoplay(on)
    await tab.run("window.played = 0; HTMLMediaElement.prototype.play = () => { window.played += 1; }")
    await tab.click("#notice-action")
    assert await tab.run("window.played") == 1
    assert await tab.run("document.querySelector('#notice').hidden")


async def test_a_tab_that_slept_says_so_also_when_the_server_is_there_again(on):
    tab = await page_states.asleep(on)
    assert "Press Talk" in await tab.run(NOTICE)
    assert await tab.run(STATE) == "off"
    await tab.click("#talk")
    await tab.until(IN_CALL)
    assert await tab.run("document.querySelector('#notice').hidden")
    await tab.click("#talk")
    await tab.run("window.slept += 3600e3, window.records.close()")
    await tab.until("document.querySelector('#talk').disabled || !document.querySelector('#notice').hidden")
    await tab.until("!document.querySelector('#talk').disabled")
    assert await tab.run("document.querySelector('#notice').hidden"), "no call ended"


async def test_a_recorded_call_is_in_the_colours_that_are_chosen(on):
    """Nothing but a change draws it again: it has no next moment."""
    tab = await page_states.recorded(on)
    ink = """(() => {
      const canvas = document.querySelector('#recorded-timeline');
      const { data } = canvas.getContext('2d').getImageData(0, 0, 50, canvas.height);
      const seen = new Set();
      for (let i = 0; i < data.length; i += 4)
        if (data[i + 3] === 255) seen.add(`rgb(${data.slice(i, i + 3).join(', ')})`);
      return [...seen];
    })()"""
    for theme in ("dark", "light"):
        await tab.run(f"""(() => {{
          const select = document.querySelector('#theme');
          select.value = '{theme}';
          select.dispatchEvent(new Event('change'));
        }})()""")
        name = "getComputedStyle(document.querySelector('.captions .user .who')).color"
        assert await tab.run(name) in await tab.run(ink), theme


async def test_a_recorded_call_is_looked_at_and_asked_about(on, tmp_path):
    tab = await page_states.recorded(on)
    changes = "[...document.querySelectorAll('#recorded-changes li')].map((row) => row.textContent)"
    told = await tab.run(changes)
    assert [line for line in told if "would not have been: commit: 0.76 s" in line]
    assert [line for line in told if "would have been: commit: 1.02 s" in line]
    rows = "document.querySelectorAll('#recorded-captions > li').length"
    late = await tab.run(rows)
    await tab.run("document.querySelector('#recorded-changes button').click()")
    assert await tab.until(f"{rows} < {late} && {rows}") > 0, "the captions are those of the moment"
    await tab.click("#recorded-play")
    at = await tab.run("Number(document.querySelector('#recorded-scrub').value)")
    await tab.until(f"Number(document.querySelector('#recorded-scrub').value) > {at} + 0.2")
    message = (
        "!document.querySelector('#recorded-message').hidden && document.querySelector('#recorded-message').textContent"
    )
    (tmp_path / "old.jsonl").write_text('{"t": 0, "note": "SessionStarted", "version": 99}\n')
    (tmp_path / "none.wav").write_bytes(b"RIFF")
    for files, says in (
        ((tmp_path / "old.jsonl",), "version 99"),
        ((on.folder / "trace.jsonl", tmp_path / "none.wav"), "is no WAV file"),
        ((on.folder / "call.wav",), "Choose the trace"),
        ((on.folder / "trace.jsonl",), "no recording of this call"),
    ):
        await tab.run("document.querySelector('#recorded-message').textContent = ''")
        await tab.choose("#recorded-files", *files)
        assert says in await tab.until(f"({message} || '').includes({says!r}) && {message}")
    await tab.click("#recorded-play")
    assert await tab.until("Number(document.querySelector('#recorded-scrub').value) > 0.2"), (
        "without sound it plays too"
    )


async def test_a_voice_is_chosen_or_written_or_said_to_be_fixed(on):
    fields = "[...document.querySelectorAll('#voice-name, #voice-id, #voice-fixed')]"
    ids = f"{fields}.filter((each) => each.checkVisibility()).map((each) => each.id)"
    open_settings = "document.querySelector('#settings').open = true"
    tab = await on.in_call()
    await tab.run(open_settings)
    assert await tab.until(f"{ids}.length && {ids}") == ["voice-name"]
    await tab.click("#talk")
    on.agent.tts.voices = ()
    await tab.click("#talk")
    await tab.until(f"{ids}[0] === 'voice-id'")
    await tab.run("""(() => {
      const field = document.querySelector('#voice-id');
      field.value = 'Carla';
      field.dispatchEvent(new Event('change'));
    })()""")
    async with asyncio.timeout(30):
        while on.agent.tts.tuning().voice != "Carla":
            await asyncio.sleep(0.02)
    await tab.click("#talk")
    on.agent.tts = None
    await tab.click("#talk")
    await tab.until(f"{ids}[0] === 'voice-fixed'")


async def test_keys_and_typing(on):
    tab = await on.opened()
    for key in ("t", "m"):
        await tab.run(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))")
        await tab.until(IN_CALL)
    assert await tab.run("document.querySelector('#mute').getAttribute('aria-pressed')") == "true"
    await tab.until("!document.querySelector('#text').disabled")
    await tab.run("document.querySelector('#text').value = 'and typed?', document.querySelector('#send').click()")
    await tab.until("document.querySelector('#text').value === ''")
    await tab.run("""(() => {
      const instructions = document.querySelector('#instructions');
      const field = document.querySelector('#policy input[type=number]');
      instructions.value = 'Be brief.';
      document.querySelector('#instructions-apply').click();
      field.value = '0.5';
      field.dispatchEvent(new Event('change'));
    })()""")
    async with asyncio.timeout(30):
        while on.agent.policy.commit_speech != 0.5:
            await asyncio.sleep(0.02)
    assert (on.agent.typed, on.agent.instructions) == (["and typed?"], "Be brief.")
    await tab.run(
        "(({ lastElementChild: row }) => { const field = row.querySelector('input'); field.value = '0'; "
        "field.dispatchEvent(new Event('change')); })(document.querySelector('#policy + details .policy'))"
    )
    assert "queue_limit must be at least 1" in await tab.until(NOTICE)
