"""The page of a cluster, without Ray's processes and WebRTC: what pages are told, where conversations go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("ray")
pytest.importorskip("aiortc")

from ray.exceptions import RayActorError

from vision_agents.plugins.local import caller_edge, rtc
from vision_agents.plugins.local.pages import CLOSED
from vision_agents.plugins.local.protocol import MAX_BODY, MAX_TYPED, TYPED
from vision_agents.plugins.local.refused import RefusedError
from vision_agents.serving.rate import RateLimit
from vision_agents.serving.ray import page as pages
from vision_agents.serving.ray.page import ClusterPages
from vision_agents.serving.ray.registry import Registry

from ..kit import scripted, until
from .test_dispatch import Items, cluster

pytestmark = pytest.mark.virtual_time


class Mortal(Items):
    """The stream of a host that may die."""

    made: list[Mortal]

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        Mortal.made.append(self)

    async def __anext__(self) -> Any:
        item = await super().__anext__()
        if isinstance(item, RayActorError):
            raise item
        return item

    def die(self) -> None:
        self._queue.put_nowait(RayActorError())


class Browser:
    """The agent's end of a connection to a browser, without WebRTC."""

    made: list[Browser]

    def __init__(self, participant: Any, listener: Any, *, private: bool) -> None:
        self.participant, self._listener = participant, listener
        self.closed = False
        Browser.made.append(self)

    async def answer(self, offer: str) -> str:
        await asyncio.sleep(0.01)
        return f"answer to {offer}"

    def serve(self, sink: Any) -> None:
        """Sound flows."""

    def mute(self) -> None:
        """It stops."""

    async def close(self) -> None:
        self.closed = True

    def comes(self) -> None:
        self._listener.connected(self)

    def goes(self, error: str | None = None) -> None:
        self._listener.over(self, error)


class Tab:
    """A page at one front."""

    def __init__(self, front: ClusterPages, key: str = "") -> None:
        self.records: list[dict[str, Any]] = []
        self._front = front
        self._page = front.open(self._send, tab=key)
        self._sending = asyncio.create_task(self._page.feed.run())
        self._attempts = 0

    async def _send(self, text: str) -> None:
        self.records += json.loads(text)

    def does(self, what: str, **more: Any) -> None:
        self._front.take(self._page, json.dumps({"do": what, **more}))

    async def told(self, **fields: Any) -> dict[str, Any]:
        found = lambda: [record for record in self.records if fields.items() <= record.items()]  # noqa: E731
        await until(found, 60.0)
        return found()[-1]

    async def hello(self) -> dict[str, Any]:
        return await self.told(edge="hello")

    async def offers(self, **more: Any) -> dict[str, Any]:
        """Offer; returns the answer, or why there is none."""
        self._attempts += 1
        self.does("connect", attempt=self._attempts, sdp=f"offer {self._attempts}", **more)
        return await self.told(attempt=self._attempts)

    async def calls(self, **more: Any) -> dict[str, Any]:
        """Offer, and come; returns what is told of the connection."""
        answer = await self.offers(**more)
        assert answer["sdp"] == f"answer to offer {self._attempts}", answer
        Browser.made[-1].comes()
        return await self.told(edge="call", state="connected", connection=answer["connection"])

    def closes(self) -> None:
        self._sending.cancel()
        self._front.close_page(self._page)


async def agent_of(edge: Any) -> Any:
    return scripted(edge)


@asynccontextmanager
async def fleet(monkeypatch: pytest.MonkeyPatch, *ways: type[Items], create: Any = agent_of) -> AsyncIterator[Any]:
    """Hosts, and two fronts with pages."""
    monkeypatch.setattr(caller_edge, "BrowserCall", Browser)
    monkeypatch.setattr(rtc, "check_offer", lambda offer: None)
    Browser.made, Mortal.made = [], []
    async with cluster(monkeypatch, *(ways or (Mortal, Mortal)), create=create) as there:
        there.pages = [ClusterPages(each, RateLimit(20.0, 200)) for each in (there.dispatch, there.front(there.handle))]
        there.agents = lambda: [
            session.agent for host in there.hosts for session in host._calls.sessions.values() if session.agent
        ]
        yield there
        for each in there.pages:
            await each.close()


async def empty(there: Any) -> None:
    await until(lambda: not any(host._calls.sessions for host in there.hosts))
    await asyncio.sleep(1.5)
    assert not there.registry._book.sessions


async def test_pages_see_their_own_calls_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fleet(monkeypatch) as there:
        ann, bob = Tab(there.pages[0]), Tab(there.pages[1])
        assert (await ann.hello())["kept"] is False
        for tab in (ann, bob):
            assert (await tab.calls())["fresh"] is True
            assert (await tab.told(edge="place"))["kept"] is True
        assert [len(agent.participants) for agent in there.agents()] == [1, 1]
        await there.agents()[0].say("my credit card number is four")
        await ann.told(note="AgentTranscript", done=True)
        assert "credit" in str(ann.records)
        assert "credit" not in str(bob.records)
        # Neither key is in a name that logs and figures tell.
        assert (await ann.hello())["key"] not in str(list(there.registry._book.sessions.values()))
        for tab in (ann, bob):
            tab.does("hang up")
        await empty(there)
        assert all(browser.closed for browser in Browser.made)


@pytest.mark.parametrize("way", ["hang up", "closed", "gone", "front"])
async def test_who_comes_back_to_another_front_goes_on(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    async with fleet(monkeypatch) as there:
        tab = Tab(there.pages[0])
        key = (await tab.hello())["key"]
        await tab.calls()
        there.agents()[0].conversation.user_said("My name is Ann.", "1")
        if way == "hang up":
            tab.does("hang up")
        elif way == "closed":
            tab.closes()
        elif way == "gone":
            Browser.made[0].goes("the connection to the browser broke")
            assert (await tab.told(edge="call", state="failed"))["error"]
        else:
            # The front is dead: nobody has hung up, and what was said is known by reports.
            await asyncio.sleep(1.5)
        if way != "front":
            await empty(there)
        again = Tab(there.pages[1], key)
        assert (await again.hello())["kept"] is True
        assert (await again.calls())["fresh"] is False
        (agent,) = there.agents()
        assert [message.text for message in agent.conversation] == ["My name is Ann."]
        # Who wants a new one has it.
        assert (await again.calls(new=True))["fresh"] is True
        (agent,) = there.agents()
        assert not list(agent.conversation)
        again.closes()
        await empty(there)
        # And the one before is not what is kept.
        assert (await Tab(there.pages[0], key).hello())["kept"] is False


async def test_the_page_of_a_dead_host_is_told_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fleet(monkeypatch) as there:
        tab = Tab(there.pages[0])
        before = await tab.calls()
        there.agents()[0].conversation.user_said("My name is Ann.", "1")
        await asyncio.sleep(1.5)
        await there.hosts[0]._tasks.close()
        Mortal.made[0].die()
        lost = await tab.told(edge="call", state="lost")
        assert (lost["connection"], "died" in lost["error"]) == (before["connection"], True)
        assert (await tab.calls())["fresh"] is False
        agent = there.agents()[-1]
        assert [message.text for message in agent.conversation] == ["My name is Ann."]


async def test_the_page_of_a_dead_host_waits_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fleet(monkeypatch) as there:
        tab = Tab(there.pages[0])
        await tab.hello()
        await there.registry.drain(there.hosts[0]._release)
        began = asyncio.get_running_loop().time()
        assert "No further call" in (await tab.offers())["error"]
        assert asyncio.get_running_loop().time() - began < 1.0
        asyncio.get_running_loop().call_later(10.0, setattr, there.registry, "_drained", None)
        assert (await tab.calls(patient=True))["fresh"] is True
        await there.registry.drain(there.hosts[0]._release)
        assert "No further call" in (await tab.offers(patient=True))["error"]
        # Who goes meanwhile is waited for by nobody.
        tab.does("connect", attempt=100, sdp="v=0", patient=True)
        await asyncio.sleep(3.0)
        tab.closes()
        there.registry._drained = None
        await empty(there)


async def test_the_page_of_a_dead_host_is_told_also_where_the_registry_died_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with fleet(monkeypatch) as there:
        tab = Tab(there.pages[0])
        before = await tab.calls()

        async def gone(*_: Any) -> None:
            raise RayActorError

        monkeypatch.setattr(there.dispatch._registry, "ask", gone)
        Mortal.made[0].die()
        assert (await tab.told(edge="call", state="lost"))["connection"] == before["connection"]


async def test_a_call_of_a_host_that_stood_still_is_told_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fleet(monkeypatch) as there:
        tab = Tab(there.pages[0])
        before = await tab.calls()
        there.agents()[0].conversation.user_said("My name is Ann.", "1")
        await asyncio.sleep(1.5)
        # By its next poll the host is there again, and told to let go of the call.
        there.registry._bury("host 0", "the process that held it is dead, or hangs")
        lost = await tab.told(edge="call", state="lost")
        assert (lost["connection"], "hangs" in lost["error"]) == (before["connection"], True)
        assert (await tab.calls(patient=True))["fresh"] is False


async def test_a_call_goes_on_where_nobody_can_take_it_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fleet(monkeypatch) as there:
        first = Tab(there.pages[0])
        await first.calls()
        (agent,) = there.agents()
        second = Tab(there.pages[1], (await first.hello())["key"])
        await second.hello()
        await there.registry.drain(there.hosts[0]._release)
        for new in (False, True):
            assert "No further call is taken" in (await second.offers(new=new))["error"]
        await asyncio.sleep(5.0)
        assert there.agents() == [agent]


def failing_by(fault: list[Exception]) -> Callable[[Any], Awaitable[Any]]:
    """Returns what creates agents, unless there is a fault to raise."""

    async def create(edge: Any) -> Any:
        if fault:
            raise fault[0]
        return scripted(edge)

    return create


async def test_a_new_conversation_that_does_not_begin_leaves_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    fault: list[Exception] = []
    async with fleet(monkeypatch, create=failing_by(fault)) as there:
        tab = Tab(there.pages[0])
        await tab.calls()
        there.agents()[0].conversation.user_said("My name is Ann.", "1")
        fault.append(ValueError("there is no key"))
        assert "there is no key" in (await tab.offers(new=True))["error"]
        fault.clear()
        assert (await tab.calls())["fresh"] is False
        (agent,) = there.agents()
        assert [message.text for message in agent.conversation] == ["My name is Ann."]


async def test_too_much_of_a_page_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fleet(monkeypatch) as there:
        tab = Tab(there.pages[0])
        await tab.calls()
        ask = there.dispatch._registry.ask

        async def late(*asked: Any) -> Any:
            await asyncio.sleep(5.0)
            return await ask(*asked)

        monkeypatch.setattr(there.dispatch._registry, "ask", late)
        began = asyncio.get_running_loop().time()
        for number in range(MAX_TYPED + 1):
            tab.does("say", text=f"Hello {number}?")
        assert (await tab.told(edge="refused", do="say"))["error"] == TYPED
        assert asyncio.get_running_loop().time() - began < 1.0, "so many were sent to the registry"
        await tab.told(note="ResponseRequested", text=f"Hello {MAX_TYPED - 1}?")
        monkeypatch.setattr(there.dispatch._registry, "ask", ask)
        tab.does("say", text="Now?")
        await tab.told(note="ResponseRequested", text="Now?")
        # And who connects again and again.
        for attempt in range(1000, 1201):
            tab.does("connect", attempt=attempt, sdp="v=0")
        assert "too often" in (await tab.told(attempt=1200))["error"]
        tab.closes()
        await empty(there)


async def test_the_newest_of_two_tabs_with_one_key_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fleet(monkeypatch) as there:
        first = Tab(there.pages[0])
        mine = await first.calls()
        second = Tab(there.pages[1], (await first.hello())["key"])
        await second.calls()
        assert (await first.told(edge="call", state="taken over"))["connection"] == mine["connection"]
        assert len(there.agents()) == 1
        await first.calls()
        await second.told(edge="call", state="taken over")
        # By the same page it is only the next one.
        await first.calls()
        first.does("hang up")
        await empty(there)
        assert [record["state"] for record in first.records if record.get("edge") == "call"].count("taken over") == 1


@pytest.mark.parametrize("after", [0.0, 0.005, 0.03, 0.1, 0.5])
@pytest.mark.parametrize("way", ["closed", "hang up", "offers again"])
async def test_who_goes_in_mid_offer_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, after: float, way: str
) -> None:
    async def slowly(edge: Any) -> Any:
        await asyncio.sleep(0.2)
        return scripted(edge)

    async with fleet(monkeypatch, create=slowly) as there:
        tab = Tab(there.pages[0])
        await tab.hello()
        tab.does("connect", attempt=100, sdp="v=0")
        await asyncio.sleep(after)
        if way == "offers again":
            await tab.calls()
            assert len(there.agents()) == 1
        if way == "hang up":
            tab.does("hang up")
        else:
            tab.closes()
        await empty(there)


async def test_what_is_typed_is_answered_by_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fleet(monkeypatch) as there:
        tab = Tab(there.pages[0])
        await tab.hello()
        tab.does("say", text="Hello?")
        assert "press Talk" in (await tab.told(edge="refused", do="say"))["error"]
        answer = await tab.offers()
        tab.records.clear()
        # The browser is on its way, and the agent in no call with it yet.
        tab.does("say", text="Hello?")
        assert "press Talk" in (await tab.told(edge="refused", do="say"))["error"]
        Browser.made[-1].comes()
        await tab.told(edge="call", state="connected", connection=answer["connection"])
        tab.does("say", text="Hello?")
        await tab.told(note="ResponseRequested", text="Hello?")
        await tab.told(note="AgentTranscript", done=True)
        tab.records.clear()
        # Whoever runs the server may end it: nobody has taken it then.
        await there.dispatch.end(pages.call_of(tab._page), answer["connection"])
        await tab.told(edge="call", state="over")
        tab.does("say", text="Hello?")
        assert "press Talk" in (await tab.told(edge="refused", do="say"))["error"]


async def test_why_there_is_no_agent_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    fault: list[Exception] = []
    async with fleet(monkeypatch, create=failing_by(fault)) as there:
        tab = Tab(there.pages[0])
        fault.append(ValueError("there is no key."))
        refused = await tab.offers()
        assert refused["error"].startswith("The agent is not there: ")
        assert refused["error"].endswith("there is no key.")
        assert not refused["error"].endswith("..")
        assert refused["failed"]
        fault.clear()
        await there.registry.drain(there.hosts[0]._release)
        refused = await tab.offers()
        assert "No further call is taken" in refused["error"]
        assert not refused["failed"]
        there.registry._drained = None
        # A join_call that fails in mid-call, and one that is done.
        failing = asyncio.Event()

        async def join_call(agent: Any, **_: Any) -> None:
            async with agent.join():
                await failing.wait()
                raise ConnectionError("there is no network.")

        there.hosts[0]._calls.launcher.join_call = join_call
        answer = await tab.calls()
        failing.set()
        failed = await tab.told(edge="call", state="failed", connection=answer["connection"])
        assert failed["error"].endswith("there is no network.")
        assert not failed["error"].endswith("..")
        there.hosts[0]._calls.launcher.join_call = None
        answer = await tab.calls()
        there.agents()[0].edge._sink.ended()
        await tab.told(edge="call", state="over", connection=answer["connection"])
        await empty(there)


async def test_without_a_registry_a_page_is_told_so_and_not_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fleet(monkeypatch) as there:

        async def gone(*_: Any) -> Any:
            raise RayActorError

        monkeypatch.setattr(there.dispatch._registry, "ask", gone)
        tab = Tab(there.pages[0])
        assert (await tab.hello())["kept"] is False
        assert "The agent is not there" in (await tab.offers())["error"]


async def test_what_a_page_cannot_have_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fleet(monkeypatch) as there:
        (front, _), tab = there.pages, Tab(there.pages[0])
        assert (await tab.hello())["workbench"] is False
        tab.does("change", instructions="Be rude.")
        assert (await tab.told(edge="refused", do="change"))["error"] == CLOSED
        for text in ("nonsense", json.dumps({"do": "connect", "attempt": 1, "sdp": "v" * MAX_BODY})):
            front.take(tab._page, text)
            assert "a message is JSON" in (await tab.told(edge="refused", do=""))["error"]
        with pytest.raises(RefusedError, match="/calls/"):
            await front.offer({"type": "offer", "sdp": "v=0"})
        with pytest.raises(RefusedError, match="no workbench"):
            await front.file("page", "trace.jsonl")
        monkeypatch.setattr(pages, "MOST", 1)
        with pytest.raises(RefusedError, match="too often"):
            Tab(front)


async def test_a_host_whose_agent_does_not_leave_keeps_nobody_waiting_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with fleet(monkeypatch) as there:
        tab = Tab(there.pages[0])
        await tab.calls()

        async def end(*_: Any) -> bool:
            return True

        monkeypatch.setattr(Registry, "end", end)
        began = asyncio.get_running_loop().time()
        assert "does not leave" in (await tab.offers())["error"]
        assert asyncio.get_running_loop().time() - began < 2 * pages.LEAVING
