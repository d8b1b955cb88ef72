"""A handful of cases from end to end, with the real ears, in virtual time."""

from dataclasses import replace

import numpy as np
import pytest

from vision_agents.core.floor import effects as fx
from vision_agents.core.trace import Record
from vision_agents.lab.case import run_case
from vision_agents.lab.measure import measure
from vision_agents.lab.pool import run_cases
from vision_agents.lab.scenario import LabError, Scenario, Sound

pytestmark = pytest.mark.models

SPEECH = Sound("clip", "en/quick_brown_fox", seconds=3.0)


def test_a_sentence_interrupts():
    recorded = run_case(Scenario("s", "interruption", "yield", "answering", 2.0, SPEECH))
    result = measure(recorded)
    assert (result.decision, result.right, result.held) == ("yield", True, True)
    assert 0.0 < result.silence < 0.5
    assert result.reported_words == result.heard_words > 4
    assert (result.lost, result.repeated) == (0, 0)
    assert result.evidence["words"]
    assert result.response is not None
    # A recording that goes on without speech is no caller who was cut off.
    longer = measure(replace(recorded, end=recorded.end + 2.0))
    assert longer.response == pytest.approx(result.response, abs=0.15)
    assert result.went_on is longer.went_on is None


def test_a_caller_who_goes_on_after_an_answer_began_is_cut_off():
    once_more = {"then": SPEECH, "then_after": 1.8}
    result = measure(run_case(Scenario("o", "second", "yield", "answering", 2.0, SPEECH, **once_more)))
    assert result.response < 0.0 < result.went_on < 1.8


def test_a_short_word_is_a_pause_and_no_sample_is_lost():
    result = measure(run_case(Scenario("w", "backchannel", "ignore", "answering", 2.0, Sound("say", "Uh-huh."))))
    assert result.decision == "ignore"
    assert result.held
    assert 0.0 < result.resume_gap < 1.0
    assert not result.stuck
    assert result.pause >= result.resume_gap
    assert (result.lost, result.repeated) == (0, 0)
    assert result.rewound > 0


def test_what_is_answered_later_has_cost_no_answer():
    recorded = run_case(Scenario("w", "backchannel", "ignore", "answering", 2.0, Sound("say", "Uh-huh.")))
    taken = Record(recorded.end + 1.5, fx.RecordTurn("caller", "uh-huh"))
    later = replace(recorded, records=(*recorded.records, taken))

    def measured(**scenario):
        result = measure(replace(later, scenario=replace(recorded.scenario, **scenario)))
        assert result.decision == "after"
        assert result.pause > 0.0
        return result.right

    assert measured()
    assert not measured(kind="side_talk"), "somebody else is answered"
    assert not measured(kind="interruption", expect="yield"), "the caller did not get the turn"


def test_knocks_do_not_touch_the_answer():
    knocks = Sound("make", "knocks", seconds=2.0)
    result = measure(run_case(Scenario("k", "noise", "ignore", "answering", 2.0, knocks)))
    assert (result.decision, result.held, result.silence, result.pause) == ("ignore", False, None, 0)


@pytest.mark.parametrize("state", ["question", "thinking", "idle"])
def test_a_sentence_is_answered_in_every_state(state):
    result = measure(run_case(Scenario(state, "interruption", "yield", state, 1.0, SPEECH)))
    assert result.decision == "yield"
    assert result.response is not None


def test_a_caller_who_asked_first_is_answered_and_may_interrupt():
    recorded = run_case(Scenario("a", "interruption", "yield", "answering", 2.0, SPEECH, primer=True))
    result = measure(recorded)
    assert recorded.began > 1.0
    assert recorded.began + 2.0 <= result.onset < recorded.began + 2.2
    assert (result.decision, result.held) == ("yield", True)
    assert 0.0 < result.silence < 0.5
    assert result.reported_words == result.heard_words > 4
    assert not any("story" in text for _, _, text, _ in result.evidence["words"])


def test_a_primer_that_is_not_answered_is_told(monkeypatch):
    # It is asked in vain: the agent hears nothing of it.
    monkeypatch.setattr("vision_agents.lab.case._primer", lambda sounds: np.zeros(16_000, np.int16))
    with pytest.raises(LabError, match="not answered within 20 s"):
        run_case(Scenario("a", "interruption", "yield", "answering", 2.0, SPEECH, primer=True))


def test_what_is_said_over_a_notice_is_answered_after_it():
    scenario = Scenario("n", "notice", "after", "uninterruptible", 1.0, Sound("say", "How long will it take?"))
    result = measure(run_case(scenario))
    assert (result.decision, result.right, result.held) == ("after", True, False)
    assert result.response > 5.0


def test_the_policy_decides():
    scenario = Scenario("p", "interruption", "yield", "answering", 2.0, SPEECH)
    result = measure(run_case(scenario, {"hold": "false"}))
    assert result.decision == "yield"
    assert not result.held


def test_a_case_that_cannot_be_run_is_a_result(tmp_path):
    missing = Scenario("m", "noise", "ignore", "answering", 2.0, Sound("file", str(tmp_path / "none.wav")))
    (result,) = run_cases([missing], jobs=1)
    assert (result.decision, result.right) == ("failed", False)
    assert "there is no file" in result.reason
