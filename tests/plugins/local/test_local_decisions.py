"""The page says why: beside the marks of its timeline, and in a list of interruptions with their votes."""

import os

import pytest

from ...e2e.devtools import chromium, find_chromium

pytestmark = [
    pytest.mark.browser,
    # In CI a browser that is missing is a failure.
    pytest.mark.skipif(
        find_chromium() is None and "CI" not in os.environ, reason="no browser here; on Debian: apt install chromium"
    ),
]

# What the page shows is of its own call.
MICROPHONE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")

EVIL = '<b>bold</b> & "stop"'

# Everything that is written on the canvas, and where.
SPY = """
const write = CanvasRenderingContext2D.prototype.fillText;
window.written = [];
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
  window.written = [...window.written.slice(-500), [text, x, y]];
  return write.call(this, text, x, y);
};
"""

ROWS = """[...document.querySelectorAll("#decisions > li")].map((row) => ({
  decision: row.querySelector(".chip").textContent,
  why: row.querySelector(".why").textContent,
  figures: row.querySelector(".figures").textContent,
  votes: [...row.querySelectorAll(".votes tr")].map((vote) => [...vote.cells].map((cell) => cell.textContent)),
  heard: row.querySelector(".heard").textContent,
  unheard: row.querySelector(".unheard, .coming").textContent,
  struck: row.querySelector("s") !== null,
  facts: row.querySelector(".hint").textContent,
  then: row.querySelector(".then").textContent,
}))"""


def vote(strategy, weight, reason):
    return {"strategy": strategy, "weight": weight, "reason": reason}


def interruption(t, decision, reason, *evidence, reply=1, **facts):
    """The effect and the note that the agent's trace has for it."""
    kind = {"effect": "Commit", "epoch": 1} if decision == "commit" else {"effect": "Resume", "rewind": "word"}
    told = {"participant": "user", "time_to_silence_ms": 34.6, "samples_dropped": 0, "heard": "once", "unheard": "upon"}
    return [
        {"t": t, "reply": reply, "reason": reason, **kind},
        {"t": t, "note": "InterruptionDecided", "reply": reply, "decision": decision, "reason": reason}
        | {"evidence": list(evidence), **told, **facts},
    ]


def hold(t, reply=1):
    return {"t": t, "effect": "Hold", "reply": reply, "participant": "user"}


SHORT = vote("length", 0.44, "0.22 s of clear speech")
COMMAND = vote("words", 1.0, EVIL)

CALL = [
    hold(1.0),
    *interruption(1.5, "resume", "only “uh-huh”", vote("length", 0.6, "0.30 s"), vote("words", -1.0, "only “uh-huh”")),
    hold(3.0),
    *interruption(3.5, "resume", "0.22 s of clear speech", SHORT),
    *interruption(4.0, "commit", EVIL, COMMAND, samples_dropped=96_000, unheard="upon <i>a</i> time"),
    {"t": 4.5, "effect": "BeginReply", "reply": 2, "epoch": 1, "answer": False, "continues": 1},
]


async def shown(edge, browser, records):
    """The page, once it has shown the records."""
    tab = await browser.tab()
    await tab.send("Page.addScriptToEvaluateOnNewDocument", source=SPY)
    await tab.open(edge.url)
    await tab.click("#talk")
    await tab.until("!['off', 'connecting'].includes(document.querySelector('#state').dataset.state)")
    for record in records:
        edge.observe(record)
    edge.observe({"t": 9.0, "effect": "RecordTurn", "participant": "user", "text": "the last"})
    await tab.until("document.querySelector('#captions').textContent.includes('the last')")
    return tab


async def test_each_interruption_says_why(edge):
    async with chromium(*MICROPHONE) as browser:
        tab = await shown(edge, browser, CALL)
        stop, short, uh_huh = await tab.run(ROWS)
        made = await tab.run("document.querySelectorAll('#decisions b, #decisions i').length")
        assert tab.console == []
    assert made == 0, "text is text, whatever is in it"
    assert (uh_huh["decision"], uh_huh["why"]) == ("resume", "only “uh-huh”")
    assert uh_huh["votes"] == [["length", "+0.60", "0.30 s"], ["words", "−1.00", "only “uh-huh”"]]
    assert uh_huh["figures"] == "silent after 35 ms · held 0.50 s"
    assert (uh_huh["facts"], uh_huh["struck"], uh_huh["then"]) == ("user · nothing dropped", False, "")
    assert (stop["decision"], stop["why"]) == ("commit", EVIL)
    assert (stop["heard"], stop["unheard"], stop["struck"]) == ("once", "upon <i>a</i> time", True)
    assert stop["facts"] == "user · 2.00 s dropped unplayed (96000 samples)"
    assert stop["figures"] == "silent after 35 ms", "it was not held any more"
    assert "Became an interruption later" in short["then"]
    # What was said of it is replaced by what it turned out to be.
    assert stop["then"] == "Was none: no words came, and the agent goes on with the rest."


async def test_what_was_refused_and_accepted_later_is_both(edge):
    # Neither an answer that is owed nor the rest of what broke off tells anything of the interruption.
    begun = {"t": 4.5, "effect": "BeginReply", "reply": 4, "epoch": 1, "answer": False}
    other = [begun | {"continues": continues} for continues in (0, 3)]
    async with chromium(*MICROPHONE) as browser:
        tab = await shown(edge, browser, [*CALL[:-1], *other])
        stop, short, uh_huh = await tab.run(ROWS)
    assert "Became an interruption later" in short["then"]
    assert "Was taken for none before" in stop["then"]
    assert uh_huh["then"] == ""


async def test_the_reason_stands_beside_its_mark(edge):
    async with chromium(*MICROPHONE) as browser:
        tab = await shown(edge, browser, [hold(1.0), *interruption(1.2, "commit", "a command: “stop”", COMMAND)])
        # The mark has to move away from the edge first, as the seconds pass.
        found = await tab.until(
            "window.written.findLast(([text]) => text.startsWith('a command')) && "
            "['commit', 'a command'].map((start) => window.written.findLast(([text]) => text.startsWith(start)))"
        )
    (_, mark, level), (_, why, beside) = found
    assert why > mark
    assert beside == level


async def test_records_of_an_older_agent_do_no_harm(edge):
    old = interruption(1.5, "commit", "enough speech")
    for key in ("evidence", "time_to_silence_ms", "samples_dropped", "unheard"):
        del old[1][key]
    async with chromium(*MICROPHONE) as browser:
        tab = await shown(edge, browser, [hold(1.0), *old])
        (row,) = await tab.run(ROWS)
        assert tab.console == []
    assert (row["why"], row["votes"], row["figures"]) == ("enough speech", [], "held 0.50 s")


async def test_only_the_latest_are_kept(edge):
    many = [record for n in range(30) for record in interruption(n, "resume", f"number {n}", reply=n)]
    async with chromium(*MICROPHONE) as browser:
        tab = await shown(edge, browser, many)
        rows = await tab.run(ROWS)
    assert [row["why"] for row in rows] == [f"number {n}" for n in range(29, 9, -1)]
