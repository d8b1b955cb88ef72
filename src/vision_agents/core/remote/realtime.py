"""A realtime model whose conversation is a session over a `RealtimeLink`."""

from __future__ import annotations

import abc
import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from .. import llm
from ..audio import PcmData
from ..conversation import ToolCall
from ..llm import PlayedResponse
from ..participants import Participant
from .realtime_link import PAUSE_CHECK, RealtimeLink
from .service import RemoteError, Service

logger = logging.getLogger(__name__)

RESPONSE_TIMEOUT = 10.0
"""Seconds within which a service has to begin a response that was asked for, by default."""

LONGEST_RESPONSE_TIMEOUT = 600.0

ASKED_AGAIN = 4
"""The limit to how often in a row texts are asked again since the connection was lost before they were answered: it may
be lost because of them."""


class RealtimeSession(abc.ABC):
    """A conversation of `model`, over all of its connections.

    A subclass sets `_link`, and is its `LinkListener`.
    """

    _link: RealtimeLink[Any, Any]

    def __init__(self, model: llm.Realtime, response_timeout: float = RESPONSE_TIMEOUT) -> None:
        self._model = model
        self._response_timeout = response_timeout
        self._loop = asyncio.get_running_loop()
        # Functions that run, with the ids of their calls.
        self._calls: dict[asyncio.Task[None], str] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._response_timer: asyncio.TimerHandle | None = None
        self._pause_timer: asyncio.TimerHandle | None = None
        # A session is open; and those that were lost in a row since something was asked or answered.
        self._opened = False
        self._losses = 0

    async def open(self) -> None:
        """Open it. Raises the service's error."""
        await self._link.start()

    async def close(self) -> None:
        """End it. Harmless twice."""
        calls = list(self._calls)
        self._cancel_calls()
        await self._link.close()
        self._stop_timer()
        if calls:
            await asyncio.wait(calls, timeout=self._model.cancel_timeout)

    def hear(self, audio: PcmData) -> None:
        """Send audio, as soon as there is a connection."""
        self._link.send_audio(audio)

    def understood(self) -> None:
        """Take note that the service has understood what was said: its words came, or an answer, or a call."""
        self._link.understood()

    def forget_audio(self) -> None:
        """Forget what was said and not understood: nobody is there any more."""
        self._link.forget_audio()

    async def ask(self, text: str, request: int | None = None) -> None:
        """Have a text answered, and report the answer with the key `request`.

        Raises the service's error if there is no connection and none can be had.
        """
        epoch = self._model.epoch
        await self._link.ready()
        if epoch == self._model.epoch:
            self._losses = 0
            self._ask(text, request)

    @abc.abstractmethod
    def _ask(self, text: str, request: int | None) -> None:
        """Have a text answered in the session that is open. One that is not when the session is lost is asked again in
        the next one, or reported as lost, as `_asks_again` says."""

    def answered(self) -> None:
        """Take note that the service has begun to answer."""
        self._losses = 0

    @abc.abstractmethod
    def reconfigure(self, instructions: str | None = None) -> None:
        """Go on by other instructions, if there are any, and with the functions that the model has now."""

    def _renew_in_a_pause(self, pausing: Callable[[], bool]) -> None:
        """Have the next session take over as soon as there is a pause: this one takes no other configuration."""
        if self._pause_timer is not None:
            self._pause_timer.cancel()
        self._pause_timer = None
        if pausing():
            self._link.renew()
        else:
            self._pause_timer = self._loop.call_later(PAUSE_CHECK, self._renew_in_a_pause, pausing)

    @abc.abstractmethod
    def stop(self, heard: tuple[PlayedResponse, ...]) -> None:
        """Cancel what is stale or was heard in part."""

    def note(self, call: ToolCall, output: str) -> None:  # noqa: B027 - not every model can be told
        """Tell the model what became of a call that the service does not wait for."""

    def opened(self) -> None:
        """Take note of a session, as a `LinkListener`: a subclass tells it what it has to know."""
        self._opened = True

    def lost(self, error: RemoteError | None, again: bool) -> None:
        """Take note that the session is gone, as a `LinkListener`: a subclass adds what was lost with it."""
        self._stop_timer()
        self._model.report_session_lost()

    def _asks_again(self, error: RemoteError | None, again: bool) -> bool:
        """Return whether the next session is asked for what is not answered by now. To be called once in `lost`.

        It is not what the service has failed at, nor what it may be lost because of: the agent asks that again, if it
        likes.
        """
        was_open, self._opened = self._opened, False
        if error is None or not was_open:
            return again
        self._losses += 1
        return again and error.is_loss and self._losses <= ASKED_AGAIN

    def unreadable(self, error: RemoteError) -> None:
        """Report a message that makes no sense."""
        self._model.report_failure(error)

    # Functions.

    def _run(self, call: ToolCall, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work, name=f"function {call.name}")
        self._calls[task] = call.id
        task.add_done_callback(self._calls.pop)

    def _cancel_calls(self, ids: tuple[str, ...] | None = None) -> None:
        """Cancel the functions of these calls, by default all."""
        for task, call in self._calls.items():
            if ids is None or call in ids:
                task.cancel()

    # Cancellations that a service has to confirm.

    @property
    def _unconfirmed_since(self) -> float | None:
        """The loop's time at which the cancellation was sent that is not confirmed."""
        return None

    def _watch(self, timeout: float) -> None:
        """Renew the session if a cancellation is not confirmed within `timeout` seconds."""
        since = self._unconfirmed_since
        if since is not None and self._timer is None:
            self._timer = self._loop.call_at(since + timeout, self._check_confirmation, timeout)

    def _check_confirmation(self, timeout: float) -> None:
        self._timer = None
        since = self._unconfirmed_since
        if since is not None and since + timeout > self._loop.time():
            self._watch(timeout)
        elif since is not None:
            name = self._link.service.name
            logger.warning("%s confirms no cancellation in %.0f s: the session is renewed", name, timeout)
            self._link.renew()

    def _stop_timer(self) -> None:
        for timer in (self._timer, self._response_timer, self._pause_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._response_timer = self._pause_timer = None

    # Responses that a service has to begin.

    @property
    def _due_since(self) -> float | None:
        """The loop's time since which the service owes a response that is wanted, and would begin it: not while
        somebody speaks."""
        return None

    def expect_response(self) -> None:
        """Give up the response that was asked for, and renew the session, if it does not begin in time."""
        since = self._due_since
        if since is not None and self._response_timer is None:
            self._response_timer = self._loop.call_at(since + self._response_timeout, self._check_response)

    def _check_response(self) -> None:
        self._response_timer = None
        since = self._due_since
        if since is not None and since + self._response_timeout > self._loop.time():
            self.expect_response()
        elif since is not None:
            why = f"a response did not begin within {self._response_timeout:g} s; the session is renewed."
            self._give_up_response(self._link.service.failure(why))
            self._link.renew()

    def _give_up_response(self, error: RemoteError) -> None:  # noqa: B027 - not every service is asked for one
        """Report that the response which was asked for did not begin."""


class RemoteRealtime(llm.Realtime):
    """A realtime model at `service`. A subclass says how a session with it begins."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self._session: RealtimeSession | None = None

    @abc.abstractmethod
    async def _begin(self, instructions: str) -> RealtimeSession:
        """Returns a session that is not open yet."""

    async def connect(self, instructions: str) -> None:
        """Open the session. Raises the service's error, which says what to do."""
        await self._leave()
        self._session = session = await self._begin(instructions)
        try:
            await session.open()
        except BaseException:
            if self._session is session:
                self._session = None
            raise

    async def send_audio(self, audio: PcmData, participant: Participant) -> None:
        """Send audio, of several participants mixed. Without a connection up to 20 s of it wait for the next one,
        and of what was said before those a minute.

        A voice in it opens a connection again that was given up.
        """
        mixed = self.microphones.mix(audio, participant)
        if mixed is not None and self._session is not None:
            self._session.hear(mixed)

    def forget(self, participant: Participant) -> None:
        super().forget(participant)
        # Whoever joins next, perhaps long after, is not answered what somebody else has asked.
        if self.microphones.loudest is None and self._session is not None:
            self._session.forget_audio()

    async def send_text(self, text: str, request: int | None = None) -> None:
        """Have a text answered. Raises the service's error if there is no connection and none can be had."""
        if self._session is None:
            raise self._service.failure("there is no session; call connect() first, and not after close().")
        await self._session.ask(text, request)

    def instruct(self, instructions: str) -> None:
        """Go on by other instructions: at once, or from the next pause on where a session keeps those it began with."""
        if self._session is not None:
            self._session.reconfigure(instructions)

    def functions_changed(self) -> None:
        if self._session is not None:
            self._session.reconfigure()

    async def stop_response(self, heard: tuple[PlayedResponse, ...]) -> None:
        if self._session is not None:
            self._session.stop(heard)

    def function_ended_late(self, call: ToolCall, output: str) -> None:
        if self._session is not None:
            self._session.note(call, output)

    async def call_function(self, call: ToolCall, epoch: int) -> str:
        self._understood()
        return await super().call_function(call, epoch)

    def report_words(
        self,
        participant: Participant,
        text: str,
        final: bool,
        confidence: float | None = None,
        alternative: str = "",
        place: int | None = None,
    ) -> None:
        if final:
            self._understood()
        super().report_words(participant, text, final, confidence, alternative, place)

    def report_response_started(self, response: str, asked_in: int | None = None, request: int | None = None) -> None:
        if request is None:
            self._understood()
        if self._session is not None:
            self._session.answered()
        super().report_response_started(response, asked_in, request)

    def _understood(self) -> None:
        if self._session is not None:
            self._session.understood()

    async def close(self) -> None:
        await self._leave()

    async def _leave(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
