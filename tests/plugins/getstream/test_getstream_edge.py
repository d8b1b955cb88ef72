"""The edge in a call with Stream's stand-in, through the real SDK."""

from __future__ import annotations

import asyncio
import gc
import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("getstream_rtc", reason="needs the extra getstream")

from vision_agents.core import User
from vision_agents.plugins import getstream
from vision_agents.plugins.getstream import agent_audio
from vision_agents.testing.contract import RecordingSink, until
from vision_agents.testing.parts import tone

if TYPE_CHECKING:
    from ...standins.getstream.server import StreamService

AGENT = User("agent", "Agent", "https://pictures.example/agent.png")
TABLE = "default:table"


async def join(sink: RecordingSink, **options: Any) -> getstream.Edge:
    edge = getstream.Edge(**options)
    await edge.join(AGENT, TABLE, sink)
    return edge


async def everything_is_closed(provider: StreamService) -> None:
    await until(lambda: not provider.open_connections, "the end of all connections")


# Who is there, and what is heard of them.


async def test_the_agent_has_a_name_and_a_picture(provider: StreamService):
    edge = await join(RecordingSink())
    assert provider.coordinator.users["agent"] == {
        "id": "agent",
        "name": "Agent",
        "image": "https://pictures.example/agent.png",
    }
    assert edge.call == TABLE
    await edge.leave()
    assert not provider.sfu.refusals


async def test_a_call_that_is_not_there_is_made_or_not(provider: StreamService):
    with pytest.raises(getstream.StreamError, match=r"no call default:table.*agent\.join"):
        await join(RecordingSink(), create=False)
    await everything_is_closed(provider)
    await (await join(RecordingSink())).leave()
    await (await join(RecordingSink(), create=False)).leave()


async def test_those_who_are_there_and_those_who_come_are_heard_apart(provider: StreamService):
    from ...standins.getstream.person import Person

    bert = Person("bert", "bert-1", "Bert")
    sink = RecordingSink()
    await provider.enter()
    edge = await join(sink)
    assert [(p.user_id, p.session_id, p.name) for p in sink.joined] == [("anna", "anna-1", "Anna")]
    await provider.enter(bert)
    await until(lambda: len(sink.joined) == 2, "Bert")
    await asyncio.gather(provider.say(tone(0.6, 48_000, 300.0)), provider.say(tone(0.6, 48_000, 900.0), bert))
    await until(lambda: sink.loud_seconds() >= 1.1, "both voices")
    for participant, frequency in zip(sink.joined, (300.0, 900.0), strict=True):
        assert loudest(np.concatenate([piece.samples for piece in sink.audio_of[participant]])) == pytest.approx(
            frequency, abs=10.0
        )
    await provider.depart()
    await until(lambda: sink.left, "Anna's farewell")
    assert sink.left == sink.joined[:1]
    await edge.leave()
    assert sink.endings == []


def loudest(samples: Any) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum) * 48_000 / len(samples))


async def test_another_session_of_the_agents_user_is_not_a_participant(provider: StreamService):
    from ...standins.getstream.person import Person

    sink = RecordingSink()
    await provider.enter(Person("agent", "agent-of-yesterday", "Agent"))
    edge = await join(sink)
    await provider.enter()
    await until(lambda: sink.joined, "Anna")
    assert [participant.user_id for participant in sink.joined] == ["anna"]
    await edge.leave()


async def test_time_goes_on_for_the_ears_while_a_client_sends_nothing(provider: StreamService):
    provider.anna.quiet_sends_nothing = True
    sink = RecordingSink()
    edge = await join(sink)
    await provider.enter()
    await provider.say(tone(0.4, 48_000))
    await until(lambda: sink.loud_seconds() >= 0.3, "her voice")
    (pieces,) = sink.audio_of.values()
    loop = asyncio.get_running_loop()
    begin, count = loop.time(), len(pieces)
    await until(lambda: sum(piece.duration for piece in pieces[count:]) >= 1.0, "a second of silence")
    assert loop.time() - begin >= 0.9, "silence is made up faster than time passes"
    assert not any(piece.samples.any() for piece in pieces[-20:])
    await edge.leave()


# What is said.


async def test_nothing_is_pulled_before_anybody_can_hear_it(provider: StreamService):
    provider.sfu.seal = True
    sink = RecordingSink()
    joining = asyncio.create_task(join(sink))
    await until(lambda: any(session.published for session in list(provider.sfu.sessions.values())), "the track")
    await asyncio.sleep(0.3)
    assert not sink.pulls
    assert not joining.done()
    await provider.run(provider.sfu.unseal())
    edge = await joining
    # Media flow, but nobody is there: what is pulled counts as heard.
    await asyncio.sleep(0.3)
    pulls = sink.pulls
    assert pulls <= 5
    await asyncio.sleep(0.3)
    assert sink.pulls == pulls
    await provider.enter()
    await until(lambda: sink.pulls > pulls + 5, "frames")
    await provider.depart()
    await until(lambda: sink.left, "the news that they left")
    pulls = sink.pulls
    await asyncio.sleep(0.3)
    assert sink.pulls <= pulls + 1
    await edge.leave()


async def test_media_that_find_no_way_are_an_error(provider: StreamService, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(agent_audio, "MEDIA_TIMEOUT", 0.5)
    provider.sfu.seal = True
    with pytest.raises(getstream.StreamError, match="UDP"):
        await join(RecordingSink())
    await everything_is_closed(provider)


async def test_a_call_that_ends_while_it_is_joined_is_an_error_at_once(provider: StreamService):
    provider.sfu.seal = True
    sink = RecordingSink()
    joining = asyncio.create_task(join(sink))
    await until(
        lambda: any(not session.muted for session in list(provider.sfu.sessions.values())),
        "the announcement of the track",
    )
    await provider.run(provider.sfu.end())
    with pytest.raises(getstream.StreamError, match="while the agent joined"):
        await joining
    assert not sink.endings, "the agent is told by the error"
    await everything_is_closed(provider)


async def test_what_was_pulled_is_what_is_heard_and_at_once(provider: StreamService):
    """Each frame has a level of its own: they arrive all, in order, and next to nothing is under way."""
    sink = Staircase()
    edge = await join(sink)
    await provider.enter()
    await until(lambda: sink.pulls > 60, "a second of speech")
    await edge.leave()
    arrived = np.concatenate([samples for _, samples in provider.anna.heard]).reshape(-1, 960)
    levels = np.abs(arrived.astype(np.int32)).max(axis=1)
    steps = [int(np.argmin(np.abs(STEPS - level))) for level in levels[levels > 1000]]
    changes = [after - before for before, after in pairwise(steps) if after != before]
    assert set(changes) == {1, -(len(STEPS) - 1)}, "a frame is missing, or comes twice, or out of order"
    # Counted in frames, not in time: how far what was heard last is behind what was pulled last.
    behind = (sink.step - 1 - steps[-1]) % len(STEPS)
    assert behind <= 1


STEPS = np.array([3000, 6000, 12_000, 24_000])


class Staircase(RecordingSink):
    """Speaks at a level that rises with each five frames."""

    def __init__(self) -> None:
        super().__init__()
        self._unit = np.sin(2 * np.pi * 500 * np.arange(960) / 48_000)

    @property
    def step(self) -> int:
        return (self.pulls + 4) // 5

    def pull(self) -> Any:
        super().pull()
        return (STEPS[(self.step - 1) % len(STEPS)] * self._unit).astype(np.int16)


async def test_an_error_in_the_agent_ends_the_call(provider: StreamService):
    class Broken(RecordingSink):
        def pull(self) -> Any:
            if self.pulls == 10:
                raise RuntimeError("no voice")
            return super().pull()

    sink = Broken()
    edge = await join(sink)
    await provider.enter()
    await until(lambda: sink.endings, "the end")
    assert [str(error) for error in sink.endings] == ["no voice"]
    await everything_is_closed(provider)
    await edge.leave()


async def test_an_agent_that_may_not_speak_waits_until_it_may(provider: StreamService):
    sink = RecordingSink()
    edge = await join(sink)
    await provider.enter()
    sink.sounding = True
    await until(lambda: sink.pulls > 20, "frames")
    await provider.run(provider.sfu.grant(False))
    await until(lambda: all(session.muted for session in list(provider.sfu.sessions.values())), "the muting")
    pulls = sink.pulls
    await asyncio.sleep(0.2)
    assert sink.pulls <= pulls + 1, "what nobody hears is pulled"
    await provider.run(provider.sfu.grant(True))
    sink.first_pull = None  # The sink counts from here on how many are due.
    sink.pulls = 0
    await until(lambda: sink.pulls > 20, "frames again")
    assert not any(session.muted for session in list(provider.sfu.sessions.values()))
    await edge.leave()


# How it ends.


async def test_a_call_that_is_ended_for_all_is_over_without_an_error(provider: StreamService):
    sink = RecordingSink()
    edge = await join(sink)
    await provider.run(provider.sfu.end())
    await until(lambda: sink.endings, "the end")
    assert sink.endings == [None]
    await everything_is_closed(provider)
    await edge.leave()


async def test_the_coordinator_may_be_the_one_to_say_so(provider: StreamService):
    sink = RecordingSink()
    edge = await join(sink)
    await provider.run(provider.coordinator.tell(TABLE, "call.ended"))
    await until(lambda: sink.endings, "the end")
    assert sink.endings == [None]
    await edge.leave()


@pytest.mark.parametrize(
    ("variable", "value"), [("STREAM_API_KEY", "another"), ("STREAM_API_SECRET", "another-one-that-is-long-enough-too")]
)
@pytest.mark.parametrize("by_token", [False, True])
async def test_a_wrong_key_is_told_with_what_to_check(
    provider: StreamService, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, by_token: bool
):
    monkeypatch.setenv(variable, value)
    token = getstream.Edge()._account.client().create_token("agent") if by_token else None
    with pytest.raises(getstream.StreamError, match=variable):
        await join(RecordingSink(), token=token)
    await everything_is_closed(provider)


async def test_a_user_with_a_token_takes_part_too(provider: StreamService):
    token = getstream.Edge()._account.client().create_token("agent")
    sink = RecordingSink()
    edge = await join(sink, token=token)
    await provider.enter()
    await until(lambda: sink.pulls > 5, "frames")
    assert not provider.coordinator.users, "a user may not change users"
    await edge.leave()


async def test_an_sfu_that_refuses_is_told(provider: StreamService):
    provider.sfu.refuse_joins = True
    with pytest.raises(getstream.StreamError, match="nobody may join now"):
        await join(RecordingSink())
    await everything_is_closed(provider)


async def test_a_service_that_is_not_there_is_told(provider: StreamService, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STREAM_BASE_URL", f"http://{provider.network.address}:9")
    with pytest.raises(getstream.StreamError, match="STREAM_BASE_URL"):
        await join(RecordingSink())


async def test_a_second_call_is_refused(provider: StreamService):
    edge = await join(RecordingSink())
    with pytest.raises(RuntimeError, match="make another one"):
        await edge.join(AGENT, TABLE, RecordingSink())
    await edge.leave()


@pytest.mark.parametrize("steps", [0, 1, 5, 20, 100])
async def test_joining_may_be_given_up_at_any_time(provider: StreamService, steps: int):
    edge = getstream.Edge()
    joining = asyncio.create_task(edge.join(AGENT, TABLE, RecordingSink()))
    for _ in range(steps):
        await asyncio.sleep(0.001)
    joining.cancel()
    await asyncio.wait([joining])
    await edge.leave()
    await everything_is_closed(provider)


async def test_many_calls_leave_nothing_behind(provider: StreamService):
    async def call() -> None:
        sink = RecordingSink()
        edge = await join(sink)
        await provider.enter()
        await until(lambda: sink.pulls > 3, "frames")
        await edge.leave()
        await everything_is_closed(provider)

    for _ in range(3):
        await call()
    gc.collect()
    files, tasks = open_files(), len(asyncio.all_tasks())
    for _ in range(10):
        await call()
    gc.collect()
    # On a busy machine some connections of the SDK's HTTP client outlive it: until they were idle for 90 s, which it
    # looks for as often.
    async with asyncio.timeout(2 * 90.0 + 20.0):
        while open_files() > files + 2:
            await asyncio.sleep(0.1)
    # Fewer, where one of the first calls was still being tidied up when they were counted.
    assert len(asyncio.all_tasks()) <= tasks


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))
