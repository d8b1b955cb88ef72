"""The page's server: each caller with an agent of their own, up to a limit; nothing of one is known to another."""

import asyncio
import io
import json
import wave
from dataclasses import replace

import numpy as np
import pytest

from vision_agents.core import Agent, User
from vision_agents.core.trace import replay
from vision_agents.plugins.local import PageServer, switchboard
from vision_agents.testing.parts import ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

from .browser_kit import PATIENCE, Caller, Page

LONG = " ".join(f"word{n}" for n in range(200))


class Agents:
    """Makes agents that talk for long, and keeps them."""

    def __init__(self):
        self.made = []
        self.fault = None
        self.slow = None
        self.unreachable = None

    async def __call__(self, edge):
        if self.slow is not None:
            await self.slow.wait()
        if self.fault is not None:
            raise self.fault
        agent = Agent(
            edge=edge,
            llm=ScriptedLLM([LONG]),
            agent_user=User("agent", "Ada"),
            stt=ScriptedSTT(["hello"]),
            tts=ToneTTS(),
            turn_detection=ScriptedDetector(),
        )
        if self.unreachable is not None:
            agent.stt.start = self._unreachable
        self.made.append(agent)
        return agent

    async def _unreachable(self):
        raise self.unreachable

    @property
    def closed(self):
        return [agent for agent in self.made if agent._closing is not None and agent._closing.done()]


@pytest.fixture
def agents():
    return Agents()


@pytest.fixture
async def serve(agents):
    servers = []

    async def start(**terms):
        server = PageServer(agents, port=0, **terms)
        servers.append(server)
        await server.start()
        return server

    yield start
    for server in servers:
        await server.close()


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def joined(server, http, key="", **more):
    """A page whose call is connected, and its caller."""
    page, caller = await Page.open(server, http, key), Caller()
    await caller.call(server, http, page, **more)
    await page.until(edge="call", state="connected")
    return page, caller


def notes(page):
    return [record for record in page.records if "edge" not in record]


async def test_callers_at_once_have_agents_of_their_own_and_hear_nothing_of_each_other(serve, agents, http):
    server = await serve()
    (first, ann), (second, bob) = await joined(server, http), await joined(server, http)
    assert len(agents.made) == 2
    saying = asyncio.create_task(agents.made[0].say("my credit card number is four"))
    await first.until(event="AudioStarted")
    await ann.hears(len(ann.heard) + 20)
    assert any(frame.any() for frame in ann.heard[-10:])
    await bob.hears(len(bob.heard) + 20)
    assert not any(frame.any() for frame in bob.heard)
    assert await saying
    assert [message.text for message in agents.made[0].conversation] == ["my credit card number is four"]
    assert list(agents.made[1].conversation) == []
    await agents.made[1].say("hello")
    await second.until(note="AgentTranscript", done=True)
    assert "credit" not in str(second.records)
    assert "credit" in str(first.records)
    await asyncio.gather(ann.close(), bob.close())


async def test_a_page_is_answered_by_the_connection_that_it_has(serve, agents, http):
    server = await serve(max_callers=1)
    page, caller = await Page.open(server, http), Caller()
    await page.socket.send_json({"do": "connect", "attempt": 1, "sdp": "nonsense"})
    assert "an offer" in (await page.until(edge="refused", do="connect", attempt=1))["error"]
    await page.socket.send_json({"do": "connect", "attempt": 2, "sdp": await caller.offer()})
    answer = await page.until(edge="answer", attempt=2)
    await caller.accept(answer["sdp"])
    await page.until(edge="call", state="connected", connection=answer["connection"], fresh=True)
    late = await Page.open(server, http)
    await late.socket.send_json({"do": "connect", "attempt": 1, "sdp": "v=0"})
    assert "taken" in (await late.until(edge="refused", attempt=1))["error"]
    # A page that goes with its offer leaves nothing behind.
    for text in ({"do": "hang up"}, {"do": "connect", "attempt": 3, "sdp": await Caller().offer()}):
        await page.socket.send_json(text)
    await page.socket.close()
    await until(lambda: not agents.made[0].participants)
    await caller.close()


async def test_the_limit_is_exact_and_told_in_a_sentence(serve, agents, http):
    server = await serve(max_callers=2)
    house, waiting = House(server), await Page.open(server, http)
    pages = [await Page.open(server, http) for _ in range(6)]
    callers = [Caller() for _ in pages]
    # All offers are answered before one of them is connected.
    answers = [await caller.ask(server, http, page) for caller, page in zip(callers, pages, strict=True)]
    assert {status for status, _ in answers} == {200}
    await asyncio.gather(*(caller.accept(a["sdp"]) for caller, (_, a) in zip(callers, answers, strict=True)))
    told = [
        await page.until_any(*({"edge": "call", "state": state} for state in ("connected", "failed"))) for page in pages
    ]
    assert sorted(record["state"] for record in told) == ["connected"] * 2 + ["failed"] * 4
    full = "All 2 places are taken. Try again in a moment."
    assert {record["error"] for record in told if record["state"] == "failed"} == {full}
    assert len(agents.made) == 2
    assert (await waiting.until(edge="place"))["full"] == full
    late = Caller()
    assert house.refused == 4
    assert await late.ask(server, http, waiting) == (503, {"error": full})
    assert house.refused == 5
    # A place is free as soon as somebody hangs up: nobody has to wait for what is kept for those who might come back.
    happy = next(page for page, record in zip(pages, told, strict=True) if record["state"] == "connected")
    await happy.socket.send_json({"do": "hang up"})
    await waiting.until(edge="place", full="")
    await late.call(server, http, waiting)
    await waiting.until(edge="call", state="connected")
    await until(lambda: len(agents.closed) == 1)
    assert len(agents.made) == 3
    await asyncio.gather(late.close(), *(caller.close() for caller in callers))


async def test_who_comes_back_goes_on_with_their_conversation_and_is_not_talked_at(serve, agents, http):
    server = await serve()
    page, caller = await joined(server, http)
    [agent] = agents.made
    saying = asyncio.create_task(agent.say(LONG))
    await page.until(event="AudioStarted")
    await caller.hears(60)
    await page.socket.close()
    await caller.close()
    assert await saying is False
    page, caller = await joined(server, http, page.key)
    assert page.hello["kept"] is True
    await caller.hears(30)
    assert not any(frame.any() for frame in caller.heard)
    assert agents.made == [agent]
    [said] = agent.conversation
    assert said.interrupted
    assert len(said.text) < len(LONG) / 2
    await caller.close()


@pytest.mark.parametrize("keep", [0.0, 0.2])
async def test_a_conversation_whose_caller_stays_away_is_forgotten(serve, agents, http, keep):
    server = await serve(keep=keep)
    page, caller = await joined(server, http)
    await page.socket.close()
    await until(lambda: agents.closed == agents.made)
    page, again = await joined(server, http, page.key)
    assert page.hello["kept"] is False
    assert (await page.until(edge="call", state="connected"))["fresh"] is True
    assert len(agents.made) == 2
    await asyncio.gather(caller.close(), again.close())


async def test_a_new_conversation_ends_the_one_before(serve, agents, http):
    server = await serve(max_callers=1)
    page, caller = await joined(server, http)
    again = Caller()
    _, answer = await again.ask(server, http, page, new=True)
    await again.accept(answer["sdp"])
    connected = await page.until(edge="call", state="connected", connection=answer["connection"])
    assert connected["fresh"] is True
    await until(lambda: agents.closed == agents.made[:1])
    assert len(agents.made) == 2
    assert agents.made[1].conversation is not agents.made[0].conversation
    await again.hears(3)
    await asyncio.gather(caller.close(), again.close())


async def test_a_vanished_browser_frees_its_place(serve, agents, http):
    """Its connection is dead, and the page's stream of records says so before WebRTC does."""
    server = await serve(max_callers=1)
    page, caller = await joined(server, http)
    # As a cable that is pulled: nothing is said, and nothing is answered.
    page.socket._response.connection.transport.abort()
    other = await Page.open(server, http)
    await other.until(edge="hello")
    await until(lambda: not server._front._open[0]._places[page.key].edge.present)
    _, late = await joined(server, http, other.key)
    assert len(agents.made) == 2
    await asyncio.gather(caller.close(), late.close())


async def test_an_agent_that_cannot_be_made_is_told_to_its_caller_and_costs_no_place(serve, agents, http, caplog):
    server = await serve(max_callers=1)
    agents.fault = RuntimeError("there is no such model")
    page, caller = await Page.open(server, http), Caller()
    await caller.call(server, http, page)
    failed = await page.until(edge="call", state="failed")
    assert failed["error"] == "The agent is not there: there is no such model."
    agents.fault = None
    _, other = await joined(server, http)
    await asyncio.gather(caller.close(), other.close())


async def test_an_agent_that_cannot_begin_is_told_to_its_caller(serve, agents, http, caplog):
    """It joins, and leaves again when a part of it does not start: why is known only then."""
    server = await serve(max_callers=1)
    agents.unreachable = ConnectionError("the recogniser cannot be reached.")
    page, caller = await Page.open(server, http), Caller()
    await caller.call(server, http, page)
    over = await page.until(edge="call", state="over")
    failed = await page.until(edge="call", state="failed")
    assert failed["connection"] == over["connection"]
    assert failed["error"] == "The agent is not there: the recogniser cannot be reached."
    agents.unreachable = None
    _, other = await joined(server, http)
    await asyncio.gather(caller.close(), other.close())


async def test_an_agent_that_takes_for_ever_to_come_is_given_up(serve, agents, http, monkeypatch, caplog):
    monkeypatch.setattr(switchboard, "START_TIMEOUT", 0.1)
    server = await serve(max_callers=1)
    agents.slow = asyncio.Event()
    page, caller = await Page.open(server, http), Caller()
    await caller.call(server, http, page)
    failed = await page.until(edge="call", state="failed")
    assert "did not come within" in failed["error"]
    agents.slow = None
    _, other = await joined(server, http)
    await asyncio.gather(caller.close(), other.close())


async def test_who_hangs_up_before_the_agent_is_there_leaves_nothing(serve, agents, http):
    server = await serve(max_callers=1)
    agents.slow = asyncio.Event()
    page, caller = await Page.open(server, http), Caller()
    await caller.call(server, http, page)
    await page.until(edge="place", kept=True)
    await page.socket.send_json({"do": "hang up"})
    await page.until(edge="place", kept=False)
    agents.slow = None
    _, other = await joined(server, http)
    assert len(agents.made) == 1
    await asyncio.gather(caller.close(), other.close())


async def test_what_is_no_agent_is_told(serve, http, caplog):
    async def nothing(edge):
        return "no agent"

    async def with_another_edge(edge):
        return await Agents()(edge=switchboard.CallerEdge())

    for create, says in ((nothing, "returned str"), (with_another_edge, "with another edge")):
        server = PageServer(create, port=0)
        async with server:
            page, caller = await Page.open(server, http), Caller()
            await caller.call(server, http, page)
            assert says in (await page.until(edge="call", state="failed"))["error"]
            await caller.close()


async def test_an_agent_that_ends_its_call_says_so_and_the_next_one_is_new(serve, agents, http):
    server = await serve()
    page, caller = await joined(server, http)
    await agents.made[0].close()
    await page.until(edge="call", state="over")
    await page.until(edge="place", kept=False)
    _, again = await joined(server, http, page.key)
    assert len(agents.made) == 2
    await asyncio.gather(caller.close(), again.close())


class House:
    """Refuses all beyond those in whose place they come, if it is told to, and counts whom it has refused."""

    def __init__(self, server):
        self.least, self.refused = 0, 0
        board = server._front._open[0]
        board._terms = replace(board._terms, refuse=self._refuse, refused=self._note)

    def _refuse(self, leaving):
        return "This machine is busy." if leaving < self.least else None

    def _note(self):
        self.refused += 1


async def test_callers_are_refused_for_reasons_of_the_house(serve, agents, http):
    """As where agents are late already: whoever is there stays, and nobody else comes."""
    server = await serve()
    page, caller = await joined(server, http)
    house, other = House(server), Caller()
    house.least = 1
    assert await other.ask(server, http) == (503, {"error": "This machine is busy."})
    assert house.refused == 1
    # Who has a conversation may have another in its place, if there is room for that, and keeps it if not.
    house.least = 2
    refused = Caller()
    assert (await refused.ask(server, http, page, new=True))[0] == 503
    assert house.refused == 2
    await caller.hears(len(caller.heard) + 10)
    house.least = 1
    again = Caller()
    _, answer = await again.ask(server, http, page, new=True)
    await again.accept(answer["sdp"])
    await page.until(edge="call", state="connected", connection=answer["connection"])
    await until(lambda: agents.closed == agents.made[:1])
    assert (len(agents.made), house.refused) == (2, 2)
    await asyncio.gather(*(each.close() for each in (caller, other, refused, again)))


async def test_who_is_refused_on_the_way_to_a_new_conversation_keeps_the_old_one(serve, agents, http):
    server = await serve()
    page, caller = await joined(server, http)
    house, again = House(server), Caller()
    _, answer = await again.ask(server, http, page, new=True)
    house.least = 2
    await again.accept(answer["sdp"])
    told = await page.until(edge="call", connection=answer["connection"], state="failed")
    assert told["error"] == "This machine is busy."
    await caller.hears(len(caller.heard) + 10)
    assert (len(agents.made), agents.closed, house.refused) == (1, [], 1)
    await asyncio.gather(caller.close(), again.close())


async def test_callers_who_are_given_up_for_others_are_counted(serve, http, monkeypatch):
    monkeypatch.setattr(switchboard, "MAX_WAITING", 2)
    server = await serve(max_callers=1)
    house, callers = House(server), [Caller() for _ in range(5)]
    assert [(await caller.ask(server, http))[0] for caller in callers] == [200] * 5
    assert house.refused == 3
    await asyncio.gather(*(caller.close() for caller in callers))


async def test_it_is_served_once_at_a_time_and_leaves_nothing_behind(agents, http):
    tasks = asyncio.all_tasks()
    server = PageServer(agents, port=0)
    async with server:
        with pytest.raises(RuntimeError, match="served already"):
            await server.start()
        pages = [await joined(server, http) for _ in range(2)]
        waiting = Caller()
        await waiting.ask(server, http)
    assert agents.closed == agents.made
    for page, caller in pages:
        await page.until(edge="call", state="over")
        await page.socket.close()
        await caller.close()
    await waiting.close()
    async with asyncio.timeout(PATIENCE):
        while left := asyncio.all_tasks() - tasks:
            await asyncio.wait(left)
    await server.close()


@pytest.mark.parametrize(("terms", "complaint"), [({"max_callers": 0}, "from 1 on"), ({"keep": -1.0}, "from 0 on")])
def test_terms_that_are_none_are_refused(agents, terms, complaint):
    with pytest.raises(ValueError, match=complaint):
        PageServer(agents, **terms)


# What is typed, and what is shown to a page that comes later.


async def test_what_is_typed_is_answered_and_interrupts(serve, http, agents):
    server = await serve()
    page, caller = await joined(server, http)
    agent = agents.made[0]
    saying = asyncio.create_task(agent.say(LONG))
    await page.until(event="AudioStarted")
    await page.socket.send_json({"do": "say", "text": "and the birds?"})
    told = await page.until(note="ResponseRequested", text="and the birds?")
    assert not await saying, "it was cut off"
    await page.until(note="AgentTranscript", reply=told["reply"])
    said = {message.text: message.participant for message in agent.conversation.messages}
    assert said["and the birds?"] == told["participant"] == "user/1", "somebody said it, as with the voice"
    await caller.close()


async def test_what_code_asks_for_is_not_shown_to_the_caller(serve, http, agents):
    server = await serve()
    page, caller = await joined(server, http)
    asking = asyncio.create_task(agents.made[0].simple_response("Greet the user."))
    await page.until(note="AgentTranscript")
    assert "Greet the user." not in str(page.records)
    await caller.close()
    await server.close()
    assert await asking is False


async def test_a_page_is_told_what_cannot_be_done(serve, http):
    server = await serve()
    page = await Page.open(server, http)
    for message, error in (('{"do": "say", "text": "hello"}', "press Talk first"), ("hello", "a message is JSON")):
        await page.socket.send_str(message)
        refused = await page.until(edge="refused")
        assert error in refused["error"]
        page.records.remove(refused)


async def test_a_page_that_is_opened_again_is_shown_what_was_said(serve, http, agents):
    server = await serve()
    page, caller = await joined(server, http)
    await agents.made[0].say("Nothing of it is lost.")
    await page.socket.close()
    again = await Page.open(server, http, page.key)
    past = await again.until(edge="past")
    assert [record for record in past["records"] if record.get("note") == "AgentTranscript"][-1]["heard"].endswith(
        "lost."
    )
    stranger = await Page.open(server, http)
    assert [record["edge"] for record in stranger.records] == ["hello"]
    await caller.close()


# The workbench.


async def test_the_workbench_is_of_ones_own_conversation(serve, http, agents):
    server = await serve()
    page, caller = await joined(server, http)
    stranger = await Page.open(server, http)
    told = await page.until(edge="settings")
    assert told["instructions"] == ""
    page.records.remove(told)
    await page.socket.send_json({"do": "change", "policy": {"commit_speech": "0.3"}, "instructions": "Be brief."})
    told = await page.until(edge="settings")
    assert (agents.made[0].policy.commit_speech, agents.made[0].instructions) == (0.3, "Be brief.")
    await agents.made[0].say("Kept is what was heard.")
    await caller.hears(len(caller.heard) + 10)
    files = {}
    for name in ("trace.jsonl", "call.wav", "report.html"):
        async with http.get(f"{server.url}/call/{name}", params={"page": page.id}) as response:
            assert response.status == 200, await response.text()
            files[name] = await response.read()
    records = [json.loads(line) for line in files["trace.jsonl"].splitlines()]
    assert records[0]["words"], "the trace is whole"
    assert list(replay(records)) == []
    with wave.open(io.BytesIO(files["call.wav"])) as recording:
        assert (recording.getnchannels(), recording.getframerate()) == (2, 48_000)
        sound = np.frombuffer(recording.readframes(recording.getnframes()), np.int16).reshape(-1, 2)
    assert np.abs(sound).max(axis=0).min() > 1000, "both sides are on it"
    assert b"Kept is what was heard." in files["report.html"]
    for asked, status in ((stranger.id, 404), ("guessed", 409)):
        async with http.get(f"{server.url}/call/call.wav", params={"page": asked}) as response:
            assert response.status == status
    async with http.get(f"{server.url}/call/..%2fkey", params={"page": page.id}) as response:
        assert response.status == 404
    async with http.post(f"{server.url}/replay", data=files["trace.jsonl"]) as response:
        assert (await response.json())["policy"]
    await page.socket.send_json({"do": "hang up"})
    await caller.close()


async def test_without_a_workbench_nothing_of_it_is_to_be_had(serve, http, agents):
    server = await serve(workbench=False)
    page, caller = await joined(server, http)
    assert not page.hello["workbench"]
    await page.socket.send_json({"do": "change", "instructions": "Be rude."})
    assert "no workbench" in (await page.until(edge="refused"))["error"]
    assert agents.made[0].instructions == ""
    assert not any(record.get("edge") == "settings" for record in page.records)
    for method, path in (("GET", "call/trace.jsonl"), ("POST", "replay")):
        async with http.request(method, f"{server.url}/{path}", params={"page": page.id}) as response:
            assert response.status == 403
    await caller.close()


async def test_what_is_kept_stays_after_the_end_and_goes_with_the_server(serve, http, agents):
    server = await serve(keep=0.0)
    page, caller = await joined(server, http)
    place = next(iter(server._front._open[0]._places.values())).edge.kept._folder.path
    await page.socket.send_json({"do": "hang up"})
    await until(lambda: len(agents.closed) == 1)
    async with http.get(f"{server.url}/call/trace.jsonl", params={"page": page.id}) as response:
        assert b"CallEnded" in (await response.read()).splitlines()[-1]
    await caller.close()
    await server.close()
    assert not place.exists()


async def test_what_is_kept_of_others_goes_when_it_is_too_much(serve, http, agents, monkeypatch):
    server = await serve(keep=0.0)
    ended = server._front._open[0]._ended

    async def asks(page):
        async with http.get(f"{server.url}/call/trace.jsonl", params={"page": page.id}) as response:
            return response.status

    (first, ann), (second, bob) = await joined(server, http), await joined(server, http)
    await first.socket.send_json({"do": "hang up"})
    await until(lambda: len(ended) == 1)
    assert await asks(first) == 200
    size = ended[first.key].size
    assert size > 1000
    monkeypatch.setattr(switchboard, "MAX_ENDED", size * 3 // 2)
    await second.socket.send_json({"do": "hang up"})
    await until(lambda: second.key in ended)
    assert (await asks(first), await asks(second)) == (404, 200)
    await asyncio.gather(ann.close(), bob.close())
