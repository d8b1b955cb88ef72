"""A detector that judges pauses, in an agent: the floor decides when the turn is over, and the detector is told."""

from __future__ import annotations

import asyncio

import pytest

from vision_agents.core import InterruptionPolicy, Participant
from vision_agents.core.agents.events import ErrorEvent
from vision_agents.core.turn_detection import TurnEndedEvent
from vision_agents.testing.parts import ScriptedDetector, ScriptedSTT

from .call_kit import ANNA, Call

pytestmark = pytest.mark.virtual_time

BEN = Participant("ben")


class Judging(ScriptedDetector):
    """Judges a pause when it is told to, and notes whose turns it is told to end."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.ended: list[Participant] = []
        self._fails = fails

    async def pause(self, confidence: float, words: ScriptedSTT, text: str) -> bool:
        """Anna speaks for a second, with these words. Returns whether it is decided elsewhere when her turn ends."""
        await self.speak(ANNA, 1.0, end=False)
        words.report_words(ANNA, text, False, 0.9)
        return self.report_pause_judged(ANNA, confidence, 1.5)

    def end_turn(self, participant: Participant) -> None:
        self.ended.append(participant)
        if self._fails:
            raise RuntimeError("no such turn")


async def ended_after(call: Call, confidence: float, text: str) -> float:
    """How long after Anna's last sound her turn was over."""
    assert await call.detector.pause(confidence, call.stt, text)
    await call.until(lambda: call.of(TurnEndedEvent))
    return call.of(TurnEndedEvent)[0].trailing_silence_ms / 1000


async def test_a_complete_turn_ends_soon_and_an_unfinished_one_by_its_words() -> None:
    waits = []
    for confidence, text in ((0.99, "Two teas."), (0.02, "Two teas."), (0.02, "two teas and")):
        async with Call([text], turn_detection=Judging()) as call:
            waits.append(await ended_after(call, confidence, text))
            assert call.detector.ended == [ANNA]
            await call.until(lambda call=call: call.history)
            assert call.history[0] == ("user", text)
    assert waits == [pytest.approx(at, abs=0.03) for at in (0.3, 1.02, 1.12)]


async def test_a_turn_that_was_none_is_over_for_the_detector_as_well() -> None:
    async with Call([""], turn_detection=Judging()) as call:
        call.edge.sink.participant_joined(ANNA)
        saying = asyncio.create_task(call.agent.say("one two three four five six seven eight nine ten."))
        await asyncio.sleep(1.0)
        await call.detector.speak(ANNA, 0.1, end=False)
        assert await saying
        assert call.detector.ended[:1] == [ANNA]


async def test_a_detector_that_fails_at_it_is_reported_and_the_turn_is_over() -> None:
    async with Call(["Two teas."], turn_detection=Judging(fails=True)) as call:
        await ended_after(call, 0.99, "Two teas.")
        await call.until(lambda: len(call.history) > 1)
        assert call.of(ErrorEvent)[0].error == "no such turn"


async def test_with_the_fixed_rule_the_detector_decides() -> None:
    policy = InterruptionPolicy(endpointing="fixed")
    async with Call(["Two teas."], turn_detection=Judging(), interruption=policy) as call:
        assert not await call.detector.pause(0.99, call.stt, "Two teas.")
        assert not call.detector.report_pause_judged(BEN, 0.99, 1.5)
        await asyncio.sleep(0.5)
        assert call.of(TurnEndedEvent) == []


async def test_of_somebody_who_is_not_there_nothing_is_decided() -> None:
    async with Call(turn_detection=Judging()) as call:
        assert not call.detector.report_pause_judged(BEN, 0.99, 1.5)
    assert not Judging().report_pause_judged(ANNA, 0.99, 1.5)
