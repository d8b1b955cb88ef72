"""Several people and one realtime model: whose words are known late, and what they are judged by."""

from __future__ import annotations

import asyncio
from itertools import permutations

import pytest

from vision_agents.core import Participant
from vision_agents.core.floor import FloorState

from .call_kit import LONG
from .test_realtime_calls import RealtimeCall

pytestmark = pytest.mark.virtual_time

PEOPLE = (Participant("anna"), Participant("bert"), Participant("carl"))
ORDERS = list(permutations(PEOPLE))


class Company(RealtimeCall):
    """A call with three people, each with a microphone of their own."""

    async def __aenter__(self) -> Company:
        await super().__aenter__()
        for person in PEOPLE:
            self.edge.sink.participant_joined(person)
        return self

    async def turn(self, who: Participant, seconds: float = 0.3) -> int:
        """Somebody has a turn, of which the words are not known yet. Returns their place."""
        place = self.model.conversation.place()
        self.model.report_turn_started(who)
        await asyncio.sleep(seconds)
        self.model.report_turn_ended(who)
        return place

    def told(self, who: Participant, place: int) -> None:
        """The words of a turn are known."""
        self.model.report_words(who, "so what", True, place=place)

    async def speaks(self) -> None:
        """The model begins to say something long, of its own accord."""
        self.model.respond("")
        await self.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(who.id for who in order))
async def test_words_are_of_the_turn_in_which_their_own_speaker_began(order: tuple[Participant, ...]) -> None:
    records = []
    async with Company() as call:
        call.agent.observe(records.append)
        places = {}
        for who in PEOPLE:
            places[who] = call.model.conversation.place()
            call.model.report_turn_started(who)
            await asyncio.sleep(0.1)
        call.model.report_turn_started(PEOPLE[0])  # She goes on: it is the same turn.
        for who in order:
            call.told(who, places[who])
        call.model.report_words(PEOPLE[1], "before", True, place=0)
    began = {
        record["participant"]: record["at"] for record in reversed(records) if record.get("event") == "TurnStarted"
    }
    words = [record for record in records if record.get("event") == "TranscriptReceived"]
    assert [record["began"] for record in words] == [*(began[who.id] for who in order), None]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(who.id for who in order))
async def test_what_somebody_has_stopped_stays_so_though_others_make_noises_before_their_words_are_known(
    order: tuple[Participant, ...],
) -> None:
    first, *others = order
    async with Company([LONG]) as call:
        await call.speaks()
        place = await call.turn(first)
        for who in others:
            await call.turn(who)
        call.told(first, place)
        await asyncio.sleep(15.0)
        assert call.model.asked == [""], "what was stopped is said all the same"
        assert call.history[-1] == ("user", "so what")


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(who.id for who in order))
async def test_what_noises_have_stopped_goes_on_though_the_question_is_known_only_then(
    order: tuple[Participant, ...],
) -> None:
    first, *others = order
    async with Company([LONG]) as call:
        place = await call.turn(first)
        await call.speaks()
        for who in others:
            await call.turn(who)
        call.told(first, place)
        await asyncio.sleep(3.0)
        assert len(call.model.asked) == 2, "the rest is asked for"
        assert call.model.asked[1].endswith(LONG.split()[-1])
