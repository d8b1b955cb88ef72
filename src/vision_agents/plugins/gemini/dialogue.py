"""Translates a Live session's messages into reports to the agent.

The service's messages name no responses. What the model says is told apart by order alone:

- The model's work on one prompt (a text, a spoken turn, the result of a function) is a `Generation`. There is one at a
  time, the `current` one, and the service ends each with `turnComplete`, cancelled ones too.
- One that is cancelled, by us or by the user's voice, waits in `closing` for that. What comes until then is its late
  output, and is dropped. A session in which this takes too long is renewed: nothing is late in a new one.
- `interrupted` means that the service stopped the model: because it heard somebody, if it was not because of us. It
  also comes when the model has long finished, but the service reckons that it is still being heard; or before the
  model has begun.
- Transcripts come in pieces, before or after what they are of.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from google.genai import types

from vision_agents.core import llm
from vision_agents.core.audio import PcmData
from vision_agents.core.participants import Participant
from vision_agents.core.remote.sound import GAP, SoundTracker
from vision_agents.core.remote.voice_trigger import VOICE_SECONDS

# After `interrupted` the end of the turn follows at once. If it does not within this time, in seconds, it was missed.
STOPPED_LIMIT = 1.5

# Seconds of silence after which a turn is taken to be over, whatever the service says; it waits half as long itself.
TURN_SILENCE = GAP

# The rate in Hz of the model's voice where the service does not say it.
OUTPUT_SAMPLE_RATE = 24_000

# Why a turn may end without an answer, and without that being a fault.
_ORDINARY_REASONS = frozenset({"TURN_COMPLETE_REASON_UNSPECIFIED", "NEED_MORE_INPUT"})


@dataclass(slots=True)
class Generation:
    """The model's work on one prompt. `epoch`: when it was asked for. `text`: what was asked, until it is answered.

    `key`: of the text that it answers, as the agent asked for it.
    """

    id: str
    epoch: int
    # It answers a text or a function's result; or it is known whose voice it answers.
    asked: bool = False
    text: str | None = None
    key: int | None = None
    # It called functions; and those of them whose results are not sent yet.
    called: bool = False
    pending: int = 0
    # It was reported that it began, and not yet that it is done.
    started: bool = False
    # When it was cancelled, and when the service said that it has stopped.
    cancelled_at: float | None = None
    stopped_at: float | None = None


@dataclass(slots=True)
class UserTurn:
    """A user's turn as the service hears it. `reported`: how much of the words was reported as final.

    `place`: where the next words stand in the history.
    """

    place: int
    participant: Participant
    claimed_at: float
    words: str = ""
    reported: int = 0
    ended: bool = False
    answered: bool = False

    def rest(self) -> str:
        """The words that were not reported as final yet; now they are."""
        rest, self.reported = self.words[self.reported :].strip(), len(self.words)
        return rest


@dataclass(slots=True)
class Dialogue:
    """Takes the messages of a session, and reports through `model` what they mean. `now`: a clock, in seconds.

    `sound`: what the service is given to hear.
    """

    model: llm.Realtime
    now: Callable[[], float]
    sound: SoundTracker = field(default_factory=SoundTracker)
    current: Generation | None = None
    closing: deque[Generation] = field(default_factory=deque)
    _turn: UserTurn | None = None
    # The last generation of which something was reported, and until when that plays if it is played without a break.
    _last: str | None = None
    _plays_until: float = 0.0
    _names: count[int] = field(default_factory=lambda: count(1))

    # What we do.

    def hear(self, audio: PcmData) -> None:
        """Take the next piece of what the service is given to hear.

        The service tells of a turn's end at best by its answer, and of a noise not at all: silence ends the turn here.
        """
        self.sound.hear(audio)
        turn, stretch = self._turn, self.sound.stretch()
        if turn is None or turn.answered:
            return
        seconds, silence = stretch or (0.0, TURN_SILENCE)
        if not turn.ended and min(silence, self.now() - turn.claimed_at) >= TURN_SILENCE:
            self._end_turn()
        elif turn.ended and not silence and VOICE_SECONDS <= seconds < self.now() - turn.claimed_at - TURN_SILENCE:
            self._somebody_speaks()  # It was a pause.

    def asked(self, text: str, key: int | None) -> None:
        """A text is sent to be answered, which ends whatever the model is at."""
        if self.current is not None:
            self._close(self.current, cancelled=True)
        self.current = self._generation(asked=True)
        self.current.text, self.current.key = text, key

    def result_sent(self, caller: Generation) -> None:
        """The result of one of its functions is sent."""
        caller.pending -= 1
        if self.current is None:
            self.current = self._following(caller)

    def cancel(self, responses: set[str]) -> bool:
        """Return whether something has to be cancelled at the service: what is stale, or one of `responses`."""
        generation = self.current
        if generation is None or not (generation.epoch < self.model.epoch or generation.id in responses):
            return False
        self._close(generation, cancelled=True)
        return True

    def called(self, functions: int) -> Generation | None:
        """The model calls so many functions: in what, or None if nobody wants that any more."""
        if self._late():
            return None
        if self.current is None:
            self.current = self._generation()
        self._answer_begins(self.current)
        self.current.called = True
        self.current.pending += functions
        return self.current if self.current.epoch == self.model.epoch else None

    def end(self) -> Generation | None:
        """The session is gone, and everything in it. Returns what it was at, unless that was cancelled."""
        unfinished = self.current
        wanted = unfinished is not None and unfinished.epoch == self.model.epoch
        lost = unfinished.id if unfinished is not None and unfinished.started else None
        self._report_words()
        for generation in (*self.closing, *([unfinished] if unfinished else [])):
            self._done(generation)
        self.closing.clear()
        self.current = None
        if self._understood or (wanted and unfinished is not None and unfinished.text is None):
            self.model.report_answer_lost(lost)
        return unfinished

    @property
    def idle(self) -> bool:
        """Return whether nobody says anything: the moment to renew the session."""
        return self.current is None and not self._late() and not self.unanswered

    @property
    def unanswered(self) -> bool:
        """Return whether somebody speaks, or has spoken and not been answered."""
        return self._turn is not None and not self._turn.answered

    @property
    def _understood(self) -> bool:
        """Return whether somebody has spoken words and not been answered."""
        return self._turn is not None and not self._turn.answered and bool(self._turn.words.strip())

    @property
    def unconfirmed_since(self) -> float | None:
        """The time of the oldest cancellation that the service has not confirmed."""
        times = (g.cancelled_at for g in self.closing if g.stopped_at is None and g.cancelled_at is not None)
        return min(times, default=None)

    # What the service says.

    def take(self, content: types.LiveServerContent) -> None:
        """Handle a message: it may have several parts, which belong together in this order."""
        if content.interrupted:
            self._interrupted()
        if content.interim_input_transcription is not None:
            self._guessed(content.interim_input_transcription.text or "")
        if content.input_transcription is not None:
            self._heard(content.input_transcription)
        for part in content.model_turn.parts or () if content.model_turn is not None else ():
            blob = part.inline_data
            if blob is not None and blob.data and (blob.mime_type or "audio/").startswith("audio/"):
                self._audio(PcmData.from_bytes(blob.data, _rate(blob.mime_type)))
        if content.output_transcription is not None and content.output_transcription.text:
            self._text(content.output_transcription.text)
        if content.turn_complete:
            self._complete(content)

    def activity(self, started: bool, interrupts: bool) -> None:
        """The service hears that somebody begins or stops to speak. `interrupts`: it stops the model for that."""
        if not started:
            self._end_turn()
        elif interrupts or self._silent:
            self._somebody_speaks()

    def _audio(self, audio: PcmData) -> None:
        generation = self._speaking()
        if generation is None:
            return
        self._plays_until = max(self._plays_until, self.now()) + audio.duration
        self.model.report_audio(generation.id, audio)

    def _text(self, text: str) -> None:
        over = self.current is None and not self.unanswered and not self._late()
        if over and self._last is not None and self.now() < self._plays_until:
            self.model.report_response_text(self._last, text)
            return
        generation = self._speaking()
        if generation is not None:
            self.model.report_response_text(generation.id, text)

    def _speaking(self) -> Generation | None:
        """The generation that what comes belongs to, None if it was cancelled."""
        if self._late():
            return None
        if self.current is None:
            self.current = self._generation()
        generation = self.current
        if not generation.started:
            self._answer_begins(generation)
            generation.started, generation.text = True, None
            self._last = generation.id
            self.model.report_response_started(generation.id, generation.epoch, generation.key)
        return generation

    def _complete(self, content: types.LiveServerContent) -> None:
        reason = content.turn_complete_reason
        more = content.interaction_status == types.InteractionStatus.IN_PROGRESS
        if self._late():
            self._done(self.closing.popleft())
            return
        generation, self.current = self.current, None
        if generation is None:
            return
        silent = not (generation.started or generation.called or more)
        if silent and generation.asked and generation.epoch == self.model.epoch:
            # An answer of which nothing came is over all the same, for who asked.
            self.model.report_response_started(generation.id, generation.epoch, generation.key)
            generation.started = True
        self._done(generation, more=more or generation.pending > 0)
        self._report_words()
        if reason is not None and reason.value not in _ORDINARY_REASONS:
            self.model.report_failure(RuntimeError(f"Gemini ended its answer early: {reason.value}"))
        if more:
            # It thinks on. What comes of that is still the answer to the same prompt, and no newer than that.
            self.current = self._following(generation)

    def _interrupted(self) -> None:
        confirmed = next((g for g in self.closing if g.stopped_at is None), None)
        if confirmed is not None:
            confirmed.stopped_at = self.now()
            return
        generation = self.current
        if generation is not None:
            self._close(generation, cancelled=False)
        # It had begun to think, or to call functions, and does not answer a noise: what was asked stays unanswered.
        if generation is None:
            lost = self._understood
        else:
            lost = generation.epoch == self.model.epoch and not generation.started
        if self._understood:
            self._report_words()
        self._somebody_speaks()
        if generation is not None:
            self._done(generation)
        if lost:
            self.model.report_answer_lost()

    def _late(self) -> bool:
        """Return whether what comes now belongs to something that was cancelled."""
        while self.closing:
            stopped_at = self.closing[0].stopped_at
            if stopped_at is None or self.now() - stopped_at < STOPPED_LIMIT:
                return True
            self._done(self.closing.popleft())
        return False

    # What the user says.

    def _somebody_speaks(self) -> None:
        who = self.model.microphones.loudest
        if who is None:
            self.model.report_interrupted()
            return
        if self._turn is None or self._turn.ended:
            self._begin_turn(who)
        self.model.report_turn_started(who)

    def _begin_turn(self, who: Participant) -> UserTurn:
        self._report_words()
        self._turn = turn = UserTurn(self.model.conversation.place(), who, self.now())
        return turn

    def _guessed(self, text: str) -> None:
        turn = self._turn_of_words()
        if turn is not None and not turn.answered and text.strip():
            self.model.report_words(turn.participant, text.strip(), final=False)

    def _heard(self, transcript: types.Transcription) -> None:
        turn = self._turn_of_words()
        if turn is None:
            return
        turn.words += transcript.text or ""
        if transcript.finished:
            self._report_words()
        elif not turn.answered and (rest := turn.words[turn.reported :].strip()):
            self.model.report_words(turn.participant, rest, final=False)

    def _turn_of_words(self) -> UserTurn | None:
        who = self.model.microphones.loudest
        if who is None:
            return None
        if self.unanswered:
            return self._turn
        if self._silent:
            # Nothing else says that somebody has begun to speak. While the agent speaks this would be no proof: words
            # may come after the answer to them has begun.
            self._somebody_speaks()
        elif self._turn is None:
            turn = self._begin_turn(who)
            turn.ended = turn.answered = True
        return self._turn

    def _answer_begins(self, generation: Generation) -> None:
        """The model has judged that the user is done."""
        if not generation.asked and not self.unanswered and self._silent:
            # Nobody was reported to speak, but this answers somebody.
            self._somebody_speaks()
        generation.asked = True
        self._end_turn()
        self._report_words()
        if self._turn is not None:
            self._turn.answered = True

    def _end_turn(self) -> None:
        turn = self._turn
        if turn is not None and not turn.ended:
            turn.ended = True
            duration, silence = self.sound.stretch() or (None, 0.0)
            # The claim comes later than the sound: an end before it would be that of another turn.
            silence = min(silence, self.now() - turn.claimed_at)
            self.model.report_turn_ended(turn.participant, 1.0, duration, silence)

    def _report_words(self) -> None:
        turn = self._turn
        if turn is not None and (words := turn.rest()):
            # Words that come later still are a message of their own, behind the first ones.
            place, turn.place = turn.place, self.model.conversation.place(after=turn.place)
            self.model.report_words(turn.participant, words, True, place=place)

    # Helpers.

    @property
    def _silent(self) -> bool:
        """Return whether the agent certainly says nothing."""
        if self.current is not None and self.current.started:
            return False
        heard = self._last is not None and not self.model.stale(self._last)
        return not heard or self.now() >= self._plays_until

    def _generation(self, asked: bool = False) -> Generation:
        return Generation(f"answer {next(self._names)}", self.model.epoch, asked)

    def _following(self, before: Generation) -> Generation:
        """Returns the model's further work on the same prompt."""
        return Generation(f"answer {next(self._names)}", before.epoch, asked=True, key=before.key)

    def _close(self, generation: Generation, *, cancelled: bool) -> None:
        at = self.now()
        generation.cancelled_at, generation.stopped_at = (at, None) if cancelled else (None, at)
        self.closing.append(generation)
        self.current = None
        self._plays_until = at

    def _done(self, generation: Generation, more: bool = False) -> None:
        if generation.started:
            generation.started = False
            self.model.report_response_done(generation.id, more)


def _rate(mime_type: str | None) -> int:
    """The sample rate that a type like "audio/pcm;rate=24000" tells."""
    for parameter in (mime_type or "").split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name == "rate" and value.isdigit() and int(value) > 0:
            return int(value)
    return OUTPUT_SAMPLE_RATE
