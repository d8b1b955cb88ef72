"""Entering a call by the public names: calls by type and id, waiting for others, who is there, who observes."""

import asyncio
import gc
import warnings

import pytest

from vision_agents.core import Agent, Participant, User
from vision_agents.core.edge import types
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

from .call_kit import others

pytestmark = pytest.mark.virtual_time

ANNA = Participant("anna")


class TellingSTT(ScriptedSTT):
    turn_detection = True


def agent(**parts) -> Agent:
    made = {"edge": LoopEdge(), "llm": ScriptedLLM(), "stt": ScriptedSTT(), "tts": ToneTTS()}
    return Agent(agent_user=User("agent"), **made | {"turn_detection": ScriptedDetector()} | parts)


async def joined_after(made: Agent, **options) -> float:
    start = asyncio.get_running_loop().time()
    await made.join(**options)
    return asyncio.get_running_loop().time() - start


async def comes(made: Agent, after: float) -> None:
    await made.entered.wait()
    await asyncio.sleep(after)
    made.edge.sink.participant_joined(ANNA)


@pytest.mark.parametrize(("timeout", "waits"), [(0, 0.0), (2.0, 2.0), (10.0, 4.0), (None, 4.0)])
async def test_it_waits_for_others_as_long_as_it_is_told(timeout, waits):
    made = agent()
    coming = asyncio.create_task(comes(made, 4.0))
    assert await joined_after(made, participant_wait_timeout=timeout) == pytest.approx(waits)
    await coming
    assert made.participants == (ANNA,)
    await made.close()


async def test_by_default_it_does_not_wait_unless_whoever_made_it_says_so():
    made = agent()
    assert await joined_after(made) == 0.0
    await made.close()
    patient = agent()
    patient.participant_wait_timeout = 3.0
    assert await joined_after(patient) == pytest.approx(3.0)
    await patient.close()


async def test_a_call_that_ends_while_it_waits_is_waited_for_no_longer():
    made = agent()
    joining = asyncio.ensure_future(made.join(participant_wait_timeout=None).__aenter__())
    await made.entered.wait()
    made.edge.sink.ended()
    assert await joining is made
    await made.close()


async def test_closed_while_it_waits_it_says_so():
    made = agent()
    joining = asyncio.ensure_future(made.join(participant_wait_timeout=None).__aenter__())
    await made.entered.wait()
    await made.close()
    with pytest.raises(RuntimeError, match="was closed while it was joining"):
        await joining


@pytest.mark.parametrize("steps", range(4))
async def test_closed_before_its_parts_have_begun_to_start_it_leaves_nothing_that_was_never_awaited(steps):
    made = agent()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        joining = asyncio.ensure_future(made.join().__aenter__())
        for _ in range(steps):
            await asyncio.sleep(0)
        await made.close()
        await asyncio.wait([joining])
        gc.collect()
    assert isinstance(joining.exception(), RuntimeError)
    assert [str(warning.message) for warning in caught] == []


async def test_cancelled_while_it_waits_it_leaves_the_call():
    made = agent()
    joining = asyncio.ensure_future(made.join(participant_wait_timeout=None).__aenter__())
    await made.entered.wait()
    joining.cancel()
    await asyncio.wait([joining])
    assert joining.cancelled()
    await made.close()
    assert others() == set()


async def test_a_call_is_named_by_type_and_id():
    assert await agent().create_call("default", "table-5") == "default:table-5"


async def test_the_detector_is_the_one_that_is_used():
    detector = ScriptedDetector()
    assert agent(turn_detection=detector).turn_detection is detector
    assert agent(stt=TellingSTT(), turn_detection=detector).turn_detection is None
    assert agent(stt=TellingSTT(), turn_detection=None).turn_detection is None


async def test_processors_are_taken_only_if_there_are_none():
    assert agent(processors=[]).processors == []
    with pytest.raises(ValueError, match="by voice alone"):
        agent(processors=[object()])


async def test_observers_get_every_record_from_the_first_one_or_from_when_they_came():
    made, early, late = agent(), [], []
    made.observe(early.append)
    await made.join()
    made.observe(late.append)
    made.edge.sink.participant_joined(ANNA)
    assert late
    assert early[-len(late) :] == late
    assert len(early) > len(late)
    assert any("anna" in str(record) for record in late)
    await made.close()


def test_the_types_of_calls_have_their_public_name():
    assert (types.Participant, types.User) == (Participant, User)


async def test_a_detector_tells_its_own_turns_with_or_without_an_agent():
    from vision_agents.core.turn_detection import TurnEndedEvent, TurnStartedEvent

    detector, told = ScriptedDetector(), []

    @detector.events.subscribe
    async def note(event: TurnStartedEvent | TurnEndedEvent):
        told.append(event)

    await detector.speak(ANNA, 1.0)
    await detector.events.drain()
    started, ended = told
    assert (type(started), started.participant, started.confidence) == (TurnStartedEvent, ANNA, 0.9)
    assert (type(ended), ended.participant, ended.trailing_silence_ms) == (TurnEndedEvent, ANNA, 200.0)
    async with agent(turn_detection=detector).join():
        await detector.speak(ANNA, 1.0)
    await detector.events.drain()
    assert [type(event) for event in told[2:]] == [TurnStartedEvent, TurnEndedEvent]


async def test_after_someone_left_their_next_turn_is_told_again():
    from vision_agents.core.turn_detection import TurnStartedEvent

    detector, told = ScriptedDetector(), []

    @detector.events.subscribe
    async def note(event: TurnStartedEvent):
        told.append(event)

    await detector.speak(ANNA, 1.0, end=False)
    detector.forget(ANNA)
    await detector.speak(ANNA, 1.0)
    await detector.events.drain()
    assert len(told) == 2
    await detector.stop()
