"""The strategies: what each of them says of which evidence, and what they say together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.floor.evidence import QUOTED, Evidence, Vote
from vision_agents.core.floor.policy import InterruptionPolicy
from vision_agents.core.floor.strategies import BUILT_IN, votes
from vision_agents.core.floor.strategies import __doc__ as table
from vision_agents.core.floor.strategies.echo import longest_run
from vision_agents.core.floor.strategies.question import asked
from vision_agents.core.floor.strategies.voice import SAME, SUREST
from vision_agents.core.floor.vocabulary import Vocabulary

NOTHING = Evidence(
    participant="ann",
    challenge=1,
    speaking=True,
    clear=0.0,
    needed=0.5,
    voiced=0.0,
    lasted=0.0,
    read=False,
    words="",
    sure=None,
    alternative="",
    level=None,
    usual_level=None,
    similarity=None,
    said="",
    vouched=False,
    vocabulary=Vocabulary.of("en"),
)

NAMES = InterruptionPolicy().strategies

TEXTS = st.sampled_from(
    ["", "uh-huh", "okay", "stop", "hold on", "tell me", "tell me about the weather", "the weather in", "嗯", "x " * 99]
)
LEVELS = st.one_of(st.none(), st.floats(-90.0, 0.0))
EVIDENCE = st.builds(
    lambda clear, unsure, words, **more: replace(
        NOTHING,
        clear=clear,
        voiced=clear + unsure,
        lasted=clear + 2 * unsure,
        read=more.pop("read") or words != "",
        words=words,
        **more,
    ),
    clear=st.floats(0.0, 5.0),
    unsure=st.floats(0.0, 5.0),
    words=TEXTS,
    read=st.booleans(),
    speaking=st.booleans(),
    needed=st.floats(0.0, 5.0),
    sure=st.one_of(st.none(), st.floats(0.0, 1.0)),
    alternative=TEXTS,
    level=LEVELS,
    usual_level=LEVELS,
    similarity=st.one_of(st.none(), st.floats(-1.0, 1.0)),
    said=st.sampled_from(["", "so let us talk about the weather in Paris", "shall I tell you more?"]),
    vouched=st.booleans(),
)


def heard(words: str, **more: Any) -> Evidence:
    """Speech of a second in which these words were found."""
    return replace(NOTHING, **{"read": True, "words": words, "voiced": 1.0, **more})


def weight(strategy: str, evidence: Evidence) -> float | None:
    vote = BUILT_IN[strategy](evidence)
    assert vote is None or vote.strategy == strategy
    return vote.weight if vote is not None else None


def total(evidence: Evidence) -> float:
    return sum(vote.weight for vote in votes(evidence, NAMES))


class TestTheTable:
    """Each row says what is so."""

    def test_it_names_all_of_them(self) -> None:
        rows = [line.split("`")[1] for line in (table or "").splitlines() if line.startswith("| `")]
        assert rows == list(NAMES) == list(BUILT_IN)

    @pytest.mark.parametrize(("clear", "expected"), [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (1.0, 2.0), (9.0, 2.0)])
    def test_length_0_to_2(self, clear: float, expected: float) -> None:
        assert weight("length", replace(NOTHING, clear=clear)) == expected

    def test_length_when_none_is_needed(self) -> None:
        assert weight("length", replace(NOTHING, needed=0.0)) == 2.0

    def test_detector_1(self) -> None:
        assert weight("detector", replace(NOTHING, vouched=True)) == 1.0
        assert weight("detector", NOTHING) is None

    @pytest.mark.parametrize("words", ["uh-huh", "Yeah, okay.", "um", "no problem", ""])
    def test_words_minus_1_for_an_uh_huh(self, words: str) -> None:
        assert weight("words", heard(words)) == -1.0

    @pytest.mark.parametrize(
        ("words", "expected"),
        [("yeah okay", -1.0), ("yeah yeah okay", -1.5), ("oh okay i see right", -2.0), ("um so well and", -1.0)],
    )
    def test_words_the_more_an_uh_huh_the_more_there_are(self, words: str, expected: float) -> None:
        assert weight("words", heard(words)) == expected

    @pytest.mark.parametrize(
        ("words", "more", "expected"),
        [
            ("tell me", {}, 0.0),
            ("tell me", {"speaking": False}, 1.0),
            ("tell me", {"sure": 0.59}, 0.0),
            ("tell me", {"sure": 0.59, "speaking": False}, 0.5),
            ("tell me", {"sure": 0.6, "speaking": False}, 1.0),
            ("stop", {}, 1.0),
            ("stop", {"speaking": False}, 1.0),
            ("stop", {"sure": 0.1}, 0.5),
            ("stop", {"sure": 0.1, "speaking": False}, 0.5),
            ("uh-huh", {"sure": 0.1}, -1.0),
            ("tell me", {"sure": 0.59, "speaking": False, "alternative": "Mm"}, 0.0),
            ("tell me", {"sure": 0.59, "speaking": False, "alternative": "sell me"}, 0.5),
            ("tell me", {"sure": 0.59, "speaking": False, "alternative": "stop"}, 0.5),
            ("tell me", {"sure": 0.6, "speaking": False, "alternative": "Mm"}, 1.0),
        ],
    )
    def test_words_up_to_1_for_what_means_something(self, words: str, more: dict[str, Any], expected: float) -> None:
        assert weight("words", heard(words, **more)) == expected

    def test_words_that_nobody_could_have_said(self) -> None:
        assert weight("words", heard("a b c d e f g", voiced=1.0, speaking=False)) == 0.0
        assert weight("words", heard("a b c d e f", voiced=1.0, speaking=False)) == 1.0
        assert weight("words", heard("stop", voiced=0.0)) == 1.0

    def test_words_of_which_the_detector_hardly_heard_anything(self) -> None:
        assert weight("words", heard("stop", voiced=0.064, sure=0.74)) == 0.5
        assert weight("words", heard("wait a moment", voiced=0.064, sure=0.74)) == 1.0
        assert weight("words", heard("stop", voiced=0.064, sure=0.75)) == 1.0
        assert weight("words", heard("stop", voiced=0.1, sure=0.74)) == 1.0

    def test_words_of_a_whisper(self) -> None:
        """The detector takes few of its windows for speech."""
        over = {"voiced": 0.1, "speaking": False}
        assert weight("words", heard("a b c d", lasted=0.8, **over)) == 0.0
        assert weight("words", heard("a b c d", lasted=0.9, **over)) == 1.0
        assert weight("words", heard("a b c d", lasted=0.1, sure=0.74, **over)) == 0.0
        assert weight("words", heard("a b c d", lasted=0.1, sure=0.75, **over)) == 1.0

    def test_words_when_no_recogniser_was_asked(self) -> None:
        assert weight("words", NOTHING) is None

    def test_question_2(self) -> None:
        said = "shall I go on?"
        assert weight("question", heard("okay", said=said)) == 2.0
        assert weight("question", heard("um, yes", said=said)) == 2.0
        assert weight("question", heard("wow", said=said)) is None
        assert weight("question", heard("yes tell me", said=said)) is None
        assert weight("question", heard("", said=said)) is None
        assert weight("question", heard("okay", said="I go on")) is None

    @pytest.mark.parametrize(
        ("fainter", "expected"),
        [(-20.0, None), (0.0, None), (7.0, None), (8.0, -0.75), (9.0, -1.5), (11.0, -3.0), (60.0, -3.0)],
    )
    def test_loudness_0_to_minus_3(self, fainter: float, expected: float | None) -> None:
        assert weight("loudness", replace(NOTHING, level=-20.0 - fainter, usual_level=-20.0)) == expected

    def test_loudness_of_a_whisper_that_the_detector_hardly_heard(self) -> None:
        faint = {"level": -60.0, "usual_level": -20.0}
        assert weight("loudness", heard("I have to go", voiced=0.096, sure=0.75, **faint)) is None
        assert weight("loudness", heard("I have to go", voiced=0.096, sure=0.74, **faint)) == -3.0
        assert weight("loudness", heard("I have to go", voiced=0.096, **faint)) == -3.0
        assert weight("loudness", heard("I have to go", voiced=0.1, sure=1.0, **faint)) == -3.0

    def test_loudness_that_is_not_known(self) -> None:
        assert weight("loudness", replace(NOTHING, level=-60.0)) is None
        assert weight("loudness", replace(NOTHING, usual_level=-20.0)) is None

    def test_voice_minus_a_half(self) -> None:
        assert weight("voice", replace(NOTHING, similarity=SAME - 0.01)) == -0.5
        assert weight("voice", replace(NOTHING, similarity=SAME + 0.01)) is None
        assert weight("voice", replace(NOTHING, similarity=SUREST, voiced=60.0)) is None
        assert weight("voice", NOTHING) is None

    def test_echo_minus_3(self) -> None:
        said = "let me tell you about the weather in Paris"
        assert weight("echo", heard("about the weather", said=said)) == -3.0
        assert weight("echo", heard("About a weather in", said=said)) == -3.0  # one of four misheard
        assert weight("echo", heard("the weather, weather, weather", said=said)) == -3.0  # held again and again
        assert weight("echo", heard("let", said=said)) is None
        assert weight("echo", heard("weather", said=said)) == -1.0  # it has only just said that
        assert weight("echo", heard("stop", said="so I stop")) is None
        assert weight("echo", heard("tea", said="coffee or tea?")) is None
        assert weight("echo", heard("paris weather", said=said)) is None
        assert weight("echo", heard("the weather is nice", said=said)) is None
        assert weight("echo", heard("about the weather", said="")) is None
        assert weight("echo", heard("about the weather stop", said=said)) is None
        rome = "the weather in Rome"
        assert weight("echo", heard(rome, said=said)) == -3.0
        assert weight("echo", heard(rome, said=said, level=-20.0, usual_level=-20.0)) is None
        assert weight("echo", heard(rome, said=said, level=-30.0, usual_level=-20.0)) == -3.0
        assert weight("echo", heard("the weather in Paris", said=said, level=-20.0, usual_level=-20.0)) == -3.0


class TestTogether:
    """What the table's last paragraph says."""

    def test_clear_speech_interrupts_by_its_length_alone(self) -> None:
        assert total(replace(NOTHING, clear=0.5)) >= 1.0
        assert total(replace(NOTHING, clear=0.49)) < 1.0

    def test_or_by_less_when_it_is_over(self) -> None:
        assert total(replace(NOTHING, clear=0.34, speaking=False)) >= 1.0
        assert total(replace(NOTHING, clear=0.33, speaking=False)) < 1.0

    def test_or_by_words_that_mean_something_when_all_are_known(self) -> None:
        assert total(heard("tell me", clear=0.4)) < 1.0
        assert total(heard("tell me", clear=0.0, speaking=False)) >= 1.0

    def test_a_command_at_once(self) -> None:
        assert total(heard("stop", clear=0.0, voiced=0.032)) >= 1.0

    def test_an_uh_huh_does_not_unless_it_goes_on_for_twice_as_long(self) -> None:
        assert total(heard("uh-huh", clear=0.99)) < 1.0
        assert total(heard("uh-huh", clear=1.0)) >= 1.0

    def test_a_mere_command_is_heard_out_at_any_level(self) -> None:
        assert total(heard("please stop", level=-60.0, usual_level=-20.0)) >= 1.0
        assert total(heard("please stop", level=-60.0, usual_level=-20.0, sure=0.4)) < 1.0

    @pytest.mark.parametrize("words", ["", "tell me", "stop the car"])
    def test_what_comes_from_across_the_room_does_not(self, words: str) -> None:
        assert total(heard(words, clear=9.0, level=-40.0, usual_level=-20.0)) < 1.0

    def test_an_okay_after_a_question_does(self) -> None:
        assert total(heard("okay", said="shall I?")) >= 1.0

    def test_the_agents_own_words_never_do(self) -> None:
        assert total(heard("about the weather", clear=9.0, said="now about the weather")) < 1.0

    def test_only_those_that_are_named_vote(self) -> None:
        assert [vote.strategy for vote in votes(heard("stop"), ("words",))] == ["words"]
        assert votes(heard("stop"), ()) == ()


@given(EVIDENCE, st.floats(0.0, 5.0))
def test_more_clear_speech_never_speaks_against_an_interruption(evidence: Evidence, more: float) -> None:
    longer = replace(evidence, clear=evidence.clear + more)
    assert total(longer) >= total(evidence) - 1e-9


@given(EVIDENCE, st.floats(0.0, 60.0))
def test_fainter_speech_never_speaks_for_one(evidence: Evidence, fainter: float) -> None:
    if evidence.level is not None:
        assert total(replace(evidence, level=evidence.level - fainter)) <= total(evidence) + 1e-9


@given(EVIDENCE)
def test_each_vote_can_be_read(evidence: Evidence) -> None:
    given_votes = votes(evidence, NAMES)
    assert len({vote.strategy for vote in given_votes}) == len(given_votes)
    for vote in given_votes:
        assert isinstance(vote, Vote)
        assert vote.strategy in BUILT_IN
        assert -3.0 <= vote.weight <= 2.0
        assert vote.reason == vote.reason.strip()
        assert vote.reason.isprintable()
        assert 0 < len(vote.reason) <= QUOTED + 50
        assert not any(raw in vote.reason for raw in ("None", "nan", "{", "inf"))


@pytest.mark.parametrize(
    ("heard_words", "said", "expected"),
    [("", "", 0), ("a b c", "a b c", 3), ("a c", "a b c", 2), ("c a", "a b c", 1), ("x", "a", 0), ("a a", "a", 1)],
)
def test_the_longest_run(heard_words: str, said: str, expected: int) -> None:
    assert longest_run(tuple(heard_words.split()), tuple(said.split())) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", False),
        ("Shall I?", True),
        ("你好吗？", True),
        ("هل أكمل؟", True),
        ("Shall I? one two three four five six", True),
        ("Shall I? one two three four five six seven", False),
    ],
)
def test_what_is_a_question(said: str, expected: bool) -> None:
    assert asked(said) is expected
