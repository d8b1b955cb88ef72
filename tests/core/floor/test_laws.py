"""The laws of the floor under any order of events, with any policy: at random, what `test_exhaustive` does in full."""

from __future__ import annotations

import json
import pickle
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from vision_agents.core.floor import Floor, InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.strategies import BUILT_IN
from vision_agents.core.trace import Trace, replay

from .laws import come_to_rest, step

PEOPLE = st.sampled_from(["ann", "bob", "cleo"])
SHARES = st.floats(0.0, 1.0)
TEXTS = st.sampled_from(["", "yes", "uh-huh", "wait a moment", "tell me about Rome", "shall I go on", "嗯", "x " * 999])
LEVELS = st.one_of(st.none(), st.floats(-90.0, 0.0))
APOLOGIES = st.sampled_from(["", "sorry"])
WEIGHTS = st.floats(allow_nan=False, allow_infinity=False)

# Zero makes deadlines due at once; much makes them cross each other.
DURATIONS = st.one_of(st.just(0.0), st.floats(0.01, 5.0))

POLICIES = st.builds(
    InterruptionPolicy,
    hold=st.booleans(),
    strategies=st.lists(st.sampled_from(tuple(BUILT_IN)), unique=True).map(tuple),
    commit_speech=DURATIONS,
    clear_speech=SHARES,
    endpointing=st.sampled_from(["learned", "fixed"]),
    interruptible_by=st.sampled_from(["anyone", "spoken_to"]),
    late_transcript=DURATIONS,
    resume_after=DURATIONS,
    hold_limit=DURATIONS,
    rewind=st.sampled_from(["word", "exact"]),
    turn_timeout=DURATIONS,
    speech_gap=DURATIONS,
    claim_limit=DURATIONS,
    transcript_timeout=DURATIONS,
    reply_timeout=DURATIONS,
    stall_timeout=DURATIONS,
    function_limit=DURATIONS,
    user_away=DURATIONS,
    wait_limit=DURATIONS,
    retries=st.integers(0, 2),
    retry_after=DURATIONS,
    queue_limit=st.integers(1, 3),
)


class AnyOrder(RuleBasedStateMachine):
    """Events of every kind in any order; the laws are checked by `step` at each."""

    requests = Bundle("requests")

    @initialize(policy=POLICIES, answers=st.booleans(), apology=APOLOGIES, start=st.floats(0.0, 1e6))
    def begin(self, policy: InterruptionPolicy, answers: bool, apology: str, start: float) -> None:
        self.floor = Floor(policy, answers=answers, apology=apology)
        self.now = start
        self.gone: set[int] = set()
        self.records: list[dict[str, Any]] = []
        self.trace = Trace(self.floor, lambda: start)
        self.trace.observe(lambda record: self.records.append(json.loads(json.dumps(record))))
        self.trace.open(0.0)

    def happens(self, event: ev.FloorEvent) -> list[fx.Effect]:
        before = self.floor.reply
        effects = step(self.floor, event)
        self.trace.event(event, effects)
        # A realtime model's reply waits for what its function says, and has the voice again.
        waiting = {waits.number for waits in self.floor._replies.queue}
        if before is not None and before != self.floor.reply and before not in waiting:
            self.gone.add(before)
        return effects

    # Time.

    @rule(seconds=st.floats(0.0, 3.0))
    def some_time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    @precondition(lambda self: self.floor.deadline is not None)
    def a_deadline_comes(self) -> None:
        assert self.floor.deadline is not None
        self.now = max(self.now, self.floor.deadline)
        self.happens(ev.TimePassed(self.now))

    @rule()
    def a_timer_fires_at_any_time(self) -> None:
        self.happens(ev.TimePassed(self.now))

    # People.

    @rule(who=PEOPLE, sure=SHARES, delay=SHARES)
    def speech_starts(self, who: str, sure: float, delay: float) -> None:
        self.happens(ev.SpeechStarted(self.now, who, sure, delay))

    @rule(who=PEOPLE, sure=SHARES, voiced=DURATIONS, level=LEVELS)
    def speech_continues(self, who: str, sure: float, voiced: float, level: float | None) -> None:
        self.happens(ev.SpeechContinued(self.now, who, sure, voiced, level))

    @rule(who=PEOPLE, voiced=DURATIONS, silence=SHARES)
    def speech_ends(self, who: str, voiced: float, silence: float) -> None:
        self.happens(ev.SpeechEnded(self.now, who, voiced, silence))

    @rule(who=PEOPLE, sure=SHARES)
    def a_turn_starts(self, who: str, sure: float) -> None:
        self.happens(ev.TurnStarted(self.now, who, sure))

    @rule(who=PEOPLE, sure=SHARES, duration=st.one_of(st.none(), DURATIONS), silence=DURATIONS)
    def a_turn_ends(self, who: str, sure: float, duration: float | None, silence: float) -> None:
        self.happens(ev.TurnEnded(self.now, who, sure, duration, silence))

    @rule(who=PEOPLE, sure=SHARES, longest=DURATIONS)
    def a_pause_is_judged(self, who: str, sure: float, longest: float) -> None:
        self.happens(ev.PauseJudged(self.now, who, sure, longest))

    @rule(who=PEOPLE, text=TEXTS, final=st.booleans(), sure=st.one_of(st.none(), SHARES))
    def words_are_heard(self, who: str, text: str, final: bool, sure: float | None) -> None:
        self.happens(ev.TranscriptReceived(self.now, who, text, final, sure))

    @rule(who=PEOPLE, age=st.integers(0, 2))
    def words_are_complete(self, who: str, age: int) -> None:
        self.happens(ev.TranscriptCompleted(self.now, who, self.floor._taking.last_request - age))

    @rule(who=PEOPLE)
    def somebody_joins(self, who: str) -> None:
        self.happens(ev.ParticipantJoined(self.now, who))

    @rule(who=PEOPLE)
    def somebody_leaves(self, who: str) -> None:
        self.happens(ev.ParticipantLeft(self.now, who))

    @rule()
    def the_call_is_over(self) -> None:
        self.happens(ev.CallOver(self.now))

    # Evidence.

    @rule(who=PEOPLE, similarity=st.floats(-1.0, 1.0))
    def a_voice_is_compared(self, who: str, similarity: float) -> None:
        effects = self.happens(ev.VoiceCompared(self.now, who, similarity))
        assert fx.Hold not in map(type, effects)

    @rule(who=PEOPLE, age=st.integers(0, 1), strategy=st.sampled_from(["mine", "yours"]), weight=WEIGHTS)
    def a_strategy_votes(self, who: str, age: int, strategy: str, weight: float) -> None:
        evidence = self.floor.evidence(who)
        number = evidence[0].challenge - age if evidence is not None else 0
        effects = self.happens(ev.Voted(self.now, who, number, strategy, weight, "so it is"))
        assert effects == [] or (evidence is not None and age == 0)

    @rule(who=PEOPLE, allowed=st.booleans())
    def interrupting_is_allowed(self, who: str, allowed: bool) -> None:
        self.happens(ev.InterruptingAllowed(self.now, who, allowed))
        assert allowed or self.floor.evidence(who) is None

    @rule(text=TEXTS)
    def the_agent_was_heard(self, text: str) -> None:
        self.happens(ev.AgentWordsPlayed(self.now, self.floor.last_reply, text))

    # The agent.

    @rule(target=requests, interruptible=st.booleans(), interrupts=st.booleans())
    def code_wants_to_speak(self, interruptible: bool, interrupts: bool) -> int:
        number = self.floor.last_reply + 1
        before = self.floor.reply
        self.happens(ev.ReplyRequested(self.now, number, interruptible, interrupts))
        assert not interrupts or before is None or self.floor.reply != before
        return number

    @rule(target=requests, interruptible=st.booleans(), interrupts=st.booleans(), over=st.booleans())
    def a_function_wants_to_speak(self, interruptible: bool, interrupts: bool, over: bool) -> int:
        number, epoch = self.floor.last_reply + 1, self.floor.epoch
        within = 0 if over or self.floor.reply is None else self.floor.reply
        self.happens(ev.ReplyRequested(self.now, number, interruptible, interrupts, within))
        assert self.floor.epoch == epoch
        return number

    @rule(target=requests, skipped=st.integers(1, 3))
    def a_model_replies(self, skipped: int) -> Any:
        number = self.floor.last_reply + skipped
        self.happens(ev.ReplyStarted(self.now, number))
        return multiple(number)

    @rule(number=requests)
    def a_request_comes_twice(self, number: int) -> None:
        assert self.happens(ev.ReplyRequested(self.now, number)) == []
        assert self.happens(ev.ReplyStarted(self.now, number)) == []

    @rule(nothing=st.booleans(), after=DURATIONS, spoken=st.booleans(), told=st.booleans())
    def a_slow_function_runs(self, nothing: bool, after: float, spoken: bool, told: bool) -> None:
        number = 0 if nothing or self.floor.reply is None else self.floor.reply
        self.happens(ev.FunctionStarted(self.now, number, "one moment", after, spoken, told))

    @rule(begun=st.booleans())
    @precondition(lambda self: self.floor.reply is not None)
    def a_part_fails(self, begun: bool) -> None:
        assert self.floor.reply is not None
        self.happens(ev.ReplyFailed(self.now, self.floor.reply, begun=begun, again=True))

    @rule(age=st.integers(0, 2))
    def a_function_that_nobody_waits_for_returns(self, age: int) -> None:
        self.happens(ev.FunctionFound(self.now, self.floor.epoch - age))

    @rule(kind=st.sampled_from([ev.FunctionStarted, ev.FunctionEnded]), skipped=st.integers(-1, 1))
    def a_function_runs(self, kind: type[ev.ReplyEvent], skipped: int) -> None:
        self.happens(kind(self.now, self.floor.last_reply - skipped))

    @rule(kind=st.sampled_from([ev.AudioStarted, ev.AudioProgressed, ev.AudioDrained, ev.ReplyFailed]))
    @precondition(lambda self: self.floor.reply is not None)
    def the_reply_gets_on(self, kind: type[ev.ReplyEvent]) -> None:
        assert self.floor.reply is not None
        self.happens(kind(self.now, self.floor.reply))

    @rule(number=requests)
    @precondition(lambda self: not self.floor.answers)  # Only a realtime model owes the next part of one.
    def a_part_of_an_answer_was_heard(self, number: int) -> None:
        self.happens(ev.AudioDrained(self.now, number, more=True))

    @rule(kind=st.sampled_from([ev.AudioStarted, ev.AudioProgressed, ev.AudioDrained, ev.ReplyFailed]), number=requests)
    def another_reply_gets_on(self, kind: type[ev.ReplyEvent], number: int) -> None:
        self.happens(kind(self.now, number))

    @rule(kind=st.sampled_from([ev.AudioStarted, ev.AudioProgressed, ev.AudioDrained, ev.ReplyFailed]), data=st.data())
    @precondition(lambda self: self.gone)
    def a_reply_that_is_over_is_heard_of_again(self, kind: type[ev.ReplyEvent], data: st.DataObject) -> None:
        # What is due by now comes of the time, not of the event.
        while (deadline := self.floor.deadline) is not None and deadline <= self.now:
            self.happens(ev.TimePassed(self.now))
        before = pickle.dumps((self.floor._turns, self.floor._replies, self.floor._judge.challenge))
        assert self.happens(kind(self.now, data.draw(st.sampled_from(sorted(self.gone))))) == []
        assert pickle.dumps((self.floor._turns, self.floor._replies, self.floor._judge.challenge)) == before

    @rule(ahead=st.one_of(st.none(), st.integers(-2, 2)))
    @precondition(lambda self: not self.floor._over)
    def code_interrupts(self, ahead: int | None) -> None:
        epoch = self.floor.epoch
        self.happens(ev.InterruptRequested(self.now, None if ahead is None else epoch + ahead))
        assert self.floor.epoch == epoch + (1 if ahead is None else max(0, ahead))
        if ahead is None:
            assert self.floor.reply is None or self.floor.reply not in self.gone

    # What holds at any time.

    @invariant()
    def evidence_is_readable_and_within_bounds(self) -> None:
        for who in ("ann", "bob", "cleo"):
            evidence, votes = self.floor.evidence(who) or (None, ())
            assert evidence is None or evidence.clear_speech <= evidence.voiced + 1e-6
            assert all(vote.strategy and vote.reason and abs(vote.weight) <= 6.0 for vote in votes)

    @invariant()
    def what_is_over_never_has_the_voice_again(self) -> None:
        assert self.floor.reply not in self.gone

    def teardown(self) -> None:
        if not hasattr(self, "floor"):
            return
        # Replayed, the same session has the same effects.
        assert list(replay(self.records)) == []
        come_to_rest(self.floor, self.now)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
