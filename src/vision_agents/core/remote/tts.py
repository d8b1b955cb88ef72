"""The base of synthesisers at a service: texts on connections that are kept open, and surely stopped."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .. import tts
from ..conversation import has_words
from ..tasks import own_errors
from ..tts import SpeechChunk
from .connection import Connection, connect_in_time
from .inbox import Inbox

# Seconds for which a text waits for a line on which another is being stopped, before it gets a line of its own, which
# takes about as long. It also bounds the lines that wait for a confirmation, however many texts are interrupted.
ROOM_PATIENCE = 0.3


class SpeechLostError(ConnectionError):
    """The connection was lost while a text was spoken over it."""


class Synthesis:
    """One text on a line, and its audio on the way here. `service`: for errors."""

    def __init__(self, service: str) -> None:
        self.inbox: Inbox[SpeechChunk] = Inbox(service)


P = TypeVar("P", bound=Synthesis)


class SpeechLine(abc.ABC, Generic[P]):
    """A connection over which texts are spoken, one at a time or several, as the service has it."""

    connection: Connection[Any]

    @property
    @abc.abstractmethod
    def room(self) -> bool:
        """Return whether it is open and takes another text now."""

    @abc.abstractmethod
    def place(self, text: str) -> P:
        """Returns the place for a text, which is taken from now on."""

    @abc.abstractmethod
    async def speak(self, place: P, text: str) -> None:
        """Have the whole text spoken into the place's inbox, unless that is over. Raises what a lost connection
        raises."""

    async def sounding(self, place: P) -> None:
        """Take note that audio of the text has come. Raises what a lost connection raises."""

    @abc.abstractmethod
    def occupied(self, place: P) -> bool:
        """Returns whether something of the text may still come."""

    @abc.abstractmethod
    async def cancel(self, place: P) -> bool:
        """Stop the text within about a second; returns whether the line may be used again."""


L = TypeVar("L", bound=SpeechLine[Any])


@dataclass(eq=False, slots=True)
class _Utterance(Generic[L]):
    """A text that is being spoken since the epoch `born`: in a place on a line, once it has one."""

    born: int
    line: L | None = None
    place: Synthesis | None = None
    stopped: bool = False


class RemoteTTS(tts.TTS, Generic[L]):
    """A synthesiser at a service. A subclass says what a line to it is, by `_new_line`.

    `service`: its name, for errors. `refusal`: what to do about an error that trying again cannot mend, else None.
    `broken`: what sending raises over a connection that is lost.
    """

    def __init__(self, service: str, refusal: Callable[[BaseException], str | None], broken: type[Exception]) -> None:
        super().__init__()
        self._service = service
        self._refusal = refusal
        self._broken = (broken, SpeechLostError)
        self._utterances: set[_Utterance[L]] = set()
        # The latest one last.
        self._lines: list[L] = []
        # How often the voice was tuned; and the lines opened for one as it was before: they say what they have begun.
        self._tuned = 0
        self._outdated: set[L] = set()
        self._cancelling: dict[asyncio.Task[None], L] = {}
        self._taking = asyncio.Lock()
        self._closed = False

    @abc.abstractmethod
    def _new_line(self) -> L:
        """Returns a line that is being opened."""

    async def start(self) -> None:
        """Connect. Raises NoConnectionError if the service refuses: the message says what to do."""
        self._closed = False
        async with self._taking:
            await self._take()

    async def stream_audio(self, text: str) -> AsyncGenerator[SpeechChunk, None]:
        """Speak any text; audio comes as the service makes it.

        Raises NoConnectionError if there is no connection to be had, SpeechLostError if it is lost in the midst of the
        text, the plugin's error for one that the service reports, TimeoutError if it falls silent.
        """
        if not has_words(text):
            return  # Nothing to be heard, and the service would not say so.
        utterance: _Utterance[L] = _Utterance(self.epoch)
        self._utterances.add(utterance)
        try:
            chunk = await self._begin(text, utterance)
            while chunk is not None and utterance.line is not None and utterance.place is not None:
                with suppress(*self._broken):  # The inbox knows why.
                    await utterance.line.sounding(utterance.place)
                yield chunk
                chunk = await utterance.place.inbox.get() if utterance.place is not None else None
        finally:
            self._utterances.discard(utterance)
            self._leave(utterance)

    async def stop_audio(self) -> None:
        """Stop all that is being spoken. Returns when the service confirmed it, or about a second later."""
        await self._stop(set(self._utterances))

    async def cancel_work(self) -> None:
        """Stop what was begun before the last interruption: the reply after it may have begun by now."""
        await self._stop({utterance for utterance in self._utterances if utterance.born < self.epoch})

    async def close(self) -> None:
        """Stop everything and close all connections, within about two seconds. Harmless twice."""
        self._closed = True
        for utterance in self._utterances:
            utterance.stopped = True
            if utterance.place is not None:
                utterance.place.inbox.stop()
        for task in self._cancelling:
            task.cancel()
        lines, self._lines = self._lines, []
        self._outdated.clear()
        await asyncio.gather(*(line.connection.close() for line in lines))

    def _renew(self) -> None:
        """Have the next text spoken on a new line: what lines are opened with has changed."""
        self._tuned += 1
        self._outdated.update(self._lines)
        self._tidy()

    async def _stop(self, utterances: set[_Utterance[L]]) -> None:
        for utterance in utterances:
            utterance.stopped = True
        tasks = {task for utterance in utterances if (task := self._leave(utterance)) is not None}
        if tasks:
            await asyncio.wait(tasks)

    async def _begin(self, text: str, utterance: _Utterance[L]) -> SpeechChunk | None:
        """Have `text` spoken and return the first of it; over a second line, if the first is lost at once."""
        for attempt in (1, 2):
            async with self._taking:  # Who has found room takes it.
                line = await self._take()
                place = line.place(text)
            utterance.line, utterance.place = line, place
            if utterance.stopped:
                break
            try:
                await line.speak(place, text)
                inbox: Inbox[SpeechChunk] = place.inbox
                return await inbox.get()
            except self._broken as error:
                self._drop(line)
                if attempt == 2:
                    raise SpeechLostError(
                        f"{self._service} closed two connections before it spoke ({error})"
                    ) from error
            self._leave(utterance)
            if utterance.stopped:
                break
        return None

    def _leave(self, utterance: _Utterance[L]) -> asyncio.Task[None] | None:
        """Give up the utterance's place. The task is its cancellation, where one is needed."""
        line, place = utterance.line, utterance.place
        utterance.line = utterance.place = None
        if line is None or place is None:
            return None
        place.inbox.stop()
        if line not in self._lines or not line.connection.usable or not line.occupied(place):
            self._tidy()
            return None
        task = asyncio.get_running_loop().create_task(self._cancel(line, place), name=f"interrupting {self._service}")
        self._cancelling[task] = line
        task.add_done_callback(self._cancelled)
        return task

    async def _cancel(self, line: L, place: Synthesis) -> None:
        usable = False
        try:
            usable = await own_errors(line.cancel(place), f"interrupting {self._service}")
        finally:
            if not usable:
                self._drop(line)

    def _cancelled(self, task: asyncio.Task[None]) -> None:
        del self._cancelling[task]
        self._tidy()

    # Lines: those at work, at most one that is spare, and those on which a text is being cancelled.

    async def _take(self) -> L:
        """A line that has room."""
        if self._closed:
            raise RuntimeError(f"this TTS of {self._service} is closed; make a new one")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ROOM_PATIENCE
        while (line := self._with_room()) is None and self._cancelling and loop.time() < deadline:
            await asyncio.wait(
                list(self._cancelling), timeout=deadline - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
        if line is None:
            for full in [line for line in self._lines if not self._at_work(line)]:
                self._drop(full)
            line = await self._open()
        return line

    def _with_room(self) -> L | None:
        return next((line for line in reversed(self._lines) if line.room and line not in self._outdated), None)

    def _at_work(self, line: L) -> bool:
        return any(utterance.line is line for utterance in self._utterances)

    def _tidy(self) -> None:
        """Close the lines that do nothing but one: the latest that has room, or may have it by the next text."""
        busy = set(map(id, self._cancelling.values()))
        idle = [line for line in self._lines if not self._at_work(line) and id(line) not in busy]
        usable = [line for line in idle if line.connection.usable and line not in self._outdated]
        spare = [*usable, *(line for line in usable if line.room)][-1:]
        for line in idle:
            if line not in spare:
                self._drop(line)

    def _drop(self, line: L) -> None:
        if line in self._lines:
            self._lines.remove(line)
            self._outdated.discard(line)
            line.connection.close_soon()

    async def _open(self) -> L:
        opened: list[L] = []
        tuned = self._tuned

        def connect() -> Connection[Any]:
            opened.append(self._new_line())
            return opened[-1].connection

        await connect_in_time(self._service, connect, self._refusal)
        line = opened[-1]
        if tuned != self._tuned and not self._closed:
            line.connection.close_soon()
            return await self._open()
        if self._closed:
            line.connection.close_soon()
            raise RuntimeError(f"this TTS of {self._service} is closed; make a new one")
        self._lines.append(line)
        return line
