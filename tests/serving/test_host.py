"""Calls of one process: places, starts that fail, ends, drains, and what is left behind, in virtual time."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.edge import CallSink
from vision_agents.serving import (
    AgentLauncher,
    CallRequest,
    CreateAgentError,
    End,
    Refused,
    StartError,
    session,
)
from vision_agents.serving.host import BEAT, RECENT, YOUNG
from vision_agents.serving.load import INTERVAL, Load
from vision_agents.testing.parts import LoopEdge

from .kit import ANNA, arrives, calling, create_agent, hosting, roomy, scripted, until

pytestmark = pytest.mark.virtual_time


def others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]


# Places.


@pytest.mark.parametrize("places", [1, 10])
async def test_of_a_hundred_parallel_starts_exactly_as_many_run_as_there_are_places(places: int) -> None:
    async with hosting(max_concurrent_sessions=places) as host:
        outcomes = await asyncio.gather(*(calling(host, f"call-{n}") for n in range(100)), return_exceptions=True)
        refused = [each for each in outcomes if isinstance(each, Refused)]
        running = [each for each in outcomes if not isinstance(each, BaseException)]
        assert (len(running), len(refused)) == (places, 100 - places)
        assert len({each.id for each in running}) == places
        assert {each.reason for each in refused} == {"sessions"}
        assert host.refused["sessions"] == 100 - places
        # No place is lost.
        await asyncio.gather(*(each.finish(End.CLOSED) for each in running))
        again = await asyncio.gather(*(calling(host, f"again-{n}") for n in range(100)), return_exceptions=True)
        assert sum(not isinstance(each, BaseException) for each in again) == places


async def test_for_whom_a_place_is_kept_the_load_of_the_crowd_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    async with hosting(limits=roomy(loop_lag=0.05)) as host:
        place = host.keep()
        monkeypatch.setattr(host.meter, "_measure", lambda now: Load(loop_lag=1.0))
        await asyncio.sleep(1.0)
        with pytest.raises(Refused, match="event loop"):
            await calling(host, "other")
        await calling(host, place=place)
        # Once.
        with pytest.raises(Refused, match="event loop"):
            await calling(host, "another", place=place)
        late = host.keep()
        host.draining = True
        with pytest.raises(Refused, match="about to end"):
            await calling(host, "late", place=late)


async def test_a_refusal_comes_at_once() -> None:
    async with hosting(max_concurrent_sessions=1) as host:
        await calling(host)
        starting = calling(host, "other")
        with pytest.raises(Refused):
            starting.send(None)  # It does not even wait once.


async def test_a_crowd_that_is_refused_is_not_measured_for_each_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[float] = []

    def measure(now: float) -> Load:
        measured.append(now)
        return Load(cpu=0.6)

    async with hosting(limits=roomy(cpu=0.5)) as host:
        await calling(host)
        monkeypatch.setattr(host.meter, "_measure", measure)
        await asyncio.sleep(INTERVAL)
        for n in range(100):
            with pytest.raises(Refused):
                await calling(host, f"more-{n}")
            await asyncio.sleep(0.03)
        assert len(measured) <= 3.0 / INTERVAL + 1
        # But nobody is taken by what was true before.
        monkeypatch.setattr(host.meter, "_measure", lambda _: Load(cpu=0.1))
        await asyncio.sleep(INTERVAL)
        await calling(host, "now")
        monkeypatch.setattr(host.meter, "_measure", measure)
        await asyncio.sleep(INTERVAL / 2)
        with pytest.raises(Refused):
            await calling(host, "again")


async def test_agents_of_one_moment_are_made_one_after_the_other() -> None:
    made: list[Any] = []

    async def create() -> Any:
        made.append(scripted())
        return made[-1]

    async with hosting(create) as host:
        made.clear()
        starting = [asyncio.ensure_future(calling(host, f"call-{n}")) for n in range(20)]
        while len(made) < 20:
            before = len(made)
            await asyncio.sleep(0)  # What is due meanwhile, a frame say, has its turn here.
            assert len(made) - before <= 1
        await asyncio.gather(*starting)


async def test_a_call_may_be_taken_for_one_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async with hosting(max_concurrent_sessions=2) as host:
        await calling(host)
        await calling(host, "other")
        assert (str(host.refusal()), host.refusal(1)) == ("all 2 places are taken", None)
        host.draining = True
        assert "about to end" in str(host.refusal(1)), "who leaves does not help"
        host.draining = False
    async with hosting(limits=roomy(cpu=0.5)) as host:
        monkeypatch.setattr(host.meter, "load", lambda *_: Load(cpu=0.1))
        await calling(host)
        await calling(host, "other")
        for passed in (YOUNG, RECENT):
            await asyncio.sleep(passed)
            monkeypatch.setattr(host.meter, "load", lambda *_: Load(cpu=0.495))
            assert "processor" in str(host.refusal())
            assert host.refusal(1) is None
            monkeypatch.setattr(host.meter, "load", lambda *_: Load(cpu=0.505))
            assert "processor" in str(host.refusal(1))


async def test_one_agent_a_call_unless_more_are_allowed() -> None:
    async with hosting() as host:
        first = await calling(host)
        with pytest.raises(Refused, match="an agent in the call already"):
            await calling(host)
        await calling(host, "another table")
        await first.finish(End.CLOSED)
        await until(lambda: len(host.sessions) == 1)
        await calling(host)
    async with hosting(max_sessions_per_call=None) as host:
        await asyncio.gather(*(calling(host) for _ in range(5)))
        assert len(host.sessions) == 5


async def test_sessions_are_found_by_their_own_call_alone() -> None:
    async with hosting() as host:
        made = await calling(host)
        assert host.find("table", made.id) is made
        assert host.find("another", made.id) is None


# Starts that fail.


async def raises() -> Any:
    raise ValueError("there is no key")


async def hangs() -> Any:
    await asyncio.Event().wait()


async def ignores() -> Any:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


async def nothing() -> Any:
    return None


async def exits() -> Any:
    sys.exit("no key")


def exits_plainly() -> Any:
    sys.exit("no key")


class Broken(LoopEdge):
    async def join(self, *_: Any) -> None:
        raise ConnectionError("no network")


class Stuck(LoopEdge):
    async def join(self, *_: Any) -> None:
        await asyncio.Event().wait()


class Fickle:
    """Makes one good agent for the start of the host, and then does something else."""

    def __init__(self, then: Any) -> None:
        self.made = 0
        self.then = then

    def __call__(self) -> Any:
        self.made += 1
        return scripted() if self.made == 1 else self.then()


@pytest.mark.parametrize(
    ("then", "error", "text"),
    [
        (raises, CreateAgentError, "raised ValueError: there is no key"),
        (hangs, CreateAgentError, "took more than 20 s"),
        (nothing, CreateAgentError, "returned NoneType; it must return an Agent"),
        (exits, CreateAgentError, "create_agent raised SystemExit: no key"),
        (exits_plainly, CreateAgentError, "create_agent raised SystemExit: no key"),
    ],
)
async def test_an_agent_that_cannot_be_made_costs_no_place(then: Any, error: Any, text: str) -> None:
    create = Fickle(then)
    async with hosting(create, max_concurrent_sessions=1) as host:
        for _ in range(3):
            with pytest.raises(error, match=text):
                await calling(host)
            assert not host.sessions
        assert host.ended[End.FAILED] == 3
        create.made = 0
        await calling(host)


async def test_a_function_that_ignores_that_it_is_given_up_holds_up_nobody() -> None:
    leaving = asyncio.Event()

    async def stubborn() -> Any:
        while not leaving.is_set():
            try:
                await leaving.wait()
            except asyncio.CancelledError:
                continue
        return scripted()

    async with hosting(Fickle(stubborn)) as host:
        with pytest.raises(CreateAgentError, match="took more than"):
            await calling(host)
        # What it makes in the end is closed.
        leaving.set()
        await asyncio.sleep(1)


@pytest.mark.parametrize(
    ("edge", "fault", "text"), [(Broken, "call", "no network"), (Stuck, "timeout", "not in the call within 30 s")]
)
async def test_an_agent_that_cannot_join_costs_no_place(edge: Any, fault: str, text: str) -> None:
    async def bad() -> Any:
        return scripted(edge())

    async with hosting(Fickle(bad)) as host:
        with pytest.raises(StartError, match=text) as raised:
            await calling(host)
        assert raised.value.fault == fault
        await until(lambda: not host.sessions)


async def test_a_join_call_that_joins_nothing_says_so() -> None:
    async def join_call(agent: Any, call_type: str, call_id: str, **_: Any) -> None:
        """Forgot to join."""

    async with hosting(join_call=join_call) as host:
        with pytest.raises(StartError, match="had joined no call"):
            await calling(host)


async def test_an_agent_that_is_wrong_is_told_when_the_host_starts() -> None:
    with pytest.raises(CreateAgentError, match="there is no key"):
        async with hosting(raises):
            pass


async def test_a_start_that_is_cancelled_gives_its_place_back() -> None:
    async def slow() -> Any:
        await asyncio.sleep(5)
        return scripted()

    async with hosting(Fickle(slow)) as host:
        starting = asyncio.create_task(calling(host))
        await asyncio.sleep(1)
        assert len(host.sessions) == 1
        starting.cancel()
        await asyncio.wait([starting])
        assert not host.sessions


@pytest.mark.parametrize("ends", ["close", "finish"])
async def test_a_session_that_is_ended_while_its_agent_is_made_never_joins(ends: str) -> None:
    made: list[Any] = []

    class Watched(LoopEdge):
        left = 0

        async def leave(self) -> None:
            self.left += 1
            await super().leave()

    async def slow() -> Any:
        await asyncio.sleep(5)
        made.append(scripted(Watched()))
        return made[-1]

    async with hosting(Fickle(slow)) as host:
        starting = asyncio.create_task(calling(host))
        await asyncio.sleep(1)
        (begun,) = host.sessions.values()
        if ends == "close":
            begun.close(End.CLOSED)
        else:
            await begun.finish(End.CLOSED)
        with pytest.raises(StartError, match="ended before its agent was there"):
            await starting
        (agent,) = made
        assert not agent.entered.is_set()
        assert agent.edge.left
        assert begun.over.is_set()
        assert (dict(host.ended), dict(host.sessions)) == ({End.CLOSED: 1}, {})


# A call.


async def test_join_call_is_called_with_the_call_and_may_speak() -> None:
    heard: list[Any] = []

    async def join_call(agent: Any, call_type: str, call_id: str, **_: Any) -> None:
        call = await agent.create_call(call_type, call_id)
        async with agent.join(call, participant_wait_timeout=5.0):
            heard.append((call, agent.participants, await agent.say("Hello there.")))

    async with hosting(join_call=join_call) as host:
        made = await calling(host, "five", call_type="audio")
        arrives(made)
        await made.wait()
        assert made.end is End.DONE
        assert heard == [("audio:five", (ANNA,), True)]


async def test_plain_functions_will_do() -> None:
    def join_call(agent: Any, call_type: str, call_id: str) -> Any:
        async def stay() -> None:
            async with agent.join():
                await agent.finish()

        return stay()

    async with hosting(scripted_plainly, join_call=join_call) as host:
        made = await calling(host)
        assert made.joined


def scripted_plainly() -> Any:
    return scripted()


async def test_an_error_in_join_call_ends_the_call_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def join_call(agent: Any, **_: Any) -> None:
        async with agent.join():
            raise KeyError("lost")

    async with hosting(join_call=join_call) as host:
        made = await calling(host)
        await made.wait()
        assert (made.end, made.error) == (End.FAILED, "KeyError: 'lost'")
        await until(lambda: not host.sessions)


@pytest.mark.parametrize("plainly", [False, True])
async def test_a_join_call_that_would_end_the_process_ends_its_call_alone(plainly: bool) -> None:
    async def join_call(agent: Any, call_id: str, **_: Any) -> None:
        async with agent.join():
            if call_id == "table":
                sys.exit(3)
            await agent.finish()

    def exits_at_once(**given: Any) -> Any:
        return sys.exit(3) if given["call_id"] == "table" else join_call(**given)

    async with hosting(join_call=exits_at_once if plainly else join_call) as host:
        other = await calling(host, "other")
        if plainly:
            with pytest.raises(StartError, match="SystemExit: 3"):
                await calling(host)
        else:
            made = await calling(host)
            await made.wait()
            assert (made.end, made.error) == (End.FAILED, "EscapedError: join_call raised SystemExit: 3")
        assert other.end is None


async def test_a_call_is_a_stream_that_beats() -> None:
    async with hosting() as host:
        signs: list[Any] = []

        async def follow() -> None:
            async for sign in host.run_call(CallRequest("table", session_id="s1")):
                signs.append(sign)

        following = asyncio.create_task(follow())
        await asyncio.sleep(3.5 * BEAT)
        host.sessions["s1"].agent.edge.sink.ended()  # type: ignore[union-attr]
        await following
        assert signs[0] == {"session": "s1", "call": "table", "answer": None}
        assert signs[1:4] == [{"alive": "s1"}] * 3
        assert signs[-1] == {"over": "done", "error": None}


async def test_a_stream_that_is_left_ends_its_call() -> None:
    async with hosting() as host:
        signs = host.run_call(CallRequest("table"))
        await anext(signs)
        assert len(host.sessions) == 1
        await signs.aclose()
        await until(lambda: not host.sessions)
        assert host.ended[End.CLOSED] == 1


# Its end.


async def test_alone_in_the_call_the_agent_leaves() -> None:
    async with hosting(agent_idle_timeout=20.0) as host:
        made = await calling(host)
        await asyncio.sleep(15)
        sink = arrives(made)
        await asyncio.sleep(60)
        assert not made.over.is_set()
        sink.participant_left(ANNA)
        await asyncio.sleep(15)
        sink.participant_joined(ANNA)
        await asyncio.sleep(15)
        sink.participant_left(ANNA)
        before = asyncio.get_running_loop().time()
        await made.wait()
        assert made.end is End.IDLE
        assert asyncio.get_running_loop().time() - before == pytest.approx(20, abs=1.5)


async def test_a_call_is_silent_when_nobody_has_spoken_for_a_while() -> None:
    async with hosting() as host:
        made = await calling(host)
        arrives(made)
        for _ in range(2):
            await asyncio.sleep(20)
            assert made.silence >= 20 - 1
            saying = asyncio.create_task(made.agent.say("one two three four five six seven eight nine ten"))
            await until(lambda: made.silence == 0.0)
            # It is looked at each half a second, whoever asks.
            await saying
            await asyncio.sleep(10)
            assert made.silence == pytest.approx(10, abs=1)


async def test_a_client_that_vanished_between_start_and_join_costs_no_place_for_long() -> None:
    async with hosting(agent_idle_timeout=30.0, max_concurrent_sessions=1) as host:
        await calling(host)
        await asyncio.sleep(40)
        await calling(host, "next")


class Sluggish(LoopEdge):
    """An edge that is slow to join, and slow to leave."""

    left = 0

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        await asyncio.sleep(5.0)
        await super().join(agent_user, call, sink)

    async def leave(self) -> None:
        await asyncio.sleep(1.0)
        await super().leave()
        self.left += 1


@pytest.mark.parametrize("again", [0.0, 0.5, 1.5])
async def test_a_start_that_is_given_up_twice_lets_go_of_its_agent_and_its_place(
    again: float, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[Sluggish] = []

    async def create() -> Agent:
        made.append(Sluggish())
        return scripted(made[-1])

    async with hosting(create) as host:
        beginning = asyncio.ensure_future(calling(host))
        await asyncio.sleep(1.0)
        beginning.cancel()
        await asyncio.sleep(again)
        beginning.cancel()
        await asyncio.wait([beginning])
        await asyncio.sleep(5.0)
        assert not host.sessions
        assert made[-1].left == 1
        assert host.ended == {End.CLOSED: 1}
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("again", [0, 1, 2, 3])
async def test_a_stream_that_is_left_at_whatever_moment_leaves_no_session_behind(again: int) -> None:
    async def watch() -> None:
        async with aclosing(host.run_call(CallRequest("table"))) as signs:
            async for _ in signs:
                pass

    async with hosting() as host:
        for moment in range(40):
            watching = asyncio.create_task(watch())
            for rounds in (moment, again):
                for _ in range(rounds):
                    await asyncio.sleep(0)
                watching.cancel()
            await asyncio.wait([watching])
            await asyncio.sleep(1.0)
            assert not host.sessions, moment


async def test_the_longest_duration_holds_also_for_those_who_talk() -> None:
    async with hosting(max_session_duration_seconds=100.0, agent_idle_timeout=None) as host:
        made = await calling(host)
        arrives(made)
        await made.wait()
        assert made.end is End.TOO_LONG
        assert made.age == pytest.approx(100, abs=2)


async def test_a_clock_that_is_set_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    async with hosting(max_session_duration_seconds=100.0, agent_idle_timeout=50.0) as host:
        made = await calling(host)
        arrives(made)
        for jump in (1e7, -1e7):
            monkeypatch.setattr(time, "time", lambda jump=jump: 1.8e9 + jump)
            await asyncio.sleep(30)
        assert not made.over.is_set()


async def test_closing_leaves_nothing_behind() -> None:
    async with hosting() as host:
        made = [await calling(host, f"call-{n}") for n in range(5)]
        for each in made:
            arrives(each)
            asyncio.create_task(each.agent.say("One two three four five six seven.")).add_done_callback(
                lambda task: task.cancelled() or task.exception()
            )
        await asyncio.sleep(1)
    await asyncio.sleep(0.1)
    assert others() == set()


async def test_many_calls_one_after_the_other_leave_nothing_behind() -> None:
    async with hosting() as host:
        before = len(asyncio.all_tasks())
        for number in range(100):
            made = await calling(host, f"call-{number}")
            arrives(made)
            await made.finish(End.CLOSED)
        await until(lambda: not host.sessions)
        await asyncio.sleep(1)
        assert len(asyncio.all_tasks()) == before
        assert host.ended[End.CLOSED] == 100


# Drain.


async def test_draining_takes_nobody_more_and_lets_calls_go_on() -> None:
    async with hosting() as host:
        made = await calling(host)
        arrives(made)
        draining = asyncio.create_task(host.drain(3600))
        await asyncio.sleep(0.1)
        with pytest.raises(Refused, match="about to end") as raised:
            await calling(host, "other")
        assert raised.value.reason == "draining"
        await asyncio.sleep(1000)
        assert not made.over.is_set()
        made.agent.edge.sink.ended()
        before = asyncio.get_running_loop().time()
        await draining
        assert asyncio.get_running_loop().time() - before < 5
        assert made.end is End.DONE


async def test_at_the_end_of_its_time_a_call_hears_a_farewell() -> None:
    spoken: list[Any] = []

    async with hosting() as host:
        made = await calling(host)
        sink = arrives(made)
        talking = asyncio.create_task(made.agent.say("One two three four five six seven eight nine."))
        await asyncio.sleep(0.5)
        start = asyncio.get_running_loop().time()
        sink_audio = made.agent.tts.spoken
        await host.drain(0.2, "Goodbye, please call again.")
        assert sink_audio[-1] == "Goodbye, please call again."
        assert await talking is False
        # Five words of 0.3 s were said.
        assert asyncio.get_running_loop().time() - start == pytest.approx(0.2 + 1.5, abs=0.5)
        assert made.end is End.DRAINED
        spoken.append(sink)


async def test_a_second_signal_ends_a_drain_at_once_and_traces_are_whole(tmp_path: Path) -> None:
    async with hosting(traces=tmp_path) as host:
        made = await calling(host)
        arrives(made)
        draining = asyncio.create_task(host.drain(3600, "Goodbye."))
        await asyncio.sleep(10)
        draining.cancel()
        await host.close()
        (file,) = tmp_path.glob("*-table-*.jsonl")
        records = [json.loads(line) for line in file.read_text().splitlines()]
        assert len(records) > 3
        assert "ended" in json.dumps(records[-1]).lower()


# Launchers.


@pytest.mark.parametrize(
    "wrong",
    [
        {"agent_idle_timeout": -1},
        {"max_concurrent_sessions": 0},
        {"max_sessions_per_call": 0},
        {"max_session_duration_seconds": 0},
    ],
)
def test_numbers_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AgentLauncher(create_agent, **wrong)


async def test_a_caller_brings_an_edge_to_a_function_that_takes_one() -> None:
    async def with_edge(edge: Any) -> Any:
        return scripted(edge)

    async with hosting(with_edge) as host:
        edge = LoopEdge()
        made = await calling(host, edge=edge)
        assert made.agent.edge is edge
        with pytest.raises(StartError, match="send a WebRTC offer"):
            await calling(host, "other")
    async with hosting() as host:
        for way in ({"edge": LoopEdge()}, {"offer": "v=0"}):
            with pytest.raises(StartError, match="take no offer"):
                await calling(host, **way)
        assert not host.ended


async def test_an_agent_with_another_edge_is_refused() -> None:
    async def careless(edge: Any) -> Any:
        return scripted()

    launcher = AgentLauncher(careless)
    with pytest.raises(CreateAgentError, match="pass on the `edge`"):
        await launcher.launch(LoopEdge())


def test_waiting_to_join_is_bounded() -> None:
    assert session.JOIN_TIMEOUT <= 60
