"""A handful of cases from end to end, with the real ears, in virtual time."""

import pytest

from vision_agents.lab.case import Kit, run_case
from vision_agents.lab.measure import measure
from vision_agents.lab.pool import run_cases
from vision_agents.lab.scenario import Scenario, Sound

pytestmark = pytest.mark.models

SPEECH = Sound("clip", "en/quick_brown_fox", seconds=3.0)


@pytest.fixture(scope="module")
def kit():
    return Kit()


def test_a_sentence_interrupts(kit):
    result = measure(run_case(Scenario("s", "interruption", "yield", "answering", 2.0, SPEECH), kit))
    assert (result.decision, result.right, result.held) == ("yield", True, True)
    assert 0.0 < result.silence < 0.5
    assert result.reported_words == result.heard_words > 4
    assert (result.lost, result.repeated) == (0, 0)
    assert result.evidence["words"]
    assert result.response is not None


def test_a_short_word_is_a_pause_and_no_sample_is_lost(kit):
    word = Sound("clip", "en/hello_world", seconds=0.3)
    result = measure(run_case(Scenario("w", "backchannel", "ignore", "answering", 2.0, word), kit))
    assert (result.decision, result.reason) == ("ignore", "too short")
    assert result.held
    assert 0.0 < result.resume_gap < 1.0
    assert not result.stuck
    assert result.pause >= result.resume_gap
    assert (result.lost, result.repeated) == (0, 0)
    assert result.rewound > 0


def test_knocks_do_not_touch_the_answer(kit):
    knocks = Sound("make", "knocks", seconds=2.0)
    result = measure(run_case(Scenario("k", "noise", "ignore", "answering", 2.0, knocks), kit))
    assert (result.decision, result.held, result.silence, result.pause) == ("ignore", False, None, 0)


@pytest.mark.parametrize("state", ["question", "thinking", "idle"])
def test_a_sentence_is_answered_in_every_state(kit, state):
    result = measure(run_case(Scenario(state, "interruption", "yield", state, 1.0, SPEECH), kit))
    assert result.decision == "yield"
    assert result.response is not None


def test_the_policy_decides(kit):
    scenario = Scenario("p", "interruption", "yield", "answering", 2.0, SPEECH)
    result = measure(run_case(scenario, kit, {"commit_speech": "20"}))
    assert result.decision == "ignore"
    assert not result.stuck


def test_a_case_that_cannot_be_run_is_a_result(tmp_path):
    missing = Scenario("m", "noise", "ignore", "answering", 2.0, Sound("file", str(tmp_path / "none.wav")))
    (result,) = run_cases([missing], jobs=1)
    assert (result.decision, result.right) == ("failed", False)
    assert "there is no file" in result.reason
