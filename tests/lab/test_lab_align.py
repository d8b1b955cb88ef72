"""The aligner, on sounds whose places are known."""

import numpy as np
import pytest

from vision_agents.lab.align import HOP, align, cepstra
from vision_agents.lab.heard import count, cuts_of, heard_words, noise
from vision_agents.lab.sounds import RATE

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]


def joined(pause=0.0):
    """Each word a noise, with a pause before each, and where it is."""
    rng = np.random.default_rng(1)
    waves, spans, at = [], [], 0
    for word in WORDS:
        piece = noise(word, "said")
        waves += [np.zeros(round(pause * RATE)), piece]
        at += round(pause * RATE)
        spans.append((at / RATE, (at + len(piece)) / RATE))
        at += len(piece)
    return np.concatenate(waves) + rng.normal(0.0, 1e-5, at), spans


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.4])
def test_words_are_found_by_another_drawing_of_their_sound(pause):
    recording, spans = joined(pause)
    found = align(recording, [noise(word, "alone") for word in WORDS])
    # A window is 25 ms long: no edge is sharper than that.
    assert np.abs(np.array(found) - np.array(spans)).max() < 0.03


def test_words_are_in_their_order_and_do_not_overlap():
    recording, _ = joined(0.1)
    found = align(recording, [noise(word, "alone") for word in reversed(WORDS)])
    edges = [edge for span in found for edge in span]
    assert edges == sorted(edges)


def test_what_cannot_be_aligned():
    recording, _ = joined()
    with pytest.raises(ValueError, match="no word"):
        align(recording, [])
    with pytest.raises(ValueError, match="too short"):
        align(recording[: RATE // 10], [noise(word, "alone") for word in WORDS])


@pytest.mark.parametrize("length", [1, 399, 400, 400 + HOP, RATE])
def test_cepstra_have_a_row_each_10_ms(length):
    rows = cepstra(np.random.default_rng(1).normal(0.0, 0.1, length))
    assert rows.shape == (1 + max(0, length - 400) // HOP, 26)
    assert np.isfinite(rows).all()


def test_a_word_is_heard_when_half_of_it_was():
    assert [count([0.5, 1.5, 2.5], seconds) for seconds in (0.0, 0.49, 0.5, 1.6, 9.0)] == [0, 0, 1, 2, 3]


@pytest.mark.models
def test_heard_words_with_and_without_the_synthesisers_times():
    text = "The train leaves at seven in the morning, from platform four."
    cuts = cuts_of(0, text, every=0.5)
    assert {cut.source for cut in cuts} == {"provider", "estimated"}
    provider = [cut for cut in cuts if cut.source == "provider"]
    assert [cut.heard for cut in provider] == sorted(cut.heard for cut in provider)
    assert max(cut.heard for cut in provider) >= len(text.split()) - 2
    assert sum(abs(cut.reported - cut.heard) for cut in provider) <= 1
    assert all(abs(cut.reported - cut.heard) <= 3 for cut in cuts)


@pytest.mark.models
def test_the_aligner_is_measured_too(monkeypatch):
    monkeypatch.setattr("vision_agents.lab.heard.TEXTS", ("It takes five minutes. Then it is done.",))
    sources = {}
    for cut in heard_words(every=0.4):
        sources.setdefault(cut.source, []).append(cut.reported - cut.heard)
    assert set(sources) == {"provider", "estimated", "aligner: noises", "aligner: words"}
    # A cut may fall between the true middle of a word and where the aligner takes it to be.
    assert sum(map(abs, sources["aligner: noises"])) <= 1
    assert sum(map(abs, sources["aligner: words"])) <= 1
