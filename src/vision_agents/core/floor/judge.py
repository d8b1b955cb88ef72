"""The judge of challenges: what is known of speech over the agent's voice, and what the strategies make of it.

It belongs to the floor, which tells it what happens and carries out what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from . import effects as fx
from . import events as ev
from .challenge import Challenge, Challenger
from .evidence import Evidence, Vote
from .people import People
from .policy import InterruptionPolicy
from .reply_queue import Reply
from .strategies import votes
from .turn import SPEAKING, Turn
from .vocabulary import Vocabulary

# The part of `resume_after` that the voice waits for when it is known that nothing was meant. At half of it the agent
# goes on between "yeah" and "yeah", and has to stop again.
REFUSED = 0.75

# Votes are sums of fractions: this much may be lost in adding them.
EPSILON = 1e-9


class Judge:
    """At most one challenge at a time; what is known of people stays from one to the next."""

    def __init__(self, policy: InterruptionPolicy, vocabulary: Vocabulary) -> None:
        self.policy = policy
        self.vocabulary = vocabulary
        self.people = People()
        self.challenge: Challenge | None = None
        self._last_number = 0

    @property
    def holds(self) -> bool:
        """Whether the voice is held."""
        return self.challenge is not None and self.challenge.held_since is not None

    def challenger(self, turn: Turn) -> Challenger | None:
        """The turn as a challenge to the voice, if it is one."""
        return self.challenge.challengers.get(turn.participant) if self.challenge is not None else None

    # What happens.

    def open(self, reply: Reply | None, turn: Turn, at: float, fresh: bool) -> list[fx.Effect]:
        """The participant speaks: challenge the reply, if they may, and hold it. `fresh`: see `Challenger`."""
        who = turn.participant
        if reply is None or not reply.interruptible or not self._may_interrupt(who, reply):
            return []
        if self.challenge is None:
            self._last_number += 1
            self.challenge = Challenge(self._last_number, reply)
        challenge = self.challenge
        words = len(turn.words.text.split())
        challenge.challengers.setdefault(who, Challenger(fresh, words, turn.speech.voiced, at, at))
        if not self.policy.hold or self.holds or challenge.spent or self.people.echoes(who, at):
            return []
        challenge.held_since = at
        return [fx.Hold(reply.number, who)]

    def observe(self, event: ev.ParticipantEvent, turn: Turn) -> None:
        """What the turn made of the event may be evidence: more speech, or words."""
        challenger = self.challenger(turn)
        if challenger is None:
            return
        match event:
            case ev.SpeechContinued():
                challenger.observe(event.at, turn.speech, event.confidence, event.level, self.policy.clear_speech)
            case ev.SpeechEnded() if turn.speech.voiced > challenger.voiced_before + challenger.voiced:
                # A detector that reports speech only when it is over.
                challenger.observe(event.at, turn.speech, turn.speech.confidence, None, self.policy.clear_speech)
            case ev.TranscriptReceived():
                challenger.transcribed, challenger.stt_confidence, challenger.alternative = (
                    True,
                    event.confidence,
                    event.alternative,
                )

    def add_evidence(self, event: ev.FloorEvent) -> None:
        """Evidence that is not about a turn. What concerns no open challenge is without effect."""
        match event:
            case ev.AgentWordsPlayed():
                self.people.agent_words = event.text
            case ev.InterruptingAllowed():
                self.people.allow(event.participant, event.allowed)
                if not event.allowed:
                    self._withdraw(event.participant)
            case ev.VoiceCompared() if self._is_open(event.participant):
                self._open_challenge.challengers[event.participant].similarity = event.similarity
            case ev.Voted() if self._is_open(event.participant) and event.challenge == self._open_challenge.number:
                vote = Vote(event.weight, event.reason, event.strategy)
                self._open_challenge.challengers[event.participant].take_vote(vote)

    def forget(self, participant: str) -> None:
        """The participant left."""
        self.people.forget(participant)
        self._withdraw(participant)

    # What it amounts to.

    def poll(self, turn: Turn) -> tuple[Evidence, tuple[Vote, ...]]:
        """What is known of a challenger's turn by now, and how all strategies vote on it."""
        challenge = self._open_challenge
        challenger = challenge.challengers[turn.participant]
        evidence = Evidence(
            participant=turn.participant,
            challenge=challenge.number,
            speaking=turn.phase is SPEAKING,
            clear_speech=challenger.clear_speech,
            required_speech=self.policy.commit_speech,
            voiced=challenger.voiced,
            elapsed=challenger.elapsed,
            transcribed=challenger.transcribed,
            words=" ".join(turn.words.text.split()[challenger.words_before :]),
            stt_confidence=challenger.stt_confidence,
            alternative=challenger.alternative,
            level=challenger.loudness.level,
            usual_level=self.people.usual(turn.participant).level,
            similarity=challenger.similarity,
            agent_words=self.people.agent_words,
            detector_confirmed=challenger.detector_confirmed,
            vocabulary=self.vocabulary,
        )
        return evidence, votes(evidence, self.policy.strategies) + tuple(challenger.votes.values())

    def winner(self, turns: Mapping[str, Turn]) -> tuple[Turn, tuple[Vote, ...]] | None:
        """The first challenger whose speech is an interruption, and the votes that make it one."""
        for participant in self.challenge.challengers if self.challenge is not None else ():
            turn = turns[participant]
            _, given = self.poll(turn)
            if sum(vote.weight for vote in given) >= 1.0 - EPSILON:
                return turn, given
        return None

    def watch(self, at: float, turns: Mapping[str, Turn]) -> list[fx.Effect]:
        """Note whether any challenger still speaks, and end a challenge that nobody makes any more."""
        challenge = self.challenge
        if challenge is None:
            return []
        if not challenge.challengers:
            self.challenge = None
            return self._release(challenge, at, "nobody speaks who may interrupt")
        if any(turns[participant].phase is SPEAKING for participant in challenge.challengers):
            challenge.quiet_since = None
        elif challenge.quiet_since is None:
            challenge.quiet_since = at
        return []

    def resume(self, at: float, turns: Mapping[str, Turn]) -> list[fx.Effect]:
        """The speech is over and was no interruption, as far as is known: the reply goes on."""
        challenge = self._open_challenge
        given = self._votes(turns)
        for participant, votes_on_it in given.items():
            self.people.remember_echo(participant, at, votes_on_it)
            challenge.challengers[participant].restart()
        every = tuple(vote for votes_on_it in given.values() for vote in votes_on_it)
        return self._release(challenge, at, reason_against(every), every)

    def expire_hold(self, at: float, turns: Mapping[str, Turn]) -> list[fx.Effect]:
        """The hold has lasted as long as it may: what still comes is judged while the reply goes on."""
        self._open_challenge.spent = True
        every = tuple(vote for votes_on_it in self._votes(turns).values() for vote in votes_on_it)
        return self._release(self._open_challenge, at, "no decision within the limit", every)

    def close(self, turns: Mapping[str, Turn]) -> list[fx.Effect]:
        """Nothing more is to be known: it was no turn. One that there was before the challenge keeps what it has."""
        challenge, self.challenge = self._open_challenge, None
        fresh = (participant for participant, challenger in challenge.challengers.items() if challenger.fresh)
        return [effect for participant in fresh for effect in turns[participant].discard()]

    def deadlines(self, turns: Mapping[str, Turn]) -> Iterator[tuple[float, Callable[[float], list[fx.Effect]]]]:
        """When the open challenge is to get further, and how."""
        policy, challenge = self.policy, self.challenge
        if challenge is not None and challenge.held_since is not None:
            yield challenge.held_since + policy.hold_limit, lambda at: self.expire_hold(at, turns)
            if challenge.quiet_since is not None:
                yield challenge.quiet_since + self._patience(turns), lambda at: self.resume(at, turns)
        elif challenge is not None and challenge.quiet_since is not None:
            patience = max(policy.resume_after, policy.late_transcript)
            yield challenge.quiet_since + patience, lambda at: self.close(turns)

    def _patience(self, turns: Mapping[str, Turn]) -> float:
        """How long a silence the voice stays held: less if something speaks against all that was said."""
        refused = all(any(vote.weight < 0.0 for vote in given) for given in self._votes(turns).values())
        return self.policy.resume_after * (REFUSED if refused else 1.0)

    def _votes(self, turns: Mapping[str, Turn]) -> dict[str, tuple[Vote, ...]]:
        """The votes on each challenger's speech."""
        return {participant: self.poll(turns[participant])[1] for participant in self._open_challenge.challengers}

    def _release(self, challenge: Challenge, at: float, reason: str, given: tuple[Vote, ...] = ()) -> list[fx.Effect]:
        if challenge.held_since is None:
            return []
        challenge.held_since, challenge.reply.since = None, at
        return [fx.Resume(challenge.reply.number, self.policy.rewind, reason, given)]

    def _may_interrupt(self, participant: str, reply: Reply) -> bool:
        spoken_to = self.policy.interruptible_by == "anyone" or reply.to is None or participant in reply.to
        return spoken_to and self.people.may_interrupt(participant)

    def _withdraw(self, participant: str) -> None:
        """What the participant says is no challenge any more."""
        if self.challenge is not None:
            self.challenge.challengers.pop(participant, None)

    def _is_open(self, participant: str) -> bool:
        return self.challenge is not None and participant in self.challenge.challengers

    @property
    def _open_challenge(self) -> Challenge:
        assert self.challenge is not None
        return self.challenge


def reason_for(given: tuple[Vote, ...]) -> str:
    """Why it is an interruption: what spoke for it."""
    return ", ".join(vote.reason for vote in given if vote.weight > 0.0)


def reason_against(given: tuple[Vote, ...]) -> str:
    """Why it is none: what spoke against it, or how little spoke for it."""
    against = [vote.reason for vote in given if vote.weight < 0.0]
    return ", ".join(against or [vote.reason for vote in given]) or "nothing spoke for it"
