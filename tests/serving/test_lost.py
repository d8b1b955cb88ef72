"""Lost calls: for how long, how much, and for whom they are kept."""

from __future__ import annotations

from vision_agents.core.conversation import Message, Role
from vision_agents.serving.lost import KEEP, MESSAGES, MOST, LeftCalls, Lost, LostCalls, latest


def test_it_is_kept_for_a_while_and_for_its_own_call() -> None:
    calls = LostCalls()
    lost = Lost("s1", "table", "the process died", (Message(Role.USER, "Hello."),))
    calls.add(10.0, lost)
    assert calls.find(10.0 + KEEP - 0.1, "table", "s1") is lost
    assert calls.find(11.0, "another", "s1") is None
    assert calls.find(11.0, "table", "s2") is None
    assert calls.find(10.0 + KEEP, "table", "s1") is None
    assert len(calls) == 0


def test_of_too_many_the_oldest_are_forgotten() -> None:
    calls = LostCalls()
    for number in range(MOST + 1):
        calls.add(float(number) / 100, Lost(f"s{number}", "table", ""))
    assert len(calls) == MOST
    assert calls.find(10.0, "table", "s0") is None
    assert calls.find(10.0, "table", f"s{MOST}") is not None


def test_a_call_that_ends_often_takes_the_place_of_no_other() -> None:
    calls = LeftCalls()
    calls.add(0.0, Lost("s", "table", "", (Message(Role.USER, "Hello."),)))
    for number in range(MOST + 1):
        calls.add(1.0, Lost(f"s{number}", "busy", ""))
    assert len(calls) == 2
    for call, session in (("table", "s"), ("busy", f"s{MOST}")):
        left = calls.last(2.0, call)
        assert left is not None
        assert left.session_id == session
    calls.drop("table")
    assert calls.last(2.0, "table") is None
    assert calls.last(2.0, "nobody's") is None


def test_lost_again_it_is_kept_from_then_on() -> None:
    calls = LostCalls()
    calls.add(0.0, Lost("s1", "table", "once"))
    calls.add(1.0, Lost("s2", "table", ""))
    calls.add(200.0, Lost("s1", "table", "twice"))
    found = calls.find(KEEP + 100.0, "table", "s1")
    assert found is not None
    assert found.why == "twice"


def test_of_a_long_conversation_the_latest_is_kept() -> None:
    messages = tuple(Message(Role.USER, str(number)) for number in range(MESSAGES + 5))
    assert latest(messages)[0].text == "5"
    assert latest(messages[:3]) == messages[:3]
