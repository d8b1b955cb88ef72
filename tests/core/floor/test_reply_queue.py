"""The replies that wait, beside a floor: what is owed, what is news, and in which order they have the voice."""

from __future__ import annotations

from typing import Any

import pytest

from vision_agents.core.floor import effects as fx
from vision_agents.core.floor.reply import Attempt, QueuedReply, Reply, ReplyPhase
from vision_agents.core.floor.reply_queue import ReplyQueue

from .story import ANN, BOB


def queue(**facts: Any) -> ReplyQueue:
    return ReplyQueue(4, **facts)


def waits(*numbers: int | None, **facts: Any) -> list[QueuedReply]:
    return [QueuedReply(0.0, number, **facts) for number in numbers]


def order(replies: ReplyQueue) -> list[int | None]:
    return [waiting.number if waiting.continues is None else -waiting.continues for waiting in replies.queue]


class TestNews:
    """What functions found that nobody waited for."""

    def test_what_is_shelved_waits_for_an_answer_to_words(self) -> None:
        replies = queue(shelved=True)
        replies.understand(ANN, 0.5, idle=False)
        assert (replies.news, replies.shelved) == (False, True), "no answer is owed"
        replies.owe_answer(1.0, ANN, 0.5, understood=False)
        assert (replies.news, replies.shelved) == (False, True), "it may be a noise"
        replies.understand(BOB, 0.6, idle=False)
        assert (replies.news, replies.shelved) == (False, True), "nothing is owed to them"
        replies.understand(ANN, 0.5, idle=True)
        assert (replies.news, replies.shelved) == (True, False)

    def test_words_that_are_known_already_are_enough(self) -> None:
        replies = queue(shelved=True)
        replies.owe_answer(1.0, ANN, 0.5, understood=True)
        assert (replies.news, replies.shelved) == (True, False)

    def test_who_is_asked_knows_what_was_found_before(self) -> None:
        replies = queue()
        replies.owe_answer(1.0, ANN, 0.5, understood=True)
        assert not replies.known, "nothing was"
        replies.found(0, known=True)
        replies.owe_answer(2.0, ANN, 1.5, understood=True)
        assert (replies.known, replies.later) == (True, 0)
        replies.found(0, known=False)
        assert replies.later == 1
        replies.owe_answer(3.0, ANN, 2.5, understood=True)
        assert (replies.known, replies.later) == (False, 0)

    def test_what_waits_to_be_told_is_told_by_the_answer_instead(self) -> None:
        replies = queue()
        replies.queue.extend([*waits(None, news=True), *waits(3)])
        replies.owe_answer(1.0, ANN, 0.5, understood=True)
        assert (order(replies), replies.news, replies.known) == ([3], True, True)

    def test_but_not_what_is_being_made(self) -> None:
        replies = queue()
        replies.queue.extend(waits(3, news=True, started=True))
        replies.owe_answer(1.0, ANN, 0.5, understood=True)
        assert (order(replies), replies.news) == ([3], False)

    def test_of_an_answer_that_code_silenced_nothing_is_told_by_itself(self) -> None:
        replies = queue(news=True)
        replies.silence(2)
        assert (replies.news, replies.shelved, replies.silenced) == (False, True, 2)
        replies.shelved = False
        replies.found(1, known=True)
        assert (replies.news, replies.shelved) == (False, True)
        replies.found(2, known=True)
        assert (replies.news, replies.shelved) == (True, True)

    @pytest.mark.parametrize("later", [0, 1])
    def test_what_was_found_later_is_not_told_yet(self, later: int) -> None:
        replies = queue(news=True, shelved=True)
        replies.tell_news(QueuedReply(0.0, later=later))
        assert (replies.news, replies.shelved) == (bool(later), bool(later))

    def test_it_is_counted_for_what_is_being_made_already(self) -> None:
        replies = queue()
        replies.queue.extend([*waits(1, started=True), *waits(2)])
        replies.found(0, known=True)
        assert [waiting.later for waiting in replies.queue] == [1, 0]

    @pytest.mark.parametrize("busy", ["", "reply", "queue", "owed", "functions"])
    def test_it_is_told_when_nothing_else_has_or_wants_the_voice(self, busy: str) -> None:
        replies = queue(news=True)
        if busy == "reply":
            replies.reply = Reply(1, interruptible=True, answer=True)
        elif busy == "queue":
            replies.queue.extend(waits(1))
        elif busy == "owed":
            replies.owed.ask(0.0, ANN, 0.0, understood=False)
        elif busy == "functions":
            replies.function_started(0, 0.0, "", 1.0, spoken=False, told=False)
        replies.queue_news(5.0)
        assert [waiting.since for waiting in replies.queue if waiting.news] == ([] if busy else [5.0])


class TestOrder:
    def test_what_is_made_is_first_and_what_belongs_to_it_next_and_a_rest_last(self) -> None:
        replies = queue()
        replies.queue.extend(waits(None, continues=9, interruptible=False))
        replies.enqueue(1, QueuedReply(0.0, 1))
        replies.enqueue(2, QueuedReply(0.0, 2, inner=True))
        assert order(replies) == [2, 1, -9]
        replies.enqueue(3, QueuedReply(0.0, 3, started=True))
        assert order(replies) == [3, 2, 1, -9]

    def test_a_rest_that_could_not_be_made_keeps_its_place(self) -> None:
        replies = queue()
        replies.queue.extend(waits(None, continues=9, interruptible=False, attempt=Attempt(failures=1)))
        replies.enqueue(1, QueuedReply(0.0, 1))
        assert order(replies) == [-9, 1]

    def test_the_limit(self) -> None:
        replies = ReplyQueue(1)
        assert replies.enqueue(1, QueuedReply(0.0, 1)) == []
        assert replies.enqueue(2, QueuedReply(0.0, 2)) == [fx.DropReply(2, "1 replies wait already")]
        assert (order(replies), replies.last_reply) == ([1], 2)

    def test_what_had_the_voice_goes_behind_what_is_being_made(self) -> None:
        replies = queue()
        replies.queue.extend([*waits(1, started=True), *waits(2, inner=True), *waits(3)])
        replies.put_first(QueuedReply(0.0, 4))
        assert order(replies) == [1, 2, 4, 3]

    def test_one_answer_to_all_that_was_said(self) -> None:
        replies = queue()
        replies.want_answer(1.0, ANN)
        replies.want_answer(2.0, BOB)
        assert order(replies) == [None]
        assert [waiting.since for waiting in replies.queue] == [1.0]
        assert replies.addressees == {ANN, BOB}

    def test_it_takes_the_place_of_news_and_of_what_is_made_once_more(self) -> None:
        replies = queue()
        failed = QueuedReply(0.0, attempt=Attempt(failures=1))
        replies.queue.extend([QueuedReply(0.0, news=True), failed, QueuedReply(0.0, 5, attempt=Attempt(failures=1))])
        replies.want_answer(1.0, ANN)
        assert order(replies) == [5, None]
        assert replies.queue[1] == QueuedReply(1.0, attempt=Attempt(1.0))


class TestContinuation:
    def test_words_of_later_turns_take_its_place(self) -> None:
        replies = queue()
        replies.queue_continuation(3.0, 7, 2.0)
        replies.understand(ANN, 1.9, idle=False)
        assert order(replies) == [-7], "those were said before what cut it off"
        replies.understand(ANN, 2.0, idle=True)
        assert order(replies) == [-7], "a listener's do not"
        replies.understand(ANN, 2.0, idle=False)
        assert order(replies) == []

    def test_there_is_one_and_the_latest_counts(self) -> None:
        replies = queue()
        replies.queue_continuation(3.0, 7, 2.0)
        replies.queue_continuation(4.0, 8, 3.5)
        assert [(w.continues, w.since, w.cut_by) for w in replies.queue] == [(8, 4.0, 3.5)]
        replies.queue_continuation(5.0, None, 4.5)
        assert [(w.continues, w.since, w.cut_by) for w in replies.queue] == [(8, 5.0, 3.5)], "it waits anew"

    def test_none_beside_an_answer(self) -> None:
        replies = queue()
        replies.queue.extend(waits(None))
        replies.queue_continuation(3.0, 7, 2.0)
        assert order(replies) == [None]

    def test_but_beside_a_rest_and_the_apology(self) -> None:
        replies = queue()
        replies.queue.append(QueuedReply(0.0, continues=9, interruptible=False))
        replies.queue.append(QueuedReply(0.0, attempt=Attempt(is_apology=True)))
        replies.queue_continuation(3.0, 7, 2.0)
        assert order(replies) == [-9, None, -7]

    def test_what_was_asked_since_may_be_what_is_lost(self) -> None:
        replies = queue()
        replies.owed.ask(2.5, BOB, 2.0, understood=False)
        replies.queue_continuation(3.0, 7, 2.0)
        replies.queue_continuation(3.0, 7, 2.1)
        assert [waiting.cut_by for waiting in replies.queue] == [2.1]
        replies.queue_continuation(3.0, 7, 2.0)
        assert [waiting.cut_by for waiting in replies.queue] == [3.0]

    @pytest.mark.parametrize(("phase", "continued"), [(ReplyPhase.PREPARING, True), (ReplyPhase.AUDIBLE, False)])
    def test_one_that_is_being_made_is_none_any_more_once_it_is_heard(self, phase: ReplyPhase, continued: bool) -> None:
        replies = queue(reply=Reply(8, interruptible=True, answer=False, continues=7, phase=phase))
        assert replies.is_continued(7) is continued
        assert not replies.is_continued(8)
        replies.queue_continuation(3.0, 7, 2.0)
        assert replies.is_continued(7)


class TestInterrupted:
    def test_what_may_be_interrupted_is_dropped_and_answers_wait(self) -> None:
        replies = queue(addressees={ANN})
        replies.queue.extend([*waits(1), *waits(2, interruptible=False), *waits(None)])
        assert replies.interrupt_queue(answers=False) == [fx.DropReply(1, "interrupted")]
        assert (order(replies), replies.addressees) == ([2, None], {ANN})

    def test_code_silences_answers_too(self) -> None:
        replies = queue(addressees={ANN})
        replies.queue.extend([*waits(1), *waits(2, interruptible=False), *waits(None)])
        assert replies.interrupt_queue(answers=True) == [fx.DropReply(1, "interrupted")]
        assert (order(replies), replies.addressees) == ([2], set())

    @pytest.mark.parametrize("phase", ReplyPhase)
    def test_what_was_to_be_told_is_told_another_time_if_it_was_not(self, phase: ReplyPhase) -> None:
        replies = queue()
        aside = Reply(1, interruptible=True, answer=False, news=True, phase=phase)
        replies.queue.append(QueuedReply(0.0, 1, aside=aside))
        replies.interrupt_queue(answers=False)
        assert replies.news is (phase is ReplyPhase.PREPARING)


class TestFunctions:
    def test_the_deadlines_of_a_reply_run_again_after_the_last(self) -> None:
        replies = queue(reply=Reply(1, interruptible=True, answer=True, since=1.0, attempt=Attempt(begun=1.0)))
        for at in (2.0, 3.0):
            replies.function_started(1, at, "", 1.0, spoken=False, told=False)
        replies.function_ended(1, 5.0)
        assert replies.reply is not None
        assert (1 in replies.functions, replies.reply.since) == (True, 1.0)
        replies.function_ended(1, 6.0)
        assert (replies.functions, replies.reply.since, replies.reply.attempt.begun) == ({}, 6.0, 5.0)
        replies.function_ended(1, 7.0)
        assert replies.reply.since == 6.0

    def test_so_do_those_of_what_is_owed_and_of_what_waits(self) -> None:
        replies = queue()
        replies.owed.ask(1.0, ANN, 0.5, understood=False)
        replies.queue_continuation(1.0, 7, 0.9)
        replies.function_started(3, 2.0, "", 1.0, spoken=False, told=False)
        replies.function_ended(3, 6.0)
        assert (replies.owed.since, replies.queue[0].since) == (6.0, 6.0)

    def test_a_filler_is_due_after_a_silent_wait(self) -> None:
        replies = queue(reply=Reply(1, interruptible=True, answer=True))
        replies.function_started(1, 2.0, "One moment.", 1.5, spoken=False, told=False)
        assert replies.filler_due(1) == 3.5
        replies.queue.extend(waits(2, inner=True))
        assert replies.filler_due(1) is None, "something is said already"
        replies.queue.clear()
        replies.speaks(1)
        assert replies.filler_due(1) is None

    def test_none_of_a_reply_that_has_not_the_voice_or_has_none(self) -> None:
        replies = queue()
        replies.function_started(1, 2.0, "One moment.", 1.5, spoken=False, told=False)
        assert replies.filler_due(1) is None
        replies.function_started(0, 2.0, "One moment.", 1.5, spoken=False, told=False)
        assert replies.filler_due(0) == 3.5
        replies.queue.extend(waits(2))
        assert replies.filler_due(0) is None

    @pytest.mark.parametrize("spoken", [True, False])
    def test_who_has_spoken_before_a_call_waits_in_no_silence(self, spoken: bool) -> None:
        replies = queue(reply=Reply(1, interruptible=True, answer=True))
        replies.function_started(1, 2.0, "One moment.", 1.5, spoken=spoken, told=False)
        assert replies.filler_due(1) == (None if spoken else 3.5)


class TestPeople:
    def test_an_answer_to_somebody(self) -> None:
        replies = queue(reply=Reply(1, interruptible=True, answer=True, to=frozenset({ANN})))
        assert replies.answer_to(ANN) is replies.reply
        assert replies.answer_to(BOB) is None
        replies.reply = Reply(1, interruptible=True, answer=True)
        assert replies.answer_to(BOB) is replies.reply, "it is to everybody"
        replies.reply = Reply(1, interruptible=True, answer=False)
        assert replies.answer_to(BOB) is None

    def test_who_left_is_answered_no_more(self) -> None:
        replies = queue(
            addressees={ANN, BOB}, reply=Reply(1, interruptible=True, answer=True, to=frozenset({ANN, BOB}))
        )
        replies.forget(ANN)
        assert replies.reply is not None
        assert (replies.addressees, replies.reply.to) == ({BOB}, {BOB})
        replies.forget(BOB)
        assert (replies.addressees, replies.reply.to) == (set(), None)
