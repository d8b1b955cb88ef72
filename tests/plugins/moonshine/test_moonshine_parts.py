"""Tokens, pauses and loops: what surrounds Moonshine's networks."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.plugins.moonshine.model import loop_at_end
from vision_agents.plugins.moonshine.pauses import pieces, quietest
from vision_agents.plugins.moonshine.tokenizer import Tokenizer

SPECIAL = [b"<unk>", b"<s>", b"</s>"]


def packed(tokens: list[bytes]) -> bytes:
    """The file format: lengths of seven bits a byte, the low ones first."""
    out = bytearray()
    for token in tokens:
        size = len(token)
        out += bytes([size]) if size < 128 else bytes([128 + size % 128, size // 128])
        out += token
    return bytes(out)


def tokenizer(folder: Path, tokens: list[bytes]) -> Tokenizer:
    path = folder / "tokenizer.bin"
    path.write_bytes(packed(tokens))
    return Tokenizer(path)


def test_tokens_of_every_length_are_read(tmp_path: Path) -> None:
    words = [b"a" * size for size in (0, 1, 127, 128, 129, 300, 5000)]
    read = tokenizer(tmp_path, [*SPECIAL, *words])
    assert len(read) == 3 + len(words)
    for number, word in enumerate(words, 3):
        assert read.text([number]) == word.decode()


def test_text_is_words_and_no_marks(tmp_path: Path) -> None:
    said = tokenizer(tmp_path, [*SPECIAL, "▁Yes".encode(), b",", "▁caf".encode(), b"\xc3", b"\xa9", "▁♪".encode()])
    assert said.text([1, 3, 4, 5, 6, 7, 2]) == "Yes, café"
    assert said.text([3, 5, 6]) == "Yes caf"  # half of a character
    assert said.text([8, 8, 3]) == "Yes"
    assert said.text([8, 4, 4]) == ""
    assert said.text([]) == ""


@pytest.mark.parametrize("damage", ["cut off", "something else", "empty"])
def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path, damage: str) -> None:
    data = packed([*SPECIAL, b"hello"])
    path = tmp_path / "tokens.bin"
    path.write_bytes({"cut off": data[:-2], "something else": b"\x03abc\x03def", "empty": b""}[damage])
    with pytest.raises(RuntimeError, match=r"tokens\.bin"):
        Tokenizer(path)


def test_audio_is_cut_in_its_longest_pause() -> None:
    sound = np.random.default_rng(1).normal(0, 3000, 10 * 16_000)
    sound[80_000:81_000] *= 0.01  # a gap within a word
    sound[100_000:105_000] *= 0.02  # a pause
    assert 100_000 <= quietest(sound.astype(np.int16), 48_000, 150_000) <= 105_000
    assert 48_000 <= quietest(sound.astype(np.int16), 48_000, 90_000) <= 90_000


@given(st.integers(0, 5000), st.integers(2, 700))
def test_pieces_are_short_enough_and_nothing_is_lost(samples: int, longest: int) -> None:
    sound = np.random.default_rng(samples).integers(-100, 100, samples).astype(np.int16)
    cut = list(pieces(sound, longest))
    assert np.array_equal(np.concatenate([sound[:0], *cut]), sound)
    assert all(0 < len(piece) <= longest for piece in cut)


def test_a_long_pause_is_no_offset_for_the_cut() -> None:
    """A constant offset is not loud."""
    sound = np.full(160_000, 5000.0)
    sound += np.random.default_rng(2).normal(0, 1000, 160_000) * (np.abs(np.arange(160_000) - 120_000) > 4000)
    assert abs(quietest(sound.astype(np.int16), 16_000, 159_000) - 120_000) <= 4000


@pytest.mark.parametrize(
    ("tokens", "loop"),
    [
        ([1, 2, 3, 4], None),
        ([9, 5, 5, 5], None),  # "no, no, no" is said
        ([9, 5, 5, 5, 5, 5], (1, 5)),
        ([1, 2, 1, 2, 1, 2], None),
        ([1, 2] * 5, (2, 5)),
        ([7, 1, 2, 3, 1, 2, 3, 1, 2, 3], (3, 3)),
        ([7, 1, 2, 3, 1, 2, 3, 1, 2, 4], None),
        (list(range(12)) * 3, (12, 3)),
        ([], None),
    ],
)
def test_loops(tokens: list[int], loop: tuple[int, int] | None) -> None:
    assert loop_at_end(tokens) == loop
