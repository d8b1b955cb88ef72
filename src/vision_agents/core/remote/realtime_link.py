"""A conversation with a realtime model over as many connections as it takes.

One task keeps one session after another: opens it, reads and writes until it breaks or has to be renewed, closes it.
What the conversation sends waits its turn in between. Messages are for the session in which they were sent, and are
dropped with it; audio is for whichever session comes next, however late, with what was not understood in the last one.
"""

from __future__ import annotations

import abc
import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from ..audio import PcmData
from ..tasks import own_errors
from .outbox import Outbox
from .sent_audio import SentAudio
from .service import RemoteError, Service
from .sound import with_sound
from .voice_trigger import VoiceTrigger

S = TypeVar("S")
M = TypeVar("M")

logger = logging.getLogger(__name__)

# Deadlines in seconds: to be in a session, to get a message out, to be out of a session.
CONNECT_TIMEOUT = 15.0
SEND_TIMEOUT = 10.0
CLOSE_TIMEOUT = 5.0

# Pauses in seconds before the next session, after one that did not go well, a second one in a row, and so on; after the
# last one it is given up. A session went well that broke after so many seconds in which the service said something.
BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
STEADY = 5.0

# So did one that had to be renewed, unless the service wanted that sooner than this.
BRIEF = 1.0

# How often it is looked for a pause in which a session can be renewed, in seconds.
PAUSE_CHECK = 0.1

# Seconds after it was given up, or an attempt for the caller's voice failed, before the next such attempt; where only
# somebody can mend what is wrong (a key, an account), so many.
REOPEN_PAUSE = 5.0
BARRED = 30.0

# Seconds of audio from before the voice is recognised that go along.
PREROLL = 0.5

# Messages that may wait, and unreadable ones that may come in a row. With more the connection is broken.
MESSAGE_LIMIT = 1000
UNREADABLE_LIMIT = 100


class LinkListener(Protocol):
    """The near end of a link. Every method returns at once."""

    def opened(self) -> None:
        """Take note of a session, the first one or another one."""

    def lost(self, error: RemoteError | None, again: bool) -> None:
        """Take note that the session is gone: it broke, or (no `error`) it is renewed. `again`: another one follows."""

    def unreadable(self, error: RemoteError) -> None:
        """Take note of a message that cannot be read or handled. Called for the first one only."""


class RealtimeLink(abc.ABC, Generic[S, M]):
    """One session `S` after another, over which messages `M` and audio are sent.

    A subclass says how a session is opened, read, and written to. Its methods raise what `service` explains.
    """

    audio_piece: ClassVar[float] = 0.0
    """Audio that has piled up is sent in pieces of up to so many seconds; 0: as it came."""

    def __init__(self, service: Service, listener: LinkListener) -> None:
        self.service = service
        self._listener = listener
        self._outbox: Outbox[M] = Outbox(service.name)
        self._sent = SentAudio()
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        # Why the last session was given up; and why none is let in, until one is.
        self._error: RemoteError | None = None
        self._refusal: RemoteError | None = None
        self._voice = VoiceTrigger(self._reopen_for_voice)
        # Done when the session is to be renewed: whether it is the service that wants this.
        self._renewal: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._pause_timer: asyncio.TimerHandle | None = None
        # Set by the subclass when the service has said something that makes sense in this session.
        self._healthy = False
        # Unreadable messages: in a row, and whether there was ever one.
        self._unreadable = 0
        self._complained = False

    # What a subclass says.

    @abc.abstractmethod
    def _connect(self) -> AbstractAsyncContextManager[S]:
        """Open a session and set it up, within `CONNECT_TIMEOUT` seconds; close it on leaving."""

    @abc.abstractmethod
    async def _read(self, session: S) -> None:
        """Take what comes, until an exception tells that the session is over. May be cancelled."""

    @abc.abstractmethod
    async def _send(self, session: S, message: M) -> None:
        """Send a message. May be cancelled."""

    @abc.abstractmethod
    async def _send_audio(self, session: S, audio: PcmData) -> None:
        """Send audio. May be cancelled."""

    @property
    def _audio_pause(self) -> float | None:
        """Seconds without anything to send after which `_send_pause` is called; None: it is not."""
        return None

    async def _send_pause(self, session: S) -> None:
        """Tell the service that nothing was to be sent for `_audio_pause` seconds."""

    def _may_go_on(self, error: RemoteError) -> bool:
        """Return whether another session may be tried after this."""
        return not error.hopeless

    def _why(self, failure: Exception) -> RemoteError:
        """Returns the error that broke a session."""
        return self.service.explained(failure, self.service.name)

    def _skip(self, failure: Exception) -> None:
        """Pass over a message that makes no sense; after very many in a row it raises `failure`."""
        self._unreadable += 1
        if self._unreadable > UNREADABLE_LIMIT:
            raise failure
        logger.debug("a message that cannot be handled", exc_info=failure)
        error = self.service.explained(failure, f"{self.service.name}, in a message")
        if self._complained:
            logger.warning("%s", error)
        else:
            self._complained = True
            self._listener.unreadable(error)

    # What the conversation does.

    async def start(self) -> None:
        """Open a session. Raises the service's error."""
        await self._end()
        opening = self._begin()
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await self.close()
            raise

    async def ready(self) -> None:
        """Wait until there is a session, and open one if it was given up. Raises the service's error."""
        if self._task is None:
            raise self.service.failure("there is no session; call connect() first, and not after close().")
        if self.up:
            return
        if self._task.done():
            self._begin()
        await self._wait_until_up(self._task)
        if not self.up:
            raise self._error or self.service.failure("the connection is broken, and not back yet.")

    async def _wait_until_up(self, task: asyncio.Task[None]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_TIMEOUT):
                # One that was lost again by the time this goes on was none.
                while not (self.up or task.done()):
                    waiting = asyncio.ensure_future(self._ready.wait())
                    try:
                        await asyncio.wait((waiting, task), return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        waiting.cancel()

    @property
    def up(self) -> bool:
        """Return whether there is a session."""
        return self._ready.is_set()

    def send(self, message: M) -> None:
        """Send a message of this session. Without one it is dropped: it was about what is gone."""
        if self.up:
            self._outbox.put(message)

    def send_audio(self, audio: PcmData) -> None:
        """Send audio, in this session or the next one. A voice in it opens a session again that was given up."""
        if self._task is None:
            return
        self._outbox.put_audio(audio)
        if self._task.done() and not self._voice.hear(audio):
            self._outbox.keep_latest(PREROLL)

    def understood(self) -> None:
        """Take note that the service has understood what was said: the next session need not hear it again."""
        self._sent.understood()

    def forget_audio(self) -> None:
        """Forget what was said, but for what is just being sent: nobody is there who waits for an answer."""
        self._sent.forget()
        if not self.up:
            self._voice.stop()
            self._outbox.forget_audio()

    def renew(self) -> None:
        """Put another session in place of this one, in which nothing is sent any more."""
        self._renew(wanted=False)

    def renew_in_a_pause(self, after: float, at_last: float, pausing: Callable[[], bool]) -> None:
        """The service will end this session. Renew it in the first pause after `after` seconds, and `at_last` in any
        case. `pausing`: whether there is one now. Without effect if that was called before in this session."""
        if self._pause_timer is None:
            loop = asyncio.get_running_loop()
            self._pause_timer = loop.call_later(after, self._look_for_pause, loop.time() + at_last, pausing)

    async def close(self) -> None:
        """Close the session. Harmless twice."""
        await self._end()
        self._outbox.clear()
        self._sent.forget()

    # Sessions.

    def _begin(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        self._voice.stop()
        self._error = None
        opening = loop.create_future()
        opening.add_done_callback(retrieve_exception)  # Perhaps nobody waits for it any more.
        self._task = loop.create_task(self._run(opening), name=self.service.name)
        return opening

    async def _end(self) -> None:
        self._voice.stop()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=CLOSE_TIMEOUT)

    async def _run(self, opening: asyncio.Future[None]) -> None:
        try:
            await self._sessions(opening)
        finally:
            self._outbox.messages.clear()
            self._keep_audio()
            self._error = self._error or self.service.failure("it was closed while it was being opened.")
            self._voice.bar(BARRED if self._error.hopeless else REOPEN_PAUSE)
            if not opening.done():
                opening.set_exception(self._error)

    def _keep_audio(self) -> None:
        """Keep what nobody has understood: it may take long until somebody opens the next session, which hears it."""
        self._outbox.put_back(with_sound(self._sent.take()))
        if self._sent.in_vain:  # It may be why they were lost, and so would be all that follow.
            self._sent.forget()
            self._outbox.forget_audio(unsent=False)
        self._outbox.set_aside()

    def _reopen_for_voice(self) -> None:
        """Try once to open a session for somebody who speaks; a failure is told as giving up was."""
        if self._task is not None and self._task.done():
            logger.info("%s was given up, and somebody speaks: it is tried again", self.service.name)
            self._begin().add_done_callback(self._reopened)

    def _reopened(self, opening: asyncio.Future[None]) -> None:
        error = opening.exception()
        if self._task is not None and isinstance(error, RemoteError):
            self._listener.lost(error, False)

    async def _sessions(self, opening: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            wanted, error = False, None
            try:
                wanted = await own_errors(self._session(opening), self.service.name)
            except Exception as failure:
                if not isinstance(failure, (*self.service.expected, RemoteError)):
                    logger.exception("%s: an error that should not be", self.service.name)
                error = self._as_told(self._why(failure))
            lasted = loop.time() - began
            if not opening.done():
                self._error = error or self.service.failure("the session was over at once.")
                return
            well = (lasted > BRIEF or not wanted) if error is None else (lasted > STEADY and self._healthy)
            failures = 0 if well else failures + 1
            if error is None and failures > len(BACKOFF):
                error = self.service.failure("one session after another has to be renewed at once.")
            again = error is None or (failures <= len(BACKOFF) and self._may_go_on(error))
            if not again:
                self._error = error
            self._listener.lost(error, again)
            if not again:
                return
            if failures:
                await asyncio.sleep(BACKOFF[failures - 1])

    def _as_told(self, error: RemoteError) -> RemoteError:
        """Return the error that says the same and that nobody has mended since: it is no news, and told once."""
        if error.hopeless and self._refusal is not None and str(error) == str(self._refusal):
            return self._refusal
        self._refusal = error if error.hopeless else self._refusal
        return error

    async def _session(self, opening: asyncio.Future[None]) -> bool:
        """Keep a session until it has to be renewed; returns whether the service wants that. Raises what breaks it."""
        self._healthy = False
        self._unreadable = 0
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    session = await stack.enter_async_context(self._connect())
                self._renewal = asyncio.get_running_loop().create_future()
                self._refusal = None
                self._ready.set()
                self._outbox.put_back(self._sent.take())
                self._listener.opened()
                if not opening.done():
                    opening.set_result(None)
                return await self._converse(session)
            finally:
                # What is sent from now on would be lost: closing takes a moment.
                self._ready.clear()
                self._outbox.messages.clear()
                if self._pause_timer is not None:
                    self._pause_timer.cancel()
                    self._pause_timer = None

    async def _converse(self, session: S) -> bool:
        reader, writer = self._spawn(self._read(session), "reader"), self._spawn(self._write(session), "writer")
        tasks: list[asyncio.Future[Any]] = [reader, writer]
        try:
            await asyncio.wait({*tasks, self._renewal}, return_when=asyncio.FIRST_COMPLETED)
            # The reader first: what the service says is worth more than that nothing could be sent.
            for task in tasks:
                if task.done():
                    task.result()
            return self._renewal.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)

    def _spawn(self, work: Awaitable[None], role: str) -> asyncio.Task[None]:
        name = f"{self.service.name} {role}"
        task = asyncio.create_task(own_errors(work, name), name=name)
        task.add_done_callback(retrieve_exception)
        return task

    async def _write(self, session: S) -> None:
        outbox = self._outbox
        while True:
            if not await outbox.wait(self._audio_pause):
                await self._in_time(self._send_pause(session))
            # A cancellation does not wait behind audio.
            elif outbox.messages:
                await self._in_time(self._send(session, outbox.messages.popleft()))
            else:
                audio = outbox.take_audio(self.audio_piece)
                self._sent.add(audio)
                await self._in_time(self._send_audio(session, audio))
            if len(outbox.messages) > MESSAGE_LIMIT:
                raise self.service.failure(f"{MESSAGE_LIMIT} messages wait, the connection does not move.")

    async def _in_time(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await sending
        except TimeoutError:
            raise self.service.failure(f"the service takes nothing for {SEND_TIMEOUT:.0f} s.") from None

    # Renewal.

    def _renew(self, wanted: bool) -> None:
        if self.up:
            self._ready.clear()
            self._renewal.set_result(wanted)

    def _look_for_pause(self, at_last: float, pausing: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() >= at_last or pausing():
            logger.info("%s is about to end a session: another one takes over", self.service.name)
            self._renew(wanted=True)
        else:
            at = min(at_last, loop.time() + PAUSE_CHECK)
            self._pause_timer = loop.call_at(at, self._look_for_pause, at_last, pausing)


def retrieve_exception(task: asyncio.Future[Any]) -> None:
    """Mark a task's exception as retrieved, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
