"""One conversation: what is sent, what comes, and what becomes of it when a connection ends."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dashscope.audio.qwen_omni import AudioFormat, MultiModality

from vision_agents.core import llm
from vision_agents.core.conversation import Message, Role, ToolCall
from vision_agents.core.llm import PlayedResponse
from vision_agents.core.remote import RealtimeSession, RemoteError

from .client import QwenError
from .dialogue import Dialogue
from .link import Event, Link
from .messages import Messages
from .responses import Response, ResponseRequest

logger = logging.getLogger(__name__)

# Seconds within which the service must confirm a cancellation: as long as it does not, it makes no other response. Then
# the session is renewed.
CONFIRM_TIMEOUT = 2.0

# What a new session is told of those before it: the last messages, since they have to stand in its instructions.
HISTORY_LIMIT = 40

# Notes on calls that may wait for the next text; the oldest are forgotten.
CALL_NOTES = 16


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings of every session: the arguments of the SDK's `update_session`."""

    voice: str | None
    detection: str
    threshold: float
    silence_ms: int
    further: Mapping[str, Any]

    @property
    def interrupts(self) -> bool:
        """Return whether the service stops its response when somebody speaks."""
        return bool((self.further.get("turn_detection_param") or {}).get("interrupt_response", True))


class Session(RealtimeSession):
    """Implements `EventListener` and `Wire` for `model`. `setup` and `instructions` hold for all of its connections."""

    _link: Link

    def __init__(
        self, model: llm.Realtime, messages: Messages, setup: Setup, instructions: str, response_timeout: float
    ) -> None:
        super().__init__(model, response_timeout)
        self._setup = setup
        self._instructions = instructions
        self._dialogue = Dialogue(
            model, self, self._loop.time, setup.silence_ms / 1000.0, setup.interrupts, messages.model
        )
        self._link = Link(messages, self)
        # What was heard of answers that were cut off, and that the model was not told yet.
        self._untold: list[PlayedResponse] = []
        # What became of calls after the service was told their output, or did not wait any more; not told yet.
        self._call_notes: deque[str] = deque(maxlen=CALL_NOTES)
        self._reported: RemoteError | None = None

    # What we send.

    def _ask(self, text: str, request: int | None) -> None:
        untold, self._untold = self._untold, []
        calls = "\n".join(self._call_notes)
        self._call_notes.clear()
        parts = (self._instructions, _note(untold), calls, text)
        self._dialogue.ask(ResponseRequest(self._model.epoch, "\n\n".join(part for part in parts if part), request))

    def reconfigure(self, instructions: str | None = None) -> None:
        self._instructions = self._instructions if instructions is None else instructions
        self._link.send(self.configure)

    def stop(self, heard: tuple[PlayedResponse, ...]) -> None:
        """Cancel what is stale or was heard in part, and remember to tell the model how much was."""
        self._untold.extend(heard)
        self._dialogue.stop({one.response for one in heard})

    def note(self, call: ToolCall, output: str) -> None:
        """Remember to tell the model what became of a call."""
        self._call_notes.append(llm.call_note(call, output))

    @property
    def _unconfirmed_since(self) -> float | None:
        return self._dialogue.unconfirmed_since

    @property
    def _due_since(self) -> float | None:
        return self._dialogue.due_since

    def _give_up_response(self, error: RemoteError) -> None:
        self._report(error)
        self._dialogue.give_up_response()

    # Wire: what the dialogue wants.

    def create(self, request: ResponseRequest) -> None:
        modalities = [MultiModality.AUDIO, MultiModality.TEXT]
        self._link.send(
            lambda conversation: conversation.create_response(
                instructions=request.instructions, output_modalities=modalities
            )
        )

    def cancel(self, response: Response) -> None:
        def write(conversation: Any) -> None:
            # The message names no response: once this one is over it would hit the next.
            if self._dialogue.active is response:
                conversation.cancel_response()

        self._link.send(write)
        self._watch(CONFIRM_TIMEOUT)

    def call(self, call: ToolCall, response: Response) -> None:
        self._run(call, self._answer(call, response))

    def failed(self, error: QwenError) -> None:
        self._report(error)
        self._link.warned(error)

    async def _answer(self, call: ToolCall, response: Response) -> None:
        result = await self._model.call_function(call, response.epoch)
        # Also if nobody wants it any more: the model has to know that its call is over.
        item = {"type": "function_call_output", "call_id": call.id, "output": result}
        self._link.send(lambda conversation: conversation.create_item(item))
        self._dialogue.result_sent(response)

    # EventListener.

    def configure(self, conversation: Any) -> None:
        setup = self._setup
        tools = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.parameters),
                },
            }
            for tool in self._model.tools
        ]
        arguments: dict[str, Any] = {
            "output_modalities": [MultiModality.AUDIO, MultiModality.TEXT],
            "voice": setup.voice,
            "input_audio_format": AudioFormat.PCM_16000HZ_MONO_16BIT,
            "output_audio_format": AudioFormat.PCM_24000HZ_MONO_16BIT,
            "enable_input_audio_transcription": True,
            "enable_turn_detection": True,
            "turn_detection_type": setup.detection,
            "turn_detection_threshold": setup.threshold,
            "turn_detection_silence_duration_ms": setup.silence_ms,
            "instructions": _with_history(self._instructions, self._model.history),
        }
        if tools:
            arguments["tools"] = tools
        conversation.update_session(**{**arguments, **setup.further})

    def opened(self) -> None:
        super().opened()
        self._dialogue.go_on()

    def event(self, event: Event) -> None:
        self._dialogue.take(event)

    def lost(self, error: RemoteError | None, again: bool) -> None:
        super().lost(error, again)
        wanted = self._dialogue.end()
        self._cancel_calls()
        # What waits and is still wanted is asked for in the next session; if the last one failed, not what it had seen.
        self._dialogue.stop(set())
        if not self._asks_again(error, again):
            self._dialogue.forget_texts()
        if error is None:
            return
        if wanted or not again:
            self._report(error)
        else:
            logger.warning("%s It is opened again.", error)

    def _report(self, error: RemoteError) -> None:
        """Once: the service says an error, and then ends the session for it."""
        if error is not self._reported:
            self._reported = error
            self._model.report_failure(error)


def _note(heard: Iterable[PlayedResponse]) -> str:
    """A text on how much of the last answers reached the user: there is no other way to tell the model."""
    texts = [one.text.strip() for one in heard]
    if not texts:
        return ""
    said = " ".join(text for text in texts if text)
    if not said:
        return "You were interrupted before. The user has heard nothing of that answer."
    return f"You were interrupted before. Of that answer the user has heard only this: “{said}”"


def _with_history(instructions: str, messages: tuple[Message, ...]) -> str:
    """The service takes no messages of an earlier conversation, so the instructions tell of it."""
    if not messages:
        return instructions
    names = {Role.USER: "User", Role.ASSISTANT: "You"}
    lines = [f"{names[message.role]}: {message.text}" for message in messages[-HISTORY_LIMIT:]]
    return "\n\n".join(part for part in (instructions, "The conversation so far:", "\n".join(lines)) if part)
