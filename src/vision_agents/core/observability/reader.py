"""Folds the records of a trace, one after the other, into the story of the call.

The one reader of traces: reports read a whole trace with it, telemetry and pages a record at a time as it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from ..floor import effects as fx
from ..floor import events as ev
from ..trace import TraceError, notes, read_records
from ..trace.records import Fact, Record
from .listener import StoryListener
from .story import AgentCount, Challenge, Decision, LateClock, ReplyStory, Speech, SpokenTurn, Story, VoiceStretch
from .words import timing_of

# The rate in Hz at which positions in replies are counted: that of the playout.
OUTPUT_RATE = 48_000

# The length of a pulled frame.
FRAME_SECONDS = 0.02


def read_story(records: Iterable[Mapping[str, Any]]) -> Story:
    """The story of a whole trace. Raises TraceError if it is none, or has records that lack what they should have."""
    read = list(read_records(records))
    if not any(isinstance(record.fact, notes.SessionStarted) for record in read):
        raise TraceError("the trace has no session record: it is not the trace of a call, or its beginning is lost")
    reader = StoryReader(offset=recording_offset(read))
    for record in read:
        reader.take(record)
    return reader.finish()


def recording_offset(records: Iterable[Record]) -> float:
    """The time, in the trace, of the recording's first sample: taken from a trace's times it gives the recording's."""
    return next((record.t for record in records if isinstance(record.fact, notes.RecordingStarted)), 0.0)


class StoryReader:
    """A fold over records, with one method for each kind that tells something. `offset`: see `recording_offset`."""

    def __init__(self, listener: StoryListener | None = None, offset: float = 0.0) -> None:
        self.story = Story(offset=offset, epochs=[(0.0, 0)])
        self._listener = listener or StoryListener()
        self._now = 0.0
        self._epoch = 0
        # The number of the recording's first frame among those that were pulled.
        self._first_frame = 0
        self._replies: dict[int, ReplyStory] = {}
        # The challenge that runs; and one that is decided, as long as the agent has not counted it.
        self._open: Challenge | None = None
        self._uncounted: Challenge | None = None
        # By participant: what was taken for no interruption, as long as its words may still come.
        self._refused: dict[str | None, Challenge] = {}
        # By participant: the speech that runs, and the turn that it belongs to.
        self._speech: dict[str, Speech] = {}
        self._turns: dict[str, SpokenTurn] = {}
        # The ends of speech that a reply was heard to.
        self._answered: set[float] = set()

    def take(self, record: Record) -> None:
        """Take the next record."""
        if record.fact is None:
            return
        self._now = record.t - self.story.offset
        self.story.duration = max(self.story.duration, self._now)
        handler = _HANDLERS.get(type(record.fact))
        if handler is not None:
            handler(self, record.fact)

    def finish(self) -> Story:
        """The story, when no more records come."""
        for speech in self._speech.values():
            speech.end = max(speech.end, speech.start)
        for participant in list(self._turns):
            self._close_turn(participant, None)
        self.story.turns.sort(key=lambda turn: turn.start)
        self.story.replies = sorted(self._replies.values(), key=lambda reply: reply.begun)
        return self.story

    # Speech.

    def _speech_started(self, fact: ev.SpeechStarted) -> None:
        self._begin_speech(fact.participant, self._now - fact.onset_delay)

    def _turn_started(self, fact: ev.TurnStarted) -> None:
        # For detectors that report turns and no windows; otherwise the speech is known already.
        if self._open_turn(fact.participant) is None:
            self._begin_speech(fact.participant, self._now)

    def _begin_speech(self, participant: str, start: float) -> None:
        speech = self._speech[participant] = Speech(participant, start, self._now)
        self.story.speech.append(speech)

    def _turn_begun(self, fact: fx.BeginTurn) -> None:
        """A turn begins with the speech that runs, or goes on after a pause."""
        participant = fact.participant
        turn = self._open_turn(participant)
        if turn is None:
            if participant in self._turns:
                self._close_turn(participant, self._turns[participant].text)
            speech = self._speech.get(participant)
            start = speech.start if speech is not None else self._now
            turn = self._turns[participant] = SpokenTurn(participant, start, self._now)
        turn.end, turn.announced_end = self._now, None

    def _open_turn(self, participant: str) -> SpokenTurn | None:
        """The participant's turn, unless it is over: a realtime model tells the words of a turn in its own time."""
        turn = self._turns.get(participant)
        over = turn is not None and turn.announced_end is not None and not self.story.answers
        return None if over else turn

    def _speech_continued(self, fact: ev.SpeechContinued) -> None:
        self._extend_speech(fact.participant, self._now)

    def _speech_ended(self, fact: ev.SpeechEnded | ev.TurnEnded) -> None:
        # The end of a turn counts for detectors that report turns and no windows; otherwise the speech is over already.
        self._extend_speech(fact.participant, self._now - fact.trailing_silence, over=True)

    def _extend_speech(self, participant: str, end: float, over: bool = False) -> None:
        speech = self._speech.get(participant)
        if speech is None:
            return
        speech.end = max(end, speech.start) if over else max(speech.end, end)
        if participant in self._turns:
            self._turns[participant].end = speech.end
        if over:
            del self._speech[participant]

    # Words and turns.

    def _transcript(self, fact: notes.UserTranscript) -> None:
        words = fact.turn or fact.text
        if fact.participant in self._turns:
            self._turns[fact.participant].text = words
        if self._open is not None and self._open.participant == fact.participant:
            self._open.said = words

    def _turn_announced(self, fact: fx.AnnounceTurnEnded) -> None:
        if fact.participant in self._turns:
            self._turns[fact.participant].announced_end = self._now

    def _record_turn(self, fact: fx.RecordTurn) -> None:
        self._close_turn(fact.participant, fact.text)

    def _turn_discarded(self, fact: fx.DiscardTurn) -> None:
        self._close_turn(fact.participant, None)

    def _close_turn(self, participant: str, text: str | None) -> None:
        """`text` is None if it was no turn."""
        self._refused.pop(participant, None)
        turn = self._turns.pop(participant, None)
        if turn is None:
            if text is None:
                return
            # A realtime model's transcript, later than the speech that it is of.
            turn = SpokenTurn(participant, self._now, self._now)
        turn.taken = text is not None
        turn.text = turn.text if text is None else text
        turn.closed = self._now
        self.story.turns.append(turn)
        self._tell_challenge(turn)
        self._listener.turn_ended(turn)

    def _tell_challenge(self, turn: SpokenTurn) -> None:
        """The latest challenge that the turn made was these words."""
        for challenge in reversed(self.story.challenges):
            onset = challenge.onset
            if challenge.participant == turn.participant and onset is not None and onset >= turn.start:
                challenge.said = turn.text
                return

    # The agent's voice.

    def _reply_begun(self, fact: fx.BeginReply) -> None:
        self._begin_reply(fact.reply, fact.epoch, fact.answer, fact.continues)

    def _reply_of_model(self, fact: ev.ReplyStarted) -> None:
        self._begin_reply(fact.reply, self._epoch, True, None)

    def _begin_reply(self, number: int, epoch: int, answer: bool, continues: int | None) -> None:
        last = max(self.story.speech, key=lambda speech: speech.end, default=None)
        reply = ReplyStory(number, epoch, answer, self._now, continues, last.end if last else None)
        self._replies[number] = reply
        if continues is not None:
            self._continued(number, continues)
        self._listener.reply_begun(reply)

    def _continued(self, number: int, cut: int) -> None:
        """The latest interruption of the reply that was cut, or of one that was to say its rest, was none after all."""
        same = {cut, *(reply.number for reply in self._replies.values() if reply.continues == cut)}
        commits = (c for c in reversed(self.story.challenges) if c.decision == "commit" and c.reply in same)
        latest = next(commits, None)
        if latest is not None:
            latest.continued_by = number

    def _audio_started(self, fact: ev.AudioStarted) -> None:
        reply = self._replies.get(fact.reply)
        if reply is not None:
            reply.started = self._now
            # Only the first reply after some speech answers it; what code had said is no answer.
            if reply.answer and reply.speech_end is not None and reply.speech_end not in self._answered:
                self._answered.add(reply.speech_end)
                reply.responds_to = reply.speech_end
            self._listener.reply_started(reply)

    def _audio_drained(self, fact: ev.AudioDrained) -> None:
        self._end_reply(fact.reply, "heard")
        self._decide_for(fact.reply, "the reply was over")

    def _reply_dropped(self, fact: fx.DropReply) -> None:
        reply = self._replies.get(fact.reply)
        if reply is not None:
            reply.dropped = fact.reason
        self._end_reply(fact.reply, "dropped")
        self._decide_for(fact.reply, f"the reply was dropped: {fact.reason}")

    def _end_reply(self, number: int, end: Literal["heard", "interrupted", "dropped"]) -> None:
        reply = self._replies.get(number)
        if reply is not None and reply.ended is None:
            reply.ended, reply.end = self._now, end

    def _agent_transcript(self, fact: notes.AgentTranscript) -> None:
        reply = self._replies.get(fact.reply)
        if reply is None:
            return
        reply.heard, reply.unheard, reply.interrupted = fact.heard, fact.unheard, fact.interrupted
        latest = self.story.challenges[-1] if self.story.challenges else None
        if latest is None or latest.reply != reply.number:
            return
        # What stood at the decision: the words up to it, and where it ended the reply, the last count of them.
        if latest.decided is None or (fact.done and latest.decision != "resume"):
            latest.heard, latest.unheard = reply.heard, reply.unheard

    def _reply_played(self, fact: notes.ReplyPlayed) -> None:
        # The playout's own count since the beginning: the least that there was, where nobody told of each.
        self.story.stale_chunks = max(self.story.stale_chunks, fact.stale_chunks)
        reply = self._replies.get(fact.reply)
        if reply is None:
            return
        reply.heard_seconds, reply.estimated = fact.seconds, fact.estimated
        if fact.utterances is not None:
            reply.timing = timing_of(fact.utterances)
        reply.closed = self._now
        self._listener.reply_ended(reply)

    def _voice_started(self, fact: notes.VoiceStarted) -> None:
        start = (fact.frame - self._first_frame) * FRAME_SECONDS
        self.story.voice.append(VoiceStretch(fact.reply, start, self._now))

    def _voice_stopped(self, fact: notes.VoiceStopped) -> None:
        if self.story.voice:
            self.story.voice[-1].end = (fact.frame - self._first_frame + 1) * FRAME_SECONDS

    # Interruptions.

    def _hold(self, fact: fx.Hold) -> None:
        self._begin_challenge(fact.reply, fact.participant, self._now)

    def _begin_challenge(self, number: int, participant: str | None, hold: float | None) -> Challenge:
        speech = next((s for s in reversed(self.story.speech) if s.participant == participant), None)
        onset = speech.start if speech is not None else None
        self._open = Challenge(number, participant, onset, hold, self._epoch)
        reply = self._replies.get(number)
        if reply is not None:
            self._open.heard, self._open.unheard = reply.heard, reply.unheard
        if participant in self._turns:
            self._open.said = self._turns[participant].text
        self.story.challenges.append(self._open)
        return self._open

    def _commit(self, fact: fx.Commit) -> None:
        self._epoch = fact.epoch
        self.story.epochs.append((self._now, self._epoch))
        if fact.reply is None:
            return
        self._end_reply(fact.reply, "interrupted")
        challenge = self._open or self._begin_challenge(fact.reply, fact.participant, None)
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
        self._listener.challenge_decided(challenge)

    def _decide_for(self, number: int, reason: str) -> None:
        if self._open is not None and self._open.reply == number:
            self._decide("none", reason)
            self._tell_uncounted()

    def _decide(self, decision: Decision, reason: str) -> None:
        if self._open is not None:
            self._open.decision, self._open.reason, self._open.decided = decision, reason, self._now
            self._uncounted, self._open = self._open, None

    def _tell_uncounted(self) -> None:
        """Tell of the latest decision without the agent's count of it: there is none, or the call broke before."""
        challenge, self._uncounted = self._uncounted, None
        if challenge is not None:
            self._listener.challenge_decided(challenge)

    def _resumed(self, fact: notes.ReplyResumed) -> None:
        if self.story.challenges:
            latest = self.story.challenges[-1]
            latest.rewound = fact.rewound / OUTPUT_RATE
            latest.heard, latest.unheard = fact.heard, fact.unheard

    def _stale(self, fact: notes.StaleAudio) -> None:
        self.story.stale_chunks += fact.chunks
        self.story.stale_samples += fact.samples
        self._listener.stale_audio(fact.chunks)
        # Late audio belongs to the latest interruption that ended its epoch.
        for challenge in reversed(self.story.challenges):
            if challenge.decision == "commit":
                challenge.stale_chunks += fact.chunks
                challenge.stale_samples += fact.samples
                return

    # The frame.

    def _session(self, fact: notes.SessionStarted) -> None:
        self.story.policy = dict(fact.policy)
        self.story.answers, self.story.started = fact.answers, fact.started
        self._listener.session_started(fact.started, self._now)

    def _recording_started(self, fact: notes.RecordingStarted) -> None:
        self._first_frame = fact.frame

    def _recorded(self, fact: notes.RecordingEnded) -> None:
        self.story.worst_delay = fact.worst_delay

    def _late(self, fact: notes.ClockLate) -> None:
        self.story.late.append(LateClock(self._now, self._now + fact.lasted, fact.delay))

    def _joined(self, fact: notes.ParticipantJoined) -> None:
        self.story.names[fact.participant] = fact.name or fact.participant

    def _failed(self, fact: notes.ComponentFailed) -> None:
        self.story.errors.append((self._now, f"{fact.component}: {fact.error}"))
        self._listener.component_failed(fact.component, fact.error, self._now)

    def _ended(self, fact: notes.CallEnded) -> None:
        if fact.error:
            self.story.errors.append((self._now, f"the call broke: {fact.error}"))
        if self._open is not None:
            self._decide_for(self._open.reply, "the call ended")
        self._tell_uncounted()
        for reply in self._replies.values():
            if reply.closed is None:
                reply.closed = self._now
                self._listener.reply_ended(reply)
        for participant, turn in list(self._turns.items()):
            self._close_turn(participant, turn.text if turn.announced_end is not None else None)
        self._listener.call_ended(fact.error, self._now)


_HANDLERS: dict[type[Fact], Callable[[StoryReader, Any], None]] = {
    ev.SpeechStarted: StoryReader._speech_started,
    ev.SpeechContinued: StoryReader._speech_continued,
    ev.SpeechEnded: StoryReader._speech_ended,
    ev.TurnStarted: StoryReader._turn_started,
    ev.TurnEnded: StoryReader._speech_ended,
    ev.ReplyStarted: StoryReader._reply_of_model,
    ev.AudioStarted: StoryReader._audio_started,
    ev.AudioDrained: StoryReader._audio_drained,
    fx.BeginTurn: StoryReader._turn_begun,
    fx.BeginReply: StoryReader._reply_begun,
    fx.DropReply: StoryReader._reply_dropped,
    fx.AnnounceTurnEnded: StoryReader._turn_announced,
    fx.RecordTurn: StoryReader._record_turn,
    fx.DiscardTurn: StoryReader._turn_discarded,
    fx.Hold: StoryReader._hold,
    fx.Commit: StoryReader._commit,
    fx.Resume: StoryReader._resume,
    notes.SessionStarted: StoryReader._session,
    notes.RecordingEnded: StoryReader._recorded,
    notes.ClockLate: StoryReader._late,
    notes.ParticipantJoined: StoryReader._joined,
    notes.UserTranscript: StoryReader._transcript,
    notes.AgentTranscript: StoryReader._agent_transcript,
    notes.ReplyPlayed: StoryReader._reply_played,
    notes.VoiceStarted: StoryReader._voice_started,
    notes.VoiceStopped: StoryReader._voice_stopped,
    notes.ReplyResumed: StoryReader._resumed,
    notes.RecordingStarted: StoryReader._recording_started,
    notes.InterruptionDecided: StoryReader._counted,
    notes.StaleAudio: StoryReader._stale,
    notes.ComponentFailed: StoryReader._failed,
    notes.CallEnded: StoryReader._ended,
}
