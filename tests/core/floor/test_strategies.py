"""The strategies: what each of them says of which evidence, and what they say together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.floor.evidence import QUOTED, Evidence, Vote
from vision_agents.core.floor.late_words import answered_later
from vision_agents.core.floor.policy import InterruptionPolicy
from vision_agents.core.floor.strategies import BUILT_IN, votes
from vision_agents.core.floor.strategies import __doc__ as table
from vision_agents.core.floor.strategies.echo import longest_run
from vision_agents.core.floor.strategies.loudness import (
    FARTHEST,
    GOES_ON,
    LATER,
    NOMINAL,
    RISE,
    SETTLED,
    STEADY,
    TOO_FAR,
)
from vision_agents.core.floor.strategies.question import asked
from vision_agents.core.floor.strategies.voice import SAME, SUREST
from vision_agents.core.floor.strategies.words import BELIEVED, UNSURE, WORD

from .story import NOTHING

# Words that are all known and of which the recogniser is not sure.
UNSURE_OF_IT: dict[str, Any] = {"stt_confidence": 0.59, "speaking": False, "clear_speech": 0.01}

# Speech of a second, of which nothing else is known.
HEARD = replace(NOTHING, voiced=1.0)

NAMES = InterruptionPolicy().strategies

TEXTS = st.sampled_from(
    ["", "uh-huh", "okay", "stop", "hold on", "tell me", "tell me about the weather", "the weather in", "嗯", "x " * 99]
)
LEVELS = st.one_of(st.none(), st.floats(-90.0, 0.0))
EVIDENCE = st.builds(
    lambda clear_speech, unsure, words, **more: replace(
        NOTHING,
        clear_speech=clear_speech,
        voiced=clear_speech + unsure,
        elapsed=clear_speech + 2 * unsure,
        transcribed=more.pop("transcribed") or words != "",
        words=words,
        **more,
    ),
    clear_speech=st.floats(0.0, 5.0),
    unsure=st.floats(0.0, 5.0),
    words=TEXTS,
    transcribed=st.booleans(),
    speaking=st.booleans(),
    required_speech=st.floats(0.0, 5.0),
    stt_confidence=st.one_of(st.none(), st.floats(0.0, 1.0)),
    alternative=TEXTS,
    taken_back=TEXTS,
    words_final=st.booleans(),
    level=LEVELS,
    usual_level=LEVELS,
    similarity=st.one_of(st.none(), st.floats(-1.0, 1.0)),
    agent_words=st.sampled_from(["", "so let us talk about the weather in Paris", "shall I tell you more?"]),
    detector_confirmed=st.booleans(),
)


def speech(words: str, **more: Any) -> Evidence:
    """Speech of a second in which these words were found."""
    return replace(NOTHING, **{"transcribed": True, "words": words, "voiced": 1.0, **more})


def weight(strategy: str, evidence: Evidence) -> float | None:
    given_votes = votes(evidence, (strategy,))
    assert all(vote.strategy == strategy for vote in given_votes)
    return given_votes[0].weight if given_votes else None


def total(evidence: Evidence) -> float:
    return sum(vote.weight for vote in votes(evidence, NAMES))


class TestTheTable:
    """Each row says what is so."""

    def test_it_names_all_of_them(self) -> None:
        rows = [line.split("`")[1] for line in (table or "").splitlines() if line.startswith("| `")]
        assert rows == list(NAMES) == list(BUILT_IN)

    @pytest.mark.parametrize(("clear", "expected"), [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (1.0, 2.0), (9.0, 2.0)])
    def test_length_0_to_2(self, clear: float, expected: float) -> None:
        assert weight("length", replace(NOTHING, clear_speech=clear)) == expected

    def test_length_when_none_is_needed(self) -> None:
        assert weight("length", replace(NOTHING, required_speech=0.0)) == 2.0

    def test_detector_1(self) -> None:
        assert weight("detector", replace(NOTHING, detector_confirmed=True)) == 1.0
        assert weight("detector", NOTHING) is None

    @pytest.mark.parametrize("words", ["uh-huh", "Yeah, okay.", "um", "no problem", ""])
    def test_words_minus_1_for_an_uh_huh(self, words: str) -> None:
        assert weight("words", speech(words)) == -1.0

    @pytest.mark.parametrize(
        ("words", "expected"),
        [("yeah okay", -1.0), ("yeah yeah okay", -1.5), ("oh okay i see right", -2.0), ("um so well and", -1.0)],
    )
    def test_words_the_more_an_uh_huh_the_more_there_are(self, words: str, expected: float) -> None:
        assert weight("words", speech(words)) == expected

    @pytest.mark.parametrize(
        ("words", "more", "expected"),
        [
            ("tell me", {}, 0.0),
            ("tell me", {"speaking": False}, 1.0),
            ("tell me", {"stt_confidence": 0.59}, 0.0),
            ("tell me", {**UNSURE_OF_IT, "voiced": WORD - 0.01, "clear_speech": 0.2}, 0.0),
            ("tell me", {**UNSURE_OF_IT, "voiced": WORD}, UNSURE),
            ("tell me", {**UNSURE_OF_IT, "clear_speech": 0.0}, 0.0),
            ("tell me", {"stt_confidence": 0.6, "speaking": False}, 1.0),
            ("stop", {}, 1.0),
            ("stop", {"speaking": False}, 1.0),
            ("stop", {"stt_confidence": 0.1, "voiced": WORD - 0.01}, 0.0),
            ("stop", {**UNSURE_OF_IT, "speaking": True}, UNSURE),
            ("stop", UNSURE_OF_IT, UNSURE),
            ("uh-huh", {"stt_confidence": 0.1}, -1.0),
            ("tell me", {"stt_confidence": 0.59, "speaking": False, "alternative": "Mm"}, 0.0),
            ("tell me", {**UNSURE_OF_IT, "alternative": "sell me"}, UNSURE),
            ("tell me", {**UNSURE_OF_IT, "alternative": "stop"}, UNSURE),
            ("tell me", {"stt_confidence": 0.6, "speaking": False, "alternative": "Mm"}, 1.0),
            # So many words only begin with one.
            ("yeah anyone is there", {**UNSURE_OF_IT, "alternative": "Yeah"}, UNSURE),
            ("got", {"speaking": False}, 1.0),
            ("got", {"speaking": False, "words_final": False}, 0.0),
            ("yeah sound", {"speaking": False, "words_final": False}, -1.0),
            ("no", {"words_final": False}, 0.0),
            ("no", {}, 1.0),
            ("no problem no", {"words_final": False}, -1.0),
            ("stop", {"words_final": False}, 1.0),
            ("tell me", {"speaking": False, "words_final": False}, 1.0),
        ],
    )
    def test_words_up_to_1_for_what_means_something(self, words: str, more: dict[str, Any], expected: float) -> None:
        assert weight("words", speech(words, **more)) == expected

    @pytest.mark.parametrize(
        ("words", "speaking", "expected"),
        [
            ("okay wonder", True, -1.0),
            ("okay wonder", False, 1.0),
            ("okay tell me", True, 0.0),
            ("yeah yeah tell me", True, -1.0),
            ("okay stop", True, 1.0),
            ("that sounds great thank you so much for your", True, -2.0),
            ("um wonder", True, 0.0),
        ],
    )
    def test_words_of_a_listener_weigh_on_while_others_begin(self, words: str, speaking: bool, expected: float) -> None:
        assert weight("words", speech(words, speaking=speaking, voiced=2.0)) == expected

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("thank you so much ann", -2.0),
            ("thank you so much stop", 1.0),
            ("thank you ann", 1.0),
            ("thank you so much ann lee", 1.0),
        ],
    )
    def test_words_of_a_listener_to_somebody_by_name(self, words: str, expected: float) -> None:
        assert weight("words", speech(words, speaking=False)) == expected

    @pytest.mark.parametrize(
        ("words", "before", "confidence", "expected"),
        [
            ("goddess", "got it", 0.7, -1.0),
            ("the sun's great", "that sounds great", 0.7, -1.0),
            ("goddess", "got it", 0.75, 1.0),
            ("goddess", "got it", None, 1.0),
            ("tell me about rome", "got it", 0.7, 1.0),
            ("stop", "yeah", 0.7, 1.0),
            ("goddess", "", 0.7, 1.0),
        ],
    )
    def test_words_that_were_read_as_a_listeners_before(
        self, words: str, before: str, confidence: float | None, expected: float
    ) -> None:
        evidence = speech(words, speaking=False, taken_back=before, stt_confidence=confidence)
        assert weight("words", evidence) == expected

    def test_words_that_nobody_could_have_said(self) -> None:
        assert weight("words", speech("a b c d e f g", voiced=1.0, speaking=False)) == 0.0
        assert weight("words", speech("a b c d e f", voiced=1.0, speaking=False)) == 1.0
        assert weight("words", speech("stop", voiced=0.0)) == 1.0
        assert weight("words", speech("oh wait a minute", voiced=0.3)) == 0.0  # it is "oh, it did" when she is done
        assert weight("words", speech("oh wait a minute", voiced=0.6)) == 1.0
        assert weight("words", speech("oh wait a minute", voiced=0.3, speaking=False)) == 1.0
        assert weight("words", speech("oh wait a minute", voiced=0.3, stt_confidence=0.75)) == 1.0
        assert weight("words", speech("okay thank you very much tell", voiced=0.3)) == -2.0

    def test_words_of_which_the_detector_hardly_heard_anything(self) -> None:
        assert weight("words", speech("stop", voiced=0.064, stt_confidence=0.74)) == 0.0
        assert weight("words", speech("wait a moment", voiced=0.064, elapsed=0.6, stt_confidence=0.74)) == 1.0
        assert weight("words", speech("stop", voiced=0.064, stt_confidence=0.75)) == 1.0
        assert weight("words", speech("stop", voiced=0.1, stt_confidence=0.74)) == 1.0

    def test_words_of_a_whisper(self) -> None:
        """The detector takes few of its windows for speech."""
        over = {"voiced": 0.1, "speaking": False}
        assert weight("words", speech("a b c d", elapsed=0.8, **over)) == 0.0
        assert weight("words", speech("a b c d", elapsed=0.9, **over)) == 1.0
        assert weight("words", speech("a b c d", elapsed=0.1, stt_confidence=0.74, **over)) == 0.0
        assert weight("words", speech("a b c d", elapsed=0.1, stt_confidence=0.75, **over)) == 1.0

    def test_words_when_no_recogniser_was_asked(self) -> None:
        assert weight("words", NOTHING) is None

    def test_question_2(self) -> None:
        said = "shall I go on?"
        assert weight("question", speech("okay", agent_words=said)) == 2.0
        assert weight("question", speech("um, yes", agent_words=said)) == 2.0
        assert weight("question", speech("wow", agent_words=said)) is None
        assert weight("question", speech("yes tell me", agent_words=said)) is None
        assert weight("question", speech("", agent_words=said)) is None
        assert weight("question", speech("okay", agent_words="I go on")) is None

    @pytest.mark.parametrize("fainter", [-20.0, 0.0, STEADY])
    def test_loudness_as_usual(self, fainter: float) -> None:
        assert weight("loudness", replace(HEARD, level=-20.0 - fainter, usual_level=-20.0)) is None

    @pytest.mark.parametrize("fainter", [8.0, 12.0, FARTHEST - 0.1])
    def test_loudness_makes_it_later_up_to_where_a_caller_can_be(self, fainter: float) -> None:
        faint = replace(HEARD, level=-20.0 - fainter, usual_level=-20.0)
        assert weight("loudness", faint) == pytest.approx(LATER * (fainter - STEADY) / (FARTHEST - STEADY))
        # Who just spoke goes on.
        assert weight("loudness", replace(faint, since_turn=GOES_ON)) is None
        assert weight("loudness", replace(faint, since_turn=GOES_ON + 0.1)) is not None

    @pytest.mark.parametrize("fainter", [FARTHEST, 60.0])
    def test_loudness_beyond_it(self, fainter: float) -> None:
        far = replace(HEARD, level=-20.0 - fainter, usual_level=-20.0)
        assert weight("loudness", far) == weight("loudness", replace(far, since_turn=0.5)) == TOO_FAR

    @pytest.mark.parametrize(("voiced", "rises"), [(0.0, RISE), (0.2, 0.6 * RISE), (SETTLED, 0.0), (9.0, 0.0)])
    def test_loudness_of_first_windows_is_as_it_may_yet_become(self, voiced: float, rises: float) -> None:
        soft = replace(NOTHING, voiced=voiced, usual_level=-20.0, level=-20.0 - FARTHEST - rises)
        assert weight("loudness", replace(soft, level=-20.01 - FARTHEST - rises)) == TOO_FAR
        assert weight("loudness", replace(soft, level=-19.99 - FARTHEST - rises)) == pytest.approx(LATER, abs=0.01)

    def test_loudness_of_somebody_of_whom_nothing_is_known(self) -> None:
        assert weight("loudness", replace(HEARD, level=NOMINAL - STEADY)) is None
        assert weight("loudness", replace(HEARD, level=NOMINAL - 12.0)) == pytest.approx(
            LATER * 5.0 / (FARTHEST - STEADY)
        )
        # Microphones differ: nobody is too far.
        assert weight("loudness", replace(HEARD, level=-90.0)) == LATER

    def test_loudness_of_a_whisper_that_the_detector_hardly_heard(self) -> None:
        faint = {"level": -60.0, "usual_level": -20.0}
        assert weight("loudness", speech("I have to go", voiced=0.096, stt_confidence=0.75, **faint)) is None
        assert weight("loudness", speech("I have to go", voiced=0.096, stt_confidence=0.74, **faint)) == TOO_FAR
        assert weight("loudness", speech("I have to go", voiced=0.096, **faint)) == TOO_FAR
        assert weight("loudness", speech("I have to go", voiced=0.1, stt_confidence=1.0, **faint)) == TOO_FAR

    def test_loudness_of_a_voice_that_is_the_callers(self) -> None:
        for level in (-32.0, -40.0):
            leant_back = replace(HEARD, level=level, usual_level=-20.0)
            assert weight("loudness", replace(leant_back, similarity=SAME)) is None
            assert weight("loudness", replace(leant_back, similarity=SAME - 0.01)) == weight("loudness", leant_back)

    def test_loudness_that_is_not_known(self) -> None:
        assert weight("loudness", NOTHING) is None
        assert weight("loudness", replace(HEARD, usual_level=-20.0)) is None

    def test_voice_minus_3(self) -> None:
        assert weight("voice", speech("tell me", similarity=0.1)) == -3.0
        assert weight("voice", speech("stop", similarity=0.1)) == -0.5
        assert weight("voice", speech("stop", similarity=0.1, stt_confidence=0.3)) == -3.0
        assert weight("voice", replace(NOTHING, similarity=SAME)) is None
        assert weight("voice", NOTHING) is None

    def test_voice_minus_1_while_it_may_still_be_either(self) -> None:
        doubtful = replace(NOTHING, similarity=SAME - 0.01, compared_seconds=0.4)
        assert weight("voice", replace(doubtful, speaking=True)) == -1.0
        assert weight("voice", replace(doubtful, speaking=False)) is None
        stop = speech("stop", similarity=SAME - 0.01, compared_seconds=0.4)
        assert weight("voice", replace(stop, speaking=True)) is None

    def test_echo_minus_6(self) -> None:
        said = "let me tell you about the weather in Paris"
        assert weight("echo", speech("about the weather", agent_words=said)) == -6.0
        assert weight("echo", speech("About a weather in", agent_words=said)) == -6.0  # one of four misheard
        assert weight("echo", speech("the weather, weather, weather", agent_words=said)) == -6.0  # held again and again
        assert weight("echo", speech("let", agent_words=said)) is None
        assert weight("echo", speech("weather", agent_words=said)) == -1.0  # it has only just said that
        near = {"agent_words": said, "level": -20.0, "usual_level": -20.0}
        assert weight("echo", speech("weather", **near, stt_confidence=BELIEVED)) == -1.0
        assert weight("echo", speech("weather", **near, stt_confidence=BELIEVED - 0.01)) is None  # any word
        assert weight("echo", speech("weather", **{**near, "level": -26.0}, stt_confidence=0.3)) == -1.0
        assert weight("echo", speech("weather", agent_words=said, stt_confidence=0.3)) == -1.0
        assert weight("echo", speech("stop", agent_words="so I stop")) is None
        assert weight("echo", speech("tea", agent_words="coffee or tea?")) is None
        assert weight("echo", speech("paris weather", agent_words=said)) is None
        assert weight("echo", speech("the weather is nice", agent_words=said)) is None
        assert weight("echo", speech("about the weather", agent_words="")) is None
        assert weight("echo", speech("about the weather stop", agent_words=said)) is None
        rome = "the weather in Rome"
        assert weight("echo", speech(rome, agent_words=said)) == -6.0
        assert weight("echo", speech(rome, agent_words=said, level=-20.0, usual_level=-20.0)) is None
        assert weight("echo", speech(rome, agent_words=said, level=-30.0, usual_level=-20.0)) == -6.0
        assert weight("echo", speech("the weather in Paris", agent_words=said, level=-20.0, usual_level=-20.0)) == -6.0


class TestTogether:
    """What the table's last paragraph says."""

    def test_clear_speech_interrupts_by_its_length_alone(self) -> None:
        assert total(replace(NOTHING, clear_speech=0.5)) >= 1.0
        assert total(replace(NOTHING, clear_speech=0.49)) < 1.0

    def test_or_by_less_when_it_is_over(self) -> None:
        assert total(replace(NOTHING, clear_speech=0.34, speaking=False)) >= 1.0
        assert total(replace(NOTHING, clear_speech=0.33, speaking=False)) < 1.0

    def test_or_by_words_that_mean_something_when_all_are_known(self) -> None:
        assert total(speech("tell me", clear_speech=0.4)) < 1.0
        assert total(speech("tell me", clear_speech=0.0, speaking=False)) >= 1.0

    def test_a_command_at_once(self) -> None:
        assert total(speech("stop", clear_speech=0.0, voiced=0.032)) >= 1.0

    def test_an_uh_huh_does_not_unless_it_goes_on_for_twice_as_long(self) -> None:
        assert total(speech("uh-huh", clear_speech=0.99)) < 1.0
        assert total(speech("uh-huh", clear_speech=1.0)) >= 1.0

    def test_a_mere_command_is_heard_out_at_any_level(self) -> None:
        assert total(speech("please stop", level=-60.0, usual_level=-20.0)) >= 1.0
        assert total(speech("please stop", level=-60.0, usual_level=-20.0, stt_confidence=0.4)) < 1.0

    @pytest.mark.parametrize("fainter", [8.0, 12.0, FARTHEST - 0.1])
    @pytest.mark.parametrize(
        "said", [{"words": "tell me about Rome"}, {"words": "Tak mi o", "stt_confidence": 0.4}, {}]
    )
    def test_a_whole_sentence_is_answered_however_far_a_caller_can_be(
        self, said: dict[str, Any], fainter: float
    ) -> None:
        """Later, but not never: in words, in a language that nobody can read, and without a recogniser."""
        faint = replace(NOTHING, level=-20.0 - fainter, usual_level=-20.0, transcribed=bool(said), voiced=2.0, **said)
        assert total(replace(faint, clear_speech=1.5, speaking=False)) >= 1.0

    @pytest.mark.parametrize("fainter", [8.0, 12.0, FARTHEST - 0.1])
    def test_a_sentence_that_is_understood_is_answered_though_the_detector_missed_it(self, fainter: float) -> None:
        faint: dict[str, Any] = {"level": -20.0 - fainter, "usual_level": -20.0, "speaking": False, "voiced": 0.9}
        assert total(speech("no man that's it", **faint)) >= 1.0
        assert total(speech("tell me more", **faint)) >= 1.0
        assert total(speech("tell me more", **faint, stt_confidence=0.59)) < 1.0

    @pytest.mark.parametrize("fainter", [8.0, 12.0, FARTHEST - 0.1])
    def test_a_word_that_means_something_is_answered_when_it_is_over_however_far_a_caller_can_be(
        self, fainter: float
    ) -> None:
        """The level makes it later, and then it is over: an "uh-huh", or what was not read to its end, is none."""
        faint: dict[str, Any] = {"level": -20.0 - fainter, "usual_level": -20.0, "voiced": 0.9}
        assert total(speech("hello", **faint, clear_speech=0.2, speaking=True)) < 1.0
        assert total(speech("hello", **faint, speaking=False)) >= 1.0
        assert total(speech("tell me", **faint, speaking=False)) >= 1.0
        unsure: dict[str, Any] = {**faint, "stt_confidence": 0.4, "speaking": False}
        assert total(speech("hello", **unsure, clear_speech=0.01)) >= 1.0
        assert total(speech("hello", **unsure, clear_speech=0.0)) < 1.0
        assert total(speech("hello", **{**unsure, "voiced": WORD - 0.01}, clear_speech=0.01)) < 1.0
        for other in (
            speech("okay", **faint, speaking=False, clear_speech=0.5),
            speech("sound", **faint, speaking=False, words_final=False, clear_speech=0.34),
        ):
            assert any(vote.strategy == "loudness" for vote in votes(other, NAMES))
            assert total(other) < 1.0

    @pytest.mark.parametrize("words", ["", "tell me", "stop the car"])
    def test_what_comes_from_across_the_room_does_not(self, words: str) -> None:
        assert total(speech(words, clear_speech=9.0, level=-40.0, usual_level=-20.0)) < 1.0

    def test_an_okay_after_a_question_does(self) -> None:
        assert total(speech("okay", agent_words="shall I?")) >= 1.0

    def test_the_agents_own_words_never_do(self) -> None:
        assert total(speech("about the weather", clear_speech=9.0, agent_words="now about the weather")) < 1.0

    def test_only_those_that_are_named_vote(self) -> None:
        assert [vote.strategy for vote in votes(speech("stop"), ("words",))] == ["words"]
        assert votes(speech("stop"), ()) == ()


@given(EVIDENCE, st.floats(0.0, 5.0))
def test_more_clear_speech_never_speaks_against_an_interruption(evidence: Evidence, more: float) -> None:
    longer = replace(evidence, clear_speech=evidence.clear_speech + more)
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
        assert -6.0 <= vote.weight <= 2.0
        assert vote.reason == vote.reason.strip()
        assert vote.reason.isprintable()
        assert 0 < len(vote.reason) <= QUOTED + 50
        assert not any(raw in vote.reason for raw in ("None", "nan", "{", "inf"))


@pytest.mark.parametrize(
    ("words", "said", "expected"),
    [("", "", 0), ("a b c", "a b c", 3), ("a c", "a b c", 2), ("c a", "a b c", 1), ("x", "a", 0), ("a a", "a", 1)],
)
def test_the_longest_run(words: str, said: str, expected: int) -> None:
    assert longest_run(tuple(words.split()), tuple(said.split())) == expected


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


def test_a_question_mark_alone_is_a_question() -> None:
    assert asked("? so")


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.0, -0.06), (0.5, 0.11), (1.0, 0.28), (1.5, SUREST), (9.0, SUREST)]
)
def test_how_like_a_voice_must_be_grows_with_the_speech_of_both(seconds: float, expected: float) -> None:
    compared = replace(NOTHING, compared_seconds=seconds, speaking=False)
    assert weight("voice", replace(compared, similarity=expected + 0.001)) is None
    assert weight("voice", replace(compared, similarity=expected - 0.001)) == -3.0


@pytest.mark.parametrize(("fainter", "expected"), [(4.9, None), (5.0, -6.0), (8.0, -6.0)])
def test_who_sits_at_the_microphone_corrects_the_agent(fainter: float, expected: float | None) -> None:
    said = speech("the weather in Rome today", agent_words="the weather in Paris today")
    assert weight("echo", replace(said, level=-20.0 - fainter, usual_level=-20.0)) == expected


def test_a_sentence_that_could_just_be_enough_is_answered_later() -> None:
    """Of what is known by its words alone they are all there could be; whatever speaks against them is too much."""
    said = replace(HEARD, speaking=False, transcribed=True, words="tell me about the weather")
    against = (Vote(-0.1, "it is said to somebody else", "mine"),)
    assert answered_later(said, (), ("words",))
    assert not answered_later(said, against, ("words",))
