"""Translates what the ears report into events of the floor."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from ..ears import Ears
from ..events import EventManager
from ..failures import log_failure
from ..floor import Floor
from ..floor import events as ev
from ..floor.evidence import Vote
from ..participants import Participant
from ..redaction import redact, redacted
from ..remote import RemoteError
from ..stt import STTPartialTranscriptEvent, STTTranscriptEvent
from ..tasks import Tasks
from ..trace import Trace
from ..trace.notes import ComponentFailed, UserTranscript
from .events import ErrorEvent
from .parts import Parts
from .roster import Roster
from .rules import Rules
from .strategy_runner import StrategyRunner

logger = logging.getLogger(__name__)

# Seconds after the floor's own deadline when a recogniser that still owes the final words is given up. The floor waits
# for them no longer than its deadline, but takes them when they come.
FINISH_GRACE = 30.0

# Seconds that the end of a call waits for the final words of those who were speaking: recognisers need less.
LAST_WORDS = 1.0

# Turns of which it is remembered when they began: the words of one may come long after it.
TURNS_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class _LastWords:
    """The task in which the final words of a turn are asked for, and the time until which the floor waits for them."""

    task: asyncio.Task[None]
    until: float


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The time at which somebody began to speak, and the place in the history that was the latest then."""

    participant: str
    place: int
    at: float


class HearingAdapter:
    """Translates detector and STT reports into floor events, and puts new evidence to the user's strategies.

    Implements `HearingListener`. Of participants who left, final words are still reported, and nothing else.

    Args:
        roster: the participants.
        post: hands an event to the floor.
        latest_place: tells the place in the history that was given out last.
    """

    def __init__(
        self,
        parts: Parts,
        rules: Rules,
        floor: Floor,
        roster: Roster,
        post: Callable[[ev.FloorEvent], None],
        events: EventManager,
        trace: Trace,
        latest_place: Callable[[], int],
    ) -> None:
        self._rules = rules
        self._floor = floor
        self._roster = roster
        self._post = post
        self._events = events
        self._trace = trace
        self._now = trace.now
        self._strategies = StrategyRunner(rules.strategies, self._voted) if rules.strategies else None
        # The participants who may not interrupt, as the floor was last told.
        self._forbidden: set[str] = set()
        # The time at which the latest speech began, as its detector estimates it.
        self.onset = trace.now()
        self.ears: Ears = parts.ears(self)
        self._tasks = Tasks()
        self._latest_place = latest_place
        # The last error of a service that lets nobody in.
        self._refusal: RemoteError | None = None
        self._beginnings: deque[_Beginning] = deque(maxlen=TURNS_REMEMBERED)
        # Of each participant, where the final words of a turn were asked for: the latest.
        self._finishing: dict[str, _LastWords] = {}
        # When the turns began that were vouched for and are not over, by participant.
        self._claimed: dict[str, float] = {}

    async def close(self) -> None:
        """Stop listening and free everything, as soon as the last words are known."""
        async with AsyncExitStack() as stack:  # Also if this is cancelled, at whatever it waits for.
            stack.push_async_callback(self.ears.close)
            if self._strategies is not None:
                stack.push_async_callback(self._strategies.close)
            stack.push_async_callback(self._tasks.close, grace=1.0)
            now = self._now()
            words = [last.task for last in self._finishing.values() if now < last.until and not last.task.done()]
            if words:
                await asyncio.wait(words, timeout=LAST_WORDS)

    def finish_turn(self, participant: Participant, request: int) -> None:
        """Have the final words of a turn reported, and then that these are all."""
        self.ears.end_turn(participant)
        asking = self._tasks.spawn(self._finish(participant, request), f"final words of {participant.id}")
        self._finishing[participant.id] = _LastWords(asking, self._now() + self._floor.policy.transcript_timeout)

    def welcome(self, participant: Participant) -> None:
        """Begin with a participant who joined. Who comes back is not waited for any more."""
        words = self._finishing.get(participant.id)
        if words is not None:
            words.task.cancel()

    def leave(self, participant: Participant) -> None:
        """Free what belongs to a participant who left, as soon as their last words are known."""
        self._tasks.spawn(self._forget(participant), f"farewell to {participant.id}")

    async def _finish(self, participant: Participant, request: int) -> None:
        try:
            async with asyncio.timeout(self._floor.policy.transcript_timeout + FINISH_GRACE):
                await self.ears.finish_turn(participant)
        except TimeoutError:
            logger.warning("the final words of %s did not come in time", participant.id)
        self._report(ev.TranscriptCompleted(self._now(), participant.id, request))

    async def _forget(self, participant: Participant) -> None:
        words = self._finishing.get(participant.id)
        if words is not None and not words.task.done():
            await asyncio.wait([words.task], timeout=self._floor.policy.transcript_timeout)
            words.task.cancel()
        if self._finishing.get(participant.id) is words:
            self._finishing.pop(participant.id, None)
        if self._strategies is not None:
            self._strategies.forget(participant.id)
        self._forbidden.discard(participant.id)
        self._claimed.pop(participant.id, None)
        await self.ears.forget(participant)

    # HearingListener.

    def speech_started(self, participant: Participant, confidence: float, onset_delay: float) -> None:
        self._ask_permission(participant)
        at = self._note_beginning(participant)
        self.onset = at - onset_delay
        self._report(ev.SpeechStarted(at, participant.id, confidence, onset_delay))

    def speech_continued(self, participant: Participant, confidence: float, voiced: float, level: float | None) -> None:
        self.ears.speech_continued(participant, voiced)
        self._report(ev.SpeechContinued(self._now(), participant.id, confidence, voiced, level))

    def speech_ended(self, participant: Participant, voiced: float, trailing_silence: float) -> None:
        self.ears.speech_ended(participant)
        self._report(ev.SpeechEnded(self._now(), participant.id, voiced, trailing_silence))

    def turn_started(self, participant: Participant, confidence: float) -> None:
        self._ask_permission(participant)
        began = self._note_beginning(participant)
        self._claimed[participant.id] = began
        self._report(ev.TurnStarted(began, participant.id, confidence))

    def turn_ended(
        self, participant: Participant, confidence: float, duration: float | None, trailing_silence: float
    ) -> None:
        now, claimed = self._now(), self._claimed.pop(participant.id, None)
        if claimed is not None and now - trailing_silence < claimed:
            # A service hears in an instant what a new session is told again: a last sound before the beginning that it
            # reported would be one of the turn before.
            trailing_silence = 0.0
        self._report(ev.TurnEnded(now, participant.id, confidence, duration, trailing_silence))

    def pause_judged(self, participant: Participant, confidence: float, longest: float) -> bool:
        if not self._floor.decides_ends or participant.id not in self._roster.present:
            return False
        self._report(ev.PauseJudged(self._now(), participant.id, confidence, longest))
        return True

    def turn_end_expected(self, participant: Participant, confidence: float) -> None:
        self._report(ev.TurnEndExpected(self._now(), participant.id, confidence))

    def turn_resumed(self, participant: Participant) -> None:
        self._report(ev.TurnResumed(self._now(), participant.id))

    def words(
        self,
        participant: Participant,
        text: str,
        final: bool,
        confidence: float | None,
        alternative: str = "",
        place: int | None = None,
    ) -> None:
        text = text.strip()
        if self._roster.has_left(participant.id) and not (final and text):
            return
        began = self._began(participant, place)
        now, who = self._now(), participant.id
        self._report(ev.TranscriptReceived(now, who, text, final, confidence, alternative, place, began))
        if not text:
            return  # Only the floor wants to know that there were none.
        self._trace.note(UserTranscript(participant.id, text, final, self._floor.transcript(participant.id) or text))
        kind = STTTranscriptEvent if final else STTPartialTranscriptEvent
        if self._events.has_subscribers(kind):
            self._events.send(kind(participant=participant, text=text))

    def voice_compared(self, participant: Participant, similarity: float, seconds: float) -> None:
        self._report(ev.VoiceCompared(self._now(), participant.id, similarity, seconds))

    def failed(self, component: str, error: BaseException) -> None:
        if error is self._refusal:
            return  # Nobody has mended it, and it is told.
        if isinstance(error, RemoteError) and error.hopeless:
            self._refusal = error
        redact(error)
        log_failure(logger, component, error)
        text = redacted(str(error))
        self._trace.note(ComponentFailed(component, text))
        self._events.send(ErrorEvent(component=component, error=text))

    # Inside.

    def _note_beginning(self, participant: Participant) -> float:
        """Return the time that the floor has to be told, too: words of a turn are no older than the turn."""
        at = self._now()
        self._beginnings.append(_Beginning(participant.id, self._latest_place(), at))
        return at

    def _began(self, participant: Participant, place: int | None) -> float | None:
        """Return when the turn began whose words have this place: it was taken then, or for more of its words."""
        if place is None:
            return None
        own = [one for one in self._beginnings if one.participant == participant.id and one.place <= place]
        # With the same place the speaker went on; that was the latest place all the time.
        return next((one.at for one in own if one.place == own[-1].place), None)

    def _report(self, event: ev.ParticipantEvent) -> None:
        # A report may be late; of somebody who left, words are worth knowing.
        gone = event.participant not in self._roster.present
        if gone and not (self._roster.has_left(event.participant) and isinstance(event, ev.TranscriptReceived)):
            return
        self._post(event)
        if self._strategies is not None and (known := self._floor.evidence(event.participant)) is not None:
            self._strategies.submit(known[0])

    def _voted(self, participant: str, challenge: int, vote: Vote) -> None:
        self._post(ev.Voted(self._now(), participant, challenge, vote.strategy, vote.weight, vote.reason))

    def _ask_permission(self, participant: Participant) -> None:
        """Tell the floor if the participant may interrupt now, and could not before, or the other way round."""
        if participant.id not in self._roster.present:
            return
        allowed = self._rules.allows(participant)
        if allowed is (participant.id in self._forbidden):
            self._forbidden ^= {participant.id}
            self._report(ev.InterruptingAllowed(self._now(), participant.id, allowed))
