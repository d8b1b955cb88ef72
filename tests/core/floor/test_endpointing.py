"""How long a silence ends a turn: bounded, monotone, and by what the words and the caller's own pauses say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.floor.endpointing import DEFAULT, MEMORY, Endpointing, Pauses
from vision_agents.core.floor.unfinished import Ending, ending, is_one_word

CONFIDENCES, BUFFERS, LENGTHS = st.floats(0, 1), st.floats(0.01, 5), st.lists(st.floats(0, 10), max_size=30)
TEXTS = st.sampled_from(["", "so and", "call me at five", "I would like", "I would like tea.", "um,", "嗯但是"])


SHORT = 0.5  # seconds of speech, of which one word may be all


def patience(
    confidence: float,
    words: str = "",
    longest: float = 1.5,
    pauses: tuple[float, ...] = (),
    speech: float = SHORT,
) -> float:
    return DEFAULT.patience(confidence, longest, words, speech, Pauses().add(pauses))


@given(CONFIDENCES, BUFFERS, TEXTS, LENGTHS)
def test_it_is_never_longer_than_the_buffer(confidence: float, buffer: float, words: str, seen: list[float]) -> None:
    assert 0.0 <= patience(confidence, words, buffer, tuple(seen)) <= buffer


@given(CONFIDENCES, CONFIDENCES, BUFFERS, TEXTS, LENGTHS)
def test_it_never_grows_with_the_confidence(
    one: float, other: float, buffer: float, words: str, seen: list[float]
) -> None:
    low, high = sorted((one, other))
    assert patience(high, words, buffer, tuple(seen)) <= patience(low, words, buffer, tuple(seen)) + 1e-9


@given(CONFIDENCES, BUFFERS, BUFFERS, TEXTS, LENGTHS)
def test_it_never_falls_with_the_buffer(
    confidence: float, one: float, other: float, words: str, seen: list[float]
) -> None:
    short, long = sorted((one, other))
    assert patience(confidence, words, short, tuple(seen)) <= patience(confidence, words, long, tuple(seen)) + 1e-9


@given(CONFIDENCES, BUFFERS)
def test_words_that_go_on_are_waited_for_longer_than_a_whole_sentence(confidence: float, buffer: float) -> None:
    hanging, spelled, plain, whole = (
        patience(confidence, words, buffer) for words in ("tea and", "4 1 5", "tea please", "Tea please.")
    )
    assert hanging >= spelled >= plain >= whole


@given(CONFIDENCES, BUFFERS)
def test_a_word_that_goes_on_is_waited_for_longer_than_a_yes_and_that_longer_than_any_other(
    confidence: float, buffer: float
) -> None:
    hanging, opener, answer, other = (patience(confidence, words, buffer) for words in ("and", "So", "Yes.", "Tea."))
    assert hanging >= opener >= answer >= other


@given(CONFIDENCES, BUFFERS)
def test_a_stop_after_a_single_word_says_nothing(confidence: float, buffer: float) -> None:
    assert patience(confidence, "Tea.", buffer) == patience(confidence, "tea", buffer)


def test_a_detector_is_believed_less_about_one_word_than_about_a_sentence() -> None:
    def spread_of(words: str) -> float:
        return patience(0.02, words) - patience(0.98, words)

    assert spread_of("Yes.") < spread_of("yes please") / 2
    assert spread_of("Tea.") < spread_of("Two, please.") / 2


@given(CONFIDENCES, BUFFERS, st.sampled_from(["Tea", "Goodbye.", "tea please"]), st.floats(0.71, 30) | st.just(0.0))
def test_a_word_that_is_all_that_is_known_yet_of_much_speech_is_no_turn_of_its_own(
    confidence: float, buffer: float, words: str, speech: float
) -> None:
    known = patience(confidence, words, buffer, speech=speech)
    assert known == patience(confidence, "tea please", buffer)
    assert known >= patience(confidence, words, buffer)


@given(CONFIDENCES, BUFFERS, st.floats(0, 30), st.floats(0, 30))
def test_more_than_one_word_is_the_same_in_any_time(confidence: float, buffer: float, one: float, other: float) -> None:
    short, long = (patience(confidence, "Two teas, please.", buffer, speech=speech) for speech in (one, other))
    assert short == long


@pytest.mark.parametrize("words", ["我想", "不行啊", "行きたい", "อยากไป", "ខ្ញុំចង់បានតែ", "ကျွန်တော်"])
def test_where_words_are_not_divided_nobody_can_tell_that_it_is_one(words: str) -> None:
    assert not is_one_word(words)
    assert ending(words) is not Ending.LONE


@given(CONFIDENCES, TEXTS, LENGTHS, st.floats(0.1, 3), st.floats(0.1, 3))
def test_a_longer_pause_of_the_caller_never_makes_it_shorter(
    confidence: float, words: str, seen: list[float], one: float, other: float
) -> None:
    short, long = sorted((one, other))
    assert patience(confidence, words, 5.0, (*seen, short)) <= patience(confidence, words, 5.0, (*seen, long)) + 1e-9


def test_the_numbers_of_the_documentation() -> None:
    assert patience(0.99, "Two, please.") == pytest.approx(0.3)
    assert patience(0.99, "Two, please.", 0.5) == pytest.approx(0.1)
    assert patience(0.98, "Tea.") == pytest.approx(0.3)
    assert patience(0.98, "Tea.", 0.5) == pytest.approx(0.1)
    assert patience(0.02, "Tea.") == pytest.approx(0.44, abs=0.01)
    assert patience(0.02, "Tea.", 0.5) == pytest.approx(0.15, abs=0.01)
    assert patience(0.98, "Yes.") == pytest.approx(0.7, abs=0.01)
    assert patience(0.98, "Yes.", 0.5) == pytest.approx(0.23, abs=0.01)
    assert patience(0.02, "Two, please.") == pytest.approx(1.02, abs=0.01)
    assert patience(0.02, "Two, please.", 0.5) == pytest.approx(0.34, abs=0.01)
    assert patience(0.02, "two and") == pytest.approx(1.12, abs=0.01)
    assert patience(0.02, "two and", 0.5) == pytest.approx(0.37, abs=0.01)
    # Who has paused for more than a second is given more time, up to the whole buffer.
    assert patience(0.02, "two and", pauses=(1.2,) * 4) == 1.5


def test_few_pauses_of_a_caller_move_the_median_little_and_many_are_nearly_all_of_it() -> None:
    usual = DEFAULT.usual_pause
    assert DEFAULT.median(Pauses()) == pytest.approx(usual)
    # Four weigh as much as what is known of everybody: the geometric mean of the two.
    assert DEFAULT.median(Pauses().add([1.0] * 4)) == pytest.approx(usual**0.5)
    assert DEFAULT.median(Pauses().add([1.0] * 100)) == pytest.approx(usual ** (4 / (4 + MEMORY)))


def test_what_was_long_ago_fades() -> None:
    before = Pauses().add([3.0] * 50)
    assert before.count == MEMORY
    assert DEFAULT.median(before.add([0.3] * 100)) == pytest.approx(DEFAULT.median(Pauses().add([0.3] * 100)), rel=0.02)


def test_pauses_of_no_length_or_of_hours_are_bounded() -> None:
    assert Pauses().add([0.0]) == Pauses().add([0.1])
    assert Pauses().add([9000.0]) == Pauses().add([3.0])


def test_a_confidence_that_is_no_number_is_none() -> None:
    assert patience(float("nan"), "Tea.") == patience(0.0, "Tea.")


def test_less_risk_is_more_patience() -> None:
    careful = Endpointing(risk=0.01).patience(0.3, 1.5, "Tea.", SHORT, Pauses())
    assert careful > patience(0.3, "Tea.") > Endpointing(risk=0.3).patience(0.3, 1.5, "Tea.", SHORT, Pauses())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", Ending.UNKNOWN),
        ("...", Ending.UNKNOWN),
        ("I want to", Ending.OPEN),
        ("I want it because.", Ending.OPEN),
        ("Um.", Ending.OPEN),
        ("I would like,", Ending.OPEN),
        ("I would like…", Ending.OPEN),
        ("ich möchte einen", Ending.OPEN),
        ("parce que", Ending.OPEN),
        ("quiero el", Ending.OPEN),
        ("vorrei della", Ending.OPEN),
        ("eu quero os", Ending.OPEN),
        ("ik wil een", Ending.OPEN),
        ("jag vill ha en", Ending.OPEN),
        ("потому что", Ending.OPEN),
        ("chcę, ponieważ", Ending.OPEN),
        ("çünkü", Ending.OPEN),
        ("我想去，但是", Ending.OPEN),
        ("行きたいけど", Ending.OPEN),
        ("가고 싶어요 그런데", Ending.OPEN),
        # What goes on in one language ends sentences in another.
        *((text, Ending.WHOLE) for text in ("Nie ma.", "Jestem tu.", "Não quero mais.", "Das bist du.")),
        *((text, Ending.WHOLE) for text in ("Quiero dos.", "Ich nehme das.", "Es geht los.", "El próximo mes.")),
        *((text, Ending.WHOLE) for text in ("Bir bardak su.", "Bunu al.", "Vi får se.", "Ik ben er.")),
        *((text, Ending.WHOLE) for text in ("Doe maar.", "Ik heb les.", "It is in the van.", "It's at gmail.com.")),
        ("That's I-T-I-L", Ending.SPELLED),
        ("four one five", Ending.SPELLED),
        ("It is 4 1 5.", Ending.SPELLED),
        *((text, Ending.SHORT) for text in ("Yes.", "No.", "okay", "Nein!", "いいえ。", "不是", "ठीक है।", "ใช่")),
        *((text, Ending.SHORT) for text in ("No, no, no.", "Yeah, okay.", "okayyy", "jaja", "Mhm.")),
        # A listener's words that answer a question have said why already.
        *((text, Ending.WHOLE) for text in ("Sounds good.", "That's a deal.", "Go ahead.", "Bonne idée.")),
        *((text, Ending.WHOLE) for text in ("Sure, thank you.", "Yes, that's right.", "See you.")),
        *((text, Ending.LONE) for text in ("Stop.", "Tea", "¡Para!", "Weiter.", "Vas-y.", "Please.", "Okay?", "Me.")),
        *((text, Ending.LONE) for text in ("Hello?", "Who?", "Was?", "¿Qué?", "Ich?")),
        ("停。", Ending.WHOLE),
        *((text, Ending.OPENER) for text in ("So", "Hello!", "Excuse me.", "Ну", "もしもし", "你好。")),
        # What no turn is of itself.
        *((text, Ending.OPENER) for text in ("Can", "Er.", "Dr.", "They", "what", "Ich", "je", "Yo", "я", "저", "Ben")),
        *((text, Ending.OPENER) for text in ("我", "我想", "私は", "मुझे", "مجھے", "আমি", "నేను", "எனக்கு", "ผม", "Tôi")),
        *((text, Ending.OPEN) for text in ("So,", "And.", "Um.")),
        ("And?", Ending.WHOLE),
        *((text, Ending.WHOLE) for text in ("Is that so?", "Thank you.", "I see.")),
        ("like you", Ending.PLAIN),
        ("No, tea.", Ending.WHOLE),
        ("Turn it on.", Ending.WHOLE),
        ("Who is that?", Ending.WHOLE),
        ("mach das Licht an", Ending.PLAIN),
        ("我要两杯茶。", Ending.WHOLE),
        ("two teas", Ending.PLAIN),
    ],
)
def test_how_words_end(text: str, found: Ending) -> None:
    assert ending(text) is found
