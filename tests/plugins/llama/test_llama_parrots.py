"""Earlier answers are not given to other questions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.conversation import Message, Role
from vision_agents.core.voice import CONTINUE_PROMPT
from vision_agents.plugins.llama.parrots import ParrotGuard

BOOK = "The book about the sea is called The Blue Heron. It is long."


def talk(*texts: str) -> list[Message]:
    return [Message(Role.ASSISTANT if place % 2 else Role.USER, text) for place, text in enumerate(texts)]


def heard(guard: ParrotGuard, *pieces: str) -> str:
    return "".join([*map(guard.feed, pieces), guard.end()])


@pytest.mark.parametrize(
    "pieces",
    [
        ("The book", " about the", " sea is", " called The Blue Heron."),
        ("the book about the sea is", " \u201cMoby Dick\u201d."),
        (BOOK,),
    ],
)
def test_an_earlier_answer_to_another_question_is_caught_and_nothing_of_it_said(pieces: tuple[str, ...]) -> None:
    guard = ParrotGuard(talk("Do you know a good novel?", BOOK, "How old are cats?"))
    assert heard(guard, *pieces) == ""
    assert guard.caught is not None


def test_it_is_caught_before_it_is_complete() -> None:
    guard = ParrotGuard(talk("Do you know a good novel?", BOOK, "How old are cats?"))
    assert [guard.feed(piece) for piece in ("The book about the sea", " is")] == ["", ""]
    assert guard.caught is None  # the last word may go on
    guard.feed(" called")
    assert guard.caught is not None


@pytest.mark.parametrize(
    "question",
    [
        "Which book about the sea was it?",
        "What?",
        "Why is that so?",
        "Pardon?",
        "Sorry, could you say that again?",
        "I didn’t hear you.",
        CONTINUE_PROMPT,
    ],
)
def test_who_asks_for_the_same_again_gets_it(question: str) -> None:
    guard = ParrotGuard(talk("Do you know a good novel?", BOOK, question))
    assert heard(guard, BOOK) == BOOK


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Where do penguins live?", "They are found far in the south."),
        ("Wo leben Pinguine?", "Sie sind weit im Süden zuhause."),
        ("企鹅住在哪里？", "它们 在 很远 的 南方 生活。"),
    ],
)
def test_the_same_question_has_the_same_answer(question: str, answer: str) -> None:
    asked = talk(question, answer, "Thanks.", "You are welcome.", question)
    assert heard(ParrotGuard(asked), answer) == answer
    other = ParrotGuard(talk(question, answer, "Tell me of Rome."))
    assert (heard(other, answer), other.caught) == ("", answer)


@pytest.mark.parametrize("answer", ["Yes.", "Yes, of course.", "I see."])
def test_short_answers_may_come_again(answer: str) -> None:
    assert heard(ParrotGuard(talk("Are cats nice?", answer, "Are lions big?")), answer) == answer


def test_a_short_first_sentence_is_told_by_the_next() -> None:
    guard = ParrotGuard(talk("I am going to Rome.", "Rome. I look forward to your visit.", "What do spiders eat?"))
    assert heard(guard, "Rome", ". I look", " forward to your visit.") == ""
    assert guard.caught is not None


def test_what_only_begins_alike_is_passed_on_from_where_it_differs() -> None:
    guard = ParrotGuard(talk("Do you know a good novel?", "I'm fond of the sea, and of whales.", "How old are cats?"))
    assert [guard.feed(piece) for piece in ("I", "'", "m fond of", " the cats", ".")] == [
        "",
        "",
        "",
        "I'm fond of the cats",
        ".",
    ]


def test_the_answers_of_examples_are_earlier_ones() -> None:
    guard = ParrotGuard(talk("Tell me a story."), ["A map costs two dollars."])
    assert heard(guard, "A map costs two dollars.") == ""
    assert guard.caught is not None


def test_without_a_question_nothing_is_caught() -> None:
    assert heard(ParrotGuard([]), BOOK) == BOOK
    assert heard(ParrotGuard(talk("Do you know a good novel?", BOOK)), BOOK) == BOOK


@given(st.lists(st.text("ab '.?\n3", max_size=12), max_size=6), st.lists(st.text("ab '.?\n3", max_size=4), max_size=8))
def test_all_or_nothing_is_passed_on(said: list[str], pieces: list[str]) -> None:
    guard = ParrotGuard(talk(*said, *(["", "ab?"] if len(said) % 2 else ["aab?"])))
    assert heard(guard, *pieces) == ("" if guard.caught is not None else "".join(pieces))
