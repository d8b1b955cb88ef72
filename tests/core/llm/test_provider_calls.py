"""Calls that a realtime model makes again: which of them are made, and what it is told of the others."""

from __future__ import annotations

import asyncio

import pytest

from vision_agents.core.conversation import ToolCall
from vision_agents.core.llm import OnInterrupt
from vision_agents.core.llm.provider_calls import CUT_OFF

from .calling_kit import Desk, at

pytestmark = pytest.mark.virtual_time


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.history.user_said("book it")
    desk.offer("finish", "finish")
    desk.offer("cancel", "cancel")
    desk.offer("undo", "undo")
    desk.offer("look", effects=False)
    return desk


def make(desk: Desk, name: str, call_id: str, key: str = "k") -> asyncio.Task[str]:
    return asyncio.create_task(desk.calls.make(ToolCall(call_id, name, {"key": key}), desk.epoch.value))


def begun(desk: Desk) -> int:
    return sum(what == "begun" for what, _ in desk.log)


@pytest.mark.parametrize("since", ["the model stopped", "the call was cancelled"])
@pytest.mark.parametrize("after", [5.0, 11.0], ids=["running", "returned"])
async def test_the_first_call_stands_for_one_that_repeats_it(desk: Desk, since: str, after: float) -> None:
    first = make(desk, "finish", "1")
    await at(after)
    if since == "the model stopped":
        desk.calls.repeats.broken_off()
    else:
        first.cancel()
        desk.calls.repeats.broken_off()
    await at(after + 1.0)
    assert await make(desk, "finish", "2") == "done k"
    assert begun(desk) == 1
    await at(60.0)
    assert desk.told_late == [], "the model has it from its second call"
    assert len(desk.ended) == 1


async def test_when_the_call_is_over_nothing_is_called_though_its_end_is_not_reached(desk: Desk) -> None:
    running = make(desk, "finish", "1")
    await at(1.0)
    desk.calls.end()
    assert await make(desk, "look", "2") == "(not called: the call ended)"
    assert await running == "done k"
    assert begun(desk) == 1


async def test_what_repeats_a_call_is_told_that_words_of_it_were_not_heard(desk: Desk) -> None:
    assert await make(desk, "finish", "1") == "done k"
    desk.calls.repeats.broken_off()
    entry = desk.calls.repeats.find(ToolCall("2", "finish", {"key": "k"}))
    assert entry is not None
    entry.made.cut_off = True
    assert await make(desk, "finish", "2") == f"done k ({CUT_OFF})"
    assert begun(desk) == 1


async def test_it_stands_each_time_and_what_is_broken_off_again_is_told_late(desk: Desk) -> None:
    make(desk, "finish", "1").add_done_callback(lambda _: None)
    for number in (2, 3):
        await at(2.0 * number)
        desk.calls.repeats.broken_off()
        again = make(desk, "finish", str(number))
        await at(2.0 * number + 1.0)
        again.cancel()
    await at(60.0)
    assert begun(desk) == 1
    assert desk.told_late == [("1", "done k")]


@pytest.mark.parametrize("policy", ["cancel", "undo"])
async def test_what_nothing_came_of_is_made_again_when_that_is_certain(desk: Desk, policy: OnInterrupt) -> None:
    first = make(desk, policy, "1")
    await at(5.0)
    first.cancel()
    await at(5.1)
    assert await make(desk, policy, "2") == "done k"
    assert [what for what, _ in desk.log if what != "cancelled"] == {
        "cancel": ["begun", "begun", "done"],
        "undo": ["begun", "undo begun", "undone None", "begun", "done"],
    }[policy]


async def test_what_is_being_taken_back_when_it_had_returned_is_made_again_after_that(desk: Desk) -> None:
    await make(desk, "undo", "1")
    desk.epoch.advance()
    assert await make(desk, "undo", "2") == "done k"
    assert [what for what, _ in desk.log] == ["begun", "done", "undo begun", "undone done k", "begun", "done"]


async def test_what_an_interruption_takes_back_it_takes_back_after_a_repeat_too(desk: Desk) -> None:
    await make(desk, "undo", "1")
    desk.calls.response_began("it is")
    desk.calls.repeats.broken_off()
    await make(desk, "undo", "2")
    desk.calls.response_began("it is booked")
    desk.epoch.advance()
    desk.calls.responses_cut(["it is booked"])
    await at(30.0)
    assert desk.log[-1] == ("undone done k", "k")


@pytest.mark.parametrize("why", ["words", "arguments", "not broken off", "no effects", "failed"])
async def test_everything_else_is_made(desk: Desk, why: str) -> None:
    name = {"no effects": "look", "failed": "fail"}.get(why, "finish")
    desk.offer("fail", seconds=1.0, error=True)
    await make(desk, name, "1")
    if why != "not broken off":
        desk.calls.repeats.broken_off()
    if why == "words":
        desk.history.user_said("and once more")
    await make(desk, name, "2", "other" if why == "arguments" else "k")
    assert begun(desk) == 2


async def test_what_is_wanted_twice_in_one_go_is_made_twice(desk: Desk) -> None:
    await make(desk, "finish", "1")
    desk.calls.repeats.broken_off()
    await make(desk, "finish", "2")
    assert begun(desk) == 1
    await make(desk, "finish", "3")
    assert begun(desk) == 2


async def test_words_that_led_to_the_first_call_and_are_known_late_ask_for_nothing_new(desk: Desk) -> None:
    place = desk.history.place()
    await make(desk, "finish", "1")
    desk.calls.repeats.broken_off()
    desk.history.user_said("book it", place=place)
    desk.history.overheard("a television")
    await make(desk, "finish", "2")
    assert begun(desk) == 1


async def test_words_that_become_known_while_it_waits_at_the_barrier_count(desk: Desk) -> None:
    await make(desk, "finish", "1")
    desk.calls.repeats.broken_off()
    desk.barrier.clear()
    again = make(desk, "finish", "2")
    await at(12.0)
    desk.history.user_said("and once more")
    desk.barrier.set()
    await again
    assert begun(desk) == 2


def hear(desk: Desk, how: str) -> None:
    if how == "interrupted":
        desk.epoch.advance()
    else:
        desk.calls.repeats.heard()


@pytest.mark.parametrize("how", ["interrupted", "heard"])
@pytest.mark.parametrize("words", ["once more", ""])
async def test_whether_who_was_heard_wants_it_again_is_known_by_their_words(desk: Desk, how: str, words: str) -> None:
    desk.calls.repeats.words_known(desk.history.latest)
    await make(desk, "finish", "1")
    hear(desk, how)
    place = desk.history.place()
    again = make(desk, "finish", "2")
    await at(11.0)
    assert not again.done()
    if words:
        desk.history.user_said(words, place=place)
    desk.calls.repeats.words_known(place)
    await again
    assert begun(desk) == (2 if words else 1)


async def test_words_of_before_the_call_tell_nothing_of_who_was_heard_since(desk: Desk) -> None:
    desk.calls.repeats.words_known(desk.history.latest)
    before = desk.history.place()
    await make(desk, "finish", "1")
    desk.calls.repeats.heard()
    place = desk.history.place()
    again = make(desk, "finish", "2")
    desk.history.user_said("book it", place=before)
    desk.calls.repeats.words_known(before)
    await at(11.0)
    desk.history.user_said("once more", place=place)
    desk.calls.repeats.words_known(place)
    await again
    assert begun(desk) == 2


@pytest.mark.parametrize("transcribes", [True, False])
@pytest.mark.parametrize("asked", [True, False])
async def test_where_no_words_come_it_was_a_noise_unless_they_never_do(
    desk: Desk, transcribes: bool, asked: bool
) -> None:
    if transcribes:
        desk.calls.repeats.words_known(desk.history.latest)
    await make(desk, "finish", "1")
    desk.calls.repeats.heard()
    if asked:
        desk.calls.repeats.asked()  # The agent has the model go on.
    await make(desk, "finish", "2")
    assert begun(desk) == (1 if transcribes or asked else 2)


async def test_what_one_agent_has_heard_of_a_model_is_not_known_in_the_next_call(desk: Desk) -> None:
    desk.calls.repeats.words_known(None)
    desk.calls.abandon("it is over")
    await make(desk, "finish", "1")
    desk.calls.repeats.heard()
    await make(desk, "finish", "2")
    assert begun(desk) == 2


async def test_of_two_who_were_heard_the_words_of_the_last_one_are_waited_for(desk: Desk) -> None:
    repeats, history = desk.calls.repeats, desk.history
    repeats.words_known(history.latest)
    await make(desk, "finish", "1")
    cough, place = history.place(), 0
    repeats.heard()
    place = history.place()
    repeats.heard()
    desk.epoch.advance()
    repeats.words_known(cough)
    again = make(desk, "finish", "2")
    await at(10.5)
    # Another piece of what was heard first, if there is one, is no newer than that.
    repeats.words_known(history.place(after=cough))
    await at(11.0)
    history.user_said("once more", place=place)
    repeats.words_known(place)
    await again
    assert begun(desk) == 2


async def test_another_piece_of_the_words_that_led_to_a_call_asks_for_nothing_new(desk: Desk) -> None:
    place = desk.history.place()
    await make(desk, "finish", "1")
    desk.calls.repeats.broken_off()
    for piece in ("book", "it", "please"):
        desk.history.user_said(piece, place=place)
        place = desk.history.place(after=place)
    await make(desk, "finish", "2")
    assert begun(desk) == 1


@pytest.mark.parametrize("since", ["nothing", "asked", "before the call", "a cough"])
async def test_words_that_cannot_be_written_down_may_want_it_again(desk: Desk, since: str) -> None:
    repeats = desk.calls.repeats
    repeats.words_known(desk.history.latest)
    before = desk.history.place()
    await make(desk, "finish", "1")
    place = desk.history.place()
    repeats.heard()
    repeats.unread(before if since == "before the call" else place, 0.4 if since == "a cough" else 1.0)
    if since == "asked":
        repeats.asked()  # The agent takes what it has heard for a noise.
    await make(desk, "finish", "2")
    assert begun(desk) == (2 if since == "nothing" else 1)


def test_a_model_may_wait_for_words_in_one_loop_after_another() -> None:
    desk = Desk()
    desk.history.user_said("book it")
    desk.offer("finish", "finish", seconds=0.0)

    async def story() -> None:
        desk.calls.repeats.words_known(desk.history.latest)
        await make(desk, "finish", "1")
        place = desk.history.place()
        desk.calls.repeats.heard()
        again = make(desk, "finish", "2")
        await asyncio.sleep(0)
        desk.calls.repeats.words_known(place)
        await again
        desk.calls.repeats.clear()

    for _ in range(2):
        asyncio.run(story())
    assert begun(desk) == 2
