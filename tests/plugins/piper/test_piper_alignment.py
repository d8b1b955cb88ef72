"""Which phonemes of a sentence belong to which word, for made-up phonemes and for what espeak really says."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vision_agents.plugins.piper.alignment import PAUSES, SPACE, align
from vision_agents.plugins.piper.phonemizer import Phonemizer

PHONEMES = st.lists(st.sampled_from("abcˈː ,."), max_size=30)


def said(phonemizer: Phonemizer, text: str) -> list[tuple[str, str]]:
    """Each word of the text with its phonemes, stress and length marks and outer spaces left out."""
    words = text.split()
    sentence = phonemizer.phonemes(text)
    ranges = align(sentence, [phonemizer.phonemes(word) for word in words])
    spoken = ["".join(p for p in sentence[begin:end] if p not in "ˈˌː").strip() for begin, end in ranges]
    return list(zip(words, spoken, strict=True))


@pytest.mark.parametrize(
    ("text", "word", "phonemes"),
    [
        ("the end of the day", "of", "ʌv"),  # espeak says ʌvðə
        ("the end of a day", "the", "ðɪʲ"),
        ("all of it was for a friend", "a", "ə"),  # fɚɹə
        ("all of it was for a friend", "friend", "fɹɛnd"),
        ("it is 12 now", "12", "twɛlv"),
        ("on 12/05/2024 we met", "we", "wi"),
        ("costs $1,234.56 on that day", "on", "ɔn"),
        ("page 1990s, 50% of it", "50%", "fɪfti pɚsɛnt"),
        ("Visit https://example.com/a?b=1 now", "now", "naʊ"),
        ("Well - yes — no", "-", ""),
        ("Well - yes — no", "yes", "jɛs"),
        ("Hi 🙂 there", "there", "ðɛɹ"),
    ],
)
def test_words_get_their_own_phonemes(phonemizer: Phonemizer, text: str, word: str, phonemes: str) -> None:
    assert dict(said(phonemizer, text))[word] == phonemes


def test_joined_words_are_joined_in_what_espeak_says(phonemizer: Phonemizer) -> None:
    """The case above would prove nothing if espeak kept the words apart."""
    assert "ʌvðə" in "".join(phonemizer.phonemes("the end of the day"))


@given(sentence=PHONEMES, words=st.lists(PHONEMES, max_size=8))
@example(sentence=[], words=[[], ["a"]])
@example(sentence=list(" ,a"), words=[])
def test_ranges_are_in_order_and_cover_all_that_sounds(sentence: list[str], words: list[list[str]]) -> None:
    ranges = align(sentence, words)
    assert len(ranges) == len(words)
    assert all(0 <= begin <= end <= len(sentence) for begin, end in ranges)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(ranges))
    if words:
        covered = {index for begin, end in ranges for index in range(begin, end)}
        silent = PAUSES | {SPACE, "ˈ", "ː"}  # a mark sounds only beside its phoneme
        assert {index for index, phoneme in enumerate(sentence) if phoneme not in silent} <= covered


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=8))
def test_words_spoken_as_they_are_alone_are_found_exactly(words: list[list[str]]) -> None:
    sentence = list(" ".join("".join(word) for word in words))
    spoken = ["".join(sentence[begin:end]).strip() for begin, end in align(sentence, words)]
    assert spoken == ["".join(word) for word in words]


def test_no_gap_lies_between_words_but_at_a_pause() -> None:
    sentence = list("ab cd, ef")
    assert align(sentence, [["a", "b"], ["c", "d"], ["e", "f"]]) == [(0, 2), (2, 5), (7, 9)]


@pytest.mark.parametrize(
    ("sentence", "ranges"),
    [
        ("ab xcd", [(0, 2), (2, 6)]),
        ("abx cd", [(0, 3), (3, 6)]),
        ("abxcd", [(0, 3), (3, 5)]),
        ("ab xy cd", [(0, 5), (5, 8)]),
        ("cd", [(0, 0), (0, 2)]),
        ("ab", [(0, 2), (2, 2)]),
    ],
)
def test_what_is_added_or_left_out_moves_no_boundary(sentence: str, ranges: list[tuple[int, int]]) -> None:
    assert align(list(sentence), [["a", "b"], ["c", "d"]]) == ranges
