"""What is said for a text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from piper import PhonemeType

from vision_agents.plugins.piper.phonemizer import Phonemizer


def test_raw_phonemes_are_not_taken_from_a_text(phonemizer: Phonemizer) -> None:
    """piper speaks what stands in double brackets as it is; a language model may write anything."""
    assert "@" not in phonemizer.phonemes("[[h@l'oU]] there")
    assert phonemizer.phonemes("[[hello]]") == phonemizer.phonemes("hello")


def test_only_ends_that_espeak_made_up_are_taken_out(phonemizer: Phonemizer) -> None:
    assert "".join(phonemizer.phonemes("Ask Dr. Smith.")).count(".") == 1
    assert "".join(phonemizer.phonemes("Really? Yes.")).count("?") == 1


def test_letters_can_be_the_phonemes(english_config: Any) -> None:
    letters = Phonemizer(replace(english_config, phoneme_type=PhonemeType.TEXT))
    assert letters.phonemes("ab né§") == ["a", "b", " ", "n", "e"]


def test_other_phonemes_are_refused(english_config: Any) -> None:
    with pytest.raises(ValueError, match="pinyin phonemes are not supported"):
        Phonemizer(replace(english_config, phoneme_type=PhonemeType.PINYIN))


def test_two_languages_in_two_threads_are_not_mixed_up(english_config: Any) -> None:
    """espeak has one language for the whole process."""
    voices = [Phonemizer(english_config), Phonemizer(replace(english_config, espeak_voice="de"))]
    text = "Winter im Wald"
    expected = [voice.phonemes(text) for voice in voices]
    assert expected[0] != expected[1]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda turn: voices[turn % 2].phonemes(text), range(400)))
    assert all(answer == expected[turn % 2] for turn, answer in enumerate(answers))
