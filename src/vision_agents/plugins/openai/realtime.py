"""Realtime speech models of OpenAI."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

import openai
from openai.resources.realtime.realtime import AsyncRealtimeConnectionManager

from vision_agents.core import llm as base
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Message, ToolCall
from vision_agents.core.participants import Participant

from . import wire
from .asks import Asks
from .client import TIMEOUT, OpenAIError, decoded_arguments, failure, make_client
from .link import WHERE, Event, Link
from .responses import Response, Responses
from .turns import Turns
from .wire import SAMPLE_RATE, ClientEvent

logger = logging.getLogger(__name__)

# How the ids of our cancellations begin: errors about these are no news.
CANCEL = "cancel_"


class Realtime(base.Realtime):
    """A model that hears and speaks, at 24 kHz. Turns are detected by the service.

    When the service hears the user begin to speak, the agent is silent at once; the response is cancelled and the
    service's record of it is cut at the millisecond up to which it was played. A connection that breaks is opened again
    and told the conversation so far.

    Args:
        model: its name, such as "gpt-realtime-2.1".
        voice: "marin", "cedar", "alloy", …
        turn_detection: how the service tells turns, as in its session: `{"type": "server_vad", "threshold": 0.5}` or
            `{"type": "semantic_vad", "eagerness": "auto"}`. With `"interrupt_response": False` the agent itself decides
            whether speech is an interruption; give it a `vad` for that.
        transcription_model: what writes down the user's words; None for none.
        speed: of the speech, 0.25 to 1.5.
        noise_reduction: "near_field" for headsets, "far_field" for rooms, None for none.
        session: further fields of the service's session, such as `{"max_output_tokens": 500}`.
        api_key, base_url, organization, project: by default from OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_ORG_ID and
            OPENAI_PROJECT_ID.
        client: a client of the SDK to use instead; it is not closed.

    Functions are to be registered before the agent joins a call.

    Raises:
        ValueError: there is no key.
    """

    input_sample_rate = SAMPLE_RATE

    def __init__(
        self,
        model: str = "gpt-realtime-2.1",
        *,
        voice: str = "marin",
        turn_detection: Mapping[str, Any] | None = None,
        transcription_model: str | None = "gpt-4o-mini-transcribe",
        speed: float | None = None,
        noise_reduction: str | None = None,
        session: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        client: openai.AsyncOpenAI | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self._own_client = client is None
        self._client = client or make_client(api_key, base_url, organization, project, TIMEOUT, 0)
        detection = dict(turn_detection or {"type": "server_vad"})
        self._service_decides = bool(detection.get("interrupt_response", True))
        self._session = wire.configuration(voice, detection, transcription_model, speed, noise_reduction, session)
        self._link = Link(self._connect, self)
        self._numbers = count(1)
        self._responses = Responses()
        self._asks = Asks()
        self._turns = Turns(detection)
        # The epoch in which the user's last turn ended, until its response begins.
        self._turn_epoch: int | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def connect(self, instructions: str, history: tuple[Message, ...]) -> None:
        """Open the session. Raises OpenAIError."""
        self.record.begin(history)
        self._session["instructions"] = instructions
        await self._link.start()

    async def send_audio(self, audio: PcmData, participant: Participant) -> None:
        """Send a piece of audio at 24 kHz; never waits. Without a connection it waits, in bounds, for the next one."""
        mixed = self.microphones.mix(audio, participant)
        if mixed is not None:
            self._link.send_audio(mixed)

    async def send_text(self, text: str) -> None:
        """Have a text answered. Raises OpenAIError if there is no connection, and will be none soon."""
        epoch = self.epoch
        await self._link.ready()
        if epoch < self.epoch:
            return
        self.record.user_said(text)
        self._send(wire.user_text(text))
        self._ask(epoch)

    async def stop_response(self, heard: tuple[base.Heard, ...]) -> None:
        cut = {one.response for one in heard}
        for response in self._responses.running:
            if response.epoch < self.epoch or response.id in cut:
                self._cancel(response)
        for one in heard:
            known = self._responses.get(one.response)
            for message in known.cut_after(one.seconds) if known else ():
                self._send(message)

    def function_ended_late(self, call: ToolCall, output: str) -> None:
        self._send(wire.note(base.call_note(call, output)))

    async def close(self) -> None:
        """End the session. Harmless twice."""
        for task in self._calls:
            task.cancel()
        if self._calls:
            await asyncio.wait(self._calls, timeout=self.cancel_timeout)
        await self._link.close()
        if self._own_client:
            await self._client.close()

    # LinkListener.

    def opening(self) -> Iterator[ClientEvent]:
        """The session's configuration, and the conversation so far."""
        tools = [wire.tool(function) for function in self.tools]
        yield {"type": "session.update", "session": self._session | ({"tools": tools} if tools else {})}
        yield from map(wire.past, self.record.messages)

    def event(self, event: Event) -> None:
        """Handle an event; what has no handler says nothing that is needed here."""
        handler = _HANDLERS.get(event.type)
        if handler is not None:
            handler(self, event)

    def lost(self, error: OpenAIError, again: bool) -> None:
        """The session is gone; what was still asked for is asked again in the next one."""
        for response in self._responses.running:
            self.report_response_done(response.id)
        self._responses.clear()
        self._asks.again()
        self._turns.clear()
        self._turn_epoch = None
        if again:
            logger.warning("%s The session is opened again.", error)
        self.report_failure(error)

    def unreadable(self, error: OpenAIError) -> None:
        """A message made no sense."""
        self.report_failure(error)

    # Sending.

    def _connect(self) -> AsyncRealtimeConnectionManager:
        # Two seconds for the other end to say goodbye: nobody waits for a service that hangs.
        options: Any = {"close_timeout": 2.0}
        return self._client.realtime.connect(model=self.model, websocket_connection_options=options)

    def _send(self, message: ClientEvent) -> None:
        self._link.send({"event_id": f"event_{next(self._numbers)}", **message})

    def _cancel(self, response: Response) -> None:
        if response.running and not response.cancelled:
            response.cancelled = True
            # By its id: another one may have begun by the time this arrives.
            event_id = f"{CANCEL}{next(self._numbers)}"
            self._send({"event_id": event_id, "type": "response.cancel", "response_id": response.id})

    def _ask(self, epoch: int) -> None:
        self._asks.add(epoch)
        self._ask_next()

    def _ask_next(self) -> None:
        """Ask for a response, once there is a session and none is running in it that was not cancelled."""
        busy = any(not response.cancelled for response in self._responses.running)
        ask = None if busy or not self._link.open else self._asks.next(self.epoch, asyncio.get_running_loop().time())
        if ask is not None:
            self._send(ask.message)

    # Responses.

    def _on_created(self, event: Event) -> None:
        name = event.response.id
        number = (event.response.metadata or {}).get("ask")
        epoch = self._asks.began(number)
        if epoch is None and number is None:
            # The service answers the user's turn by itself.
            epoch, self._turn_epoch = self._turn_epoch, None
        epoch = self.epoch if epoch is None else epoch
        response = self._responses.begin(name, epoch)
        if epoch < self.epoch:
            # It was on its way when the user interrupted.
            self._cancel(response)
            self._ask_next()

    def _on_item_added(self, event: Event) -> None:
        response = self._responses.get(event.response_id)
        if response is not None and event.item.type == "message" and not response.started:
            # Only now: a response of function calls alone is no reply.
            response.started = True
            self.report_response_started(response.id, response.epoch)

    def _on_audio(self, event: Event) -> None:
        response = self._responses.get(event.response_id)
        if response is None or not response.started:
            return
        audio = PcmData.from_bytes(base64.b64decode(event.delta, validate=True), SAMPLE_RATE)
        response.audio(event.item_id, event.content_index, audio.duration)
        self.report_audio(response.id, audio)

    def _on_text(self, event: Event) -> None:
        response = self._responses.get(event.response_id)
        if response is not None and response.started:
            self.report_response_text(response.id, event.delta)

    def _on_done(self, event: Event) -> None:
        response = self._responses.get(event.response.id)
        if response is None:
            return
        response.running = False
        output = [item for item in event.response.output or () if item.id]
        calls = [item for item in output if item.type == "function_call"]
        if response.epoch < self.epoch or response.cancelled:
            for message in response.delete_silent([item.id for item in output]):
                self._send(message)
        elif calls and event.response.status == "completed":
            task = asyncio.create_task(self._call(calls, response), name="functions of openai realtime")
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
        if event.response.status == "failed":
            error = event.response.status_details and event.response.status_details.error
            self.report_failure(_failure(error, "a response failed"))
        self.report_response_done(response.id)
        self._ask_next()

    async def _call(self, calls: list[Any], response: Response) -> None:
        results = await asyncio.gather(*(self._result(call, response.epoch) for call in calls))
        if self._responses.get(response.id) is response:  # A new session would not know the call.
            # Also if nobody wants them any more: the model has to know that its calls are over.
            for call, result in zip(calls, results, strict=True):
                self._send(wire.function_result(call.call_id, result))
        if response.epoch == self.epoch:
            self._ask(response.epoch)

    async def _result(self, call: Any, epoch: int) -> str:
        try:
            arguments = decoded_arguments(call.name, call.arguments)
        except OpenAIError as error:
            return f"error: {error}"
        return await self.call_function(ToolCall(call.call_id, call.name, arguments), epoch)

    # The user.

    def _on_speech_started(self, event: Event) -> None:
        participant = self.microphones.loudest
        if participant is None:
            return
        self._turns.begin(event.item_id, participant, event.audio_start_ms)
        if self._service_decides:
            self.report_turn_started(participant)
        else:
            self.report_speech_started(participant, 1.0)

    def _on_speech_stopped(self, event: Event) -> None:
        turn = self._turns.get(event.item_id)
        if turn is not None:
            duration = self._turns.duration(turn, event.audio_end_ms)
            self.report_turn_ended(turn.participant, 1.0, duration, self._turns.trailing_silence)

    def _on_committed(self, event: Event) -> None:
        turn = self._turns.get(event.item_id)
        self._turn_epoch = self.epoch
        self.record.turn(event.item_id, turn.participant.id if turn else None)

    def _on_partial_words(self, event: Event) -> None:
        turn = self._turns.get(event.item_id)
        if turn is not None and event.delta:
            turn.partial += event.delta
            self.report_words(turn.participant, turn.partial, final=False)

    def _on_words(self, event: Event) -> None:
        turn = self._turns.get(event.item_id)
        if turn is not None:
            self.report_words(turn.participant, event.transcript.strip(), final=True, turn=event.item_id)

    def _on_words_failed(self, event: Event) -> None:
        self.report_failure(_failure(event.error, "the user's words cannot be written down"))

    # The session.

    def _on_updated(self, event: Event) -> None:
        self._ask_next()

    def _on_error(self, event: Event) -> None:
        cause: str = event.error.event_id or ""
        if cause.startswith(CANCEL):
            # It was done already: the cancellation and the end met on the way.
            logger.debug("%s: %s", WHERE, event.error.message)
            return
        ask = self._asks.refused(cause)
        if ask is not None and event.error.code == "conversation_already_has_active_response":
            # One that the service began by itself, or has not cancelled yet. When it is done: again.
            self._asks.again(ask)
            return
        self.report_failure(_failure(event.error, "an error"))


def _failure(error: Any, what: str) -> OpenAIError:
    if error is None:
        return OpenAIError(f"{WHERE}: {what}, and it does not say why.")
    code = error.code or error.type
    return failure(WHERE, f"{what}: {error.message or code}", code)


_HANDLERS: dict[str, Callable[[Realtime, Event], None]] = {
    "session.updated": Realtime._on_updated,
    "response.created": Realtime._on_created,
    "response.output_item.added": Realtime._on_item_added,
    "response.output_audio.delta": Realtime._on_audio,
    "response.output_audio_transcript.delta": Realtime._on_text,
    "response.done": Realtime._on_done,
    "input_audio_buffer.speech_started": Realtime._on_speech_started,
    "input_audio_buffer.speech_stopped": Realtime._on_speech_stopped,
    "input_audio_buffer.committed": Realtime._on_committed,
    "conversation.item.input_audio_transcription.delta": Realtime._on_partial_words,
    "conversation.item.input_audio_transcription.completed": Realtime._on_words,
    "conversation.item.input_audio_transcription.failed": Realtime._on_words_failed,
    "error": Realtime._on_error,
}
