"""Where a text is split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.plugins.piper.sentences import clauses, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ('He said "No." She left.', ['He said "No."', "She left."]),
        ("Wait... what? Yes… no.", ["Wait...", "what?", "Yes…", "no."]),
        ("Dr. Smith met J. R. Ewing e.g. in Dallas.", ["Dr. Smith met J. R. Ewing e.g. in Dallas."]),
        ("So am I. Then go.", ["So am I.", "Then go."]),
        ("It is 3.5 m. Really.", ["It is 3.5 m.", "Really."]),
        ("first line\nsecond line\n\nthird", ["first line", "second line", "third"]),
        ("  \n ", []),
        ("", []),
    ],
)
def test_sentences_end_where_a_speaker_would_pause(text: str, expected: list[str]) -> None:
    assert [" ".join(words) for words in sentences(text)] == expected


@given(st.text())
def test_sentences_keep_every_word(text: str) -> None:
    assert [word for words in sentences(text) for word in words] == text.split()


def test_only_the_sentence_asked_for_is_read() -> None:
    text = "Short. " * 1_000_000
    assert next(sentences(text)) == ["Short."]


def test_a_long_sentence_is_cut_after_its_last_comma_that_fits() -> None:
    words = ["a,", "b,", "c,", "d", "e", "f", "g", "h"]
    assert list(clauses(words, [1] * 8, 4)) == [["a,", "b,", "c,"], ["d", "e"], ["f", "g", "h"]]


def test_a_comma_that_would_leave_a_scrap_is_passed_over() -> None:
    words = ["Well,", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]
    assert list(clauses(words, [1] * 12, 8)) == [words[:6], words[6:]]


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b,", "c;", "—"]), st.integers(0, 9)), max_size=60),
    st.integers(1, 30),
)
def test_clauses_keep_every_word_and_the_limit(weighed: list[tuple[str, int]], limit: int) -> None:
    words, weights = [word for word, _ in weighed], [weight for _, weight in weighed]
    pieces = list(clauses(words, weights, limit))
    assert [word for piece in pieces for word in piece] == words
    position = 0
    for piece in pieces:
        weight = sum(weights[position : position + len(piece)])
        assert piece
        assert weight <= limit or len(piece) == 1
        position += len(piece)
