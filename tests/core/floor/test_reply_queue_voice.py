"""The reply that has the voice, beside a floor: how it gets it, makes way for others, and gives it back."""

from __future__ import annotations

from typing import Any

import pytest

from vision_agents.core.floor import effects as fx
from vision_agents.core.floor.reply import Attempt, Draft, QueuedReply, Reply, ReplyPhase
from vision_agents.core.floor.reply_queue import ReplyQueue

from .story import ANN, BOB


def queue(*waiting: QueuedReply, **facts: Any) -> ReplyQueue:
    replies = ReplyQueue(4, **facts)
    replies.queue.extend(waiting)
    return replies


def reply(number: int, **facts: Any) -> Reply:
    return Reply(number, **{"interruptible": True, "answer": False, **facts})


def voice(replies: ReplyQueue) -> Reply:
    assert replies.reply is not None
    return replies.reply


class TestBegins:
    @pytest.mark.parametrize(
        ("first", "quiet", "begins"),
        [
            (QueuedReply(3.0, 1), True, 3.0),
            (QueuedReply(3.0, 1), False, None),
            (QueuedReply(3.0, 1, started=True), False, 3.0),
            (QueuedReply(3.0, continues=1), True, 3.0),
        ],
    )
    def test_from_when_on(self, first: QueuedReply, quiet: bool, begins: float | None) -> None:
        assert queue(first).begins_at(quiet=quiet) == begins
        assert queue(first, reply=reply(9)).begins_at(quiet=quiet) is None
        assert queue().begins_at(quiet=quiet) is None

    def test_a_rest_waits_for_what_a_model_owes(self) -> None:
        replies = queue(QueuedReply(3.0, continues=1))
        replies.owed.ask(1.0, ANN, 0.0, understood=False)
        assert replies.begins_at(quiet=True) is None
        replies.owed.overdue = True
        assert replies.begins_at(quiet=True) == 3.0

    def test_an_answer(self) -> None:
        replies = queue(QueuedReply(3.0, attempt=Attempt(2.0)), addressees={ANN}, last_reply=4, epoch=2)
        assert replies.begin_next(5.0) == [fx.BeginReply(5, 2, True)]
        answer = Reply(5, True, True, frozenset({ANN}), attempt=Attempt(2.0, begun=5.0, owed=True), since=5.0)
        assert (replies.reply, replies.addressees, replies.last_reply) == (answer, set(), 5)

    def test_another_attempt_at_it_began_with_the_first(self) -> None:
        replies = queue(QueuedReply(3.0, attempt=Attempt(2.0, begun=2.5, failures=1)))
        replies.begin_next(5.0)
        assert voice(replies).attempt.begun == 2.5

    def test_what_code_wants_said_is_nobodys_answer(self) -> None:
        replies = queue(QueuedReply(3.0, 7, interruptible=False), addressees={ANN}, last_reply=8)
        assert replies.begin_next(5.0) == [fx.BeginReply(7, 0, False)]
        assert (voice(replies).to, voice(replies).interruptible, voice(replies).attempt.owed) == (None, False, False)
        assert (replies.addressees, replies.last_reply) == ({ANN}, 8)

    def test_what_a_model_makes_is_told_of_by_nobody(self) -> None:
        replies = queue(QueuedReply(3.0, 7, started=True), addressees={ANN})
        assert replies.begin_next(5.0) == []
        assert voice(replies).to == {ANN}

    def test_but_that_it_tells_what_was_found(self) -> None:
        replies = queue(QueuedReply(3.0, 7, started=True, news=True, later=2), news=True)
        assert replies.begin_next(5.0) == [fx.TellNews(7, 2)]
        assert (replies.news, voice(replies).news) == (True, True), "two things are still to be told"

    def test_news(self) -> None:
        replies = queue(QueuedReply(3.0, news=True), news=True, shelved=True)
        assert replies.begin_next(5.0) == [fx.BeginReply(1, 0, False, news=True)]
        assert (replies.news, replies.shelved) == (False, False)

    @pytest.mark.parametrize("learnt", [True, False])
    def test_a_model_that_is_asked_for_what_it_has_not_begun_tells_what_it_knows(self, learnt: bool) -> None:
        replies = queue(QueuedReply(3.0, continues=0), news=True, learnt=learnt)
        begin = fx.BeginReply(1, 0, False, continues=0)
        assert replies.begin_next(5.0) == ([begin, fx.TellNews(1)] if learnt else [begin])
        assert (replies.news, voice(replies).news) == (not learnt, learnt)

    def test_nor_is_the_rest_of_something_else_told_it(self) -> None:
        replies = queue(QueuedReply(3.0, continues=4), news=True)
        assert replies.begin_next(5.0) == [fx.BeginReply(1, 0, False, continues=4)]
        assert replies.news

    @pytest.mark.parametrize("asked", [True, False])
    def test_what_is_asked_for_instead_is_owed_no_more(self, asked: bool) -> None:
        replies = queue(QueuedReply(3.0, continues=4) if asked else QueuedReply(3.0, 1))
        replies.owed.ask(1.0, ANN, 0.0, understood=True)
        replies.owed.overdue = True
        replies.begin_next(5.0)
        assert replies.owed.overdue is not asked

    def test_an_answer_that_was_prepared_has_its_number(self) -> None:
        replies = queue(QueuedReply(3.0), last_reply=4)
        prepared = replies.prepare(ANN, "how are you")
        assert prepared == fx.PrepareReply(5, 0, ANN, "how are you")
        assert (replies.draft, replies.last_reply) == (Draft(5, 0, ANN, "how are you"), 5)
        assert replies.begin_next(5.0) == [fx.BeginReply(5, 0, True, prepared=True)]
        assert replies.draft is None

    def test_no_other_reply_has(self) -> None:
        replies = queue(QueuedReply(3.0, 7), draft=Draft(5, 0, ANN, ""), last_reply=7)
        assert replies.begin_next(5.0) == [fx.BeginReply(7, 0, False)]

    def test_waits_of_what_is_over_are_forgotten_and_what_is_said_inside_breaks_the_silence(self) -> None:
        replies = queue(QueuedReply(3.0, 7, inner=True))
        for number in (0, 3, 7):
            replies.function_started(number, 1.0, "", 1.0, spoken=False, told=False)
        replies.begin_next(5.0)
        assert {number: wait.over for number, wait in replies.waits.items()} == {0: True, 7: True}
        assert voice(replies).inner

    def test_made_anew(self) -> None:
        replies = queue(reply=reply(3, answer=True, to=frozenset({ANN}), attempt=Attempt(1.0)), last_reply=5, epoch=1)
        dropped, begun = replies.begin_anew(9.0)
        assert isinstance(dropped, fx.DropReply)
        assert (dropped.reply, begun) == (3, fx.BeginReply(6, 1, True))
        assert replies.reply == reply(6, answer=True, to=frozenset({ANN}), attempt=Attempt(1.0), since=9.0)


class TestMakesWay:
    def test_for_what_its_functions_want_said(self) -> None:
        replies = queue(QueuedReply(1.0, 4, inner=True), reply=reply(3, since=0.5))
        replies.step_aside()
        assert voice(replies).number == 3, "it needs none"
        replies.function_started(3, 1.0, "", 1.0, spoken=False, told=False)
        replies.step_aside()
        assert replies.reply is None
        assert [waiting.number for waiting in replies.queue] == [4, 3]
        replies.begin_next(2.0)
        replies.drained()
        assert replies.begin_next(3.0) == []
        assert (voice(replies).number, voice(replies).since) == (3, 3.0)

    @pytest.mark.parametrize(
        ("has", "first"),
        [
            (reply(3, phase=ReplyPhase.AUDIBLE), QueuedReply(1.0, 4, inner=True)),
            (reply(3, inner=True), QueuedReply(1.0, 4, inner=True)),
            (reply(3), QueuedReply(1.0, 4)),
        ],
    )
    def test_for_nothing_else(self, has: Reply, first: QueuedReply) -> None:
        replies = queue(first, reply=has)
        replies.function_started(3, 1.0, "", 1.0, spoken=False, told=False)
        replies.step_aside()
        assert replies.reply is has

    def test_for_what_is_heard_before_its_turn(self) -> None:
        replies = queue(QueuedReply(1.0, 5, started=True), QueuedReply(1.0, 4), reply=reply(3))
        assert replies.overtake(4, 2.0) == [], "nobody makes it yet"
        assert voice(replies).number == 3
        replies.overtake(5, 2.0)
        assert voice(replies).number == 5
        assert [waiting.number for waiting in replies.queue] == [3, 4]

    def test_not_once_it_is_heard_itself(self) -> None:
        replies = queue(QueuedReply(1.0, 5, started=True), reply=reply(3, phase=ReplyPhase.AUDIBLE))
        assert replies.overtake(5, 2.0) == []
        assert voice(replies).number == 3

    def test_nobody_has_the_voice(self) -> None:
        replies = queue(QueuedReply(1.0, 4, started=True), QueuedReply(1.0, 5, started=True))
        replies.overtake(5, 2.0)
        assert voice(replies).number == 5
        assert [waiting.number for waiting in replies.queue] == [4]


class TestInside:
    def test_it_is_heard_in_time(self) -> None:
        replies = queue(reply=reply(3, since=1.0), last_reply=3)
        replies.function_started(3, 1.0, "Wait.", 1.0, spoken=False, told=False)
        assert replies.insert(4, 3, 5.0, interruptible=False) == [fx.InsertSpeech(4, 3, "")]
        assert (replies.last_reply, voice(replies).since, voice(replies).insertions) == (4, 5.0, {4: False})
        assert replies.waits[3].over
        assert not voice(replies).yields
        replies.insertion_over(9)
        assert voice(replies).insertions == {4: False}
        replies.insertion_over(4)
        assert voice(replies).insertions == {}

    def test_the_limit(self) -> None:
        replies = ReplyQueue(1, reply=reply(3))
        assert replies.insert(4, 3, 1.0) == [fx.InsertSpeech(4, 3, "")]
        [dropped] = replies.insert(5, 3, 2.0)
        assert isinstance(dropped, fx.DropReply)
        assert (dropped.reply, voice(replies).insertions, replies.last_reply) == (5, {4: True}, 5)

    def test_a_filler_inside_or_before(self) -> None:
        replies = queue(QueuedReply(1.0, 4), reply=reply(3), last_reply=4)
        replies.function_started(3, 1.0, "Wait.", 1.0, spoken=False, told=False)
        assert replies.fill(3, 2.0, inside=True) == [fx.InsertSpeech(5, 3, "Wait.")]
        assert replies.fill(3, 2.0, inside=False) == []
        assert replies.queue[0] == QueuedReply(2.0, 6, attempt=Attempt(2.0, filler="Wait."), inner=True)
        assert replies.last_reply == 6


class TestOver:
    @pytest.mark.parametrize("inner", [True, False])
    def test_the_next_functions_are_a_new_wait_unless_it_was_a_filler(self, inner: bool) -> None:
        replies = queue(reply=reply(3, inner=inner))
        replies.function_started(0, 1.0, "", 1.0, spoken=False, told=False)
        replies.drained()
        assert (0 in replies.waits) is inner
        assert replies.reply is None
        assert replies.said is not None

    def test_dropped(self) -> None:
        replies = queue(reply=reply(3))
        assert replies.drop("why not") == [fx.DropReply(3, "why not")]
        assert (replies.reply, replies.said) == (None, None)

    def test_nobody_would_hear_what_waits(self) -> None:
        replies = queue(QueuedReply(1.0, 4), QueuedReply(1.0), addressees={ANN})
        replies.owed.ask(1.0, ANN, 0.0, understood=True)
        assert replies.clear("all have left") == [fx.DropReply(4, "all have left")]
        assert (len(replies.queue), replies.addressees, replies.busy) == (0, set(), False)


class TestWork:
    @pytest.mark.parametrize(
        ("state", "busy", "at_work"),
        [
            ("nothing", False, False),
            ("reply", True, True),
            ("queue", True, True),
            ("owed", True, True),
            ("overdue", False, True),
            ("overdue and wanted", True, True),
            ("suspended", False, True),
        ],
    )
    def test_what_a_model_may_be_at(self, state: str, busy: bool, at_work: bool) -> None:
        replies = queue(*[QueuedReply(1.0, 4)] * (state == "queue"), reply=reply(3) if state == "reply" else None)
        if state not in ("nothing", "reply", "queue"):
            replies.owed.ask(1.0, ANN, 0.0, understood=state.endswith("wanted"))
        replies.owed.overdue = state.startswith("overdue")
        if state == "suspended":
            replies.owed.suspend()
        assert (replies.busy, replies.at_work) == (busy, at_work)

    @pytest.mark.parametrize("begun", [True, False])
    def test_the_next_part_of_an_answer_is_owed_unless_it_is_begun(self, begun: bool) -> None:
        replies = queue(QueuedReply(1.0, 4, started=begun))
        replies.owe_part(2.0)
        assert (replies.owed.since, replies.owed.part) == ((None, False) if begun else (2.0, True))

    def test_an_answer_that_begins_settles_what_is_owed(self) -> None:
        replies = queue(QueuedReply(1.0, continues=9), news=True, known=True, later=1, shelved=True)
        replies.owed.ask(1.0, ANN, 0.0, understood=False)
        replies.function_started(0, 1.0, "", 1.0, spoken=False, told=False)
        replies.enqueue(4, QueuedReply(2.0, 4, started=True))
        assert [(w.number, w.news, w.later) for w in replies.queue] == [(4, True, 1)]
        assert (replies.owed.since, replies.known, replies.shelved, replies.waits) == (None, False, False, {})

    def test_one_that_nobody_owed_does_not_tell_what_is_shelved(self) -> None:
        replies = queue(known=True, shelved=True)
        replies.enqueue(4, QueuedReply(2.0, 4, started=True))
        assert (replies.queue[0].news, replies.shelved) == (False, True)


class TestLatest:
    def test_what_is_known_of_a_reply(self) -> None:
        has, said, aside = reply(3), reply(2), reply(1)
        replies = queue(QueuedReply(0.0, 1, aside=aside), QueuedReply(0.0, 4, started=True), QueuedReply(0.0, 5))
        replies.reply, replies.said, replies.addressees = has, said, {BOB}
        assert [replies.latest(number) for number in (1, 2, 3)] == [aside, said, has]
        assert [replies.latest(number).to for number in (0, 4, 5, 9)] == [{BOB}, {BOB}, None, None]
        assert [replies.latest(number).attempt.owed for number in (0, 4, 5, 9)] == [True, True, False, False]
        replies.addressees = set()
        assert replies.latest(0) == Reply(0, interruptible=True, answer=False)
