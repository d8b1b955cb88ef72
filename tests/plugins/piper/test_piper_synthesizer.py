"""Chunks and word times for any text, with a voice that needs no model."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vision_agents.core.tts import SpeechChunk
from vision_agents.plugins.piper.synthesizer import MAX_PHONEMES, WINDOWS, Synthesizer

ODD_TEXTS = [
    "",
    "   \n\t ",
    "...",
    "?! — - ;",
    "Hello",
    "It costs $1,234.56 on 12/05/2024 at 3:30 PM, i.e. -5 °C.",
    "Mail a@b.com or see https://example.com/foo?bar=1&baz=%20#top (www.example.org).",
    "Dr. Smith et al. live in the U.S.A., e.g. on 5th Ave. No. 7!",
    "Hi 🙂 there 🎉🎉🎉 👨‍👩‍👧‍👦!",
    "Zürich, café naïve, 東京 привет مرحبا שלום",
    "first line\nsecond line\r\n\r\n- a list\n- of things",
    "a\x00b \x07 c\x1b[0m \ud800 \ufeff \u202e x",
    "[[h@l'oU]] <speak>and</speak> (en) {{x}} **bold** _it_ `code`",
    "word " * 500,
    "x" * 5_000,
    "9" * 300 + " " + "漢" * 200 + " " + "🎉" * 100,
    "So, " + "well, " * 100 + "yes.",
]


def speak(voice: Any, text: str) -> list[SpeechChunk]:
    return list(Synthesizer(voice).synthesize(text))


def check_laws(voice: Any, text: str) -> None:
    chunks = speak(voice, text)
    words = [word for chunk in chunks for word in chunk.words]
    total = sum(chunk.audio.duration for chunk in chunks)
    assert "".join(word.text for word in words) == "".join(text.split())
    assert all(0.0 <= word.start <= word.end <= total + 1e-9 for word in words)
    assert all(first.end <= second.start for first, second in pairwise(words))
    played = 0.0
    for index, chunk in enumerate(chunks):
        played += chunk.audio.duration
        still_unknown = [word for later in chunks[index + 1 :] for word in later.words if word.end > word.start]
        assert all(word.start >= played - 1e-9 for word in still_unknown)
    samples = np.concatenate([chunk.audio.samples for chunk in chunks] or [np.zeros(0, np.int16)])
    expected = np.repeat(np.arange(voice.frames), voice.hop)[: len(samples)]
    assert len(samples) == voice.frames * voice.hop
    assert np.array_equal(samples, np.minimum(expected, 32_767))


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_texts_keep_the_laws(ramp_voice: Any, text: str) -> None:
    check_laws(ramp_voice(), text)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.text(st.characters(), max_size=80),
        st.lists(
            st.sampled_from(["of", "the", "for", "a", "1999", "$5", "Dr.", "e.g.", "-", "—", "…", "no.", "yes,", "🙂"])
        ).map(" ".join),
    )
)
@example("\ud800")
@example("\x1f")
def test_any_text_keeps_the_laws(ramp_voice: Any, text: str) -> None:
    check_laws(ramp_voice(), text)


def test_the_first_chunk_is_small_and_comes_before_the_rest_is_decoded(ramp_voice: Any) -> None:
    voice = ramp_voice()
    first = next(Synthesizer(voice).synthesize("I can book that table for you. And here is another sentence."))
    assert len(first.audio) == WINDOWS[0] * voice.hop
    assert voice.decoded == [(0, WINDOWS[0])]
    assert len(voice.encoded) == 1


def test_words_come_before_their_audio_with_the_frames_of_their_phonemes(ramp_voice: Any) -> None:
    voice = ramp_voice()
    first = next(Synthesizer(voice).synthesize("the cat, now"))
    phonemes = "".join(voice.encoded[0])
    frame = voice.hop / voice.sample_rate

    def edge(phoneme: int) -> float:
        return float((voice.lead + voice.each * phoneme) * frame)

    assert [word.text for word in first.words] == ["the", "cat,", "now"]
    the, cat, now = first.words
    assert the.start == pytest.approx(edge(0))
    assert the.end == cat.start == pytest.approx(edge(phonemes.index(" ")))
    assert cat.end == pytest.approx(edge(phonemes.index(",")))
    assert now.start == pytest.approx(edge(phonemes.rindex(" ") + 1))
    assert now.end == pytest.approx(edge(len(phonemes)))


def test_no_piece_is_too_long_to_begin_soon(ramp_voice: Any) -> None:
    voice = ramp_voice()
    speak(voice, "this is a very long sentence without any punctuation " * 50 + "漢" * 60)
    spoken = [sum(phoneme != " " for phoneme in piece) for piece in voice.encoded]
    assert len(voice.encoded) > 10
    assert max(spoken) <= 1.25 * MAX_PHONEMES  # espeak says a few words longer in company than alone


def test_what_cannot_be_heard_keeps_its_place(ramp_voice: Any) -> None:
    assert [(word.text, word.start, word.end) for chunk in speak(ramp_voice(), "…") for word in chunk.words] == [
        ("…", 0.0, 0.0)
    ]
    chunks = speak(ramp_voice(), "Yes. ... No.")
    words = [word for chunk in chunks for word in chunk.words]
    assert words[1].start == words[1].end
    assert words[0].end <= words[1].start <= words[2].start


def test_a_title_does_not_end_the_sentence(ramp_voice: Any) -> None:
    voice = ramp_voice()
    speak(voice, "Ask Dr. Smith.")
    assert len(voice.encoded) == 1
    assert "".join(voice.encoded[0]).count(".") == 1


def test_nothing_is_computed_after_stop(ramp_voice: Any) -> None:
    voice = ramp_voice()
    synthesis = Synthesizer(voice).synthesize("One sentence to be spoken. And another one after it.")
    next(synthesis)
    synthesis.stop()
    synthesis.stop()
    assert list(synthesis) == []
    assert len(voice.decoded) == 1


def test_stop_before_the_first_chunk(ramp_voice: Any) -> None:
    voice = ramp_voice()
    synthesis = Synthesizer(voice).synthesize("Never spoken.")
    synthesis.stop()
    assert list(synthesis) == []
    assert voice.encoded == []


def test_stop_ends_a_computation_under_way(ramp_voice: Any) -> None:
    """A decoder that runs until it is told to end, as onnxruntime's would on a long input."""
    voice = ramp_voice()
    running = threading.Event()

    def decode(_frames: Any, _first: int, _last: int, options: Any) -> None:
        running.set()
        patience = threading.Event()
        while not options.terminate:
            assert not patience.wait(0.001)
        raise RuntimeError("terminated")

    voice.decode = decode
    synthesis = Synthesizer(voice).synthesize("Hello there.")
    chunks: list[SpeechChunk] = []
    thread = threading.Thread(target=lambda: chunks.extend(synthesis), daemon=True)
    thread.start()
    assert running.wait(10)
    synthesis.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert chunks == []


def test_an_error_of_the_voice_is_not_taken_for_a_stop(ramp_voice: Any) -> None:
    voice = ramp_voice()

    def encode(*_: Any) -> None:
        raise RuntimeError("out of memory")

    voice.encode = encode
    with pytest.raises(RuntimeError, match="out of memory"):
        speak(voice, "Hello.")
