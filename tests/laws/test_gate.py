"""Law 1, the one gate: once an interruption has returned, no sample of an older epoch is ever pulled.

Hostile providers (late, reordered, stalling, raising, deaf to their cancellation) against the whole agent, in virtual
time. Hypothesis looks for the shortest way to break it; the driver of `benchmarks/interleavings.py` for any.
"""

import importlib.util
import logging
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from vision_agents.core.audio.playout import Playout
from vision_agents.core.llm import Realtime
from vision_agents.core.voice import RealtimeVoice
from vision_agents.testing.hostile import LEVELS, level_of, stale_samples
from vision_agents.testing.interleaving import OPERATIONS, HostileCall
from vision_agents.testing.virtual_time import VirtualTimeLoop

SEEDS = st.integers(0, 2**16)


class GateMachine(RuleBasedStateMachine):
    """Any operation after any other; each has a seed of its own for what the providers do wrong meanwhile."""

    def __init__(self):
        super().__init__()
        logging.disable(logging.CRITICAL)
        self.loop = VirtualTimeLoop(limit=1e6)
        self.call = None

    @initialize(realtime=st.booleans(), seed=SEEDS)
    def join(self, realtime, seed):
        self.call = HostileCall(Random(seed), realtime)
        self.loop.run_until_complete(self.call.begin())

    @rule(operation=st.sampled_from(OPERATIONS), seed=SEEDS)
    def operate(self, operation, seed):
        self.call.rng.seed(seed)
        self.loop.run_until_complete(self.call.operate(operation))

    @rule(seed=SEEDS)
    def play(self, seed):
        """What makes most of a call: time passes and frames are pulled."""
        self.call.rng.seed(seed)
        for operation in ("wait", "pull", "provider", "pull"):
            self.loop.run_until_complete(self.call.operate(operation))

    @invariant()
    def nothing_stale_was_pulled(self):
        if self.call is not None:
            assert self.call.edge.stale == 0

    def teardown(self):
        try:
            if self.call is not None:
                alive = self.loop.run_until_complete(self.call.end())
                assert not alive
        finally:
            self.loop.close()
            logging.disable(logging.NOTSET)


TestGate = GateMachine.TestCase
TestGate.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)


def load_benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "interleavings.py"
    spec = importlib.util.spec_from_file_location("interleavings", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_random_interleavings_let_no_stale_sample_through():
    tally = load_benchmark().run(2_000)
    assert tally.stale == 0
    # It was not the silence of the grave.
    assert tally.interleavings == 2_000
    assert tally.interrupts > 1_000
    assert tally.sounding > 1_000_000


def test_the_same_seed_is_the_same_run():
    run = load_benchmark().run
    assert run(20, seed=5) == run(20, seed=5)
    assert run(20, seed=5) != run(20, seed=6)


# The proof is worth what it would find: the gate broken on purpose.


def _pull_whatever_the_epoch(self):
    if not self._lines:
        return self._silence
    return self._pull_voice(self._lines[0])


def _silence_nothing(self):
    return {}


def _forget_its_birth(self, response, asked_in=None, request=None):
    self._born[response] = self.epoch
    if self._output is not None:
        self._output.response_started(response, self.epoch, request)


def _forget_what_was_cut_off(self, response, epoch, request=None, started=RealtimeVoice.response_started):
    self._responses.pop(response, None)
    started(self, response, epoch, request)


@pytest.mark.parametrize(
    "breakage",
    [
        {(Playout, "pull"): _pull_whatever_the_epoch, (Playout, "silence"): _silence_nothing},
        {
            (Realtime, "report_response_started"): _forget_its_birth,
            (RealtimeVoice, "response_started"): _forget_what_was_cut_off,
        },
    ],
    ids=["the gate looks at no epoch", "late responses are taken for new ones"],
)
def test_a_broken_gate_is_found(monkeypatch, breakage):
    for (owner, name), broken in breakage.items():
        monkeypatch.setattr(owner, name, broken)
    assert load_benchmark().run(200).stale > 0


# Samples that tell their epoch.


@given(st.integers(0, 1000), st.integers(1, LEVELS - 1), st.floats(0, 1))
def test_an_older_sample_is_known_by_its_sign_or_its_loudness(epoch, older, gain):
    frame = np.zeros(960, dtype=np.int16)
    assert stale_samples(frame, epoch) == 0
    frame[100:200] = np.linspace(0, level_of(epoch), 100)
    assert stale_samples(frame, epoch) == 0
    # Unfaded it is always found; faded, wherever its sign is another.
    then = max(0, epoch - older)
    if then % LEVELS < epoch % LEVELS:
        frame[500] = level_of(then)
        assert stale_samples(frame, epoch) == 1
    if (epoch - then) % 2 and round(level_of(then) * gain):
        frame[500] = round(level_of(then) * gain)
        assert stale_samples(frame, epoch) == 1
