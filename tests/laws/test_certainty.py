"""The tenth law: nothing comes of a turn that is not certain. `python -m tests.laws.certainty` does it 10⁵ times."""

import pytest

from vision_agents.core.agents.barrier import Barrier
from vision_agents.core.audio import Playout
from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import Confirmation

from .certainty import CertainCall
from .random_call import Witness, WitnessEdge, run


def test_nothing_comes_of_a_turn_that_is_not_certain():
    tally = run(CertainCall, 400)
    assert tally.faults == []
    # It was not the silence of the grave.
    assert tally.begun_prepared > 100
    assert tally.thrown_away > 100
    assert tally.called > 400
    assert tally.waited > 50
    assert tally.not_called > 5
    assert tally.sounding > 10_000


def test_what_was_overheard_may_be_written_down_as_such_and_is_not_answered():
    witness = Witness()
    WitnessEdge(witness).observe({"effect": "RecordOverheard", "text": "t1."})
    witness.check_message(Message(Role.USER, "t1.", overheard=True))
    assert witness.tally.faults == []
    witness.check_message(Message(Role.USER, "t1."))
    witness.check(witness.asked(frozenset({"t1"})), "an effect")
    assert witness.tally.faults == [
        "'t1.' in the history",
        "an effect of 't1', which nobody has said for certain",
    ]


# The proof is worth what it would find: each guard broken on purpose.


async def _let_everything_pass(self, epoch, reply=None):
    return True


def _begin_in_the_open(self, reply, epoch, *, prepared=False):
    _BEGIN(self, reply, epoch)


_BEGIN = Playout.begin


def _do_it_now(self, act, otherwise=None):
    act()


@pytest.mark.parametrize(
    ("owner", "name", "broken", "found"),
    [
        (Barrier, "passed", _let_everything_pass, "an effect"),
        (Playout, "begin", _begin_in_the_open, "a sample"),
        (Confirmation, "then", _do_it_now, "in the history"),
    ],
    ids=["barrier", "gate", "confirmation"],
)
def test_a_broken_guard_is_found(monkeypatch, owner, name, broken, found):
    monkeypatch.setattr(owner, name, broken)
    assert any(found in fault for fault in run(CertainCall, 200).faults)
