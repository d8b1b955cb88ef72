"""What is decided by figures alone: what is left out, how late frames are, how often one may ask."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.shed import Shed
from vision_agents.serving.lateness import EDGES, FEWEST, Lateness, PullClock
from vision_agents.serving.rate import CLIENTS, RateLimit
from vision_agents.serving.shedding import BACK, LATE, NEXT, Shedding
from vision_agents.serving.usage import WorkerUsage, memory_limit, processors, resident, waited

# Shedding.


def test_nothing_is_left_out_while_frames_are_in_time() -> None:
    shedding = Shedding()
    assert {shedding.update(now, LATE) for now in range(100)} == {Shed.NOTHING}


def test_one_thing_after_the_other_is_left_out_and_comes_back_in_turn() -> None:
    shedding, now, told = Shedding(), 0.0, []
    for late, seconds in ((0.02, 10), (0.0, 60)):
        for _ in range(seconds * 2):
            now += 0.5
            before = shedding.level
            if shedding.update(now, late) is not before:
                told.append((shedding.level, now))
    levels, times = zip(*told, strict=True)
    assert levels == (Shed.TURN_MODEL, Shed.PARTIAL_TRANSCRIPTS, Shed.TURN_MODEL, Shed.NOTHING)
    assert times[1] - times[0] >= NEXT
    assert times[2] - 10.0 >= BACK
    assert times[3] - times[2] >= BACK


def test_while_something_is_left_out_and_until_it_shows_again_there_are_not_as_many_calls() -> None:
    shedding = Shedding()
    assert shedding.most == math.inf
    shedding.update(0.0, 2 * LATE, 40)
    assert shedding.most == 39
    # What was left out did not help, and there are fewer already.
    shedding.update(NEXT, 2 * LATE, 35)
    assert shedding.most == 34
    back, now = {}, NEXT
    while shedding.most < 35:
        now += 0.5
        back[shedding.update(now, 0.0, 35)] = now
    assert now >= back[Shed.TURN_MODEL] + BACK
    assert now == back[Shed.NOTHING] >= 3 * BACK
    shedding.update(now + 1.0, 2 * LATE, 35)
    shedding.forget()
    assert (shedding.level, shedding.most) == (Shed.NOTHING, math.inf)


@given(st.lists(st.tuples(st.floats(0.05, 3.0), st.floats(0.0, 0.2)), max_size=80))
def test_it_changes_by_one_step_and_never_in_a_hurry(looks: list[tuple[float, float]]) -> None:
    shedding, now, changed = Shedding(), 0.0, float("-inf")
    for passed, late in looks:
        now += passed
        before = shedding.level
        after = shedding.update(now, late)
        if after is not before:
            assert abs(after - before) == 1
            assert (late > LATE) is (after > before)
            assert now - changed >= NEXT
            changed = now


# Lateness.


@given(st.lists(st.floats(0.0, 0.5), min_size=1, max_size=300), st.floats(0.01, 1.0))
def test_a_quantile_is_an_end_of_its_class(latenesses: list[float], share: float) -> None:
    lateness = Lateness()
    latenesses = latenesses * -(-FEWEST // len(latenesses))
    for late in latenesses:
        lateness.add(5.0, late)
    exact = sorted(latenesses)[max(0, -(-len(latenesses) * share // 1).__int__() - 1)]
    found = lateness.quantile(5.0, share)
    assert found >= min(exact, EDGES[-1]) * 0.999
    assert found <= max(exact * 1.17, EDGES[0])
    assert lateness.worst == max(latenesses)


def test_what_is_older_than_ten_seconds_is_forgotten() -> None:
    lateness = Lateness()
    for second in range(5):
        for _ in range(FEWEST):
            lateness.add(second, 0.1)
    assert lateness.quantile(4.9, 0.99) > 0.09
    for second in range(5, 25):
        lateness.add(second, 0.0)
    assert lateness.quantile(24.9, 0.99) == EDGES[0]
    assert lateness.quantile(100.0, 0.99) == 0.0


def test_the_last_two_seconds_are_known_by_themselves() -> None:
    lateness = Lateness()
    for second in range(8):
        for _ in range(FEWEST):
            lateness.add(second, 0.1 if second < 6 else 0.0)
    assert lateness.quantile(7.5, 0.99) > 0.09
    assert lateness.quantile(7.5, 0.99, seconds=2) == EDGES[0]


def test_frames_that_were_late_with_many_calls_say_nothing_of_fewer() -> None:
    lateness = Lateness()
    for second, calls, late in ((0, 10, 0.0), (1, 30, 0.05), (2, 12, 0.0)):
        for _ in range(FEWEST):
            lateness.add(second, late, calls)
    assert lateness.quantile(2.9, 0.99, calls=29) == EDGES[0]
    assert lateness.quantile(2.9, 0.99, calls=30) > 0.04
    assert lateness.quantile(2.9, 0.99) > 0.04
    lateness.forget()
    assert lateness.quantile(2.9, 0.99) == 0.0
    assert lateness.worst == 0.05


@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 50), st.floats(0, 0.1)), max_size=60), st.integers(0, 50))
def test_with_as_many_calls_nothing_that_was_late_is_left_out(frames: list[tuple[int, int, float]], calls: int) -> None:
    lateness, kept = Lateness(), Lateness()
    for second, there, late in sorted(frames):
        for _ in range(FEWEST):
            lateness.add(second, late, there)
            if there <= calls:
                kept.add(second, late)
    assert lateness.quantile(14.5, 0.99, calls=calls) == kept.quantile(14.5, 0.99)


def test_one_late_frame_of_a_call_that_begins_is_no_sign() -> None:
    lateness = Lateness()
    for late in (0.12, 0.0, 0.0, 0.0, 0.0):
        lateness.add(5.0, late)
    assert lateness.quantile(5.0, 0.99) == EDGES[0]
    assert lateness.worst == 0.12
    for _ in range(5):
        lateness.add(5.0, 0.12)
    assert lateness.quantile(5.0, 0.99) > 0.1


class Pulls:
    """A call's pulls at times of its own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.late: list[float] = []
        self._clock = PullClock(lambda: self.now, lambda now, late: self.late.append(late))

    def at(self, *times: float) -> list[float]:
        for time in times:
            self.now = time
            self._clock.tick()
        return [round(late, 4) for late in self.late]


def test_pulls_in_time_are_not_late() -> None:
    assert max(Pulls().at(*(100 + n * 0.02 for n in range(500)))) == 0.0


def test_one_late_pull_is_late_and_the_next_is_not() -> None:
    late = Pulls().at(100.0, 100.02, 100.047, 100.06, 100.08)
    assert late == [0.0, 0.0, 0.007, 0.0, 0.0]


def test_frames_that_are_left_out_after_a_stall_make_no_others_late() -> None:
    late = Pulls().at(100.0, 100.02, 101.0, 101.02, 101.04)
    assert late == [0.0, 0.0, 0.96, 0.0, 0.0]


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_call_whose_clock_runs_otherwise_is_not_late(ppm: int) -> None:
    late = Pulls().at(*(100 + n * 0.02 * (1 + ppm * 1e-6) for n in range(50_000)))
    assert max(late) < 0.001


@pytest.mark.parametrize("each", [0.0205, 0.022, 0.029, 0.031, 0.045])
def test_a_call_that_falls_behind_is_late(each: float) -> None:
    late, lateness = Pulls().at(*(100 + n * each for n in range(FEWEST))), Lateness()
    for one in late:
        lateness.add(100.0, one)
    assert lateness.quantile(100.0, 0.99) > LATE
    # Not by one frame in many, either.
    assert sum(one > LATE for one in late) > FEWEST / 4


@pytest.mark.parametrize("stall", [0.03, 0.05, 0.1, 0.15, 0.19, 0.4, 3.0])
@pytest.mark.parametrize("made_up_for", [1, 2, 3, 6])
def test_after_a_stall_no_frame_is_late_by_those_that_were_left_out(stall: float, made_up_for: int) -> None:
    beats, end = [100 + n * 0.02 for n in range(300)], 102.0 + stall
    before, after = [beat for beat in beats if beat < 102.0], [beat for beat in beats if beat > end + 0.001]
    late = Pulls().at(*before, *[end] * min(made_up_for, 300 - len(before) - len(after)), *after)
    assert max(late) == pytest.approx(stall)
    # The first two may be within a frame of the stall's end.
    assert max(late[-len(after) + 2 :]) < 0.001


def test_one_stall_is_nothing_that_lasts() -> None:
    for more, lasts in (((), False), ((1,), True)):
        lateness = Lateness()
        for half in range(4):
            for _ in range(FEWEST):
                lateness.add(5.0 + half / 2, 0.1 if half in (2, *more) else 0.0, 20)
        assert lateness.quantile(6.9, 0.99, seconds=2) > 0.09
        assert (lateness.lasting(6.9, 0.99, seconds=2) > 0.09) is lasts
        assert lateness.lasting(6.9, 0.99, seconds=2, calls=19) == 0.0
        assert lateness.lasting(60.0, 0.99, seconds=2) == 0.0


@given(
    st.floats(10.0, 12.0),
    st.lists(st.floats(0.0, 0.39), min_size=1, max_size=100),
    st.floats(0.0, 1.6),
)
def test_one_stall_is_nothing_that_lasts_wherever_it_began(start: float, frames: list[float], later: float) -> None:
    lateness = Lateness()
    for after in sorted(frames):
        for _ in range(FEWEST // 10):
            lateness.add(start + after, 0.1, 20)
        assert lateness.lasting(start + after, 0.99, seconds=2) <= EDGES[0]
    assert lateness.lasting(start + max(frames) + later, 0.99, seconds=2) <= EDGES[0]
    # Twice, a second apart, it is.
    for after in sorted(frames):
        for _ in range(FEWEST // 10):
            lateness.add(start + after + 1.0, 0.1, 20)
    assert lateness.lasting(start + 1.0 + max(frames), 0.99, seconds=2) > 0.09


# How often.


def test_a_burst_and_then_a_rate() -> None:
    limit = RateLimit(2.0, 5)
    assert [limit.take("a", 10.0) for _ in range(6)] == [0, 0, 0, 0, 0, 0.5]
    assert limit.take("b", 10.0) == 0.0
    assert limit.take("a", 10.5) == 0.0
    assert limit.take("a", 10.5) == 0.5
    assert [limit.take("a", 100.0) for _ in range(6)] == [0, 0, 0, 0, 0, 0.5]


@given(st.lists(st.floats(0.0, 1.0), max_size=200))
def test_nobody_gets_more_than_the_rate_and_one_burst(pauses: list[float]) -> None:
    limit, now, taken = RateLimit(3.0, 4), 0.0, 0
    for pause in pauses:
        now += pause
        taken += limit.take("a", now) == 0.0
    assert taken <= 4 + 3.0 * now + 1e-6


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("192.0.2.1", "192.0.2.2", False),
        # As a socket for both kinds names them.
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", "no address", False),
    ],
)
def test_a_network_of_ipv6_is_one_client(one: str, other: str, same: bool) -> None:
    limit = RateLimit(1.0, 1)
    assert limit.take(one, 0.0) == 0.0
    assert (limit.take(other, 0.0) > 0.0) is same


def test_clients_without_number_take_no_more_room() -> None:
    limit = RateLimit(1.0, 1)
    for number in range(CLIENTS + 50):
        limit.take(str(number), 0.0)
    assert len(limit) == CLIENTS


def test_the_machine_tells_what_it_has() -> None:
    assert 10e6 < resident() < memory_limit()
    assert processors() > 0
    before = waited()
    assert 0.0 <= before <= waited()


@pytest.mark.parametrize(
    ("quota", "share"), [("50000 100000", 0.5), ("max 100000", 1.0), ("0 100000", 1.0), ("10000000 100000", 1.0)]
)
def test_a_container_has_the_processors_of_its_quota(tmp_path: Path, quota: str, share: float) -> None:
    file = tmp_path / "cpu.max"
    there = processors(file)
    file.write_text(f"{quota}\n")
    assert processors(file) == (share if share < 1 else there)


def test_workers_count_from_when_they_are_first_seen_and_when_they_have_gone(tmp_path: Path) -> None:
    there: list[int] = []
    usage = WorkerUsage(lambda: there, tmp_path)

    def at(pid: int, ticks: int, pages: int = 10) -> None:
        (tmp_path / str(pid)).mkdir(exist_ok=True)
        fields = ["S", *["0"] * 10, str(ticks), "0", *["0"] * 8, str(pages)]
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a (worker) 1) {' '.join(fields)}")

    looked = []
    for pids, ticks in (([1], 500), ([1], 600), ([1, 2], 700), ([2], 900), ([2, 3], 1000)):
        there[:] = pids
        for pid in (1, 2):
            at(pid, ticks)
        usage.look()
        looked.append((usage.seconds, usage.memory > 0))
    tick = 100 / os.sysconf("SC_CLK_TCK")
    assert looked == [(0, True), (tick, True), (2 * tick, True), (4 * tick, True), (5 * tick, True)]


@pytest.mark.skipif(sys.platform != "linux", reason="told by /proc")
def test_the_system_tells_of_another_process() -> None:
    busy = "print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", busy], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        usage = WorkerUsage(lambda: [process.pid])
        until = monotonic() + 20.0
        while not usage.seconds and monotonic() < until:
            usage.look()
        process.kill()
    assert usage.seconds > 0, "nothing is told of it"
    assert usage.memory > 1e6
