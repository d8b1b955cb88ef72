"""The local edge: browsers that come, go, take over and fail; how it begins and ends; nothing is left behind."""

import asyncio
import errno
import re
import socket
import threading

import pytest

from vision_agents.core import InterruptionPolicy
from vision_agents.core.address import AddressError
from vision_agents.core.participants import User
from vision_agents.plugins.local import Edge, caller_edge, front, rtc, switchboard, terms
from vision_agents.plugins.local.caller_edge import CallerEdge
from vision_agents.plugins.local.protocol import MAX_TYPED
from vision_agents.plugins.local.server import check_address, outward_address

from .browser_kit import AGENT, PATIENCE, Caller, NotingSink, Page, loudness, tone_of

# A call.


async def test_both_hear_each_other(edge, http, sink):
    caller = Caller(tone_of(75))
    who = await caller.call(edge, http)
    heard = await caller.hears(50)
    assert loudness(heard[-24_000:]) == pytest.approx(8000 / 2**0.5, rel=0.05)
    # The last frames are not held back for others to come: there are none.
    await sink.until(lambda: len(sink.samples(who)) >= 74 * 960)
    assert loudness(sink.samples(who)[-24_000:]) == pytest.approx(10_000 / 2**0.5, rel=0.05)
    assert sink.happened == [f"{who} joined"]
    await caller.close()
    await sink.until(lambda: f"{who} left" in sink.happened)
    assert "ended: None" not in sink.happened


async def test_a_lost_packet_costs_no_delay_and_no_time(edge, http, sink):
    caller = Caller(tone_of(60))
    transport = caller.connection.getSenders()[0].transport
    send, count = transport._send_rtp, 0

    async def losing(data):
        nonlocal count
        is_sound = data[1] & 0x7F < 64 or data[1] & 0x7F > 95
        count += is_sound
        if not (is_sound and count in (20, 21, 40)):
            await send(data)

    transport._send_rtp = losing
    who = await caller.call(edge, http)
    # All that was sent arrives and the lost 60 ms too, as silence; with a frame's worth of slack for the encoder.
    await sink.until(lambda: len(sink.samples(who)) >= 59 * 960)
    assert count >= 59
    whole = sink.samples(who).reshape(-1, 960)
    assert [index for index, frame in enumerate(whole[5:], 5) if not frame.any()] == [19, 20, 39]
    await caller.close()


async def test_the_browser_may_hide_its_address(edge, http, sink):
    caller = Caller()
    offer = re.sub(r"(a=candidate:\S+ \d \S+ \d+ )\S+", r"\1b8f5d3c2-0000.local", await caller.offer())
    async with http.post(f"{edge.url}/offer", json={"type": "offer", "sdp": offer}) as response:
        await caller.accept((await response.json())["sdp"])
    await sink.until(lambda: sink.happened)
    await caller.close()


@pytest.mark.parametrize(("private", "everywhere"), [(True, False), (False, True)])
async def test_a_call_on_loopback_has_no_port_outside_of_it(private, everywhere):
    """Elsewhere it has both, since a browser on this machine may know no other address."""
    caller, edge = Caller(), CallerEdge(private=private)
    answer = await edge.answer(await caller.offer())
    addresses = set(re.findall(r"a=candidate:\S+ \d \S+ \d+ (\S+) ", answer.sdp))
    assert "127.0.0.1" in addresses
    assert (len(addresses) > 1) is (everywhere and outward_address() != "127.0.0.1")
    await asyncio.gather(edge.leave(), caller.close())


async def test_a_browser_that_cannot_be_reached_is_told(edge, http, sink, monkeypatch):
    monkeypatch.setattr(rtc, "CONNECT_TIMEOUT", 0.1)
    page, caller = await Page.open(edge, http), Caller()
    _, answer = await caller.ask(edge, http, page)
    record = await page.until(edge="call", state="failed")
    assert record["connection"] == answer["connection"]
    assert "could not be reached" in record["error"]
    assert sink.happened == []
    await caller.close()


async def test_hanging_up_is_told_to_the_page(edge, http, sink):
    page, caller = await Page.open(edge, http), Caller()
    who = await caller.call(edge, http, page)
    connected = await page.until(edge="call", state="connected", agent="Ada", fresh=True)
    await page.until(edge="place", kept=True)
    await page.socket.send_json({"do": "hang up"})
    await page.until(edge="call", state="over", connection=connected["connection"])
    assert sink.happened == [f"{who} joined", f"{who} left"]
    await caller.close()


async def test_a_closed_tab_leaves_the_call_in_mid_answer_and_its_caller_may_come_back(edge, http, sink):
    page, caller = await Page.open(edge, http), Caller()
    who = await caller.call(edge, http, page)
    await caller.hears(5)
    await page.socket.close()
    await sink.until(lambda: f"{who} left" in sink.happened)
    pulled = sink.pulled
    await caller.close()
    page, caller = await Page.open(edge, http, page.key), Caller()
    assert page.hello["kept"] is True
    await caller.call(edge, http, page)
    await caller.hears(5)
    await page.until(edge="call", state="connected", fresh=False)
    assert sink.happened == ["user/1 joined", "user/1 left", "user/2 joined"]
    assert sink.pulled > pulled
    await caller.close()


async def test_the_callers_newest_tab_takes_over_and_the_old_page_is_told(edge, http, sink):
    first, old = await Page.open(edge, http), Caller()
    await old.call(edge, http, first)
    await sink.until(lambda: sink.happened)
    second, new = await Page.open(edge, http, first.key), Caller()
    await new.call(edge, http, second)
    await second.until(edge="call", state="connected")
    await first.until(edge="call", state="taken over")
    assert sink.happened == ["user/1 joined", "user/1 left", "user/2 joined"]
    heard = len(sink.samples("user/1"))
    await new.hears(20)
    await sink.until(lambda: len(sink.samples("user/2")) > 9600)
    assert len(sink.samples("user/1")) == heard, "the one before is no longer heard"
    await asyncio.gather(old.close(), new.close())


@pytest.mark.parametrize("there", [True, False])
async def test_nobody_else_comes_into_the_conversation_also_when_its_caller_is_gone(edge, http, sink, there):
    page, caller = await Page.open(edge, http), Caller()
    other = await Page.open(edge, http)
    assert other.hello["full"] == ""
    await caller.call(edge, http, page)
    await other.until(edge="place", full=terms.TAKEN)
    if not there:
        await page.socket.close()
        await caller.close()
        await sink.until(lambda: "user/1 left" in sink.happened)
    late = await Page.open(edge, http)
    assert late.hello["full"] == terms.TAKEN
    for asking, more in ((other, {}), (late, {"new": True}), (None, {}), (None, {"caller": "somebody"})):
        stranger = Caller()
        status, answer = await stranger.ask(edge, http, asking, **more)
        assert (status, answer) == (503, {"error": terms.TAKEN})
        await stranger.close()
    edge.observe({"note": "UserTranscript", "text": "my number is 4"})
    assert len(sink.happened) == (1 if there else 2)
    leaving = asyncio.create_task(edge.leave())
    for stranger in (other, late):
        await stranger.to_the_end()
        assert {record["edge"] for record in stranger.records} <= {"hello", "place"}
    await leaving
    await caller.close()


async def test_two_who_come_at_once_do_not_both_get_the_agent(edge, http, sink):
    pages = [await Page.open(edge, http) for _ in range(2)]
    callers = [Caller(), Caller()]
    answers = [await caller.ask(edge, http, page) for caller, page in zip(callers, pages, strict=True)]
    assert [status for status, _ in answers] == [200, 200]
    await callers[0].accept(answers[0][1]["sdp"])
    await pages[0].until(edge="call", state="connected")
    await callers[1].accept(answers[1][1]["sdp"])
    assert (await pages[1].until(edge="call", state="failed"))["error"] == terms.TAKEN
    assert sink.happened == ["user/1 joined"]
    await asyncio.gather(*(caller.close() for caller in callers))


async def test_a_call_that_never_connects_takes_nothing_over(edge, http, sink):
    page, caller, other = await Page.open(edge, http), Caller(), Caller()
    await caller.call(edge, http, page)
    await caller.hears(3)
    assert (await other.ask(edge, http, page))[0] == 200
    await caller.hears(len(caller.heard) + 10)
    assert sink.happened == ["user/1 joined"]
    await asyncio.gather(caller.close(), other.close())


async def test_offers_that_never_connect_lock_nobody_out(edge, http, sink):
    lost = [Caller() for _ in range(switchboard.MAX_WAITING + 4)]
    for caller in lost:
        assert (await caller.ask(edge, http))[0] == 200
    caller = Caller()
    await caller.call(edge, http, caller="me")
    await caller.hears(3)
    # Nor do they cost a call that is under way.
    for other in lost:
        assert (await other.ask(edge, http, caller="me"))[0] == 200
    await caller.hears(len(caller.heard) + 10)
    assert sink.happened == ["user/1 joined"]
    await asyncio.gather(caller.close(), *(other.close() for other in lost))


async def test_an_offer_that_takes_for_ever_is_given_up(monkeypatch):
    async def hanging(self, offer):
        await asyncio.Event().wait()

    monkeypatch.setattr(caller_edge, "OFFER_TIMEOUT", 0.01)
    monkeypatch.setattr(rtc.BrowserCall, "answer", hanging)
    edge = CallerEdge()
    with pytest.raises(rtc.OfferError, match="could not be answered within"):
        await edge.answer("")
    await edge.leave()


async def test_only_a_few_typed_texts_wait_for_their_answers(edge, http):
    class Slow:
        """An agent that has not answered yet."""

        def __init__(self):
            self.instructions, self.policy, self.tts, self.asked = "", InterruptionPolicy(), None, []

        async def simple_response(self, text, *, participant):
            self.asked.append((text, participant.user_id))
            await asyncio.Event().wait()

    slow, caller, page = Slow(), Caller(), await Page.open(edge, http)
    edge.lend(slow)
    await caller.call(edge, http, page)
    await page.until(edge="call", state="connected")
    for number in range(MAX_TYPED + 1):
        await page.socket.send_json({"do": "say", "text": str(number)})
    assert "wait for their answers" in (await page.until(edge="refused"))["error"]
    assert slow.asked == [(str(number), "user") for number in range(MAX_TYPED)]
    await caller.close()


async def test_an_agent_that_cannot_take_the_audio_ends_the_call_and_says_so(http, caplog):
    class Deaf(NotingSink):
        def audio(self, audio, participant):
            raise ValueError("no ears")

    sink = Deaf()
    edge = Edge(port=0)
    await edge.join(AGENT, None, sink)
    page, caller = await Page.open(edge, http), Caller()
    await caller.call(edge, http, page)
    record = await page.until(edge="call", state="failed")
    assert "no ears" in record["error"]
    assert sink.happened == ["user/1 joined", "user/1 left"]
    await caller.close()
    await edge.leave()


async def test_nothing_is_left_behind(http):
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    sink, edge = NotingSink(), Edge(port=0)
    await edge.join(AGENT, None, sink)
    for leaves in ("page", "caller", "neither"):
        page, caller = await Page.open(edge, http, "me"), Caller()
        await caller.call(edge, http, page)
        await caller.hears(3)
        if leaves == "page":
            await page.socket.close()
        elif leaves == "caller":
            await caller.close()
        if leaves != "neither":
            await sink.until(lambda: sink.happened[-1].endswith("left"))
    leaving = asyncio.create_task(edge.leave())
    await page.socket.receive()  # The page hears of it.
    await leaving
    await caller.close()
    left = asyncio.all_tasks() - tasks - {leaving}
    assert not left, left
    # The threads of the loop's executor belong to the loop.
    assert not [t for t in set(threading.enumerate()) - threads if not t.name.startswith("asyncio")]
    assert sink.happened.count("user/3 left") == 1


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.005, 0.01, 0.02, 0.03, 0.05])
async def test_nothing_is_left_behind_wherever_the_connecting_is_cut_off(http, delay):
    tasks = asyncio.all_tasks()
    edge, caller = Edge(port=0), Caller()
    await edge.join(AGENT, None, NotingSink())
    await caller.call(edge, http)
    await asyncio.sleep(delay)
    await edge.leave()
    await caller.close()
    async with asyncio.timeout(PATIENCE):
        while left := asyncio.all_tasks() - tasks:
            await asyncio.wait(left)


# Beginning and end.


async def test_a_port_in_use_is_named_and_so_is_the_way_out():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        edge = Edge(port=port)
        for attempt in (
            lambda: edge.join(AGENT, None, NotingSink()),
            lambda: asyncio.to_thread(check_address, "127.0.0.1", port),
        ):
            with pytest.raises(AddressError, match=rf"port {port} .* in use.*--port"):
                await attempt()
    # It was not the edge's fault: once the port is free, it can be used.
    await edge.join(AGENT, None, NotingSink())
    await edge.leave()


@pytest.mark.parametrize("host", ["192.0.2.99", "no-such-host.invalid"])
async def test_a_host_that_is_not_this_machine_is_named(host):
    with pytest.raises(AddressError, match=rf"{host}.*--host"):
        await Edge(host).join(AGENT, None, NotingSink())
    with pytest.raises(AddressError, match=rf"{host}.*--host"):
        check_address(host, 0)


def test_a_port_for_the_administrator_is_explained(monkeypatch):
    def refuse(self, address):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(AddressError, match=r"port 80 .*above 1023"):
        check_address("127.0.0.1", 80)


async def test_an_edge_is_in_one_call_at_a_time(edge):
    with pytest.raises(RuntimeError, match="one agent"):
        await edge.join(AGENT, None, NotingSink())


async def test_it_may_leave_twice_and_join_again(http):
    edge = Edge(port=0)
    await edge.leave()
    for name in ("Ada", "Grace"):
        await edge.join(User("agent", name), None, NotingSink())
        page = await Page.open(edge, http)
        assert (await page.until(edge="hello"))["agent"] == name
        await edge.leave()
        await edge.leave()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("localhost", "http://localhost:8000"),
        ("::1", "http://[::1]:8000"),
        ("0.0.0.0", f"http://{outward_address()}:8000/?token=secret"),
        ("", f"http://{outward_address()}:8000/?token=secret"),
        ("::", f"http://[{outward_address(socket.AF_INET6)}]:8000/?token=secret"),
    ],
)
def test_the_url_can_be_opened(host, url, monkeypatch):
    monkeypatch.setattr(front, "new_token", lambda: "secret")
    assert Edge(host).url == url
