from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vision_agents.plugins.llama.worker.slots import Slot, Slots

COUNT, CELLS, MOST = 4, 100, 3


def take(slots: Slots, session: int, tokens: int = 10) -> Slot:
    """Take and release a slot at once, which held nothing of others."""
    taken = slots.take(session, tokens)
    assert taken is not None
    slot, erased = taken
    assert erased == []
    slots.release(slot)
    return slot


def test_a_session_keeps_its_slot() -> None:
    slots = Slots(COUNT, CELLS, MOST)
    first = [take(slots, session) for session in range(COUNT)]
    assert len({slot.number for slot in first}) == COUNT
    assert [take(slots, session) for session in (2, 0, 3, 1)] == [first[2], first[0], first[3], first[1]]


def test_the_slot_that_was_used_least_recently_goes_to_a_further_session() -> None:
    slots = Slots(COUNT, CELLS, MOST)
    first = [take(slots, session) for session in range(COUNT)]
    take(slots, 0)
    first[1].prefix = "of session 1"
    assert take(slots, 9) is first[1]
    assert first[1].prefix == ""
    assert take(slots, 1) is first[2]


def test_a_slot_that_is_busy_is_nobody_elses_and_its_session_gets_another() -> None:
    slots = Slots(COUNT, CELLS, MOST)
    first, _ = slots.take(1, 10) or (None, None)
    second, _ = slots.take(1, 10) or (None, None)
    assert first is not None
    assert second is not None
    assert first is not second
    assert (first.session, second.session) == (None, 1)


def test_no_more_than_the_most_are_busy() -> None:
    slots = Slots(COUNT, CELLS, MOST)
    taken = [slots.take(session, 1) for session in range(MOST)]
    assert None not in taken
    assert slots.take(9, 1) is None
    slots.release(taken[0][0] if taken[0] else Slot(0))
    assert slots.take(9, 1) is not None


def test_idle_slots_make_room_and_busy_ones_are_waited_for() -> None:
    slots = Slots(COUNT, CELLS, MOST)
    idle = [take(slots, session, 25) for session in range(COUNT)]
    taken = slots.take(3, 60)
    assert taken is not None
    assert taken == (idle[3], [idle[0], idle[1]])
    assert all(slot.busy and slot.session is None for slot in taken[1])
    assert slots.take(2, 60) is None


def test_who_is_forgotten_leaves_its_slot_to_the_next() -> None:
    slots = Slots(COUNT, CELLS, MOST)
    first = [take(slots, session) for session in range(COUNT)]
    assert slots.forget(9) is None
    assert slots.forget(2) is first[2]
    assert first[2].busy  # until it was erased
    slots.release(first[2])
    assert take(slots, 9) is first[2]


def test_who_is_forgotten_at_work_is_erased_by_whoever_works() -> None:
    slots = Slots(COUNT, CELLS, MOST)
    slot, _ = slots.take(1, 10) or (Slot(0), [])
    assert slots.forget(1) is None
    assert slot.session is None


class Traffic(RuleBasedStateMachine):
    """Any order of requests, ends and goodbyes."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots(COUNT, CELLS, MOST)
        self.working: list[Slot] = []

    @rule(session=st.integers(0, 8), tokens=st.integers(1, CELLS))
    def ask(self, session: int, tokens: int) -> None:
        before = {slot.number for slot in self.working}
        taken = self.slots.take(session, tokens)
        if taken is None:
            assert self.working, "one alone never waits"
            return
        slot, erased = taken
        assert slot.number not in before
        assert slot.tokens == tokens
        for other in erased:
            assert other.number not in before | {slot.number}
            other.tokens = 0
            self.slots.release(other)
        self.working.append(slot)

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        if self.working:
            slot = self.working.pop(data.draw(st.integers(0, len(self.working) - 1)))
            slot.tokens = data.draw(st.integers(0, slot.tokens))
            self.slots.release(slot)

    @rule(session=st.integers(0, 8))
    def forget(self, session: int) -> None:
        if slot := self.slots.forget(session):
            slot.tokens = 0
            self.slots.release(slot)

    @invariant()
    def never_more_than_there_is(self) -> None:
        all_of_them = self.slots._slots
        assert sum(slot.tokens for slot in all_of_them) <= CELLS
        assert sum(slot.busy for slot in all_of_them) == len(self.working) <= MOST
        sessions = [slot.session for slot in all_of_them if slot.session is not None]
        assert len(sessions) == len(set(sessions))


TestTraffic = Traffic.TestCase


@given(st.lists(st.integers(0, COUNT - 1), min_size=1))
def test_as_many_sessions_as_slots_never_take_one_from_another(sessions: list[int]) -> None:
    slots = Slots(COUNT, CELLS, MOST)
    owns: dict[int, Slot] = {}
    for session in sessions:
        assert take(slots, session) is owns.setdefault(session, take(slots, session))
