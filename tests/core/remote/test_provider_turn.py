"""Turns that a service reports, and the words in them that are news."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core import Participant
from vision_agents.core.hearing import Hearing
from vision_agents.core.part import Attachment
from vision_agents.core.remote import ProviderTurn, words_beyond
from vision_agents.core.remote.provider_turn import comparable_words
from vision_agents.testing.contract import HearingLog

pytestmark = pytest.mark.virtual_time

ANNA = Participant("anna")

WORDS = ["yes", "no", "I", "you", "want", "wait", "a", "the", "red", "car"]
sentences = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


def begun_turn() -> tuple[ProviderTurn, HearingLog]:
    hearing, log = Hearing(), HearingLog()
    hearing.attach(Attachment(hearing=log))
    return ProviderTurn(hearing, ANNA), log


async def test_a_turn_is_begun_once_and_ended_once():
    turn, log = begun_turn()
    turn.end("nothing")
    turn.begin()
    turn.begin()
    turn.say("wait")
    turn.say("wait")
    turn.say("wait a moment")
    turn.end()
    turn.end()
    assert [fact[0] for fact in log.facts] == ["turn_started", "partial", "partial", "final", "turn_ended"]
    assert log.of("final") == [("final", ANNA, "wait a moment")]


async def test_the_last_sound_is_never_before_the_turn():
    turn, log = begun_turn()
    turn.begin()
    await asyncio.sleep(0.3)
    turn.end("yes", silence=0.7)
    *_, silence = log.of("turn_ended")[0]
    assert silence == pytest.approx(0.3)


async def test_others_may_wait_for_the_end():
    turn, _ = begun_turn()
    await turn.ended()
    turn.begin()
    waiting = asyncio.create_task(turn.ended())
    await asyncio.sleep(1)
    assert not waiting.done()
    turn.end()
    await waiting


@given(sentences, sentences)
def test_nothing_is_said_twice_and_nothing_lost(said: str, more: str):
    assert comparable_words(words_beyond(f"{said} {more}", comparable_words(said))) == comparable_words(more)


@pytest.mark.parametrize(
    ("text", "said", "rest"),
    [
        ("I want to go.", "", "I want to go."),
        ("I want to go.", "I WANT, TO", "go."),
        ("I wanted to cancel it please", "I want to cancel it", "please"),
        ("Hello - there", "hello", "there"),
        ("Something else altogether", "a b c d", "Something else altogether"),
        ("yes", "yes", ""),
        ("", "yes", ""),
    ],
)
def test_what_is_new_in_a_corrected_transcript(text: str, said: str, rest: str):
    assert words_beyond(text, comparable_words(said)) == rest
