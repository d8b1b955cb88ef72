"""What the local edge serves and to whom, offers that are none, records for pages, the recorded caller."""

import asyncio
import io
import json
import re
import wave

import numpy as np
import pytest

from vision_agents.core.audio import PcmData
from vision_agents.plugins.local import Edge, feed, recorded_lines, site, switchboard
from vision_agents.plugins.local.feed import Feed
from vision_agents.plugins.local.page_files import page_files

from .browser_kit import AGENT, Caller, NotingSink, Page, tone_of

# The page.


async def test_the_page_and_all_that_it_asks_for_are_served(edge, http):
    async with http.get(edge.url) as response:
        text = await response.text()
        assert response.status == 200
        policy = response.headers["Content-Security-Policy"]
    parts = set(re.findall(r'(?:src|href)="([^"]+)"', text))
    assert {"app.js", "style.css", "icon.svg"} <= parts
    seen = set()
    while parts - seen:
        part = (parts - seen).pop()
        seen.add(part)
        async with http.get(f"{edge.url}/{part}") as response:
            assert response.status == 200, part
            assert response.content_type in ("text/javascript", "text/css", "image/svg+xml")
            parts |= {name.removeprefix("./") for name in re.findall(r'from "([^"]+)"', await response.text())}
    assert len([part for part in seen if part.endswith(".js")]) > 5
    assert "'unsafe" not in policy
    assert f"ws://{edge.url.removeprefix('http://')}" in policy


async def test_nothing_on_the_page_comes_from_elsewhere(edge, http):
    for part in page_files().values():
        addresses = re.findall(rb"""["'(]((?:https?:)?//[^"')\s]*)""", part.body)
        assert [a for a in addresses if a not in (b"http://www.w3.org/2000/svg",)] in (
            [],
            [b"http://localhost:${location.port}`"],
        )


@pytest.mark.parametrize("path", ["nothing.js", "..%2fedge.py", "page/index.html", "caller/question.wav"])
async def test_what_is_not_there_is_not_served(edge, http, path):
    async with http.get(f"{edge.url}/{path}") as response:
        assert response.status == 404


# Who may ask.


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8000", "Origin": "http://evil.example:8000"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "::::"},
    ],
)
async def test_other_sites_get_nothing(edge, http, headers):
    for method, path in (("GET", "/"), ("GET", "/records"), ("POST", "/offer")):
        async with http.request(method, edge.url + path, headers=headers) as response:
            assert response.status in (400, 403)
            assert response.status == 400 or "the one that the program printed" in (await response.json())["error"]


async def test_the_page_itself_may_ask_by_any_of_its_names(edge, http):
    for host in ("localhost", "127.0.0.1", "[::1]"):
        headers = {"Host": f"{host}:{edge.port}", "Origin": f"http://{host}:{edge.port}"}
        async with http.get(edge.url, headers=headers) as response:
            assert response.status == 200


# Offers.


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "an offer is JSON"),
        (b"[1]", "an offer is JSON"),
        (b"\xff\xfe", "an offer is JSON"),
        (b'{"type": "answer", "sdp": ""}', "an offer is JSON"),
        (b'{"type": "offer", "sdp": 5}', "an offer is JSON"),
        (b'{"type": "offer", "sdp": "hello"}', "exactly one audio stream"),
        (b'{"type": "offer", "sdp": "", "page": "99"}', "lost its connection"),
        (b'{"type": "offer", "sdp": "", "page": [1]}', "are strings"),
        (b'{"type": "offer", "sdp": "", "caller": 1}', "are strings"),
        (b'{"type": "offer", "sdp": "", "caller": "' + b"x" * 65 + b'"}', "at most 64"),
        (b"[" * 60_000, "an offer is JSON"),
    ],
)
async def test_a_bad_offer_is_answered_with_a_sentence(edge, http, sink, body, reason):
    async with http.post(f"{edge.url}/offer", data=body) as response:
        assert response.status in (400, 409)
        assert reason in (await response.json())["error"]
    assert sink.happened == []


async def test_an_endless_offer_is_cut_off(edge, http):
    async with http.post(f"{edge.url}/offer", data=b'{"sdp": "' + b"x" * site.MAX_BODY) as response:
        assert response.status == 413


async def test_an_offer_that_aiortc_refuses_is_answered_with_a_sentence(edge, http):
    caller = Caller()
    offer = (await caller.offer()).replace("opus", "polka")
    async with http.post(f"{edge.url}/offer", json={"type": "offer", "sdp": offer}) as response:
        assert response.status == 400
        assert "cannot be answered" in (await response.json())["error"]
    await caller.close()


# Records.


async def test_records_reach_the_page_of_the_call_in_order_and_no_other(edge, http):
    other, page, caller = await Page.open(edge, http), await Page.open(edge, http), Caller()
    edge.observe({"note": "UserTranscript", "text": "before there is a caller"})
    await caller.call(edge, http, page)
    await page.until(edge="call", state="connected")
    for number in range(100):
        edge.observe({"note": "ComponentFailed", "number": number})
    await page.until(note="ComponentFailed", number=99)
    assert [r["number"] for r in page.records if r.get("note") == "ComponentFailed"] == list(range(100))
    assert page.hello == {"edge": "hello", "agent": "Ada", "recorded": False, "workbench": True} | {
        "page": page.id,
        "key": page.key,
        "sole": True,
        "kept": False,
        "full": "",
    }
    assert len({page.id, other.id, page.key, other.key}) == 4
    await other.until(edge="place")
    assert [record["edge"] for record in other.records] == ["hello", "place"]
    await caller.close()


async def test_a_page_that_is_too_slow_loses_the_oldest_records_and_is_told_how_many():
    sent = asyncio.Queue()
    feed_ = Feed(sent.put)
    for number in range(feed.LIMIT + 25):
        feed_.put({"number": number})
    running = asyncio.create_task(feed_.run())
    batch = json.loads(await sent.get())
    running.cancel()
    assert batch[0] == {"edge": "lost", "records": 25}
    assert [record["number"] for record in batch[1:]] == list(range(25, feed.LIMIT + 25))


async def test_a_page_that_takes_nothing_is_given_up(monkeypatch):
    async def stuck(text):
        await asyncio.Event().wait()

    monkeypatch.setattr(feed, "SEND_TIMEOUT", 0.01)
    feed_ = Feed(stuck)
    feed_.put({})
    await feed_.run()


async def test_too_many_tabs_are_refused(edge, http, monkeypatch):
    monkeypatch.setattr(switchboard, "MAX_PAGES", -1)  # and two for the place that there is
    page = await Page.open(edge, http)
    async with http.get(f"{edge.url}/records") as response:
        assert response.status == 503
    await page.socket.close()


# The recorded caller.


def recorded(calls, error=None):
    async def caller(name):
        calls.append(name)
        if error and len(calls) == 1:
            raise error
        return PcmData(tone_of(5), 48_000)

    return caller


async def served_by(caller, http, paths):
    edge = Edge(port=0, caller=caller)
    await edge.join(AGENT, None, NotingSink())
    try:
        return [await answer_of(http, f"{edge.url}/caller/{path}.wav") for path in paths]
    finally:
        await edge.leave()


async def answer_of(http, url):
    async with http.get(url) as response:
        return response.status, await response.read()


async def test_the_recorded_caller_is_a_wav_made_once(http):
    calls = []
    answers = await served_by(recorded(calls), http, ["question", "question", "interruption", "weather"])
    assert [status for status, _ in answers] == [200, 200, 200, 404]
    assert calls == ["question", "interruption"]
    with wave.open(io.BytesIO(answers[0][1])) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 48_000)
        assert np.array_equal(np.frombuffer(file.readframes(file.getnframes()), "<i2"), tone_of(5))


async def test_a_recorded_caller_that_fails_says_so_and_is_tried_again(http, caplog):
    calls = []
    answers = await served_by(recorded(calls, ValueError("no voice")), http, ["question", "question"])
    assert [status for status, _ in answers] == [503, 200]
    assert b"could not be made: no voice" in answers[0][1]


async def test_a_recorded_caller_that_takes_too_long_is_given_up(http, monkeypatch, caplog):
    async def slow(name):
        await asyncio.Event().wait()

    monkeypatch.setattr(recorded_lines, "CALLER_TIMEOUT", 0.01)
    [(status, body)] = await served_by(slow, http, ["question"])
    assert status == 503
    assert b"TimeoutError" in body
