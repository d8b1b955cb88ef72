"""Words without an interruption: of speech that was found to be none, and answered later all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vision_agents.core.floor import effects as fx
from vision_agents.core.floor.events import TranscriptReceived
from vision_agents.core.floor.evidence import Evidence, Vote
from vision_agents.core.floor.late_words import ECHO_DELAY, Dismissed, LateWords, answered_later, best
from vision_agents.core.floor.people import People
from vision_agents.core.floor.reply import Reply
from vision_agents.core.floor.strategies import BUILT_IN, votes
from vision_agents.core.floor.turn import Turn
from vision_agents.core.floor.turn_facts import ClosedTurn
from vision_agents.core.floor.vocabulary import Vocabulary

from .story import ANN, NOTHING, about

ALL = tuple(BUILT_IN)
SENTENCE = "please cancel the other booking"


def evidence(words: str = "", **facts: Any) -> Evidence:
    """Speech that is over, of a third of a second."""
    heard = replace(NOTHING, speaking=False, voiced=0.3, elapsed=0.3)
    read = {"transcribed": bool(words), "words": words, "stt_confidence": 0.9 if words else None}
    return replace(heard, **{**read, **facts})


def late(words: str, confidence: float | None = 0.9, at: float = 10.0, *, final: bool = True) -> TranscriptReceived:
    return TranscriptReceived(at, ANN, words, final, confidence)


def later(heard: Evidence, *more: Vote) -> bool:
    return answered_later(heard, votes(heard, ALL) + more, ALL)


class TestAnsweredLater:
    def test_a_sentence_in_as_much_speech_as_tells_something(self) -> None:
        assert later(evidence(SENTENCE, voiced=0.25))
        assert not later(evidence(SENTENCE, voiced=0.24))
        assert later(evidence(SENTENCE, voiced=0.0)), "of which nothing was measured"

    def test_less_than_a_sentence_is_not(self) -> None:
        assert not later(evidence("some booking", voiced=0.5))
        assert later(evidence("some booking", voiced=0.0))

    def test_what_is_only_guessed_to_be_a_listeners(self) -> None:
        guess = evidence("thank you so much, Anna")
        assert [vote.weight < 0.0 for vote in votes(guess, ("words",))] == [True]
        assert later(guess)
        assert later(replace(guess, voiced=0.2)), "in however little speech"
        # Another strategy that is against it is no guess at its words.
        assert not later(evidence("some booking", voiced=0.5), Vote(-0.1, "", "mine"))

    def test_more_words_than_were_spoken_are_no_guess_at_a_listeners(self) -> None:
        heard = evidence("some other booking", voiced=0.2, elapsed=0.2, stt_confidence=0.65)
        assert [vote.weight for vote in votes(heard, ("words",))] == [0.0]
        assert not later(heard)

    def test_only_words_that_mean_something_and_are_not_the_agents(self) -> None:
        assert not later(evidence("uh-huh", voiced=0.0))
        assert not later(evidence("yes of course", voiced=0.0, stt_confidence=0.1))
        assert not later(evidence(SENTENCE, voiced=0.0, agent_words=f"Say: {SENTENCE}"))

    def test_not_where_more_speaks_against_it_than_speech_can_outweigh(self) -> None:
        assert later(evidence(SENTENCE), Vote(-2.0, "", "mine"))
        assert not later(evidence(SENTENCE), Vote(-2.1, "", "mine"))

    def test_the_best_that_it_can_come_to(self) -> None:
        given = (Vote(-1.0, "", "words"), Vote(0.1, "", "length"), Vote(-0.5, "", "mine"), Vote(1.0, "", "yours"))
        assert best(given, ALL) == about(2.0 + 1.0 - 0.5)
        assert best(given, ("words",)) == about(1.0 - 0.5)


class TestDismissed:
    def test_words_that_come_late_are_judged_as_if_they_had_come_in_time(self) -> None:
        noise = Dismissed(evidence(), ())
        assert noise.read_as(late("stop")).is_for_agent(ALL)
        assert not noise.read_as(late("uh-huh")).is_for_agent(ALL)
        assert not Dismissed(evidence(), (Vote(-3.0, "", "mine"),)).read_as(late("stop")).is_for_agent(ALL)

    def test_everything_of_the_report_counts(self) -> None:
        report = TranscriptReceived(9.0, ANN, "mine", True, 0.4, "mhm")
        heard = Dismissed(evidence("mm", speaking=True, words_final=False), ()).read_as(report).evidence
        assert (heard.words, heard.stt_confidence, heard.alternative) == ("mine", 0.4, "mhm")
        assert (heard.speaking, heard.transcribed, heard.words_final) == (False, True, True)


def late_words(agent_words: str = "", at: float = 9.0) -> LateWords:
    people = People(agent_words, at) if agent_words else People()
    return LateWords(Vocabulary.of("en"), people)


REPLY = Reply(1, interruptible=True, answer=True)


class TestAccepts:
    @pytest.mark.parametrize(
        ("words", "reply", "accepted"),
        [
            (SENTENCE, REPLY, True),
            (SENTENCE, None, True),
            ("uh-huh", REPLY, False),
            ("uh-huh", None, True),
        ],
    )
    def test_where_nothing_was_noticed_a_listeners_words_are_of_the_reply(
        self, words: str, reply: Reply | None, accepted: bool
    ) -> None:
        assert late_words().accepts(late(words), Turn(ANN), reply, ALL) is accepted

    def test_an_echo_is_none_while_one_may_come(self) -> None:
        it = late_words(SENTENCE)
        assert not it.accepts(late(SENTENCE, at=9.0 + ECHO_DELAY - 0.01), Turn(ANN), None, ALL)
        assert it.accepts(late(SENTENCE, at=9.0 + ECHO_DELAY), Turn(ANN), None, ALL)
        assert it.accepts(late("what about the trains", at=9.5), Turn(ANN), None, ALL)

    def test_a_turn_without_words_had_these(self) -> None:
        turn = Turn(ANN, closed=ClosedTurn())
        assert late_words(SENTENCE).accepts(late("uh-huh"), turn, REPLY, ALL)
        turn = Turn(ANN, closed=ClosedTurn(text="hello"))
        assert not late_words(SENTENCE).accepts(late("uh-huh"), turn, REPLY, ALL)

    def test_speech_that_was_dismissed_is_judged_again(self) -> None:
        it = late_words()
        it.dismiss(Dismissed(evidence(), ()))
        assert it.accepts(late("stop"), Turn(ANN), REPLY, ALL)
        assert not it.accepts(late("uh-huh"), Turn(ANN), None, ALL)
        it.forget(ANN)
        assert it.accepts(late("uh-huh"), Turn(ANN), None, ALL)


class TestOverheard:
    def test_words_that_mean_something_are_kept(self) -> None:
        assert late_words().dismiss(Dismissed(evidence("that is for you"), ())) == [
            fx.RecordOverheard(ANN, "that is for you")
        ]
        assert late_words().dismiss(Dismissed(evidence("uh-huh"), ())) == []

    def test_late_ones_too_and_once(self) -> None:
        it = late_words()
        assert it.keep(late("that is for you")) == [], "of nothing that was dismissed"
        it.dismiss(Dismissed(evidence(), ()))
        assert it.keep(late("uh-huh")) == []
        assert it.keep(late("that is for you")) == [fx.RecordOverheard(ANN, "that is for you")]
        assert it.keep(late("that is for you two")) == []

    def test_a_doubt_is_decided_by_all_words(self) -> None:
        it, turn = late_words(), Turn(ANN)
        assert it.refused(turn, ALL) is None
        it.doubt(Dismissed(evidence("thank you so much, Anna"), ()))
        turn.words.final, turn.words.confidence = ["thank you so much"], 0.9
        refused = it.refused(turn, ALL)
        assert refused is not None
        assert refused.evidence.words == "thank you so much"
        turn.words.final = ["thank you so much, cancel it please"]
        assert it.refused(turn, ALL) is None


class TestTellsOfSpeech:
    @pytest.mark.parametrize(
        ("report", "tells"),
        [
            (late("what about", 0.9, final=False), True),
            (late("what about", None, final=False), True),
            (late("what about", 0.6, final=False), True),
            (late("what about", 0.59, final=False), False),
            (late("what about", 0.9, final=True), False),
            (late("", 0.9, final=False), False),
            (late("uh-huh", 0.9, final=False), False),
        ],
    )
    def test_a_guess_that_means_something(self, report: TranscriptReceived, tells: bool) -> None:
        assert late_words().tell_of_speech(report, Turn(ANN)) is tells

    def test_not_of_words_that_were_known(self) -> None:
        turn = Turn(ANN, closed=ClosedTurn(text="Tell me what about"))
        assert not late_words().tell_of_speech(late("what about", final=False), turn)
        assert late_words().tell_of_speech(late("what about it", final=False), turn)

    def test_nor_of_the_agents(self) -> None:
        report = late("what about", at=9.5, final=False)
        assert not late_words("So what about trains?").tell_of_speech(report, Turn(ANN))
        assert late_words("So what about trains?", at=1.0).tell_of_speech(report, Turn(ANN))
        assert late_words("So what now?").tell_of_speech(report, Turn(ANN))

    def test_nor_of_speech_that_was_dismissed(self) -> None:
        it = late_words()
        it.dismiss(Dismissed(evidence(), ()))
        assert not it.tell_of_speech(late("what about", final=False), Turn(ANN))
