"""Translates a session's events into reports to the agent, and asks for the next response when that is allowed.

The service makes one response at a time and refuses to begin another one before `response.done`, so requests wait for
that. A response that was cancelled has to end in time, or the session is renewed. Everything names the response that it
is about, and a response asked for by us carries the number of its request: so one that begins after the interruption
that it came too late for is known, and cancelled by its id.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from vision_agents.core import llm
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall
from vision_agents.core.llm import PlayedResponse

from .client import OpenAIError, refused
from .link import SERVICE, Event
from .response_queue import ResponseQueue, ResponseRequest
from .responses import FILTERED, INCOMPLETE, Response, Responses
from .usage import ModelNames, of_realtime, of_transcription
from .user_turns import UserTurns
from .wire import SAMPLE_RATE, ClientEvent

logger = logging.getLogger(__name__)

# How the ids of our cancellations begin: errors about these are no news.
CANCEL = "cancel_"

ANSWERS_IN_TEXT = (
    f"{SERVICE.name}: the model answers in text, which nobody hears. Use a model that speaks, or "
    "openai.ChatCompletionsLLM with an STT and a TTS."
)
NOT_UNDERSTOOD = (
    f"{SERVICE.name}: a response is complete, and no audio of it came that is understood here, so nobody hears it. Is "
    "the server at base_url one that speaks, by the events of OpenAI's Realtime API (response.output_audio.delta)?"
)


class Wire(Protocol):
    """Carries out what the dialogue wants. Every method returns at once."""

    @property
    def up(self) -> bool:
        """Return whether there is a session to send to."""

    def send(self, message: ClientEvent) -> None:
        """Send a message of this session."""

    def cancel(self, response: Response) -> None:
        """Cancel a response that is being made."""

    def call(self, call: ToolCall, response: Response) -> None:
        """Call a function, and report its result by `result_sent`."""

    def expect_response(self) -> None:
        """See that the response which was asked for begins in time."""

    def failed(self, error: OpenAIError) -> None:
        """Report what the service says that is wrong."""


class Dialogue:
    """Takes the events of one session after another.

    `service_decides`: the service takes the user's speech for an interruption by itself. `now`: a clock, in seconds.
    """

    def __init__(
        self, model: llm.Realtime, wire: Wire, now: Callable[[], float], turns: UserTurns, service_decides: bool
    ) -> None:
        self._model = model
        self._wire = wire
        self._now = now
        self._turns = turns
        self._service_decides = service_decides
        self._names = ModelNames()
        self._responses = Responses()
        self._queue = ResponseQueue()
        # The epoch in which the user's last turn ended, until its response begins.
        self._turn_epoch: int | None = None
        # When the user's last turn ended.
        self._quiet_since = 0.0

    # What we do.

    def ask(self, epoch: int, text: str | None = None, key: int | None = None) -> None:
        """Have a response made, as soon as that is possible, for something of `epoch`."""
        self._report_unanswered(self._queue.add(epoch, text, key, self._now()))
        self.go_on()
        self._wire.expect_response()

    @property
    def unanswered(self) -> list[str]:
        """The texts that wait for a session in which they are answered."""
        return self._queue.texts(self._model.epoch)

    def go_on(self) -> None:
        """Ask for the next response, if there is a session and none is running in it that was not cancelled."""
        busy = any(response.cancelled_at is None for response in self._responses.running)
        request = None if busy or not self._wire.up else self._queue.next(self._model.epoch, self._now())
        if request is not None:
            for message in request.messages():
                self._wire.send(message)
            self._wire.expect_response()

    @property
    def due_since(self) -> float | None:
        """The time since which a response is due that is wanted still; None while somebody speaks."""
        due = self._queue.due_since(self._model.epoch)
        return None if due is None or self._turns.speaking else max(due, self._quiet_since)

    def give_up_response(self) -> None:
        """Wait no more for the response that was asked for, and report that it is lost."""
        self._report_unanswered(self._queue.give_up())

    def stop(self, heard: Iterable[PlayedResponse]) -> None:
        """Cancel what is stale or was heard in part, and cut the service's record of the latter to what was heard."""
        cut = {one.response: one.seconds for one in heard}
        for response in self._responses.running:
            if response.epoch < self._model.epoch or response.id in cut:
                self._cancel(response)
        for name, seconds in cut.items():
            known = self._responses.get(name)
            for message in known.cut_after(seconds) if known else ():
                self._wire.send(message)

    def result_sent(self, response: Response) -> None:
        """Note that the result of one of the response's functions was sent."""
        response.pending -= 1
        self._answer_results(response)

    def knows(self, response: Response) -> bool:
        """Returns whether the response was made in the session that is open now."""
        return self._responses.get(response.id) is response

    def end(self) -> bool:
        """Forget the session, which is gone; returns whether something was lost with it that is still wanted.

        What was asked for is asked for again in the next one. So is the answer to a spoken turn, if its words are
        known: a new session is told what was said so far, and they stand at the end of that.
        """
        epoch = self._model.epoch
        running = self._responses.running
        spoken, self._turn_epoch = self._turn_epoch, None
        wanted = any(response.epoch == epoch and response.cancelled_at is None for response in running)
        wanted = wanted or spoken == epoch or self._queue.sent(epoch)
        for response in running:
            self._model.report_response_done(response.id)
            if response.epoch != epoch or response.cancelled_at is not None:
                continue
            if response.request is not None and response.request.text is not None and not response.started:
                self._queue.retry(response.request)
            else:
                self._report_lost(response)
        understood = self._turns.asking is not None and self._turns.asking.understood
        self._responses.clear()
        self._turns.clear()
        self._queue.renew()
        if spoken == epoch and understood:
            self._report_unanswered(self._queue.add(epoch))
        return wanted

    def forget_texts(self) -> None:
        """Drop those that wait for a session, and report that they are not answered."""
        for request in self._queue.take_texts():
            self._report_unanswered(request)

    @property
    def idle(self) -> bool:
        """Return whether nobody speaks, and nothing is being made, asked for or awaited."""
        awaited = self._turn_epoch is not None or self._queue
        return not (self._responses.running or awaited or self._turns.speaking)

    @property
    def unconfirmed_since(self) -> float | None:
        """The time of the oldest cancellation that the service has not confirmed."""
        times = (response.cancelled_at for response in self._responses.running)
        return min((time for time in times if time is not None), default=None)

    def take(self, event: Event) -> None:
        """Handle an event; what has no handler says nothing that is needed here."""
        handler = _HANDLERS.get(event.type)
        if handler is not None:
            handler(self, event)

    # Responses.

    def _on_created(self, event: Event) -> None:
        number = (event.response.metadata or {}).get("ask")
        request = self._queue.began(number, spoken=self._turn_epoch is not None)
        epoch = request.epoch if request is not None else None
        if request is None and number is None:
            # The service answers the user's turn by itself.
            epoch, self._turn_epoch = self._turn_epoch, None
        epoch = self._model.epoch if epoch is None else epoch
        response = self._responses.begin(event.response.id, epoch, request)
        if epoch < self._model.epoch:
            # It was on its way when the user interrupted.
            self._cancel(response)
            self.go_on()

    def _on_item_added(self, event: Event) -> None:
        # Not before: a response of function calls alone is no reply.
        response = self._responses.get(event.response_id)
        if response is not None and event.item.type == "message":
            self._begin(response)

    def _on_audio(self, event: Event) -> None:
        response = self._responses.get(event.response_id)
        if response is None:
            return
        self._begin(response)
        audio = PcmData.from_bytes(base64.b64decode(event.delta, validate=True), SAMPLE_RATE)
        response.audio(event.item_id, event.content_index, audio.duration)
        self._model.report_audio(response.id, audio)

    def _on_text(self, event: Event) -> None:
        response = self._responses.get(event.response_id)
        if response is not None:
            self._begin(response)
            self._model.report_response_text(response.id, event.delta)

    def _on_unspoken_text(self, _: Event) -> None:
        self._model.report_mute(OpenAIError(ANSWERS_IN_TEXT))

    def _on_done(self, event: Event) -> None:
        response = self._responses.get(event.response.id)
        if response is None or not response.running:
            return  # Told twice, its functions would be called twice.
        response.running = False
        if event.response.usage is not None:
            self._model.report_usage(of_realtime(event.response.usage, self._names.model), response.epoch)
        output = [item for item in event.response.output or () if item.id]
        calls: list[Any] = []
        wanted = response.epoch == self._model.epoch and response.cancelled_at is None
        if not wanted:
            for message in response.delete_silent([item.id for item in output]):
                self._wire.send(message)
        elif event.response.status == "completed":
            calls = [item for item in output if item.type == "function_call"]
            self._call(calls, response)
            if not response.items and any(item.type == "message" for item in output):
                self._model.report_mute(OpenAIError(NOT_UNDERSTOOD))
        filtered = self._shortfall(event.response) == FILTERED
        if wanted and event.response.status in ("failed", "incomplete", "cancelled") and not filtered:
            # Cancelled by the service: for a noise, or for somebody who may not interrupt.
            self._report_lost(response)
        elif wanted and self._model.owes_words and not (response.started or filtered or calls):
            # A noise wants nothing said, and the words of a turn may still come.
            if response.asked or self._turns.unsaid(response.epoch):
                self._report_lost(response)
        elif wanted and (response.asked or filtered) and not calls:
            self._begin(response)  # An answer of which nothing came is over all the same, for who asked.
        self._model.report_response_done(response.id, more=bool(calls))
        self.go_on()

    def _shortfall(self, body: Any) -> str | None:
        """Report why a response that is done has failed, or is incomplete; returns the service's word for it."""
        details = body.status_details
        error = details and details.error
        reason: str | None = details and details.reason
        if body.status == "failed":
            self._wire.failed(refused(error, f"{SERVICE.name}: a response failed"))
            reason = error and error.code
        if body.status == "incomplete":
            self._wire.failed(OpenAIError(INCOMPLETE.get(reason or "", f"{SERVICE.name}: an answer is incomplete.")))
        return reason

    def _report_lost(self, response: Response) -> None:
        self._model.report_answer_lost(response.id if response.started else None, request=response.key)

    def _report_unanswered(self, request: ResponseRequest | None) -> None:
        if request is not None and request.epoch == self._model.epoch:
            self._model.report_answer_lost(request=request.key)

    def _call(self, calls: list[Any], response: Response) -> None:
        response.pending += len(calls)
        for call in calls:
            self._wire.call(ToolCall.from_json(call.call_id, call.name, call.arguments), response)

    def _answer_results(self, response: Response) -> None:
        if not response.pending and response.epoch == self._model.epoch:
            self.ask(response.epoch, key=response.key)

    def _begin(self, response: Response) -> None:
        if not response.started:
            response.started = True
            self._model.report_response_started(response.id, response.epoch, response.key)

    def _cancel(self, response: Response) -> None:
        if response.cancelled_at is None:
            response.cancelled_at = self._now()
            self._wire.cancel(response)

    # The user.

    def _on_speech_started(self, event: Event) -> None:
        participant = self._model.microphones.loudest
        if participant is None or self._turns.get(event.item_id) is not None:
            return  # Nobody is there, or the service says it more than once.
        self._turns.begin(event.item_id, participant, event.audio_start_ms, self._model.conversation.place())
        if self._service_decides:
            self._model.report_turn_started(participant)
        else:
            self._model.report_speech_started(participant, 1.0)

    def _on_speech_stopped(self, event: Event) -> None:
        turn = self._turns.get(event.item_id)
        if turn is not None and not turn.ended:
            turn.ended, self._quiet_since = True, self._now()
            self._wire.expect_response()
            turn.seconds = self._turns.duration(turn, event.audio_end_ms)
            self._model.report_turn_ended(turn.participant, 1.0, turn.seconds, self._turns.trailing_silence)

    def _on_committed(self, event: Event) -> None:
        if self._turns.commit(event.item_id):
            self._turn_epoch = self._model.epoch

    def _on_partial_words(self, event: Event) -> None:
        turn = self._turns.get(event.item_id)
        if turn is not None and event.delta:
            turn.partial += event.delta
            self._model.report_words(turn.participant, turn.partial, final=False)

    def _on_words(self, event: Event) -> None:
        turn = self._turns.get(event.item_id)
        text = event.transcript.strip()
        # Some servers send a transcript again and again: it is one turn, and said once.
        if turn is not None and text != turn.final:
            turn.final = text
            used = of_transcription(event.usage, self._names.transcription)
            if used is not None:
                self._model.report_usage(used)
            self._model.report_words(turn.participant, text, final=True, place=turn.place)
            if turn is self._turns.asking and turn.understood and turn.unsaid == self._model.epoch:
                self._model.report_answer_lost()

    def _on_words_failed(self, event: Event) -> None:
        turn = self._turns.get(event.item_id)
        if turn is not None:
            self._model.report_unread_words(turn.place, turn.seconds)
        self._wire.failed(refused(event.error, f"{SERVICE.name}: the user's words cannot be written down"))

    # The session.

    def _on_updated(self, event: Event) -> None:
        heard = event.session.audio.input if event.session.audio else None
        detection = heard.turn_detection if heard else None
        if detection is not None:
            self._turns.configure(detection.model_dump())
        transcription = heard.transcription if heard else None
        self._names = ModelNames(
            getattr(event.session, "model", None) or self._names.model,
            (transcription.model if transcription else None) or self._names.transcription,
        )

    def _on_error(self, event: Event) -> None:
        cause: str = event.error.event_id or ""
        if cause.startswith(CANCEL):
            # It was done already: the cancellation and the end met on the way.
            logger.debug("%s: %s", SERVICE.name, event.error.message)
            return
        request = self._queue.refused(cause)
        if request is not None and event.error.code == "conversation_already_has_active_response":
            # One that the service began by itself, or has not cancelled yet. When it is done: again.
            self._queue.retry(request)
            return
        self._wire.failed(refused(event.error, f"{SERVICE.name}: an error"))
        if request is not None:
            self._report_unanswered(request)
            self.go_on()


_HANDLERS: dict[str, Callable[[Dialogue, Event], None]] = {
    "session.updated": Dialogue._on_updated,
    "response.created": Dialogue._on_created,
    "response.output_item.added": Dialogue._on_item_added,
    "response.output_audio.delta": Dialogue._on_audio,
    "response.output_audio_transcript.delta": Dialogue._on_text,
    # The names of the protocol before its general availability, which other servers still use.
    "response.audio.delta": Dialogue._on_audio,
    "response.audio_transcript.delta": Dialogue._on_text,
    "response.output_text.delta": Dialogue._on_unspoken_text,
    "response.text.delta": Dialogue._on_unspoken_text,
    "response.done": Dialogue._on_done,
    "input_audio_buffer.speech_started": Dialogue._on_speech_started,
    "input_audio_buffer.speech_stopped": Dialogue._on_speech_stopped,
    "input_audio_buffer.committed": Dialogue._on_committed,
    "conversation.item.input_audio_transcription.delta": Dialogue._on_partial_words,
    "conversation.item.input_audio_transcription.completed": Dialogue._on_words,
    "conversation.item.input_audio_transcription.failed": Dialogue._on_words_failed,
    "error": Dialogue._on_error,
}
