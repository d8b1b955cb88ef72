import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.plugins.llama.loops import LoopGuard


def said(text: str, longest: int = 1, seed: int = 0, *, clauses: bool = True) -> tuple[str, bool]:
    """What comes out of `text`, in pieces of at most `longest` characters, and whether it was ended."""
    guard, lengths, out = LoopGuard(clauses=clauses), random.Random(seed), ""
    while text and not guard.closed:
        length = lengths.randint(1, longest)
        out += guard.feed(text[:length])
        text = text[length:]
    return out + guard.end(), guard.closed


LOOPS = {
    "She was kind, and she was very brave, and she was very brave, and she": "She was kind, and she was very brave.",
    "They're like little superheroes. They're like little guardians. They're like little heroes.": (
        "They're like little superheroes. They're like little guardians."
    ),
    "The sea is deep. The sea is wide. The sea is deep. And so on.": "The sea is deep. The sea is wide.",
    "Was it the cat again? Yes. Was it the cat again? No.": "Was it the cat again? Yes.",
    "We close at ten. We close at ten": "We close at ten.",
    "I'm a shop. I'm a shop. I'm a shop. I'm a shop.": "I'm a shop. I'm a shop.",
    "You need to heat it up. First, you need to heat it up. Then": "You need to heat it up.",
    "We sell bread\nand we sell some cake\nand we sell some cake\n": "We sell bread\nand we sell some cake.",
}

NO_LOOPS = (
    "It costs 3.5 dollars. It costs 3.5 dollars too. Yes.",
    "The capital of France is Paris. The capital of France is old. Well, well, well, I see.",
    "He was happy. He was happy. Are you?",
    "No, no, not that. One, two, three, four, five.",
    "Well, it is… hard to say. Yes! No? 3,500 euros, or 4.5 dollars",
    "No",
    "",
)


@pytest.mark.parametrize("longest", [1, 4, 100])
@pytest.mark.parametrize("text", LOOPS)
def test_a_loop_ends_before_its_next_round(text: str, longest: int) -> None:
    assert said(text, longest) == (LOOPS[text], True)


@pytest.mark.parametrize("longest", [1, 4, 100])
@pytest.mark.parametrize("text", NO_LOOPS)
def test_what_only_resembles_one_goes_on(text: str, longest: int) -> None:
    assert said(text, longest) == (text, False)


MEANT = (
    "One cup of flour, one cup of sugar, one cup of milk.",
    "It has a pool. It has a gym. It has a bar. It has a spa.",
    "First, press the red button, and wait. Then press the red button, press the red button, and wait.",
    "It is very " + "very " * 12 + "old.",
    "Happy birthday to you! Happy birthday to you! Happy birthday, dear Anna, happy birthday to you! And cake.",
    "We close at ten. We close at ten. We close at ten! Is that clear?",
)


@pytest.mark.parametrize("longest", [1, 4, 100])
@pytest.mark.parametrize("text", MEANT)
def test_a_model_that_means_its_lists_says_them_to_the_end(text: str, longest: int) -> None:
    assert said(text, longest, clauses=False) == (text, False)
    assert said(text, longest)[1]  # what is a loop of the smallest model


@pytest.mark.parametrize("longest", [1, 4, 100])
def test_a_sentence_that_comes_a_fourth_time_is_a_loop_of_any_model(longest: int) -> None:
    text = "He was brave, and strong. He was old. " * 9
    assert said(text, longest, clauses=False) == (text[: len(text) // 3].rstrip(), True)


def test_a_run_without_punctuation_ends_in_its_third_round() -> None:
    text, closed = said("a cake that needs " + "a recipe that needs " * 20)
    assert closed
    assert text.count("recipe") == 3
    assert text.endswith(".")


def test_the_first_words_wait_for_nothing() -> None:
    guard = LoopGuard()
    assert guard.feed("Yes") == "Yes"
    assert guard.feed(". It") == "."
    assert guard.feed(" is the") == " It is the"  # a further sentence, once it has some words


def test_nothing_comes_after_the_end() -> None:
    guard = LoopGuard()
    guard.feed("We close at ten. We close at ten. ")
    assert guard.closed
    assert (guard.feed("Really."), guard.end()) == ("", "")


@given(st.text(alphabet="ab .,!?\n…", max_size=80), st.integers(1, 9), st.integers(0, 9))
def test_what_is_said_is_the_text_or_its_beginning(text: str, longest: int, seed: int) -> None:
    out, closed = said(text, longest, seed)
    assert out == text if not closed else text.startswith(out.removesuffix("."))
