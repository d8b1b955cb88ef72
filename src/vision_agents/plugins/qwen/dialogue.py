"""Translates a session's events into reports to the agent, and asks for the next answer when that is allowed.

The service makes one response at a time, and refuses to begin another one before `response.done`. So what is to be
asked for waits for that; a response that was cancelled has to end in time, or the session is renewed.
"""

from __future__ import annotations

import base64
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from vision_agents.core import llm
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall

from .client import QwenError, refused
from .link import SERVICE_NAME, Event
from .responses import Response, ResponseRequest, UserTurn
from .usage import token_usage

OUTPUT_SAMPLE_RATE = 24_000

# Turns of users whose words may still come.
TURNS_REMEMBERED = 64

# Errors that two sides that act at the same time cannot avoid: there was nothing left to cancel; an answer had begun
# already when another one was asked for.
_NOTHING_TO_CANCEL = ("none active response", "no active response", "not active")
_BUSY = ("already has an active response", "another response is in progress")

# Codes and reasons of answers that are stopped for what is in them: the same is not asked for again.
_FILTERED = ("content_filter", "DataInspectionFailed", "data_inspection_failed")


ANSWERS_IN_TEXT = (
    f"{SERVICE_NAME}: the model answers in text, which nobody hears. Use a realtime model that speaks, and leave "
    "output_modalities out of session=…"
)
NOT_UNDERSTOOD = (
    f"{SERVICE_NAME}: a response is complete, and no audio of it came that is understood here, so nobody hears it. Is "
    "the server at url= one that speaks, by the events of Qwen-Omni (response.audio.delta)?"
)


class Wire(Protocol):
    """Carries out what the dialogue decides. Every method returns at once."""

    def create(self, request: ResponseRequest) -> None:
        """Have a response made."""

    def cancel(self, response: Response) -> None:
        """Cancel the response, which is being made."""

    def call(self, call: ToolCall, response: Response) -> None:
        """Call a function."""

    def expect_response(self) -> None:
        """See that a response that is due begins in time."""

    def failed(self, error: QwenError) -> None:
        """The service says that something is wrong."""


@dataclass(slots=True)
class Dialogue:
    """Takes the events of a session. `now`: a clock, in seconds; `silence`: the seconds of it that end a turn.

    `interrupts`: the service stops its response when somebody speaks. `name`: of the model.
    """

    model: llm.Realtime
    wire: Wire
    now: Callable[[], float]
    silence: float
    interrupts: bool = True
    name: str = ""
    active: Response | None = None
    # One that is done and waits for its functions.
    calling: Response | None = None
    requests: deque[ResponseRequest] = field(default_factory=deque)
    # Asked for, and not begun yet; and since when.
    sent: ResponseRequest | None = None
    _sent_at: float = 0.0
    # The epoch in which the last spoken turn ended, while its answer has not begun; and whether its words are known.
    _spoken: int | None = None
    _understood: bool = False
    _turns: OrderedDict[str, UserTurn] = field(default_factory=OrderedDict)
    # The last turn that ended; and the epoch in which the answer to it was over, without a word and before its own
    # words were known.
    _last_turn: UserTurn | None = None
    _unsaid: int | None = None
    # When the last turn ended.
    _quiet_since: float = 0.0

    # What we do.

    def ask(self, request: ResponseRequest) -> None:
        """Have something answered, as soon as that is possible."""
        request.at = self.now()
        self.requests.append(request)
        self.go_on()
        self.wire.expect_response()

    def go_on(self) -> None:
        """Ask for the next response, if it is time."""
        if self.active is None and self.sent is None and self.requests:
            self.sent, self._sent_at = self.requests.popleft(), self.now()
            self.wire.create(self.sent)
            self.wire.expect_response()

    @property
    def due_since(self) -> float | None:
        """The time since which a response is due that is wanted still; None while somebody speaks."""
        if self.sent is None or any(not turn.ended for turn in self._turns.values()):
            return None
        asked = [(self.sent.epoch, self._sent_at), *((request.epoch, request.at) for request in self.requests)]
        since = next((at for epoch, at in asked if epoch >= self.model.epoch), None)
        return None if since is None else max(since, self._quiet_since)

    def give_up_response(self) -> None:
        """Wait no more for the response that was asked for, and report that it is lost."""
        request, self.sent = self.sent, None
        if request is not None:
            self._report_unanswered(request)

    def stop(self, responses: set[str]) -> None:
        """Cancel what is stale, or one of `responses`."""
        self.requests = deque(request for request in self.requests if request.epoch >= self.model.epoch)
        active = self.active
        if active is not None and (active.epoch < self.model.epoch or active.id in responses):
            self._cancel(active)
        if self.calling is not None and self.calling.id in responses:
            self.calling = None

    def forget_texts(self) -> None:
        """Drop them, and report that they are not answered."""
        texts = [request for request in self.requests if request.instructions is not None]
        self.requests = deque(request for request in self.requests if request.instructions is None)
        for request in texts:
            self._report_unanswered(request)

    def result_sent(self, response: Response) -> None:
        """The result of one of its functions was sent."""
        response.pending -= 1
        self._answer_results(response)

    def end(self) -> bool:
        """The session is gone. Returns whether something was lost that is still wanted.

        What was asked and not answered stays in `requests`. So does a spoken turn, if its words are known: a new one is
        told what was said so far, and they stand at the end of that.
        """
        wanted = [self.sent.epoch] if self.sent is not None else []
        if self.active is not None and self.active.cancelled_at is None:
            wanted.append(self.active.epoch)
        if self.active is not None and self.active.started:
            self.model.report_response_done(self.active.id)
        unheard = self.active.unheard_text if self.active is not None and self._wanted(self.active) else None
        for lost in (self.calling, self.active if unheard is None else None):
            # What functions find is told by itself: asked to go on, one that does not know them would call them again.
            if lost is not None and self._wanted(lost) and not self.model.function_calls.deliver:
                self._report_lost(lost)
        for request in (self.sent, unheard):
            if request is not None:
                self.requests.appendleft(request)
        if self._spoken is not None and self._understood:
            self.requests.append(ResponseRequest(self._spoken))
        self.active = self.calling = self.sent = self._spoken = self._unsaid = self._last_turn = None
        self._turns.clear()
        return self.model.epoch in wanted

    @property
    def unconfirmed_since(self) -> float | None:
        """The time of the cancellation that the service has not confirmed."""
        return self.active.cancelled_at if self.active is not None else None

    # What the service says.

    def take(self, event: Event) -> None:
        """Handle an event. Raises what a malformed one raises."""
        handler = _HANDLERS.get(event["type"])
        if handler is not None:
            handler(self, event)

    def _on_error(self, event: Event) -> None:
        error = refused(event.get("error") or {}, SERVICE_NAME)
        text = str(error).lower()
        if any(needle in text for needle in _NOTHING_TO_CANCEL):
            return
        if any(needle in text for needle in _BUSY):
            self._ask_again()
            return
        refused_request, self.sent = self.sent, None
        self.wire.failed(error)
        if refused_request is not None:
            self._report_unanswered(refused_request)
        self.go_on()

    def _ask_again(self) -> None:
        """Put back what was asked for: a spoken turn was faster, and is what is being answered."""
        late, self.sent = self.sent, None
        if late is None and self.active is not None:
            late, self.active.request = self.active.request, None
            if self.active.cancelled_at is not None and self.active.spoken == self.model.epoch:
                self.model.report_answer_lost()  # It was cancelled as what nobody wants any more.
        if late is not None and late.epoch >= self.model.epoch:
            self.requests.appendleft(late)

    # Responses.

    def _on_created(self, event: Event) -> None:
        request, self.sent = self.sent, None
        spoken, self._spoken = self._spoken, None
        self._unsaid = None
        epoch = self.model.epoch
        if request is not None:
            epoch = request.epoch
        elif spoken is not None:
            epoch = spoken
        if self.active is not None and self.active.started:
            self.model.report_response_done(self.active.id)  # It makes one at a time: that one is over.
        self.active = Response(event["response"]["id"], epoch, request, spoken)
        if epoch < self.model.epoch:
            self._cancel(self.active)

    def _on_audio(self, event: Event) -> None:
        response = self._running(event)
        if response is not None:
            data = base64.b64decode(event["delta"], validate=True)
            self._begin(response)
            response.audible = True
            self.model.report_audio(response.id, PcmData.from_bytes(data, OUTPUT_SAMPLE_RATE))

    def _on_text(self, event: Event) -> None:
        response = self._running(event)
        if response is not None:
            self._begin(response)
            self.model.report_response_text(response.id, str(event["delta"]))

    def _on_unspoken_text(self, _: Event) -> None:
        self.model.report_mute(QwenError(ANSWERS_IN_TEXT))

    def _on_call(self, event: Event) -> None:
        response = self._running(event)
        if response is None:
            return
        call = ToolCall.from_json(event["call_id"], event["name"], event.get("arguments") or "")
        response.called = True
        response.pending += 1
        self.wire.call(call, response)

    def _on_done(self, event: Event) -> None:
        response, body = self.active, event["response"]
        if response is None or response.id != body["id"]:
            return
        self.active = None
        response.done = True
        if body.get("usage"):
            self.model.report_usage(token_usage(body["usage"], self.name), response.epoch)
        wanted, status = self._wanted(response), body.get("status")
        details = body.get("status_details") or {}
        error = details.get("error") or {}
        if status in ("failed", "incomplete"):
            self.wire.failed(refused(error or {"code": details.get("reason")}, f"{SERVICE_NAME}, in an answer"))
        filtered = error.get("code") in _FILTERED or details.get("reason") in _FILTERED
        if wanted and status in ("failed", "incomplete", "cancelled") and not (response.called or filtered):
            # Cancelled by the service: for a noise, or for somebody who may not interrupt.
            self._report_lost(response)
        elif wanted and not response.called:
            if not response.audible and any(item.get("type") == "message" for item in body.get("output") or ()):
                self.model.report_mute(QwenError(NOT_UNDERSTOOD))
            noise = response.request is None and not self._understood
            self._unsaid = response.epoch if noise and not response.started and self.model.owes_words else None
            if response.started or noise or filtered or not self.model.owes_words:
                self._begin(response)  # An answer of which nothing came is over all the same, for who asked.
            else:
                self._report_lost(response)  # Nothing came of it.
        if response.started:
            self.model.report_response_done(response.id, more=wanted and response.called)
        self.calling = response if wanted and response.pending else self.calling
        self._answer_results(response)
        self.go_on()

    def _wanted(self, response: Response) -> bool:
        return response.epoch == self.model.epoch and response.cancelled_at is None

    def _report_lost(self, response: Response) -> None:
        self.model.report_answer_lost(response.id if response.started else None, request=response.key)

    def _report_unanswered(self, request: ResponseRequest) -> None:
        if request.epoch == self.model.epoch:
            self.model.report_answer_lost(request=request.key)

    def _answer_results(self, response: Response) -> None:
        if response.called and response.done and not response.pending and response.epoch == self.model.epoch:
            response.called, self.calling = False, None
            self.ask(ResponseRequest(response.epoch, key=response.key))

    def _running(self, event: Event) -> Response | None:
        """The response that the event is about, None if nobody wants it any more."""
        response = self.active
        if response is None or response.id != event["response_id"] or response.cancelled_at is not None:
            return None
        return response

    def _begin(self, response: Response) -> None:
        if not response.started:
            response.started = True
            self.model.report_response_started(response.id, response.epoch, response.key)

    def _cancel(self, response: Response) -> None:
        if response.cancelled_at is None:
            response.cancelled_at = self.now()
            self.wire.cancel(response)

    # Users.

    def _on_speech_started(self, event: Event) -> None:
        if event["item_id"] in self._turns:
            return  # The service may say it more than once.
        who = self.model.microphones.loudest
        if who is None:
            self.model.report_interrupted()
            return
        self._turns[event["item_id"]] = UserTurn(who, self.model.conversation.place(), float(event["audio_start_ms"]))
        while len(self._turns) > TURNS_REMEMBERED:
            self._turns.popitem(last=False)
        if self.interrupts:
            self.model.report_turn_started(who)
        else:
            self.model.report_speech_started(who, 1.0)

    def _on_speech_stopped(self, event: Event) -> None:
        turn = self._turns.get(event["item_id"])
        if turn is not None and turn.ended:
            return
        self._spoken, self._understood, self._last_turn, self._unsaid = self.model.epoch, False, turn, None
        if turn is None:
            return
        turn.ended, self._quiet_since = True, self.now()
        self.wire.expect_response()
        turn.seconds = max(0.0, float(event["audio_end_ms"]) - turn.started_ms) / 1000.0
        self.model.report_turn_ended(turn.participant, 1.0, turn.seconds, self.silence)

    # The session.

    def _on_updated(self, event: Event) -> None:
        detection = (event.get("session") or {}).get("turn_detection") or {}
        silence_ms = detection.get("silence_duration_ms")
        if isinstance(silence_ms, int | float):
            self.silence = silence_ms / 1000.0

    def _on_words(self, event: Event) -> None:
        turn = self._turns.get(event["item_id"])
        if turn is not None:
            turn.words += event.get("delta") or ""
            guess = turn.words + str(event.get("stash") or "")
            self.model.report_words(turn.participant, guess.strip(), False)

    def _on_transcript(self, event: Event) -> None:
        turn = self._turns.pop(event["item_id"], None)
        words = str(event["transcript"]).strip()
        if turn is not None and words:
            self._understood = True
            self.model.report_words(turn.participant, words, True, place=turn.place)
            if turn is self._last_turn and self._unsaid == self.model.epoch:
                self._unsaid = None
                self.model.report_answer_lost()  # It was no noise.

    def _on_words_failed(self, event: Event) -> None:
        turn = self._turns.pop(event["item_id"], None)
        if turn is not None:
            self.model.report_unread_words(turn.place, turn.seconds)
        self.wire.failed(refused(event.get("error") or {}, f"{SERVICE_NAME}: the user's words cannot be written down"))


_HANDLERS: dict[str, Callable[[Dialogue, Event], None]] = {
    "error": Dialogue._on_error,
    "session.updated": Dialogue._on_updated,
    "response.created": Dialogue._on_created,
    "response.audio.delta": Dialogue._on_audio,
    "response.audio_transcript.delta": Dialogue._on_text,
    # The names that OpenAI has for them by now, which may come here too.
    "response.output_audio.delta": Dialogue._on_audio,
    "response.output_audio_transcript.delta": Dialogue._on_text,
    "response.text.delta": Dialogue._on_unspoken_text,
    "response.output_text.delta": Dialogue._on_unspoken_text,
    "response.function_call_arguments.done": Dialogue._on_call,
    "response.done": Dialogue._on_done,
    "input_audio_buffer.speech_started": Dialogue._on_speech_started,
    "input_audio_buffer.speech_stopped": Dialogue._on_speech_stopped,
    "conversation.item.input_audio_transcription.delta": Dialogue._on_words,
    "conversation.item.input_audio_transcription.completed": Dialogue._on_transcript,
    "conversation.item.input_audio_transcription.failed": Dialogue._on_words_failed,
}
