"""Requests of code: when they are over, and whether what was asked for was heard."""

import asyncio

import pytest

from vision_agents.core.agents.requests import NEXT_PART_TIMEOUT, PendingRequests, contains
from vision_agents.core.voice import HeardText, SpeechRequest, SpokenReply

pytestmark = pytest.mark.virtual_time


class Stand:
    """Requests, of which those in `continuing` may still be said to their end."""

    def __init__(self, *, compare: bool = True) -> None:
        self.continuing: set[int] = set()
        self.requests = PendingRequests(self.continuing.__contains__, compare=compare)

    def ended(
        self, number: int, heard: str, unheard: str = "", *, more: bool = False, interrupted: bool = False
    ) -> None:
        reply = SpokenReply(number, 0, more=more)
        self.requests.ended(number, reply, HeardText(heard, unheard, False), interrupted)


def say(text: str) -> SpeechRequest:
    return SpeechRequest(text, verbatim=True)


ASK = SpeechRequest("Well?", verbatim=False)


@pytest.mark.parametrize(
    ("said", "wanted", "there"),
    [
        ("Goodbye, and have a nice day!", "goodbye and have a nice day", True),
        ("Sure. Good-bye.", "Good-bye", True),
        ("Good bye", "Goodbye.", True),
        ("I know nothing", "No", False),
        ("One three two", "one two three", False),
        ("", "one", False),
        ("Anything", "…", True),
        ("Grüß Gott!", "GRÜSS GOTT", True),
        ("再见。", "再见", True),
    ],
)
def test_words_are_compared_without_case_and_punctuation(said: str, wanted: str, there: bool) -> None:
    assert contains(said, wanted) is there


async def test_all_of_the_words_asked_for_have_to_be_heard() -> None:
    stand = Stand()
    whole, half, other = (stand.requests.add(number, say("one two")) for number in (1, 2, 3))
    stand.ended(1, "One two.")
    stand.ended(2, "One", "two.")
    stand.ended(3, "It is sunny.")
    assert [future.result() for future in (whole, half, other)] == [True, False, False]


async def test_a_voice_that_says_what_it_is_given_is_not_compared() -> None:
    stand = Stand(compare=False)
    future = stand.requests.add(1, say("10 %"))
    stand.ended(1, "ten percent")
    assert future.result() is True


async def test_an_answer_in_parts_is_over_with_the_last() -> None:
    stand = Stand()
    future = stand.requests.add(1, ASK)
    stand.requests.follow(2, 1)  # It is made while the first one plays.
    stand.ended(1, "Let me see.", more=True)
    assert not future.done()
    stand.ended(2, "And this too.", more=True)
    assert not future.done()
    stand.requests.follow(3, 1)
    await asyncio.sleep(2 * NEXT_PART_TIMEOUT)
    assert not future.done()
    stand.ended(3, "It is sunny.")
    assert future.result() is True


async def test_a_part_that_never_comes_is_not_waited_for_for_ever() -> None:
    stand = Stand()
    future = stand.requests.add(1, ASK)
    stand.ended(1, "Let me see.", more=True)
    await asyncio.sleep(NEXT_PART_TIMEOUT + 1.0)
    assert future.result() is False


async def test_the_rest_of_what_was_cut_off_counts() -> None:
    stand = Stand()
    stand.continuing.add(1)
    future = stand.requests.add(1, say("one two three four"))
    stand.ended(1, "one two", "three four", interrupted=True)
    stand.requests.settle()
    assert not future.done()
    stand.continuing.clear()
    stand.requests.follow(2, 1)
    stand.requests.settle()
    assert not future.done()
    stand.ended(2, "three four")
    assert future.result() is True


async def test_what_is_not_gone_on_with_was_not_heard() -> None:
    stand = Stand()
    future = stand.requests.add(1, say("one two"))
    stand.continuing.add(1)
    stand.ended(1, "one", "two", interrupted=True)
    stand.continuing.clear()
    stand.requests.settle()
    assert future.result() is False
    stand.requests.follow(2, 1)  # Too late, and without effect.
    stand.ended(2, "two")


async def test_everybody_is_told_when_the_call_is_over() -> None:
    stand = Stand()
    futures = [stand.requests.add(number, ASK) for number in (1, 2)]
    futures[0].cancel()  # Nobody waits for it any more.
    stand.requests.abandon()
    assert futures[1].result() is False


async def test_a_service_that_does_not_say_what_it_said_is_believed() -> None:
    stand = Stand()
    sounded, silent = (stand.requests.add(number, say("one two")) for number in (1, 2))
    reply = SpokenReply(1, 0)
    reply.transcript.add("").length = 1.0
    stand.requests.ended(1, reply, HeardText("", "", False), interrupted=False)
    stand.ended(2, "")
    assert sounded.result()
    assert not silent.result()


async def test_what_a_model_lost_may_be_said_to_its_end() -> None:
    stand = Stand()
    lost = stand.requests.add(1, say("one two three"))
    stand.continuing.add(1)
    stand.ended(1, "One two")
    assert not lost.done()
    stand.requests.follow(2, 1)
    stand.continuing.clear()
    stand.requests.settle()
    stand.ended(2, "three.")
    assert lost.result()


async def test_what_is_said_inside_a_reply_ends_with_it() -> None:
    stand = Stand(compare=False)
    heard, lost, failed, other = (stand.requests.add(number, say("one")) for number in (2, 3, 4, 5))
    for number in (2, 3, 4):
        assert stand.requests.insert(number, 1) is not None
    assert stand.requests.insert(9, 1) is None
    stand.requests.inserted(2, True)
    stand.requests.inserted(4, False)
    stand.requests.inserted(5, True)
    stand.ended(1, "one")
    assert (heard.result(), lost.result(), failed.result(), other.done()) == (True, False, False, False)
