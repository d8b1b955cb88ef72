"""The stages of an answer: they add up, in whatever order they were reached."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.trace.codec import decode, encode
from vision_agents.core.trace.stages import STAGES, AnswerStages

times = st.floats(0.0, 1e4)


@st.composite
def reached(draw):
    """Any stages at any times, in any order; nothing is later than the first sample, if there is one."""
    at = {stage: draw(times) for stage in STAGES if draw(st.booleans())}
    if "pulled" in at:
        at["pulled"] = max(at.values())
    return AnswerStages(**at)


@given(reached())
def test_durations_are_never_negative_and_add_up_to_the_whole(stages):
    took = stages.durations
    assert all(seconds >= 0.0 for seconds in took.values())
    assert list(took) == [stage for stage in STAGES if stage in took]
    if stages.total is not None:
        assert sum(took.values()) == pytest.approx(stages.total, abs=0.001)


@given(reached())
def test_only_what_was_reached_took_time(stages):
    known = [stage for stage in STAGES if stages.at(stage) is not None]
    assert list(stages.durations) == known[1:]
    assert (stages.total is None) == (stages.speech_end is None or stages.pulled is None)


@given(reached(), st.floats(-100.0, 100.0))
def test_another_clock_changes_no_duration(stages, seconds):
    moved = stages.shifted(seconds)
    assert moved.durations == pytest.approx(stages.durations, abs=1e-6)
    assert (moved.functions, moved.held) == (stages.functions, stages.held)


@given(reached())
def test_a_trace_keeps_them(stages):
    assert decode(AnswerStages, encode(stages)) == stages


def test_what_was_early_took_nothing_and_what_follows_is_counted_from_the_latest():
    stages = AnswerStages(speech_end=1.0, pause_found=1.2, turn_ended=1.6, final_words=1.4, begun=1.6, pulled=2.0)
    assert stages.durations == pytest.approx(
        {"pause_found": 0.2, "turn_ended": 0.4, "final_words": 0.0, "begun": 0.0, "pulled": 0.4}
    )


def test_a_model_that_answers_before_the_end_took_no_time():
    stages = AnswerStages(speech_end=2.0, begun=1.5, first_audio=1.8, pulled=1.9)
    assert stages.total == 0.0
    assert sum(stages.durations.values()) == 0.0
