"""Replies that are prepared: their audio waits at the gate until it is certain that they are wanted."""

from vision_agents.core.audio.playout import FRAME_SAMPLES

from .playout_kit import LEVEL, Gate


def prepared(samples: int) -> Gate:
    gate = Gate()
    gate.playout.drop(1)
    gate.playout.begin(2, 0, prepared=True)
    gate.write_level(samples, reply=2)
    return gate


def test_nothing_of_it_is_pulled_before_it_is_released():
    gate = prepared(2 * FRAME_SAMPLES)
    assert not gate.pull(5).any()
    assert gate.listener.told == []
    gate.playout.release(2)
    assert (gate.pull(2) == LEVEL).all()
    assert gate.playout.heard(2) == 2 * FRAME_SAMPLES


def test_one_that_begins_unprepared_is_pulled_at_once():
    gate = Gate()
    gate.write_level(FRAME_SAMPLES)
    assert (gate.pull() == LEVEL).all()


def test_an_empty_one_that_is_finished_is_over_once_it_is_released():
    gate = prepared(0)
    gate.playout.finish(2)
    assert gate.listener.told == []
    gate.playout.release(2)
    assert gate.listener.told == [("drained", 2, 0)]


def test_an_empty_one_behind_another_is_over_after_it():
    gate = Gate()
    gate.write_level(FRAME_SAMPLES)
    gate.playout.begin(2, 0, prepared=True)
    gate.playout.finish(2)
    gate.playout.release(2)
    assert gate.listener.told == []
    gate.playout.finish(1)
    gate.pull(2)
    assert gate.listener.told == [("started", 1), ("drained", 1, FRAME_SAMPLES), ("drained", 2, 0)]


def test_to_release_what_is_gone_changes_nothing():
    gate = Gate()
    gate.playout.release(7)
    gate.write_level(FRAME_SAMPLES)
    assert (gate.pull() == LEVEL).all()
    assert gate.listener.told == [("started", 1)]


def test_an_epoch_that_advances_throws_it_away_unheard():
    gate = prepared(FRAME_SAMPLES)
    gate.epoch.advance()
    assert gate.playout.silence() == {2: 0}
    gate.playout.release(2)
    assert not gate.pull(2).any()
    assert gate.listener.told == []
