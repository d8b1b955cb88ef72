"""Reads what was made of speech over the agent's voice: its challenges, and how each was decided."""

from __future__ import annotations

from typing import ClassVar

from ..floor import effects as fx
from ..floor import events as ev
from ..trace import notes
from .listener import StoryListener
from .part_reader import Handlers, PartReader
from .reply_reader import ReplyReader
from .story import AgentCount, Challenge, Decision, SpokenTurn, Story
from .turn_reader import TurnReader

# The rate in Hz at which positions in replies are counted: that of the playout.
OUTPUT_RATE = 48_000


class ChallengeReader(PartReader):
    """Folds facts into the challenges of the story, beside the readers of its replies and its turns."""

    def __init__(self, story: Story, listener: StoryListener, turns: TurnReader, replies: ReplyReader) -> None:
        super().__init__(story, listener)
        self._turns = turns
        self._replies = replies.replies
        self._epoch = 0
        # The challenge that runs; and one that is decided, as long as the agent has not counted it.
        self._open: Challenge | None = None
        self._uncounted: Challenge | None = None
        # By participant: what was taken for no interruption, as long as its words may still come.
        self._refused: dict[str | None, Challenge] = {}

    # The words of who speaks over the agent.

    def _transcript(self, fact: notes.UserTranscript) -> None:
        if self._open is not None and self._open.participant == fact.participant:
            self._open.said = fact.turn or fact.text

    def _turn_over(self, fact: fx.RecordTurn | fx.DiscardTurn) -> None:
        self._refused.pop(fact.participant, None)

    def turn_closed(self, turn: SpokenTurn) -> None:
        """The latest challenge that the turn made was these words."""
        self._refused.pop(turn.participant, None)
        for challenge in reversed(self.story.challenges):
            onset = challenge.onset
            if challenge.participant == turn.participant and onset is not None and onset >= turn.start:
                challenge.said = turn.text
                return

    # Its beginning.

    def _hold(self, fact: fx.Hold) -> None:
        self._begin(fact.reply, fact.participant, self.now)

    def _begin(self, number: int, participant: str | None, hold: float | None) -> Challenge:
        speech = next((s for s in reversed(self.story.speech) if s.participant == participant), None)
        onset = speech.start if speech is not None else None
        self._open = Challenge(number, participant, onset, hold, self._epoch)
        reply = self._replies.get(number)
        if reply is not None:
            self._open.heard, self._open.unheard = reply.heard, reply.unheard
        self._open.said = self._turns.words(participant)
        self.story.challenges.append(self._open)
        return self._open

    # Its end.

    def _commit(self, fact: fx.Commit) -> None:
        self._epoch = fact.epoch
        if fact.reply is None:
            return
        challenge = self._open or self._begin(fact.reply, fact.participant, None)
        challenge.participant = fact.participant or challenge.participant
        challenge.epoch, challenge.evidence = self._epoch, fact.evidence
        refused = self._refused.get(challenge.participant)
        if challenge.hold is None and refused is not None and refused.reply == challenge.reply:
            challenge.before, refused.after = refused, challenge
        self._refused.clear()
        self._decide("commit", fact.reason)

    def _resume(self, fact: fx.Resume) -> None:
        if self._open is not None:
            self._open.evidence = fact.evidence
            self._refused[self._open.participant] = self._open
        self._decide("resume", fact.reason)

    def _reply_over(self, fact: ev.AudioDrained) -> None:
        self._decide_for(fact.reply, "the reply was over")

    def _reply_dropped(self, fact: fx.DropReply) -> None:
        self._decide_for(fact.reply, f"the reply was dropped: {fact.reason}")

    def _call_ended(self, fact: notes.CallEnded) -> None:
        if self._open is not None:
            self._decide_for(self._open.reply, "the call ended")
        self._tell_uncounted()

    def _decide_for(self, number: int, reason: str) -> None:
        if self._open is not None and self._open.reply == number:
            self._decide("none", reason)
            self._tell_uncounted()

    def _decide(self, decision: Decision, reason: str) -> None:
        if self._open is not None:
            self._open.decision, self._open.reason, self._open.decided = decision, reason, self.now
            self._uncounted, self._open = self._open, None

    def _counted(self, fact: notes.InterruptionDecided) -> None:
        """The agent's own count of an interruption, made once the decision was carried out."""
        challenge, self._uncounted = self._uncounted, None
        if challenge is None or challenge.reply != fact.reply or challenge.decision != fact.decision:
            return
        offset, milliseconds = self.story.offset, fact.time_to_silence_ms
        challenge.counted = AgentCount(
            onset=fact.onset - offset,
            silence=None if fact.silence is None else fact.silence - offset,
            time_to_silence=None if milliseconds is None else milliseconds / 1000.0,
            samples_dropped=fact.samples_dropped,
        )
        challenge.heard, challenge.unheard = fact.heard, fact.unheard
        self.listener.challenge_decided(challenge)

    def _tell_uncounted(self) -> None:
        """Tell of the latest decision without the agent's count of it: there is none, or the call broke before."""
        challenge, self._uncounted = self._uncounted, None
        if challenge is not None:
            self.listener.challenge_decided(challenge)

    # What comes after it.

    def _agent_transcript(self, fact: notes.AgentTranscript) -> None:
        latest = self.story.challenges[-1] if self.story.challenges else None
        if latest is None or latest.reply != fact.reply or fact.reply not in self._replies:
            return
        # What stood at the decision: the words up to it, and where it ended the reply, the last count of them.
        if latest.decided is None or (fact.done and latest.decision != "resume"):
            latest.heard, latest.unheard = fact.heard, fact.unheard

    def _resumed(self, fact: notes.ReplyResumed) -> None:
        if self.story.challenges:
            latest = self.story.challenges[-1]
            latest.rewound = fact.rewound / OUTPUT_RATE
            latest.heard, latest.unheard = fact.heard, fact.unheard

    def _reply_begun(self, fact: fx.BeginReply) -> None:
        """The latest interruption of the reply that was cut, or of one that was to say its rest, was none after all."""
        if fact.continues is None:
            return
        same = {fact.continues, *(r.number for r in self._replies.values() if r.continues == fact.continues)}
        commits = (c for c in reversed(self.story.challenges) if c.decision == "commit" and c.reply in same)
        latest = next(commits, None)
        if latest is not None:
            latest.continued_by = fact.reply

    def _stale(self, fact: notes.StaleAudio) -> None:
        self.story.stale_chunks += fact.chunks
        self.story.stale_samples += fact.samples
        self.listener.stale_audio(fact.chunks)
        # Late audio belongs to the latest interruption that ended its epoch.
        for challenge in reversed(self.story.challenges):
            if challenge.decision == "commit":
                challenge.stale_chunks += fact.chunks
                challenge.stale_samples += fact.samples
                return

    handlers: ClassVar[Handlers] = {
        ev.AudioDrained: _reply_over,
        fx.BeginReply: _reply_begun,
        fx.DropReply: _reply_dropped,
        fx.RecordTurn: _turn_over,
        fx.DiscardTurn: _turn_over,
        fx.Hold: _hold,
        fx.Commit: _commit,
        fx.Resume: _resume,
        notes.UserTranscript: _transcript,
        notes.AgentTranscript: _agent_transcript,
        notes.ReplyResumed: _resumed,
        notes.InterruptionDecided: _counted,
        notes.StaleAudio: _stale,
        notes.CallEnded: _call_ended,
    }
