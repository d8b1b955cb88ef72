"""A conversation: what is sent, what comes, and what becomes of it when a connection ends."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from itertools import count
from typing import Any

import openai

from vision_agents.core import llm
from vision_agents.core.conversation import ToolCall, without_asked
from vision_agents.core.llm import PlayedResponse
from vision_agents.core.remote import RealtimeSession, RemoteError

from . import wire
from .client import OpenAIError
from .dialogue import CANCEL, Dialogue
from .link import Event, Link
from .responses import Response
from .user_turns import UserTurns
from .wire import ClientEvent

logger = logging.getLogger(__name__)

# Seconds within which the service must confirm a cancellation: as long as it does not, it makes no other response. Then
# the session is renewed.
CONFIRM_TIMEOUT = 3.0

# A session of so many seconds is renewed at the next pause of the conversation, and at the latest after so many: the
# service ends it after an hour.
RENEW_AFTER = 3300.0
RENEW_AT_LAST = 3570.0

# Notes on calls that may wait for a session; the oldest are forgotten.
CALL_NOTES = 16


class Session(RealtimeSession):
    """Implements `EventListener` and `Wire` for `model`. `setup` and `instructions` hold for all of its connections."""

    _link: Link

    def __init__(
        self,
        model: llm.Realtime,
        client: openai.AsyncOpenAI,
        name: str,
        setup: Mapping[str, Any],
        instructions: str,
        response_timeout: float,
    ) -> None:
        super().__init__(model, response_timeout)
        self._setup = {**setup, "instructions": instructions}
        detection = (setup["audio"].get("input") or {}).get("turn_detection") or {}
        service_decides = bool(detection.get("interrupt_response", True))
        self._dialogue = Dialogue(model, self, self._loop.time, UserTurns(detection), service_decides)
        self._link = Link(client, name, self)
        self._numbers = count(1)
        # What became of calls whose output the service does not wait for, and that it was not told yet.
        self._call_notes: deque[str] = deque(maxlen=CALL_NOTES)

    # What we send.

    def _ask(self, text: str, request: int | None) -> None:
        self._dialogue.ask(self._model.epoch, text, request)

    def reconfigure(self, instructions: str | None = None) -> None:
        if instructions is not None:
            self._setup["instructions"] = instructions
        # Nothing else of it: a voice that has spoken may not be set again, not even to what it is.
        given = self.configuration()["session"]
        fields = {name: given[name] for name in ("type", "instructions", "tools") if name in given}
        self.send({"type": "session.update", "session": fields})

    def stop(self, heard: tuple[PlayedResponse, ...]) -> None:
        """Cancel what is stale or was heard in part, and tell the service how much was."""
        self._dialogue.stop(heard)

    def note(self, call: ToolCall, output: str) -> None:
        """Tell the model what became of a call that the service does not wait for."""
        self._call_notes.append(llm.call_note(call, output))
        if self.up:
            self._send_notes()

    def _send_notes(self) -> None:
        for text in self._call_notes:
            self.send(wire.note(text))
        self._call_notes.clear()

    @property
    def _unconfirmed_since(self) -> float | None:
        return self._dialogue.unconfirmed_since

    @property
    def _due_since(self) -> float | None:
        return self._dialogue.due_since

    def _give_up_response(self, error: RemoteError) -> None:
        self._model.report_failure(error)
        self._dialogue.give_up_response()

    # Wire: what the dialogue wants.

    @property
    def up(self) -> bool:
        return self._link.up

    def send(self, message: ClientEvent) -> None:
        self._link.send({"event_id": f"event_{next(self._numbers)}", **message})

    def cancel(self, response: Response) -> None:
        # By its id: another one may have begun by the time this arrives.
        event_id = f"{CANCEL}{next(self._numbers)}"
        self.send({"event_id": event_id, "type": "response.cancel", "response_id": response.id})
        self._watch(CONFIRM_TIMEOUT)

    def call(self, call: ToolCall, response: Response) -> None:
        self._run(call, self._answer(call, response))

    def failed(self, error: OpenAIError) -> None:
        self._model.report_failure(error)

    async def _answer(self, call: ToolCall, response: Response) -> None:
        result = await self._model.call_function(call, response.epoch)
        # Also if nobody wants it any more: the model has to know that its call is over.
        if self._dialogue.knows(response):
            self.send(wire.function_result(call.id, result))
        else:
            self.note(call, result)  # A new session does not know the call.
        self._dialogue.result_sent(response)

    # EventListener.

    def configuration(self) -> ClientEvent:
        tools = [wire.tool(function) for function in self._model.tools]
        return {"type": "session.update", "session": {**self._setup, **({"tools": tools} if tools else {})}}

    def opened(self) -> None:
        super().opened()
        self._link.renew_in_a_pause(RENEW_AFTER, RENEW_AT_LAST, lambda: self._dialogue.idle and not self._calls)
        for message in without_asked(self._model.history, self._dialogue.unanswered):
            self.send(wire.past(message))
        self._send_notes()
        self._dialogue.go_on()

    def event(self, event: Event) -> None:
        self._dialogue.take(event)

    def lost(self, error: RemoteError | None, again: bool) -> None:
        super().lost(error, again)
        wanted = self._dialogue.end()
        if not self._asks_again(error, again):
            self._dialogue.forget_texts()
        if error is None:
            return
        if wanted or not again:
            self._model.report_failure(error)
        else:
            logger.warning("%s It is opened again.", error)
