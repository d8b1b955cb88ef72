"""What a caller hears, by hand: stretches of sound, silence, and frames that come late."""

from __future__ import annotations

import numpy as np
import pytest

from vision_agents.load_test.clips import Clip
from vision_agents.load_test.ear import AUDIBLE, SILENT_FOR, Ear
from vision_agents.load_test.line import Arrivals
from vision_agents.load_test.mouth import Mouth

LOUD, QUIET = np.full(960, 5000, np.int16), np.full(960, AUDIBLE, np.int16)


def heard(*stretches: tuple[int, int], frames: int = 200) -> Ear:
    """An ear that heard frames from and to these numbers."""
    ear = Ear()
    for number in range(frames):
        ear.hear(number * 0.02, LOUD if any(a <= number < b for a, b in stretches) else QUIET)
    return ear


def test_silence_begins_at_the_last_sound_before_a_pause_that_is_one() -> None:
    ear = heard((10, 50), (60, 75))
    assert ear.silent_from(0.5, now=4.0) == pytest.approx(1.5)
    # While it may still be a pause between words nobody can say.
    assert ear.silent_from(0.5, now=1.5 + SILENT_FOR - 0.01) is None
    assert ear.silent_from(0.5, now=1.5 + SILENT_FOR) == pytest.approx(1.5)
    # What is silent already is so from then on.
    assert ear.silent_from(2.0, now=4.0) == 2.0


def test_what_comes_after_the_silence_does_not_count() -> None:
    ear = heard((10, 50), (110, 150))
    assert ear.silent_from(0.5, now=4.0) == pytest.approx(1.0)
    assert ear.first_after(1.0) == pytest.approx(2.2)
    assert ear.first_after(2.5) == 2.5
    assert ear.first_after(3.0) is None
    assert (ear.last, ear.speaks(3.1), ear.speaks(3.6)) == (pytest.approx(3.0), True, False)


def test_sound_is_placed_to_the_sample() -> None:
    ear = Ear()
    frame = np.zeros(960, np.int16)
    frame[480:720] = 1000
    ear.hear(1.0, frame)
    assert (ear.first_after(0.0), ear.last) == (pytest.approx(1.01), pytest.approx(1.015))


def test_nothing_was_heard() -> None:
    ear = Ear()
    assert ear.first_after(0.0) is None
    assert not ear.speaks(1e9)
    assert ear.silent_from(1.0, now=1.2) is None
    assert ear.silent_from(1.0, now=1.0 + SILENT_FOR) == 1.0


def test_frames_are_late_against_those_that_came_soonest() -> None:
    arrivals, late = Arrivals(), []
    delays = [0.0, 0.005, 0.03, 0.0, 0.001]
    for number, delay in enumerate(delays):
        late.append(arrivals.late(7.0 + number * 0.02 + delay, number * 960)[0])
    assert late == pytest.approx(delays, abs=1e-4)


def test_a_first_frame_that_is_late_makes_no_others_early() -> None:
    arrivals = Arrivals()
    late = [arrivals.late(number * 0.02 + (0.04 if number == 0 else 0.0), number * 960)[0] for number in range(4)]
    assert late == pytest.approx([0.0, 0.0, 0.0, 0.0], abs=1e-4)
    assert arrivals.late(4 * 0.02 + 0.03, 4 * 960)[0] == pytest.approx(0.03, abs=1e-4)


def test_frames_that_never_came_are_counted_also_where_positions_wrap() -> None:
    arrivals, begin = Arrivals(), 2**32 - 960
    steps = [(0, 0), (1, 0), (4, 2), (5, 0)]
    for number, missing in steps:
        late, found = arrivals.late(number * 0.02, (begin + number * 960) % 2**32)
        assert (late, found) == (pytest.approx(0.0, abs=1e-4), missing)


def test_a_clip_is_said_to_its_end_and_then_the_room_is_heard() -> None:
    room, clip = (
        Clip(name, np.zeros((count, 960), np.int16), 0.01, 0.03) for name, count in (("room", 2), ("clip", 3))
    )
    mouth = Mouth(room)
    assert [mouth.next(0.0) for _ in range(3)] == [(room, 0), (room, 1), (room, 0)]
    saying = mouth.say(clip)
    with pytest.raises(RuntimeError, match="not begun"):
        _ = saying.onset
    assert [mouth.next(1.0 + number * 0.02) for number in range(3)] == [(clip, 0), (clip, 1), (clip, 2)]
    assert saying.done.is_set()
    # The first frame is sent when its last sample was said.
    assert (saying.onset, saying.end) == (pytest.approx(0.99), pytest.approx(1.01))
    assert mouth.next(2.0) == (room, 0)


def test_who_is_told_to_say_something_else_says_that() -> None:
    clip = Clip("clip", np.zeros((3, 960), np.int16))
    mouth = Mouth(clip)
    first, second = mouth.say(clip), mouth.say(clip)
    assert (first.done.is_set(), second.done.is_set()) == (True, False)
    mouth.hush()
    assert second.done.is_set()
