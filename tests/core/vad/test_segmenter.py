"""From probabilities to segments of speech."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.vad import SpeechEdge, SpeechSegmenter

WINDOW = 0.032
STARTED, CONTINUED, ENDED, NOTHING = SpeechEdge.STARTED, SpeechEdge.CONTINUED, SpeechEdge.ENDED, SpeechEdge.NOTHING


def edges(probabilities: list[float], **settings: Any) -> list[SpeechEdge]:
    segmenter = SpeechSegmenter(WINDOW, **settings)
    return [segmenter.feed(probability) for probability in probabilities]


class TestEdges:
    def test_the_very_first_window_begins(self) -> None:
        assert edges([0.49, 0.5, 0.9]) == [NOTHING, STARTED, CONTINUED]

    def test_five_windows_of_silence_end(self) -> None:
        """0.16 s at 32 ms a window."""
        assert edges([0.9, *[0.1] * 5, 0.1]) == [STARTED, *[NOTHING] * 4, ENDED, NOTHING]

    def test_a_gap_that_is_shorter_does_not(self) -> None:
        assert edges([0.9, *[0.1] * 4, 0.9, *[0.1] * 4]) == [STARTED, *[NOTHING] * 4, CONTINUED, *[NOTHING] * 4]

    def test_between_the_thresholds_it_goes_on(self) -> None:
        assert edges([0.9, 0.36, 0.34]) == [STARTED, CONTINUED, NOTHING]

    def test_between_the_thresholds_nothing_begins(self) -> None:
        assert edges([0.45] * 3) == [NOTHING] * 3

    def test_settings(self) -> None:
        assert edges([0.3], threshold=0.3) == [STARTED]
        assert edges([0.9, 0.45], release=0.4) == [STARTED, CONTINUED]
        assert edges([0.9, 0.1], min_silence=WINDOW) == [STARTED, ENDED]

    def test_it_may_open_on_weaker_evidence_than_counts(self) -> None:
        segmenter = SpeechSegmenter(WINDOW, opening=0.2)
        assert [segmenter.feed(probability) for probability in (0.19, 0.2, 0.3)] == [NOTHING, STARTED, CONTINUED]
        assert segmenter.voiced == 0.0
        segmenter.feed(0.5)
        assert segmenter.voiced == pytest.approx(WINDOW)

    def test_what_opens_a_segment_does_not_end_it(self) -> None:
        assert edges([0.2] * 20, opening=0.2) == [STARTED, *[CONTINUED] * 19]

    @pytest.mark.parametrize("settings", [{"threshold": 0.1}, {"threshold": 0.0}, {"opening": 0.0}, {"opening": 0.005}])
    def test_however_low_the_thresholds_silence_ends_a_segment(self, settings: dict[str, float]) -> None:
        assert edges([0.9, 0.005], min_silence=WINDOW, **settings) == [STARTED, ENDED]


class TestCounts:
    def test_only_speech_is_evidence(self) -> None:
        segmenter = SpeechSegmenter(WINDOW)
        for probability in (0.9, 0.4, 0.6, 0.1, 0.5):
            segmenter.feed(probability)
        assert segmenter.voiced == pytest.approx(3 * WINDOW)
        assert segmenter.silence == 0.0

    def test_each_segment_counts_anew(self) -> None:
        segmenter = SpeechSegmenter(WINDOW)
        for probability in (0.9, 0.9, *[0.0] * 5):
            segmenter.feed(probability)
        assert segmenter.voiced == pytest.approx(2 * WINDOW)
        assert segmenter.silence == pytest.approx(0.16)
        segmenter.feed(0.9)
        assert segmenter.voiced == pytest.approx(WINDOW)

    def test_reset(self) -> None:
        segmenter = SpeechSegmenter(WINDOW)
        segmenter.feed(0.9)
        segmenter.reset()
        assert segmenter == SpeechSegmenter(WINDOW)


@given(st.lists(st.floats(0.0, 1.0), max_size=200), st.floats(0.05, 0.95), st.floats(0.01, 1.0), st.floats(0.0, 0.5))
def test_segments_begin_and_end_in_turn_and_silence_always_ends_one(
    probabilities: list[float], threshold: float, opening: float, min_silence: float
) -> None:
    segmenter = SpeechSegmenter(WINDOW, threshold, opening, min_silence=min_silence)
    inside = False
    speech = 0
    for probability in [*probabilities, *[0.0] * 20]:
        edge = segmenter.feed(probability)
        if edge is STARTED:
            assert not inside
            assert probability >= opening
            inside, speech = True, 0
        elif edge in (CONTINUED, ENDED):
            assert inside
            inside = edge is CONTINUED
        speech += inside and probability >= threshold
        if inside or edge is ENDED:
            assert segmenter.voiced == pytest.approx(speech * WINDOW)
        assert segmenter.speaking is inside
    assert not inside
