"""Cutting text into sentences: early, and never losing a character that matters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.voice.sentences import LONGEST, sentences
from vision_agents.testing import virtual_time


def cut(*deltas: str) -> list[str]:
    async def main():
        async def stream():
            for delta in deltas:
                yield delta

        return [sentence async for sentence in sentences(stream())]

    return virtual_time.run(main())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Smith met Mrs. Jones. They left.", ["Dr. Smith met Mrs. Jones.", "They left."]),
        ("No. I mean it.", ["No.", "I mean it."]),
        ("It is no. 5 of them.", ["It is no. 5 of them."]),
        ("1. Eat\n2. Sleep", ["1. Eat", "2. Sleep"]),
        ("I look up no. 7.\nIt is a 7.", ["I look up no. 7.", "It is a 7."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("It costs 3.50 today.", ["It costs 3.50 today."]),
        ("はい。いいえ。", ["はい。", "いいえ。"]),
        ("  \n \n", []),
        ("", []),
    ],
)
def test_where_sentences_end(text, expected):
    assert cut(text) == expected
    assert cut(*text) == expected


@given(st.lists(st.text("ab .,!?\n", max_size=40), max_size=20))
def test_nothing_is_lost_or_doubled(deltas):
    pieces = cut(*deltas)
    assert "".join("".join(pieces).split()) == "".join("".join(deltas).split())
    assert all(piece.strip() for piece in pieces)


@given(st.text("abc ", min_size=LONGEST, max_size=5 * LONGEST))
def test_a_writer_without_dots_does_not_hold_up_the_voice(text):
    assert all(len(piece) <= LONGEST for piece in cut(text + "."))


def test_a_sentence_is_given_as_soon_as_its_end_is_certain():
    async def main():
        given_out = []

        async def stream():
            for delta in ("One", ".", " Tw"):
                yield delta
                given_out.append(list(seen))

        seen = []
        async for sentence in sentences(stream()):
            seen.append(sentence)
        return given_out

    assert virtual_time.run(main()) == [[], [], ["One."]]


async def test_what_was_written_before_a_failure_is_a_sentence_too():
    async def deltas():
        yield "One. Two and"
        raise OSError("the connection broke")

    found = sentences(deltas())
    assert [await anext(found), await anext(found)] == ["One.", "Two and"]
    with pytest.raises(OSError, match="broke"):
        await anext(found)
