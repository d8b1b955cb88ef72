"""Who is taken: by what was measured, what calls cost, and what those will who have just begun."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.serving.admission import FIRST_COST, SILENT, Admission, Calls, Limits, capped, first_cost
from vision_agents.serving.host import RECENT, YOUNG
from vision_agents.serving.load import Load


def reason(load: Load, calls: Calls = Calls(5), **limits: object) -> str | None:  # noqa: B008
    refusal = Admission(Limits(**limits)).refusal(load, calls)  # type: ignore[arg-type]
    return refusal.reason if refusal is not None else None


@pytest.mark.parametrize(
    ("load", "calls", "why"),
    [
        (Load(), Calls(), None),
        (Load(cpu=0.5), Calls(40), None),
        (Load(lateness=0.009), Calls(5), "lateness"),
        (Load(loop_lag=0.06), Calls(5), "loop_lag"),
        (Load(cpu=0.845), Calls(5), "cpu"),
        (Load(memory=0.95), Calls(5), "memory"),
        (Load(), Calls(64, starting=64), "starting"),
        (Load(), Calls(100, young=100), "cpu"),
        # That the machine is busy with something else is no reason to take nobody at all.
        (Load(cpu=0.99), Calls(0), None),
        (Load(lateness=0.5), Calls(0), None),
    ],
)
def test_a_call_is_taken_as_long_as_there_is_room(load: Load, calls: Calls, why: str | None) -> None:
    assert reason(load, calls) == why


def test_a_count_is_a_cap_and_no_more() -> None:
    assert reason(Load(), Calls(9), sessions=10) is None
    assert reason(Load(), Calls(10), sessions=10) == "sessions"
    assert reason(Load(lateness=1.0), Calls(3), sessions=10) == "lateness"
    pairs = ((3, 5), (5, 3), (None, 3), (3, None), (None, None))
    assert [capped(Limits(sessions=own), cap).sessions for own, cap in pairs] == [3, 3, 3, 3, None]
    with pytest.raises(ValueError, match="sessions is a whole number from 1 on"):
        Limits(sessions=0)


@given(st.floats(0, 2), st.integers(0, 200), st.integers(0, 200), st.floats(0.001, 0.5))
def test_more_load_never_lets_more_in(cpu: float, all_: int, young: int, more: float) -> None:
    admission, calls = Admission(Limits()), Calls(all_ + young, 0, young)
    if admission.refusal(Load(cpu=cpu), calls) is not None:
        assert admission.refusal(Load(cpu=cpu + more), calls) is not None
        assert admission.refusal(Load(cpu=cpu), Calls(all_ + young + 1, 0, young + 1)) is not None


def test_a_burst_of_starts_is_bounded_by_what_calls_cost() -> None:
    admission, taken = Admission(Limits()), 0
    while admission.refusal(Load(), Calls(taken, 0, taken)) is None:
        taken += 1
    assert taken == int(0.85 / FIRST_COST)


def test_what_a_call_costs_is_learned() -> None:
    admission = Admission(Limits())
    for _ in range(200):
        admission.learn(Load(cpu=0.6, calls=20), Calls(20))
    assert admission.cost == pytest.approx(0.03, rel=0.01)
    assert admission.capacity(Load(cpu=0.6), Calls(20)) == 28
    # While some come and when most have gone, it is those who were there that have used the processor.
    admission.learn(Load(cpu=0.9, calls=20), Calls(20, starting=3))
    admission.learn(Load(cpu=0.6, calls=20), Calls(6))
    assert admission.cost == pytest.approx(0.03, rel=0.01)


@pytest.mark.parametrize("calls", [1, 3])
def test_what_a_call_costs_is_learned_of_few_calls_and_holds_when_they_are_over(calls: int) -> None:
    admission = Admission(Limits())
    for look in range(1200):
        # An answer every other ten seconds, for ten minutes.
        cpu = 0.05 + calls * (0.4 if look // 20 % 2 else 0.08)
        admission.learn(Load(cpu=cpu, calls=calls), Calls(calls))
    learned = admission.cost
    assert learned == pytest.approx(0.24 + 0.05 / calls, rel=0.25)
    for _ in range(1000):
        admission.learn(Load(), Calls())
    assert (admission.cost, admission.capacity(Load(), Calls())) == (learned, int(0.85 / learned))


def test_what_a_process_uses_without_calls_is_no_cost_of_theirs() -> None:
    admission = Admission(Limits())
    for _ in range(7200):
        admission.learn(Load(cpu=0.2), Calls())
    for _ in range(4000):
        admission.learn(Load(cpu=0.25, calls=1), Calls(1))
    assert admission.cost == pytest.approx(0.05, rel=0.1)


def test_what_a_process_does_before_its_first_call_is_soon_no_part_of_its_use() -> None:
    # Ten seconds in which an index is built, say; then calls at once.
    admission = Admission(Limits(), 0.0968)
    for _ in range(20):
        admission.learn(Load(cpu=0.9), Calls())
    for _ in range(600):
        admission.learn(Load(cpu=0.5, calls=4), Calls(4))
    assert admission.cost == pytest.approx(0.125, rel=0.1)
    # That it uses less is known at once.
    for _ in range(7200):
        admission.learn(Load(cpu=0.5), Calls())
    for _ in range(100):
        admission.learn(Load(cpu=0.1), Calls())
    for _ in range(600):
        admission.learn(Load(cpu=0.6, calls=4), Calls(4))
    assert admission.cost == pytest.approx(0.125, rel=0.1)


def test_calls_that_end_before_they_can_be_measured_are_not_what_a_call_costs() -> None:
    admission = Admission(Limits())
    for _ in range(1000):
        admission.learn(Load(cpu=0.7, calls=0.9), Calls(1, young=1, recent=1))
        admission.learn(Load(cpu=0.7, calls=1.0), Calls(1, young=1, recent=1))
    assert admission.cost == FIRST_COST


def test_calls_that_have_ended_early_are_not_what_the_one_that_stays_costs() -> None:
    admission = Admission(Limits(), 0.0968)
    for calls in (11, 8.5, 6, 3.5):
        admission.learn(Load(cpu=0.02 + 0.001 * calls, calls=calls), Calls(1))
    assert admission.cost == pytest.approx(0.0968, rel=0.02)
    admission.learn(Load(cpu=0.01, calls=10), Calls(2, recent=2))
    assert admission.cost == pytest.approx(0.0968, rel=0.02)


def test_a_full_processor_does_not_tell_that_calls_are_cheap() -> None:
    admission = Admission(Limits(), 0.1)
    for _ in range(1000):
        admission.learn(Load(cpu=1.0, calls=20), Calls(20))
    assert admission.cost == 0.1
    for _ in range(1000):
        admission.learn(Load(cpu=1.0, calls=5), Calls(5))
    assert admission.cost == pytest.approx(0.2, rel=0.05)


class Talk:
    """A caller who asks when greeted, and again after each answer; only answers cost. Times in seconds.

    `silent_from`, `silent_to`: they say nothing in between.
    """

    def __init__(self, now: float, chance: random.Random, silent_from: float, silent_to: float) -> None:
        self.begun = self.spoken = now
        self.cost = 0.0
        self._turns, self._answered, self._chance = now + 4.0, False, chance
        self._silent_from, self._silent_to = silent_from, silent_to

    def use(self, now: float, silent: float, answered: float) -> float:
        """The share of a processor in the last two seconds."""
        lull = self._silent_from <= now < self._silent_to
        if lull and not self._answered:
            self._turns = max(self._turns, self._silent_to + self._chance.uniform(0, 2))
        else:
            self.spoken = now
        if now >= self._turns:
            self._answered = not self._answered
            self._turns = now + self._chance.uniform(*((3, 5) if self._answered else (5, 9)))
        self.cost += 0.25 * ((answered if self._answered else silent) - self.cost)
        return self.cost


def talks(
    seed: int,
    seconds: float,
    silent: float,
    answered: float,
    lull: tuple[float, float] = (0.0, 0.0),
    share: float = 1.0,
) -> tuple[int, float]:
    """How many calls there are in the end and what each is taken to cost, where callers keep knocking.

    Args:
        lull: when a `share` of the callers says nothing.
    """
    admission, chance, there, now = Admission(Limits(), first_cost(215e6, 2)), random.Random(seed), [], 0.0
    while now <= seconds:
        used = sum(talk.use(now, silent, answered) for talk in there)
        load = Load(cpu=min(1.0, used), calls=len(there))

        def calls(now: float = now) -> Calls:
            young, recent = (sum(now - talk.begun < age for talk in there) for age in (YOUNG, RECENT))
            quiet = sum(now - talk.spoken >= SILENT and now - talk.begun >= RECENT for talk in there)
            return Calls(len(there), 0, young, recent, silent=quiet)

        while now % 2 == 0 and admission.refusal(load, calls()) is None:
            there.append(Talk(now, chance, *(lull if chance.random() < share else (0.0, 0.0))))
        admission.learn(load, calls())
        now += 0.5
    return len(there), admission.cost


@pytest.mark.parametrize("seed", range(6))
def test_a_lull_is_no_room_for_calls_that_stay(seed: int) -> None:
    # Eight fit.
    calls, cost = talks(seed, 300.0, 0.02, 0.25)
    assert 7 <= calls <= 10
    assert cost == pytest.approx(0.1, rel=0.15)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("lull", [(0.0, 600.0), (30.0, 70.0), (60.0, 1000.0), (300.0, 2000.0)])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_however_long_callers_are_silent_no_more_are_taken_than_fit(
    seed: int, lull: tuple[float, float], share: float
) -> None:
    # Eight fit, who talk again in the end. By what all calls cost on average, it was up to 42.
    calls, cost = talks(seed, lull[1] - 1.0, 0.02, 0.25, lull, share)
    assert calls <= 10
    assert cost >= 0.075
    assert talks(seed, lull[1] + 300.0, 0.02, 0.25, lull, share)[0] <= 11


@pytest.mark.parametrize("lull", [(150.0, 400.0), (0.0, 200.0)])
def test_what_silent_calls_cost_does_not_make_those_dear_who_talk(lull: tuple[float, float]) -> None:
    # To be there costs nearly as much as to be answered: 42 fit.
    calls, cost = talks(1, lull[1] + 150.0, 0.016, 0.026, lull, 0.5)
    assert 34 <= calls <= 45
    assert cost == pytest.approx(0.02, rel=0.2)


def test_calls_that_cost_less_than_was_guessed_are_taken_as_that_shows() -> None:
    # 42 fit.
    calls, cost = talks(1, 150.0, 0.01, 0.04)
    assert 36 <= calls <= 45
    assert cost == pytest.approx(0.02, rel=0.15)


@given(st.floats(0.004, 0.2), st.floats(0, 1), st.integers(0, 100))
def test_however_silent_they_are_no_more_are_taken_than_fit_when_they_talk(cost: float, cpu: float, all_: int) -> None:
    if Admission(Limits(), cost).refusal(Load(cpu=cpu), Calls(all_)) is None:
        assert all_ == 0 or (all_ + 1) * cost <= Limits().cpu


@pytest.mark.parametrize(
    ("cpu", "calls"),
    [(8 * 0.0968, Calls(8)), (0.2, Calls(8, recent=8)), (0.05, Calls(8, young=8, recent=8)), (0.6, Calls(8, recent=2))],
)
def test_at_the_limit_a_call_may_take_the_place_of_another(cpu: float, calls: Calls) -> None:
    admission = Admission(Limits(), 0.0968)
    assert admission.refusal(Load(cpu=cpu), calls) is not None
    assert admission.refusal(Load(cpu=cpu), replace(calls, leaving=1)) is None
    assert admission.refusal(Load(cpu=0.9), replace(calls, leaving=1)) is not None


@given(st.floats(0, 1), st.integers(1, 40), st.integers(0, 40), st.integers(0, 40), st.floats(0.01, 0.2))
def test_whoever_was_taken_may_be_replaced(cpu: float, settled: int, recent: int, young: int, cost: float) -> None:
    admission, load = Admission(Limits(), cost), Load(cpu=cpu)
    calls = Calls(settled + recent + young, 0, young, recent + young)
    if admission.refusal(load, calls) is None:
        with_it = Calls(calls.all + 1, 0, young + 1, calls.recent + 1, leaving=1)
        assert admission.refusal(load, with_it) is None


def test_the_first_guess_goes_by_the_networks_that_compute_here() -> None:
    assert first_cost(0, 2) == first_cost(10e6, 1) == FIRST_COST
    # All models local, on two cores: about eight calls.
    assert int(0.85 / first_cost(215e6, 2)) == 8
    assert first_cost(215e6, 1) == 2 * first_cost(215e6, 2)
    # Of half a processor ears alone take twice the share, too.
    assert first_cost(0, 0.5) == 2 * FIRST_COST


def test_calls_that_have_just_begun_count_as_what_they_will_cost() -> None:
    admission = Admission(Limits(), 0.1)
    assert admission.refusal(Load(cpu=0.05), Calls(7, recent=7)) is None
    assert admission.refusal(Load(cpu=0.05), Calls(8, recent=8)) is not None
    assert admission.capacity(Load(cpu=0.05), Calls(6, recent=6)) == 8
    # Those who have been there for a while may use more than that, and no less for being silent.
    assert admission.refusal(Load(cpu=0.05), Calls(7, recent=2)) is None
    assert admission.refusal(Load(cpu=0.05), Calls(8, recent=2)) is not None
    assert admission.refusal(Load(cpu=0.8), Calls(7, recent=2)) is not None


def test_capacity_is_what_is_there_when_nobody_more_is_taken() -> None:
    admission = Admission(Limits(sessions=30))
    assert admission.capacity(Load(lateness=1.0), Calls(12)) == 12
    assert admission.capacity(Load(), Calls(3)) == 30
