"""Folds the records of a trace, one after the other, into the story of the call.

The one reader of traces: reports read a whole trace with it, telemetry and pages a record at a time as it happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from ..trace import TraceError, notes, read_records
from ..trace.records import Record
from .challenge_reader import ChallengeReader
from .listener import StoryListener
from .part_reader import Handlers, PartReader
from .reply_reader import ReplyReader
from .story import AskedText, LateClock, SpokenTurn, Story
from .turn_reader import TurnReader


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
    """Has each record read by the readers of a story's parts. `offset`: see `recording_offset`."""

    def __init__(self, listener: StoryListener | None = None, offset: float = 0.0) -> None:
        self.story = Story(offset=offset, epochs=[(0.0, 0)])
        listener = listener or StoryListener()
        self._turns = TurnReader(self.story, listener, self._turn_closed)
        self._replies = ReplyReader(self.story, listener)
        self._challenges = ChallengeReader(self.story, listener, self._turns, self._replies)
        # In this order: what a challenge is about ends after it is decided, and the call ends after all else.
        self._parts: tuple[PartReader, ...] = (
            self._challenges,
            self._replies,
            self._turns,
            FrameReader(self.story, listener),
        )

    def take(self, record: Record) -> None:
        """Take the next record."""
        if record.fact is None:
            return
        now = record.t - self.story.offset
        self.story.duration = max(self.story.duration, now)
        for part in self._parts:
            part.take(now, record.fact)

    def finish(self) -> Story:
        """The story, when no more records come."""
        self._turns.finish()
        self._replies.finish()
        return self.story

    def _turn_closed(self, turn: SpokenTurn) -> None:
        self._challenges.turn_closed(turn)


class FrameReader(PartReader):
    """Folds facts into the frame of the story: its beginning and end, who was there, what was used, what went wrong."""

    def _session(self, fact: notes.SessionStarted) -> None:
        self.story.policy = dict(fact.policy)
        self.story.answers, self.story.started = fact.answers, fact.started
        self.listener.session_started(fact.started, self.now)

    def _recorded(self, fact: notes.RecordingEnded) -> None:
        self.story.worst_delay = fact.worst_delay

    def _late(self, fact: notes.ClockLate) -> None:
        self.story.late.append(LateClock(self.now, self.now + fact.lasted, fact.delay))

    def _joined(self, fact: notes.ParticipantJoined) -> None:
        self.story.names[fact.participant] = fact.name or fact.participant

    def _failed(self, fact: notes.ComponentFailed) -> None:
        self.story.errors.append((self.now, f"{fact.component}: {fact.error}"))
        self.listener.component_failed(fact.component, fact.error, self.now)

    def _asked(self, fact: notes.ResponseRequested) -> None:
        self.story.texts.append(AskedText(self.now, fact.text, fact.participant))

    def _tokens_used(self, fact: notes.TokensUsed) -> None:
        self.story.input_tokens += fact.usage.input_tokens
        self.story.output_tokens += fact.usage.output_tokens
        self.listener.tokens_used(fact.usage)

    def _ended(self, fact: notes.CallEnded) -> None:
        if fact.error:
            self.story.errors.append((self.now, f"the call broke: {fact.error}"))
        self.listener.call_ended(fact.error, self.now)

    handlers: ClassVar[Handlers] = {
        notes.SessionStarted: _session,
        notes.RecordingEnded: _recorded,
        notes.ClockLate: _late,
        notes.ParticipantJoined: _joined,
        notes.ComponentFailed: _failed,
        notes.ResponseRequested: _asked,
        notes.TokensUsed: _tokens_used,
        notes.CallEnded: _ended,
    }
