"""Reads what the agent says: its replies, the stages of each, and when its voice sounded."""

from __future__ import annotations

from typing import ClassVar, Literal

from ..floor import effects as fx
from ..floor import events as ev
from ..trace import notes
from ..trace.answer_timer import AnswerTimer
from ..trace.records import Fact
from ..trace.stages import AnswerStages
from .listener import StoryListener
from .part_reader import Handlers, PartReader
from .story import ReplyStory, Story, VoiceStretch
from .words import timing_of

# The length of a pulled frame.
FRAME_SECONDS = 0.02


class ReplyReader(PartReader):
    """Folds facts into the replies and the voice of the story. The replies are in `replies`, by their numbers."""

    def __init__(self, story: Story, listener: StoryListener) -> None:
        super().__init__(story, listener)
        self.replies: dict[int, ReplyStory] = {}
        self._epoch = 0
        # The number of the recording's first frame among those that were pulled.
        self._first_frame = 0
        # For traces that do not tell of the stages: what the floor knows of them.
        self._timer = AnswerTimer(self._timed)

    def take(self, now: float, fact: Fact) -> None:
        if isinstance(fact, ev.FloorEvent | fx.Effect):
            self._timer.take(now, fact)
        super().take(now, fact)

    def finish(self) -> None:
        """No more facts come."""
        self.story.replies = sorted(self.replies.values(), key=lambda reply: reply.begun)

    def _session(self, fact: notes.SessionStarted) -> None:
        self._timer.answers = fact.answers

    # Replies.

    def _reply_begun(self, fact: fx.BeginReply) -> None:
        self._begin(fact.reply, fact.epoch, fact.answer, fact.continues)

    def _reply_of_model(self, fact: ev.ReplyStarted) -> None:
        self._begin(fact.reply, self._epoch, True, None)

    def _begin(self, number: int, epoch: int, answer: bool, continues: int | None) -> None:
        reply = self.replies[number] = ReplyStory(number, epoch, answer, self.now, continues)
        self.listener.reply_begun(reply)

    def _audio_started(self, fact: ev.AudioStarted) -> None:
        reply = self.replies.get(fact.reply)
        if reply is not None:
            reply.started = self.now
            self.listener.reply_started(reply)

    def _audio_drained(self, fact: ev.AudioDrained) -> None:
        self._end(fact.reply, "heard")

    def _dropped(self, fact: fx.DropReply) -> None:
        reply = self.replies.get(fact.reply)
        if reply is not None:
            reply.dropped = fact.reason
        self._end(fact.reply, "dropped")

    def _commit(self, fact: fx.Commit) -> None:
        self._epoch = fact.epoch
        self.story.epochs.append((self.now, self._epoch))
        if fact.reply is not None:
            self._end(fact.reply, "interrupted")

    def _end(self, number: int, end: Literal["heard", "interrupted", "dropped"]) -> None:
        reply = self.replies.get(number)
        if reply is not None and reply.ended is None:
            reply.ended, reply.end = self.now, end

    def _timed(self, number: int, participant: str | None, stages: AnswerStages) -> None:
        if number in self.replies:
            self.replies[number].to, self.replies[number].stages = participant, stages

    def _answer_timed(self, fact: notes.AnswerTimed) -> None:
        self._timed(fact.reply, fact.participant, fact.stages.shifted(-self.story.offset))
        if fact.reply in self.replies:
            self.listener.answer_timed(self.replies[fact.reply])

    def _transcript(self, fact: notes.AgentTranscript) -> None:
        reply = self.replies.get(fact.reply)
        if reply is not None:
            reply.heard, reply.unheard, reply.interrupted = fact.heard, fact.unheard, fact.interrupted

    def _played(self, fact: notes.ReplyPlayed) -> None:
        # The playout's own count since the beginning: the least that there was, where nobody told of each.
        self.story.stale_chunks = max(self.story.stale_chunks, fact.stale_chunks)
        reply = self.replies.get(fact.reply)
        if reply is None:
            return
        reply.heard_seconds, reply.estimated = fact.seconds, fact.estimated
        if fact.utterances is not None:
            reply.timing = timing_of(fact.utterances)
        reply.closed = self.now
        self.listener.reply_ended(reply)

    def _call_ended(self, fact: notes.CallEnded) -> None:
        for reply in self.replies.values():
            if reply.closed is None:
                reply.closed = self.now
                self.listener.reply_ended(reply)

    # The voice.

    def _recording_started(self, fact: notes.RecordingStarted) -> None:
        self._first_frame = fact.frame

    def _voice_started(self, fact: notes.VoiceStarted) -> None:
        start = (fact.frame - self._first_frame) * FRAME_SECONDS
        if self.story.voice and self.story.voice[-1].end is None:
            self.story.voice[-1].end = start
        self.story.voice.append(VoiceStretch(fact.reply, start, self.now))

    def _voice_stopped(self, fact: notes.VoiceStopped) -> None:
        if self.story.voice:
            self.story.voice[-1].end = (fact.frame - self._first_frame + 1) * FRAME_SECONDS

    handlers: ClassVar[Handlers] = {
        ev.ReplyStarted: _reply_of_model,
        ev.AudioStarted: _audio_started,
        ev.AudioDrained: _audio_drained,
        fx.BeginReply: _reply_begun,
        fx.DropReply: _dropped,
        fx.Commit: _commit,
        notes.SessionStarted: _session,
        notes.AgentTranscript: _transcript,
        notes.AnswerTimed: _answer_timed,
        notes.ReplyPlayed: _played,
        notes.RecordingStarted: _recording_started,
        notes.VoiceStarted: _voice_started,
        notes.VoiceStopped: _voice_stopped,
        notes.CallEnded: _call_ended,
    }
