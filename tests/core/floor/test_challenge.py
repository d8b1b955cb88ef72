"""A challenge by itself: its phases, and when the reply is held and released."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.floor.challenge import (
    HELD,
    HOLDING,
    LINGERING,
    SETTLING,
    UNHELD,
    Challenge,
    ChallengePhase,
    Change,
    Signal,
)
from vision_agents.core.floor.reply import Reply

SIGNALS = st.sampled_from(Signal)


def challenge(phase: ChallengePhase = UNHELD) -> Challenge:
    return Challenge(1, Reply(1, interruptible=True, answer=True), may_hold=True, phase=phase)


@pytest.mark.parametrize(
    ("phase", "signal", "following", "change"),
    [
        (UNHELD, Signal.HOLD, HELD, Change.HOLDS),
        (UNHELD, Signal.SILENCE, LINGERING, None),
        (HELD, Signal.SILENCE, SETTLING, None),
        (HELD, Signal.EXPIRE, UNHELD, Change.RELEASES),
        (SETTLING, Signal.SPEECH, HELD, None),
        (SETTLING, Signal.HOLD, HELD, None),
        (SETTLING, Signal.RESUME, LINGERING, Change.RELEASES),
        (SETTLING, Signal.EXPIRE, LINGERING, Change.RELEASES),
        (LINGERING, Signal.SPEECH, UNHELD, None),
        (LINGERING, Signal.HOLD, HELD, Change.HOLDS),
    ],
)
def test_each_entry_of_the_table(
    phase: ChallengePhase, signal: Signal, following: ChallengePhase, change: Change | None
) -> None:
    it = challenge(phase)
    assert (it.handle(signal, 1.0), it.phase) == (change, following)


def test_times_are_those_of_the_last_change() -> None:
    it = challenge()
    it.handle(Signal.HOLD, 1.0)
    it.handle(Signal.SILENCE, 2.0)
    it.handle(Signal.SILENCE, 3.0)
    assert (it.held_since, it.quiet_since, it.reply.since) == (1.0, 2.0, 0.0)
    it.handle(Signal.HOLD, 4.0)
    assert it.held_since == 1.0  # it was held all the while
    it.handle(Signal.EXPIRE, 5.0)
    assert (it.reply.since, it.may_hold) == (5.0, False)


@given(st.lists(SIGNALS))
def test_holds_and_releases_take_turns(signals: list[Signal]) -> None:
    it, held = challenge(), False
    for at, signal in enumerate(signals):
        change = it.handle(signal, float(at))
        assert change is not (Change.HOLDS if held else Change.RELEASES)
        held = held if change is None else change is Change.HOLDS
        assert held is (it.phase in HOLDING)


def test_after_two_releases_the_reply_is_held_no_more() -> None:
    it = challenge()
    for released in (1, 2):
        assert it.may_hold
        it.handle(Signal.HOLD, float(released))
        assert it.handle(Signal.RELEASE, released + 0.5) is Change.RELEASES
        assert it.releases == released
    assert not it.may_hold


def test_a_challenge_begins_with_no_time_behind_it() -> None:
    it = challenge()
    assert (it.opened, it.held_since, it.quiet_since, it.releases) == (0.0, 0.0, 0.0, 0)


def test_doubt_without_a_hold_counts_from_when_the_voice_comes_back() -> None:
    it = challenge()
    it.handle(Signal.SILENCE, 2.0)
    assert it.handle(Signal.SPEECH, 5.0) is None
    assert (it.phase, it.held_since) == (UNHELD, 5.0)
