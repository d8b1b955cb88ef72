"""Laws of a realtime model's calls. `python -m tests.laws.realtime_certainty` does it 10⁵ times."""

import pytest

from vision_agents.core.agents.barrier import Barrier
from vision_agents.core.floor.reply_queue import ReplyQueue
from vision_agents.core.llm.function_calls import FunctionCalls

from .random_call import run
from .realtime_certainty import RealtimeCall


def test_what_comes_of_a_realtime_models_answers_was_wanted():
    tally = run(RealtimeCall, 400)
    assert tally.faults == []
    # It was not the silence of the grave.
    assert tally.called > 400
    assert tally.waited > 30
    assert tally.not_called > 30
    assert tally.renewed > 100
    assert tally.sounding > 10_000


# What random seeds have found.
FOUND = (
    *(701072, 702889, 709532, 717883, 717976, 900227, 900562, 900862, 900963, 901402, 901658, 901877, 903821),
    *(920884, 922406, 922859, 1001439, 1005668, 1006999, 1107023, 3003062, 3003512),
)


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once_is_so_no_more(seed):
    assert run(RealtimeCall, 1, seed).faults == []


async def _let_everything_pass(self, epoch, reply=None):
    return True


def _nothing(self, *_, **__):
    pass


@pytest.mark.parametrize(
    ("owner", "name", "broken", "found"),
    [
        (Barrier, "passed", _let_everything_pass, "an effect"),
        (ReplyQueue, "queue_continuation", _nothing, "a noise"),
        (ReplyQueue, "queue_news", _nothing, "never told"),
        (FunctionCalls, "abandon", _nothing, "undone at the end"),
    ],
    ids=["barrier", "continuation", "news", "hanging up"],
)
def test_a_broken_guard_is_found(monkeypatch, owner, name, broken, found):
    monkeypatch.setattr(owner, name, broken)
    assert any(found in fault for fault in run(RealtimeCall, 400).faults)
