"""Flux: turns that Deepgram knows, eager ones, ones that resume, and ones that others end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from vision_agents.core import Participant
from vision_agents.core.audio import PcmData
from vision_agents.core.part import Attachment
from vision_agents.plugins import deepgram
from vision_agents.testing.contract import HearingLog, until

from ...standins.deepgram.server import KEY, DeepgramServer

pytestmark = pytest.mark.virtual_time

ANNA = Participant("anna")


class Talk:
    """Deepgram's side of a connection on which Anna's audio arrives; `tell` sends a `TurnInfo` and waits for it."""

    def __init__(self, server: DeepgramServer) -> None:
        self.server = server
        self.stt = deepgram.STT(
            api_key=KEY, environment=server.environment, model="flux-general-en", eager_eot_threshold=0.4
        )
        self.log = HearingLog()
        self.stt.attach(Attachment(hearing=self.log))
        self.turn = 0

    async def hear(self, seconds: float = 0.4) -> None:
        """Silence, as far as the stand-in's own ears go: the words are the test's."""
        await self.stt.process_audio(PcmData.silence(seconds, 16_000), ANNA)
        await asyncio.sleep(seconds)

    @property
    def place(self) -> float:
        return self.stt._streams[ANNA].position

    async def tell(self, event: str, text: str = "", *, turn: int | None = None, end: float | None = None) -> list[Any]:
        """Send it; return the facts that came of it, without the participant."""
        before = len(self.log.facts)
        handler = self.server.handlers[-1]
        handler.turn = self.turn if turn is None else turn
        at = self.place if end is None else end
        await handler.turn_info(event, text, max(0.0, at - 1.0), at, 0.8 if event == "EndOfTurn" else 0.5)
        await asyncio.sleep(0.01)
        if event == "EndOfTurn" and turn is None:
            self.turn += 1
        return [
            (fact[0], *fact[2:3]) if fact[0] in ("partial", "final") else (fact[0],) for fact in self.log.facts[before:]
        ]


@pytest_asyncio.fixture
async def talk(provider: DeepgramServer) -> AsyncIterator[Talk]:
    talk = Talk(provider)
    await talk.stt.start()
    await talk.hear()
    yield talk
    await talk.stt.close()


async def test_a_turn(talk: Talk):
    assert talk.stt.turn_detection
    assert await talk.tell("Update") == []
    assert await talk.tell("StartOfTurn", "Call") == [("turn_started",), ("partial", "Call")]
    assert await talk.tell("Update", "Call me") == [("partial", "Call me")]
    assert await talk.tell("Update", "Call me") == []
    assert await talk.tell("EndOfTurn", "Call me.") == [("final", "Call me."), ("turn_ended",)]
    assert await talk.tell("Update") == []
    *_, confidence, duration, silence = talk.log.of("turn_ended")[0]
    assert (confidence, duration) == (0.8, None)
    assert 0.0 <= silence <= 0.1


async def test_an_eager_end_that_holds(talk: Talk):
    await talk.tell("StartOfTurn", "Call")
    assert await talk.tell("EagerEndOfTurn", "Call me") == [("partial", "Call me"), ("turn_end_expected",)]
    assert await talk.tell("EndOfTurn", "Call me") == [("final", "Call me"), ("turn_ended",)]
    assert await talk.tell("StartOfTurn", "Call") == [("turn_started",), ("partial", "Call")]


async def test_an_eager_end_that_is_taken_back(talk: Talk):
    await talk.tell("StartOfTurn", "Call")
    await talk.tell("EagerEndOfTurn", "Call me")
    assert await talk.tell("TurnResumed", "Call me") == [("turn_resumed",)]
    assert await talk.tell("Update", "Call me tomorrow") == [("partial", "Call me tomorrow")]
    assert await talk.tell("EagerEndOfTurn", "Call me tomorrow.") == [
        ("partial", "Call me tomorrow."),
        ("turn_end_expected",),
    ]
    assert await talk.tell("EndOfTurn", "Call me tomorrow.") == [("final", "Call me tomorrow."), ("turn_ended",)]
    assert talk.log.final_words(ANNA) == ["Call me tomorrow."]


async def test_a_turn_that_resumed_for_nothing_ends_all_the_same(talk: Talk):
    await talk.tell("StartOfTurn", "Call")
    await talk.tell("EagerEndOfTurn", "Call me")
    await talk.tell("TurnResumed", "Call me")
    assert await talk.tell("EndOfTurn", "Call me") == [("final", "Call me"), ("turn_ended",)]


async def test_a_turn_resumes_of_which_others_ended_the_first_part(talk: Talk):
    await talk.tell("StartOfTurn", "Call")
    await talk.tell("EagerEndOfTurn", "Call me")
    await talk.stt.finish_turn(ANNA)
    assert talk.log.final_words(ANNA) == ["Call me"]
    assert await talk.tell("TurnResumed", "Call me") == [("turn_started",)]
    assert await talk.tell("EndOfTurn", "Call me tomorrow") == [("final", "tomorrow"), ("turn_ended",)]


async def test_an_eager_end_of_what_was_discarded_is_none(talk: Talk):
    await talk.tell("StartOfTurn", "uh")
    heard = talk.place
    talk.stt.discard_turn(ANNA)
    await talk.hear(1.0)
    assert await talk.tell("EagerEndOfTurn", "uh huh", end=heard) == []
    assert await talk.tell("TurnResumed", "uh huh", end=heard) == []


async def test_a_late_end_does_not_end_the_next_turn(talk: Talk):
    await talk.tell("StartOfTurn", "Call")
    await talk.tell("EndOfTurn", "Call me")
    await talk.tell("StartOfTurn", "Wait")
    assert await talk.tell("EndOfTurn", "Call me", turn=0) == []
    assert await talk.tell("EndOfTurn", "Wait a moment") == [("final", "Wait a moment"), ("turn_ended",)]


async def test_a_turn_of_which_the_end_is_missing_ends_when_the_next_begins(talk: Talk):
    await talk.tell("StartOfTurn", "Call")
    talk.turn = 1
    assert await talk.tell("StartOfTurn", "Wait") == [
        ("final", "Call"),
        ("turn_ended",),
        ("turn_started",),
        ("partial", "Wait"),
    ]


async def test_a_lost_connection_ends_the_turn_and_nothing_is_lost(talk: Talk):
    await talk.tell("StartOfTurn", "Call me")
    await talk.server.disconnect()
    await asyncio.sleep(0.1)
    assert [fact[0] for fact in talk.log.facts[-2:]] == ["final", "turn_ended"]
    talk.turn = 0  # The next connection counts from the beginning.
    await talk.hear()
    assert await talk.tell("StartOfTurn", "tomorrow") == [("turn_started",), ("partial", "tomorrow")]
    assert await talk.tell("EndOfTurn", "tomorrow") == [("final", "tomorrow"), ("turn_ended",)]


async def test_the_agent_may_end_a_turn(talk: Talk):
    await talk.tell("StartOfTurn", "Call")
    finishing = asyncio.create_task(talk.stt.finish_turn(ANNA))
    await until(lambda: "ForceEndTurn" in talk.server.types("/v2/listen"), "ForceEndTurn")
    await talk.tell("EndOfTurn", "Call me")
    await finishing
    assert talk.log.final_words(ANNA) == ["Call me"]
    assert len(talk.log.of("turn_ended")) == 1


async def test_the_end_that_was_asked_for_does_not_end_the_turn_behind_it(talk: Talk):
    await talk.tell("StartOfTurn", "Call")
    finishing = asyncio.create_task(talk.stt.finish_turn(ANNA))
    await until(lambda: "ForceEndTurn" in talk.server.types("/v2/listen"), "ForceEndTurn")
    handler, at = talk.server.handlers[-1], talk.place
    await handler.turn_info("EndOfTurn", "Call me", 0.0, at, 0.8)
    handler.turn = 1
    await handler.turn_info("StartOfTurn", "Wait", at, at, 0.1)
    await finishing
    assert [fact[0] for fact in talk.log.facts[-3:]] == ["turn_ended", "turn_started", "partial"]


async def test_a_turn_that_deepgram_does_not_end_when_told_is_over_all_the_same(talk: Talk):
    await talk.tell("StartOfTurn", "Call")
    begun = asyncio.get_running_loop().time()
    await talk.stt.finish_turn(ANNA)
    assert asyncio.get_running_loop().time() - begun < 1.1
    assert talk.log.final_words(ANNA) == ["Call"]
    assert await talk.tell("EndOfTurn", "Call me") == [
        ("turn_started",),
        ("final", "me"),
        ("turn_ended",),
    ], "what comes later is new, and what was said is not said again"


async def test_a_turn_that_deepgram_ended_is_not_asked_about(talk: Talk):
    await talk.tell("StartOfTurn", "Call")
    await talk.tell("EndOfTurn", "Call me")
    await talk.stt.finish_turn(ANNA)
    assert talk.server.types("/v2/listen") == []


async def test_what_was_discarded_is_discarded_even_if_it_comes_late(talk: Talk):
    heard = talk.place
    talk.stt.discard_turn(ANNA)
    await talk.hear(1.0)
    assert await talk.tell("StartOfTurn", "uh", end=heard) == []
    assert await talk.tell("Update", "uh huh", end=heard) == []
    assert await talk.tell("Update", "uh huh wait") == [("turn_started",), ("partial", "wait")]
    assert await talk.tell("EndOfTurn", "uh huh wait") == [("final", "wait"), ("turn_ended",)]


async def test_an_error_is_reported_and_the_connection_replaced(talk: Talk):
    await talk.server.handlers[-1].fatal()
    await asyncio.sleep(0.1)
    assert [str(error) for error in talk.log.failures] == [
        "Deepgram reports INTERNAL_SERVER_ERROR: the recogniser broke"
    ]
    await talk.hear()
    assert await talk.tell("StartOfTurn", "Call") == [("turn_started",), ("partial", "Call")]


async def test_messages_that_make_no_sense_are_passed_over(talk: Talk):
    wire = talk.server.handlers[-1].wire
    await wire.send(type="TurnInfo", event="EndOfTurn")
    await wire.send(type="SomethingNew")
    await wire.send_raw("[]")
    await wire.send_raw(b"\x00")
    assert await talk.tell("StartOfTurn", "Call") == [("turn_started",), ("partial", "Call")]


async def test_eager_turn_detection_is_flux_with_an_eager_threshold() -> None:
    plain, eager = deepgram.STT(api_key=KEY), deepgram.STT(api_key=KEY, eager_turn_detection=True)
    assert (plain.model, plain.turn_detection) == ("nova-3", False)
    assert (eager.model, eager.turn_detection) == ("flux-general-en", True)
    assert eager._parameters["eager_eot_threshold"] == 0.5
    chosen = deepgram.STT(api_key=KEY, eager_turn_detection=True, eager_eot_threshold=0.7)
    assert chosen._parameters["eager_eot_threshold"] == 0.7
    with pytest.raises(ValueError, match="nova-3 does not take eager_eot_threshold"):
        deepgram.STT(api_key=KEY, model="nova-3", eager_turn_detection=True)
