"""Translates a Live session's messages into reports to the agent.

The service's messages name no responses. What the model says is told apart by order alone:

- The model's work on one prompt (a text, a spoken turn, the result of a function) is a `Response`. There is one at a
  time, the `current` one, and the service ends each with `turnComplete`, cancelled ones too.
- It says `generationComplete` when all of a response is made, and `turnComplete` when it reckons that it was heard,
  which may be many seconds later. For the agent a response is over with the first, or when it has fallen silent.
- One that is cancelled, by us or by the user's voice, waits in `closing` for its end. What comes until then is its late
  output, and is dropped. A session in which this takes too long is renewed: nothing is late in a new one.
- `interrupted` means that the service stopped the model: because it heard somebody, if it was not because of us. It
  also comes when the model has long finished, but the service reckons that it is still being heard; or before the
  model has begun.
- Transcripts come in pieces, before or after what they are of.
"""

from __future__ import annotations

from collections.abc import Callable

from google.genai import types

from vision_agents.core import llm
from vision_agents.core.audio import PcmData

from .client import GeminiError
from .responses import STOPPED_LIMIT, Response, Responses
from .user_turns import UserTurns

# The rate in Hz of the model's voice where the service does not say it.
OUTPUT_SAMPLE_RATE = 24_000

ANSWERS_IN_TEXT = (
    "Gemini Live: the model answers in text, which nobody hears. Use a model that answers in audio (with “live” or "
    "“native-audio” in its name)."
)

# Why a turn may end without an answer, and without that being a fault.
_MORE_INPUT = "NEED_MORE_INPUT"
_ORDINARY_REASONS = frozenset({"TURN_COMPLETE_REASON_UNSPECIFIED", _MORE_INPUT})

# Why one may end that the model can still answer, if it is asked again. The others are about what is in the answer.
_FAULTS = frozenset({"MALFORMED_FUNCTION_CALL"})


class Dialogue:
    """Takes the messages of a session, and reports through `model` what they mean. `now`: a clock, in seconds."""

    def __init__(self, model: llm.Realtime, now: Callable[[], float]) -> None:
        self.model = model
        self._responses = Responses(model, now)
        self._now = now
        # When the service said last that it has stopped the model.
        self._stopped_at = -STOPPED_LIMIT
        self._turns = UserTurns(model, now, lambda: self._responses.silent, lambda: self._responses.making)

    # What we do.

    def hear(self, audio: PcmData) -> None:
        """Take the next piece of what the service is given to hear."""
        self._turns.hear(audio)

    @property
    def played_out_at(self) -> float | None:
        """Return when what the model says has long fallen silent, unless more of it comes."""
        return self._responses.played_out_at

    def finish_if_played_out(self) -> None:
        """Take what the model says for over if it has long fallen silent: the service may tell that late, or never."""
        self._responses.finish_if_played_out()

    def opened(self) -> None:
        """There is a session. It hears once more what was said in the one before and not answered."""
        self._turns.forget_words()

    def closed(self) -> None:
        """The call is over, and nothing more will tell that the words so far are all."""
        self._turns.report_words()

    def asked(self, text: str, key: int | None) -> None:
        """A text is sent to be answered, which ends whatever the model is at."""
        behind = self.current is None and self.unanswered
        if self.current is not None:
            self._responses.close(self.current, cancelled=True)
        response = self._responses.new(asked=True)
        response.text, response.key, response.behind = text, key, behind

    def result_sent(self, caller: Response) -> None:
        """The result of one of its functions is sent."""
        caller.pending -= 1
        if self.current is None:
            self._responses.following(caller)

    def cancel(self, responses: set[str]) -> bool:
        """Return whether something has to be cancelled at the service: what is stale, or one of `responses`."""
        response = self.current
        if response is None or not (response.epoch < self.model.epoch or response.id in responses):
            return False
        self._responses.close(response, cancelled=True)
        return True

    def called(self, functions: int) -> Response | None:
        """The model calls so many functions: in what, or None if nobody wants that any more."""
        if self._responses.late(made=True):
            return None
        response = self.current or self._responses.new()
        self._answer_begins(response)
        response.called, response.text = True, None  # It is not asked for again, or the calls were made twice.
        response.pending += functions
        # What it has said is a part by itself: a function may have something said before the model goes on.
        self._responses.finish(response, more=True)
        return response if response.epoch == self.model.epoch else None

    def end(self, *, again: bool) -> Response | None:
        """The session is gone, and everything in it. Returns what it was at, unless that was cancelled.

        `again`: another one follows, which hears once more what was not understood.
        """
        unfinished = self._responses.unanswered
        wanted = unfinished is not None and unfinished.epoch == self.model.epoch
        lost = unfinished.id if unfinished is not None and unfinished.started else None
        # The next session hears what was not answered, and its words come once more.
        if not (again and self._turns.unanswered):
            self._turns.report_words()
        self._responses.clear()
        lost_work = wanted and unfinished is not None and unfinished.text is None
        # What functions find is told by itself: asked to go on, one that knows nothing of them would call them again.
        if self._turns.told or (lost_work and not self.model.function_calls.deliver):
            key = unfinished.key if lost_work and unfinished is not None else None
            self.model.report_answer_lost(lost, request=key)
        return unfinished

    @property
    def current(self) -> Response | None:
        """The response that the service is at."""
        return self._responses.current

    @property
    def idle(self) -> bool:
        """Return whether nobody says anything and the service knows it: the moment to renew the session."""
        return self.current is None and not self._responses.late() and not self.unanswered

    @property
    def quiet(self) -> bool:
        """Return whether nobody speaks, as far as can be heard, or has spoken and not been answered."""
        return not self.unanswered and self._turns.quiet

    @property
    def unanswered(self) -> bool:
        """Return whether somebody speaks, or has spoken and not been answered."""
        return self._turns.unanswered

    @property
    def unconfirmed_since(self) -> float | None:
        """The time of the oldest cancellation that the service has not confirmed."""
        return self._responses.unconfirmed_since

    # What the service says.

    def take(self, content: types.LiveServerContent) -> None:
        """Handle a message: it may have several parts, which belong together in this order."""
        if content.interrupted:
            self._interrupted()
        if content.interim_input_transcription is not None:
            self._turns.guessed(content.interim_input_transcription.text or "")
        if content.input_transcription is not None:
            self._turns.heard(content.input_transcription)
        for part in content.model_turn.parts or () if content.model_turn is not None else ():
            self._part(part)
        if content.output_transcription is not None and content.output_transcription.text:
            self._text(content.output_transcription.text)
        if content.generation_complete:
            self._generated()
        if content.turn_complete:
            self._complete(content)

    def activity(self, started: bool, interrupts: bool) -> None:
        """The service hears that somebody begins or stops to speak. `interrupts`: it stops the model for that."""
        if not started:
            self._turns.end()
        elif interrupts or self._responses.silent:
            self._turns.noticed()

    def _part(self, part: types.Part) -> None:
        blob = part.inline_data
        if part.text and not part.thought and not self._responses.late(made=True):
            self.model.report_mute(GeminiError(ANSWERS_IN_TEXT))
        if blob is None or not blob.data or not (blob.mime_type or "audio/").startswith("audio/"):
            return
        response = self._speaking()
        if response is not None:
            self._responses.audio(response, PcmData.from_bytes(blob.data, _rate(blob.mime_type)))

    def _text(self, text: str) -> None:
        done = self._responses.unfinished is None and not self.unanswered and not self._responses.late(made=True)
        if done and self._responses.last is not None and self._responses.plays:
            self.model.report_response_text(self._responses.last, text)
            return
        response = self._speaking()
        if response is not None:
            self._responses.say(response, text)

    def _speaking(self) -> Response | None:
        """The response that what comes belongs to, None if it was cancelled."""
        if self._responses.late(made=True):
            return None
        response = self.current
        if response is None or (response.over and self.unanswered):
            response = self._responses.new()
        elif response.over:
            response = self._responses.following(response)  # It had fallen silent, and was not done.
        if not response.started:
            self._answer_begins(response)
            self._responses.begin(response)
        return response

    def _generated(self) -> None:
        """All of the current response is made. Its turn goes on as long as the service reckons that it is heard."""
        response = self.current
        if response is not None and not self._responses.late(made=True):
            self._responses.generated(response)
            self._turns.report_words()
            if not response.called:  # Else it may be said with the end of the turn that more follows.
                self._responses.finish(response)

    def _complete(self, content: types.LiveServerContent) -> None:
        reason = content.turn_complete_reason
        more = content.interaction_status == types.InteractionStatus.IN_PROGRESS
        if self._responses.late():
            self._responses.finish(self._responses.closing.popleft())
            return
        response = self.current if self.current is not None or more else self._unbegun(reason)
        self._responses.current = None
        if response is None:
            return
        if response.pending:
            self._responses.calling = response
        silent = response.asked and not (response.started or response.called or more)
        # After its functions had returned nothing came: what it has said was said before.
        untold = response.called and not (response.pending or more) and (response.over or not response.started)
        wanted = response.epoch == self.model.epoch
        fault = reason is not None and reason.value in _FAULTS and not (response.called or more)
        filtered = reason is not None and reason.value not in _ORDINARY_REASONS | _FAULTS
        owed = self.model.owes_words and not (silent and filtered)
        if wanted and (fault or (owed and (untold or silent))):
            self.model.report_answer_lost(response.id if response.started else None, request=response.key)
        elif wanted and (untold or silent):
            # An answer of which nothing came is over all the same, for who asked.
            if untold:
                response = self._responses.following(response)
                self._responses.current = None
            self._responses.begin(response)
        self._responses.finish(response, more=more or response.pending > 0)
        self._turns.report_words()
        if reason is not None and reason.value not in _ORDINARY_REASONS:
            self.model.report_failure(RuntimeError(f"Gemini ended its answer early: {reason.value}"))
        if more:
            self._responses.following(response)  # It thinks on.

    def _unbegun(self, reason: types.TurnCompleteReason | None) -> Response | None:
        """The response to words that the model ends its turn after, and has said nothing; None if it has none to give:
        it was stopped, or has asked for more."""
        waits = reason is not None and reason.value == _MORE_INPUT
        stopped = self._now() - self._stopped_at < STOPPED_LIMIT
        if waits or stopped or not self._turns.understood:
            return None
        response = self._responses.new()
        self._answer_begins(response)
        return response

    def _interrupted(self) -> None:
        self._stopped_at = self._now()
        if self._responses.confirm():
            return
        calling, self._responses.calling = self._responses.calling, None
        response = self.current or calling
        if response is not None and response.behind and not response.started:
            response.behind = False
            self._responses.stop_unseen()
            return
        if response is not None and response is not calling:
            self._responses.close(response, cancelled=False)
        # It had begun to think, or to call functions, and does not answer a noise: what was asked stays unanswered.
        if response is None:
            lost = self._turns.understood
        else:
            lost = response.epoch == self.model.epoch and not response.started
        if self._turns.understood:
            self._turns.report_words()
        self._turns.noticed()
        if response is not None and response.started and (response.pending or not response.over):
            self.model.report_answer_lost(response.id)  # Unless it was for somebody who may interrupt.
        if response is not None:
            self._responses.finish(response)
        if lost:
            self.model.report_answer_lost(request=response.key if response is not None else None)

    def _answer_begins(self, response: Response) -> None:
        """The model has judged that the user is done."""
        if not response.asked and not self.unanswered and self._responses.silent:
            # Nobody was reported to speak, but this answers somebody.
            self._turns.begin()
        response.asked = True
        self._turns.answered()


def _rate(mime_type: str | None) -> int:
    """The sample rate that a type like "audio/pcm;rate=24000" tells."""
    for parameter in (mime_type or "").split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name == "rate" and value.isdigit() and int(value) > 0:
            return int(value)
    return OUTPUT_SAMPLE_RATE
