"""One conversation: what is sent, what comes, and what becomes of it when a stream ends."""

from __future__ import annotations

import logging
from collections.abc import Callable

from vision_agents.core import llm
from vision_agents.core.conversation import Message, Role, ToolCall
from vision_agents.core.llm import Heard
from vision_agents.core.remote import RealtimeSession, RemoteError

from .client import WHERE
from .dialogue import Answer, Dialogue
from .link import Link
from .stream import Stream
from .wire import Json, Prompt, Setup

logger = logging.getLogger(__name__)

# Seconds that the service gets to stop by itself what nobody wants any more, as it does when it hears the user speak.
# Then the stream is renewed, for there is no message that would stop it.
STOP_TIMEOUT = 2.0

# A stream is renewed for its age only when the users have been silent for so many seconds: longer than the service
# waits before it answers.
PAUSE = 3.0


class Session(RealtimeSession):
    """Implements `StreamListener` for `model`. `setup` and `instructions` hold for all of its streams."""

    _link: Link

    def __init__(self, model: llm.Realtime, connect: Callable[[], Stream], setup: Setup, instructions: str) -> None:
        super().__init__(model)
        self._setup = setup
        self._instructions = instructions
        self._link = Link(connect, self)
        self._dialogue = Dialogue(model, self._call, self._loop.time, self._link.speech.turn_over)
        # Texts whose answers had not begun when the stream was renewed.
        self._again: list[str] = []

    # What we send.

    async def ask(self, text: str) -> None:
        """Have a text answered. Raises AWSError if there is no stream and none can be had."""
        if self._dialogue.unwanted:
            # Behind what nobody wants it would not be answered in time, or not be told apart from it.
            self._link.renew()
        await self._link.ready()
        self._model.record.user_said(text)
        self._send_text(text)

    def stop(self, heard: tuple[Heard, ...]) -> None:
        """See that what is not wanted any more ends: what is stale, and what is in `heard`."""
        self._dialogue.cancel({one.response for one in heard})
        if self._dialogue.unwanted and self._timer is None:
            self._timer = self._loop.call_later(STOP_TIMEOUT, self._renew_if_unwanted)

    def _send_text(self, text: str) -> None:
        prompt = self._link.prompt
        if prompt is not None:
            self._dialogue.asked(text)
            self._link.send(prompt.ask(text))

    def _renew_if_unwanted(self) -> None:
        self._timer = None
        if self._dialogue.unwanted:
            logger.info("%s goes on with what was interrupted: another stream takes over", WHERE)
            self._link.renew()

    # StreamListener.

    @property
    def pausing(self) -> bool:
        return self._dialogue.idle and not self._calls and self._link.speech.quiet >= PAUSE

    def prompt(self, with_history: bool) -> Prompt:
        history = self._model.record.messages if with_history else ()
        return Prompt(self._setup, self._instructions, tuple(self._model.tools), self._before(history))

    def _before(self, history: tuple[Message, ...]) -> tuple[Message, ...]:
        """`history` without the texts that are asked once more."""
        kept = list(history)
        for text in reversed(self._again):
            if kept and kept[-1].role is Role.USER and kept[-1].text == text:
                kept.pop()
        return tuple(kept)

    def opened(self) -> None:
        texts, self._again = self._again, []
        for text in texts:
            self._send_text(text)

    def event(self, event: Json) -> None:
        self._dialogue.take(event)

    def lost(self, error: RemoteError | None, again: bool) -> None:
        self._stop_timer()
        current = self._dialogue.current
        wanted = current is not None and current.epoch == self._model.epoch and not current.dropped
        wanted = wanted or self._dialogue.awaited
        self._cancel_calls()
        unanswered = self._dialogue.end()
        if error is None:
            self._again = [ask.text for ask in unanswered]
        elif wanted or unanswered or not again:
            self._model.report_failure(error)
        else:
            logger.warning("%s Another stream is opened.", error)

    # Functions.

    def _call(self, call: ToolCall, answer: Answer) -> None:
        if answer.epoch < self._model.epoch or answer.dropped:
            return
        self._run(call, self._answer(call, answer, self._link.prompt))

    async def _answer(self, call: ToolCall, answer: Answer, prompt: Prompt | None) -> None:
        result = await self._model.call_function(call, answer.epoch)
        # Nobody waits for what was interrupted, or was asked for on another stream.
        if answer.epoch == self._model.epoch and prompt is not None and prompt is self._link.prompt:
            self._link.send(prompt.result(call.id, result))
