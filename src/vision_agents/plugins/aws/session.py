"""One conversation: what is sent, what comes, and what becomes of it when a stream ends."""

from __future__ import annotations

import logging
from collections.abc import Callable

from vision_agents.core import llm
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall, without_asked
from vision_agents.core.llm import PlayedResponse
from vision_agents.core.remote import RealtimeSession, RemoteError

from .client import SERVICE_NAME
from .dialogue import Dialogue
from .link import Link
from .responses import Response, ResponseRequest
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

    def __init__(
        self, model: llm.Realtime, connect: Callable[[], Stream], name: str, setup: Setup, instructions: str
    ) -> None:
        super().__init__(model)
        self._setup = setup
        self._instructions = instructions
        self._link = Link(connect, self)
        self._dialogue = Dialogue(model, self._call, self._loop.time, self._link.speech.turn_over, name)
        # Texts whose answers had not begun when the stream was gone, and that the next one is asked.
        self._again: list[ResponseRequest] = []

    # What we send.

    def hear(self, audio: PcmData) -> None:
        """Send audio, as soon as there is a stream."""
        super().hear(audio)
        self._dialogue.turns.quiet(self._link.speech.quiet)

    async def ask(self, text: str, request: int | None = None) -> None:
        """Have a text answered, and report the answer with the key `request`.

        Raises AWSError if there is no stream and none can be had.
        """
        if self._dialogue.unwanted:
            # Behind what nobody wants it would not be answered in time, or not be told apart from it.
            self._link.renew()
        await super().ask(text, request)

    def reconfigure(self, instructions: str | None = None) -> None:
        self._instructions = self._instructions if instructions is None else instructions
        self._renew_in_a_pause(lambda: self._dialogue.idle and not self._calls)

    def stop(self, heard: tuple[PlayedResponse, ...]) -> None:
        """See that what is not wanted any more ends: what is stale, and what is in `heard`."""
        self._dialogue.cancel({one.response for one in heard})
        if self._dialogue.unwanted and self._timer is None:
            self._timer = self._loop.call_later(STOP_TIMEOUT, self._renew_if_unwanted)

    def _ask(self, text: str, request: int | None) -> None:
        prompt = self._link.prompt
        if prompt is not None:
            self._dialogue.asked(text, request)
            self._link.send(prompt.ask(text))

    def _renew_if_unwanted(self) -> None:
        self._timer = None
        if self._dialogue.unwanted:
            logger.info("%s goes on with what was interrupted: another stream takes over", SERVICE_NAME)
            self._link.renew()

    # StreamListener.

    @property
    def pausing(self) -> bool:
        return self._dialogue.idle and not self._calls and self._link.speech.quiet >= PAUSE

    def prompt(self, with_history: bool) -> Prompt:
        texts = [request.text for request in self._again if request.text is not None]
        history = without_asked(self._model.history, texts) if with_history else ()
        return Prompt(self._setup, self._instructions, tuple(self._model.tools), history)

    def opened(self) -> None:
        super().opened()
        again, self._again = self._again, []
        for request in again:
            if request.text is not None and request.epoch == self._model.epoch:
                self._ask(request.text, request.key)

    def event(self, event: Json) -> None:
        self._dialogue.take(event)

    def lost(self, error: RemoteError | None, again: bool) -> None:
        super().lost(error, again)
        wanted = self._dialogue.wanted
        self._cancel_calls()
        unanswered = self._dialogue.end()
        self._again += unanswered
        if error is not None and (wanted or unanswered or not again):
            self._model.report_failure(error)
        elif error is not None:
            logger.warning("%s Another stream is opened.", error)
        if not self._asks_again(error, again):
            lost, self._again = self._again, []
            for request in lost:
                if request.epoch == self._model.epoch:
                    self._model.report_answer_lost(request=request.key)

    # Functions.

    def _call(self, call: ToolCall, response: Response) -> None:
        if response.epoch < self._model.epoch or response.dropped:
            return
        self._run(call, self._answer(call, response, self._link.prompt))

    async def _answer(self, call: ToolCall, response: Response, prompt: Prompt | None) -> None:
        result = await self._model.call_function(call, response.epoch)
        if prompt is None or prompt is not self._link.prompt:
            return  # Another stream knows nothing of it.
        # Of what was interrupted the model must know that nothing came of it. What came of it is told by the agent: to
        # a result the model would answer at once. It is no error, which would have it try once more.
        if response.epoch == self._model.epoch or llm.came_to_nothing(result):
            self._link.send(prompt.result(call.id, result))
            self._dialogue.result_sent(response)
