"""The judge of challenges: gathers evidence on speech over the agent's voice, and puts it to the strategies.

It belongs to the floor, which reports events to it and carries out what it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from . import effects as fx
from . import events as ev
from .challenge import HELD, HOLDING, LINGERING, SETTLING, UNHELD, Challenge, Change, Signal
from .challenger import Challenger, MeasuredSpeech, Recognition
from .evidence import Evidence, Vote
from .late_words import Dismissed, LateWords, answered_later, best
from .people import People
from .policy import InterruptionPolicy
from .reply import Reply
from .strategies import total, votes
from .strategies.loudness import KNOWN
from .strategies.question import asked
from .strategies.words import is_listeners, mean_something
from .turn import EVENS, SPEAKING, Turn
from .turn_facts import Done
from .vocabulary import Vocabulary, tokens

# The part of `resume_after` that the voice waits for when something speaks against an interruption. At half of it the
# agent resumes between "yeah" and "yeah", and has to stop again.
REFUSED = 0.75

# Seconds of a hold in which nothing was clearly speech; then the agent goes on. Soft onsets are clear before that.
UNCLEAR = 0.5

# The most that can be given to an answer to a question.
ANSWERS = 2.0

# The same where nothing more is to be expected.
OVER = 0.25

Turns = Mapping[str, Turn]


class Judge:
    """Holds at most one challenge at a time, and a memory of people that outlasts it."""

    def __init__(self, policy: InterruptionPolicy, vocabulary: Vocabulary) -> None:
        self.policy = policy
        self.vocabulary = vocabulary
        self.people = People()
        self.challenge: Challenge | None = None
        self._last_number = 0
        self.late_words = LateWords(vocabulary, self.people)

    @property
    def holds(self) -> bool:
        """True while the voice is held."""
        return self.challenge is not None and self.challenge.phase in HOLDING

    @property
    def contested(self) -> bool:
        """True while it is undecided whether the user still wants what the answer is to do.

        It ends with a hold, and without one as soon as a hold would; but not while somebody speaks who may win.
        """
        return self.challenge is not None and self.challenge.contested

    def is_idle(self, text: str) -> bool:
        """Return True for a listener's words, which want no answer. After a question of the agent none are: whatever
        they are, they may be a consent, and no list knows all of those."""
        spoken = tokens(text)
        listens = self.vocabulary.is_idle(spoken) and self.vocabulary.backchannel_count(spoken) > 0
        return listens and not asked(self.people.agent_words)

    def challenger(self, turn: Turn) -> Challenger | None:
        """Return the turn as a challenge to the voice, if it is one."""
        return self.challenge.challengers.get(turn.participant) if self.challenge is not None else None

    # Events.

    def open(self, reply: Reply | None, turn: Turn, at: float, fresh: bool) -> list[fx.Effect]:
        """Challenge the reply by speech that begins, if the participant may, and hold it. `fresh`: see `Challenger`."""
        who = turn.participant
        self.late_words.forget(who)
        if reply is None or not reply.yields or not self._may_interrupt(who, reply):
            return []
        if self.challenge is None:
            self._last_number += 1
            self.challenge = Challenge(self._last_number, reply, self.policy.hold, held_since=at, opened=at)
        challenge = self.challenge
        if who not in challenge.challengers:
            speech = MeasuredSpeech(turn.speech.voiced, at, at)
            recognition = Recognition(len(turn.words.text.split()))
            challenge.challengers[who] = Challenger(fresh, speech, recognition, self.people.since_turn(who, at))
        held = challenge.may_hold and not self.people.echoes(who, at) and not self._hopeless(turn)
        change = challenge.handle(Signal.HOLD if held else Signal.SPEECH, at)
        return [fx.Hold(reply.number, who)] if change is Change.HOLDS else []

    def observe(self, event: ev.ParticipantEvent, turn: Turn) -> None:
        """Take an event that the turn has handled: it may be more speech, or words."""
        challenger = self.challenger(turn)
        if challenger is None:
            return
        match event:
            case ev.SpeechContinued():
                self._measure(challenger, turn, event.at, event.confidence, event.level)
            case ev.SpeechEnded() if challenger.speech.ungained(turn.speech) > 0.0:
                # A detector that reports speech only when it is over.
                self._measure(challenger, turn, event.at, turn.speech.confidence, None)
            case ev.TranscriptReceived():
                words, voiced = turn.words.text, challenger.speech.voiced
                challenger.recognition.observe(event, words, voiced, self.vocabulary)

    def add_evidence(self, event: ev.FloorEvent) -> None:
        """Take evidence that is not about a turn. About no open challenge it is without effect."""
        match event:
            case ev.AgentWordsPlayed():
                self.people.agent_words, self.people.agent_words_at = event.text, event.at
            case ev.InterruptingAllowed():
                self.people.allow(event.participant, event.allowed)
                if not event.allowed:
                    self._withdraw(event.participant)
            case ev.VoiceCompared() if self._is_open(event.participant):
                self._open_challenge.challengers[event.participant].compare(event)
            case ev.Voted() if self._is_open(event.participant) and event.challenge == self._open_challenge.number:
                vote = Vote(event.weight, event.reason, event.strategy)
                self._open_challenge.challengers[event.participant].add_vote(vote)

    def end_challenge(self) -> None:
        """Nobody's speech may interrupt the reply any more."""
        if self.challenge is not None:
            self.challenge.challengers.clear()

    def forget(self, participant: str) -> None:
        """Forget a participant who left."""
        self.people.forget(participant)
        self.late_words.forget(participant)
        self._withdraw(participant)

    # Decisions.

    def poll(self, turn: Turn) -> tuple[Evidence, tuple[Vote, ...]]:
        """Return the evidence on a challenger's turn so far, and the votes of all strategies on it."""
        challenge = self._open_challenge
        challenger = challenge.challengers[turn.participant]
        speech, recognition = challenger.speech, challenger.recognition
        evidence = Evidence(
            participant=turn.participant,
            challenge=challenge.number,
            speaking=turn.phase is SPEAKING,
            clear_speech=speech.clear,
            required_speech=self.policy.commit_speech,
            voiced=speech.voiced,
            elapsed=speech.elapsed,
            transcribed=recognition.transcribed,
            words=recognition.words(turn.words.text),
            stt_confidence=recognition.confidence,
            alternative=recognition.alternative,
            taken_back=recognition.reading_before(speech.voiced),
            level=speech.loudness.level,
            usual_level=self.people.usual(turn.participant).level,
            similarity=challenger.similarity,
            compared_seconds=challenger.compared_seconds,
            agent_words=self.people.agent_words,
            detector_confirmed=challenger.detector_confirmed,
            vocabulary=self.vocabulary,
            words_final=recognition.covers(turn.speech.last_sound),
            since_turn=challenger.since_turn,
        )
        return evidence, votes(evidence, self.policy.strategies) + tuple(challenger.votes.values())

    def winner(self, turns: Turns) -> tuple[Turn, tuple[Vote, ...]] | None:
        """Return the first challenger whose speech is an interruption, and the votes that make it one."""
        for participant in self.challenge.challengers if self.challenge is not None else ():
            turn = turns[participant]
            _, given = self.poll(turn)
            if total(given) >= 1.0:
                return turn, given
        return None

    def watch(self, at: float, turns: Turns) -> list[fx.Effect]:
        """Note when no challenger speaks any more or can still win, and end a challenge that has none left."""
        challenge = self.challenge
        if challenge is None:
            return []
        if not challenge.challengers:
            self.challenge = None
            if challenge.phase not in HOLDING:
                return []
            challenge.reply.since = at
            return [self._resumed(challenge, "nobody speaks who may interrupt")]
        speaking = [turns[who] for who in challenge.challengers if turns[who].phase is SPEAKING]
        if not speaking:
            challenge.handle(Signal.SILENCE, at)
        if challenge.phase in HOLDING and all(self._hopeless(turns[who]) for who in challenge.challengers):
            return self.release(at, turns)
        if challenge.contested and challenge.expired and challenge.phase is UNHELD and not self._undecided(at, turns):
            return self._decide_no_more(Signal.CALM, at)
        if challenge.phase is UNHELD and challenge.may_hold and challenge.releases:
            return self._hold_again(at, speaking)
        return []

    # Deadlines.

    def deadlines(self, turns: Turns) -> Iterator[tuple[float, Callable[[float], list[fx.Effect]]]]:
        """Yield when the open challenge gets further by itself, and how."""
        policy, challenge = self.policy, self.challenge
        if challenge is None:
            return
        if challenge.phase in HOLDING:
            yield challenge.held_since + policy.hold_limit, lambda at: self.expire_hold(at, turns)
        elif challenge.contested:
            if challenge.expired:
                yield challenge.opened + policy.wait_limit, partial(self._decide_no_more, Signal.CALM)
            else:
                yield challenge.held_since + policy.hold_limit, lambda at: self._expire_doubt(at, turns)
            if challenge.phase is LINGERING:
                yield challenge.quiet_since + self._patience(turns), partial(self._decide_no_more, Signal.CALM)
        if challenge.phase is HELD and not any(self._shows_speech(turns[who]) for who in challenge.challengers):
            yield challenge.held_since + UNCLEAR, lambda at: self.release(at, turns)
        if challenge.phase is SETTLING:
            yield challenge.quiet_since + self._patience(turns), lambda at: self.resume(at, turns)
        elif challenge.phase is LINGERING:
            patience = max(policy.resume_after, policy.late_transcript)
            yield challenge.quiet_since + patience, lambda at: self.close(turns)

    def resume(self, at: float, turns: Turns) -> list[fx.Effect]:
        """Let the reply go on: the speech is over and, as far as is known, was no interruption.

        It still counts if somebody goes on before the challenge is over: who is not heard at first begins again.
        """
        challenge = self._open_challenge
        for challenger in challenge.challengers.values():
            challenger.recognition.complete = True
        if self.winner(turns) is not None:
            return []
        given = self._votes(turns)
        for participant, votes_on_it in given.items():
            self.people.remember_echo(participant, at, votes_on_it)
            challenge.challengers[participant].speech.carry()
        every = tuple(vote for votes_on_it in given.values() for vote in votes_on_it)
        challenge.handle(Signal.RESUME, at)
        effects = [self._resumed(challenge, reason_against(every), every)]
        # All words of speech that was not noticed are known: nothing is to be waited for.
        fully = (c.recognition.final and c.speech.voiced == 0.0 for c in challenge.challengers.values())
        known = all(fully) and all(self._answered_later(turns[participant]) for participant in given)
        return [*effects, *self.close(turns)] if known else effects

    def release(self, at: float, turns: Turns) -> list[fx.Effect]:
        """Let the reply go on while somebody still speaks: as far as is known, not to the agent."""
        every = tuple(vote for votes_on_it in self._votes(turns).values() for vote in votes_on_it)
        self._open_challenge.handle(Signal.RELEASE, at)
        return [self._resumed(self._open_challenge, reason_against(every), every)]

    def expire_hold(self, at: float, turns: Turns) -> list[fx.Effect]:
        """Let the reply go on, since the hold has lasted as long as it may; evidence is gathered without one."""
        every = tuple(vote for votes_on_it in self._votes(turns).values() for vote in votes_on_it)
        self._expire_doubt(at, turns)
        return [self._resumed(self._open_challenge, "no decision within the limit", every)]

    def _expire_doubt(self, at: float, turns: Turns) -> list[fx.Effect]:
        """Let what waits go on, unless somebody still speaks who may win: it goes on when they fall silent."""
        challenge = self._open_challenge
        challenge.handle(Signal.EXPIRE, at)
        challenge.contested = challenge.phase is UNHELD and self._undecided(at, turns)
        return []

    def _undecided(self, at: float, turns: Turns) -> bool:
        """Return True if somebody speaks who may still win."""
        speaking = [turns[who] for who in self._open_challenge.challengers if turns[who].phase is SPEAKING]
        return any(self._may_win(turn, at) for turn in speaking)

    def _may_win(self, turn: Turn, at: float) -> bool:
        """Return True if something speaks for the turn, and nothing is known that makes it hopeless."""
        return self._shows_speech(turn) and not self._hopeless(turn) and not self.people.echoes(turn.participant, at)

    def _decide_no_more(self, signal: Signal, at: float) -> list[fx.Effect]:
        """Let what waits go on: no hold keeps it, and it has waited for long enough."""
        self._open_challenge.handle(signal, at)
        return []

    def close(self, turns: Turns) -> list[fx.Effect]:
        """End the challenge: it was no turn. A turn that there was before the challenge keeps what it has.

        So does one that is answered later, once its final words are known and still say so.
        """
        fresh = {who: challenger for who, challenger in self._open_challenge.challengers.items() if challenger.fresh}
        effects: list[fx.Effect] = []
        for who, challenger in fresh.items():
            evidence, given = self.poll(turns[who])
            dismissed = Dismissed(evidence, tuple(challenger.votes.values()))
            if answered_later(evidence, given, self.policy.strategies):
                self.late_words.doubt(dismissed)
                turns[who].detection.done = Done(EVENS)
                continue
            if is_listeners(evidence, given):
                self.people.hear_listening(who, challenger.speech.loudness)
            effects += self.late_words.dismiss(dismissed)
            effects += turns[who].discard()
        self.challenge = None
        return effects

    def _answered_later(self, turn: Turn) -> bool:
        """Return True for somebody's words that are no interruption, but may well be for the agent."""
        evidence, given = self.poll(turn)
        return answered_later(evidence, given, self.policy.strategies)

    def _patience(self, turns: Turns) -> float:
        """Return the seconds of silence before the reply resumes: fewer if something speaks against all speakers."""
        given = self._votes(turns)
        refused = all(any(vote.weight < 0.0 for vote in given[who]) for who in given)
        if all(self._is_over(turns[who], given[who]) for who in given):
            return self.policy.resume_after * OVER
        return self.policy.resume_after * (REFUSED if refused else 1.0)

    def _is_over(self, turn: Turn, given: tuple[Vote, ...]) -> bool:
        """Return True if nothing is to be expected: it was no clear speech, or all of an "uh-huh"."""
        if not self._open_challenge.challengers[turn.participant].speech.certain:
            return True
        return turn.seems_complete and any(vote.strategy == "words" and vote.weight < 0.0 for vote in given)

    # Helpers.

    def _hopeless(self, turn: Turn) -> bool:
        """Return True if what speaks against an interruption outweighs all that could still speak for it.

        Of the first windows only the level tells something, and only if it is too far whatever it may become.
        """
        evidence, given = self.poll(turn)
        if evidence.voiced < KNOWN:
            given = tuple(vote for vote in given if vote.strategy == "loudness")
            if not given:
                return False
        answers = "question" in self.policy.strategies and asked(evidence.agent_words)
        return best(given, self.policy.strategies) + (ANSWERS if answers else 0.0) < 1.0

    def _shows_speech(self, turn: Turn) -> bool:
        """Return True if some of it was clear, or the recogniser is sure of words that mean something.

        And where it is not known yet, since the detector reports speech only when it is over.
        """
        challenger = self._open_challenge.challengers[turn.participant]
        if challenger.speech.certain or challenger.detector_confirmed or not turn.speech.windows:
            return True
        return mean_something(self.poll(turn)[0])

    def _hold_again(self, at: float, speaking: list[Turn]) -> list[fx.Effect]:
        """Hold the reply anew for somebody who was let go, if something speaks for them by now."""
        challenge = self._open_challenge
        for turn in speaking:
            if self._may_win(turn, at):
                challenge.handle(Signal.HOLD, at)
                return [fx.Hold(challenge.reply.number, turn.participant)]
        return []

    def _measure(self, challenger: Challenger, turn: Turn, at: float, confidence: float, level: float | None) -> None:
        challenger.speech.observe(at, turn.speech, confidence, level, self.policy.clear_speech)

    def _votes(self, turns: Turns) -> dict[str, tuple[Vote, ...]]:
        """Collect the votes on each challenger's speech."""
        return {participant: self.poll(turns[participant])[1] for participant in self._open_challenge.challengers}

    def _resumed(self, challenge: Challenge, reason: str, given: tuple[Vote, ...] = ()) -> fx.Effect:
        return fx.Resume(challenge.reply.number, self.policy.rewind, reason, given)

    def _may_interrupt(self, participant: str, reply: Reply) -> bool:
        spoken_to = self.policy.interruptible_by == "anyone" or reply.to is None or participant in reply.to
        return spoken_to and self.people.may_interrupt(participant)

    def _withdraw(self, participant: str) -> None:
        """Take a challenger out of the open challenge."""
        if self.challenge is not None:
            self.challenge.challengers.pop(participant, None)

    def _is_open(self, participant: str) -> bool:
        return self.challenge is not None and participant in self.challenge.challengers

    @property
    def _open_challenge(self) -> Challenge:
        assert self.challenge is not None
        return self.challenge


def reason_for(given: tuple[Vote, ...]) -> str:
    """Join the reasons of the votes for an interruption."""
    return ", ".join(vote.reason for vote in given if vote.weight > 0.0)


def reason_against(given: tuple[Vote, ...]) -> str:
    """Join the reasons of the votes against an interruption, or say how little spoke for it."""
    against = [vote.reason for vote in given if vote.weight < 0.0]
    return ", ".join(against or [vote.reason for vote in given]) or "nothing spoke for it"
