"""The question that comes first, the conditions of a run, and who decided."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from vision_agents.cli.main import main
from vision_agents.core import User
from vision_agents.core.participants import Participant
from vision_agents.lab import conditions
from vision_agents.lab.edge import FRAME, Caller, LabEdge
from vision_agents.lab.measure import decided_by, kept, plain_words
from vision_agents.lab.scenario import Scenario, Sound, with_primer

NOISE = Scenario("n", "noise", "ignore", "answering", 2.0, Sound("make", "white"), primer=True)
IDLE = Scenario("i", "noise", "ignore", "idle", 2.0, Sound("make", "white"))


class Listener:
    """A call's other end, in which the agent is first heard in frame `first`."""

    def __init__(self, first):
        self.first = first
        self.pulled = 0
        self.heard = {}

    def participant_joined(self, participant):
        self.heard[participant.id] = []

    def pull(self):
        self.pulled += 1
        return np.full(960, int(self.pulled > self.first), np.int16)

    def audio(self, audio, participant):
        self.heard[participant.id].append(audio.samples)


async def call(first, primer):
    callers = [
        Caller(Participant(name), np.full(6 * FRAME, value, np.int16)) for name, value in (("a", 100), ("b", 200))
    ]
    edge, listener = LabEdge(callers, primer=primer), Listener(first)
    await edge.join(User("agent"), None, listener)
    await asyncio.wait_for(edge.over.wait(), 60)
    await edge.leave()
    return edge, {name: np.concatenate(frames) for name, frames in listener.heard.items()}


@pytest.mark.virtual_time
async def test_the_callers_begin_with_the_answers_first_frame():
    edge, heard = await call(first=20, primer=np.full(4 * FRAME, 7, np.int16))
    assert edge.began == pytest.approx(0.4)
    half, begin = FRAME // 2, 20 * FRAME
    # A caller's audio is half a frame late.
    assert (heard["a"][half : half + 4 * FRAME] == 7).all()
    assert not heard["a"][half + 4 * FRAME : begin + half].any()
    assert (heard["a"][begin + half :] == 100).all()
    assert not heard["b"][: begin + half].any()
    assert (heard["b"][begin + half :] == 200).all()
    assert len(heard["a"]) == begin + 6 * FRAME


@pytest.mark.virtual_time
async def test_without_a_primer_the_callers_begin_at_once():
    edge, heard = await call(first=20, primer=None)
    assert edge.began == 0.0
    assert (heard["a"][FRAME // 2 :] == 100).all()


@pytest.mark.virtual_time
async def test_an_answer_that_never_comes_is_not_waited_for_for_ever():
    edge, heard = await call(first=10**9, primer=np.full(FRAME, 7, np.int16))
    assert edge.began is None
    assert len(heard["a"]) == 20 * 16_000
    assert 100 not in heard["a"]


def test_with_without_and_both():
    assert with_primer([NOISE, IDLE], "yes") == [NOISE, IDLE]
    assert not any(case.primer for case in with_primer([NOISE, IDLE], "no"))
    both = with_primer([NOISE, IDLE], "both")
    assert [(case.id, case.origin, case.primer) for case in both] == [
        ("n", "suite", True),
        ("i", "suite", False),
        ("n/no-primer", "suite, no primer", False),
    ]


def test_the_conditions_are_said(monkeypatch):
    clip = Scenario("c", "side_talk", "ignore", "answering", 2.0, Sound("file", "x", level=None, gain=-12.0))
    echo = Scenario("e", "echo", "ignore", "answering", 2.0, None, echo=-10.0, echo_cancellation=True)
    lines = "\n".join(conditions.described([NOISE, IDLE, clip], left_out=1))
    assert "in 1 of 3 cases the caller has asked something" in lines
    assert "side_talk at -12 dB from it" in lines
    assert "left out for want of an echo canceller: 1" in lines
    assert conditions.described([IDLE]) == ("primer: none; the agent has not heard the caller before",)
    monkeypatch.setattr(conditions, "canceller", lambda: None)
    assert conditions.feasible([NOISE, echo]) == [NOISE]
    monkeypatch.setattr(conditions, "canceller", lambda: object)
    assert conditions.feasible([NOISE, echo]) == [NOISE, echo]


@pytest.mark.parametrize(
    ("level", "complaint"),
    [
        ("side_talk", "takes KIND=DB,DB"),
        ("side_talk=loud", "takes KIND=DB,DB"),
        ("side_talk=-90", "levels are from -60 to 20 dB"),
        ("side_talk=-12,-12", "each once"),
    ],
)
def test_levels_on_the_command_line(level, complaint, capsys, tmp_path):
    assert main(["lab", "run", "--level", level, "--out", str(tmp_path / "out")]) == 2
    assert complaint in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def event(decision, **weights):
    votes = tuple(SimpleNamespace(strategy=name, weight=weight) for name, weight in weights.items())
    return SimpleNamespace(decision=decision, evidence=votes)


@pytest.mark.parametrize(
    ("events", "strategy"),
    [
        ([], None),
        ([event("commit")], None),
        ([event("commit", length=0.4, words=0.9)], "words"),
        ([event("resume", length=0.4, words=-1.0, loudness=-3.0)], "loudness"),
        ([event("resume", length=0.4)], "none"),
        ([event("resume", words=-1.0), event("commit", length=2.0, words=-1.0)], "length"),
        ([event("resume", words=-1.0), event("resume", echo=-3.0)], "echo"),
    ],
)
def test_the_weightiest_vote_for_what_was_decided(events, strategy):
    assert decided_by(events) == strategy


def test_what_was_said_is_kept_or_lost():
    said = Sound("say", "I don't want it, thank you!")
    assert plain_words(said.name) == ["i", "don't", "want", "it", "thank", "you"]
    assert kept(said, "I don't want it. Thank you.") == 1.0
    assert kept(said, "Thank you, thank you") == pytest.approx(2 / 6)
    assert kept(said, "") == 0.0
    assert kept(Sound("clip", "x"), "something") == 1.0
