"""The other end of a part under test: a provider's stand-in that does what a case tells it to."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, NoReturn

import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall

Failure = Literal["error", "quota", "malformed"]
"""A failure of a provider: it says that something broke, that no more is paid for, or sends what nobody can read."""


class Answer:
    """The work on one request: `failure` is how it has to fail, if it has to."""

    def __init__(self, provider: Provider, failure: Failure | None) -> None:
        self.failure = failure
        self._provider = provider
        # Pieces sent so far.
        self.sent = 0

    @property
    def permitted(self) -> bool:
        """Return whether the next piece may be sent now."""
        return self.sent < self._provider.limit

    async def permit(self) -> None:
        """Wait until the next piece may be sent."""
        while not self.permitted:
            await self._provider.released.wait()
        self.count()

    def count(self) -> None:
        """A piece is sent; for those who cannot await `permit`, because they work in a thread."""
        self.sent += 1


class Provider:
    """Base of the stand-ins. A stand-in serves its wire protocol and asks this class what to do:

    - `with self.answering() as answer:` around the work on one request (for speech, for text, for a response, and in an
      STT for one turn's words); if `answer.failure` is not None, it fails in that way instead;
    - `await answer.permit()` before each piece of an answer (of audio, of text, of words);
    - `self.next_said()` for what to answer, `self.next_heard()` for the words of the next speech that comes;
    - it counts its connections in `open_connections`, or overrides `count_connections`.

    The same text is spoken in the same way each time, and different texts differently.
    """

    def __init__(self, cannot: Mapping[str, str] | None = None) -> None:
        """`cannot`: what this provider cannot do ("stall", "cancel", "disconnect", "send_late", or a kind of failure),
        and why; cases that `require` it are skipped with these words. "cancel" means: when an answer is cancelled, the
        work on it ends, also while it stalls.
        """
        self.cannot = cannot or {}
        self._open_connections = 0
        # Requests since the beginning, and those that are being answered now.
        self.requests = 0
        self.active = 0
        # Pieces of one answer that may be sent; the event is set when there are more.
        self.limit = math.inf
        self.released = asyncio.Event()
        self._failures: deque[Failure] = deque()
        self._to_say: deque[str | ToolCall] = deque()
        self._to_hear: deque[str] = deque()

    @property
    def open_connections(self) -> int:
        """The number of open connections."""
        return self.count_connections()

    @open_connections.setter
    def open_connections(self, value: int) -> None:
        self._open_connections = value

    def count_connections(self) -> int:
        """For a stand-in whose server knows how many they are."""
        return self._open_connections

    def can(self, what: str) -> bool:
        """Return whether it can do this."""
        return what not in self.cannot

    # What a case asks and tells the provider.

    def require(self, *abilities: str) -> None:
        """Skip the case unless the provider can do all of these. It comes first: a skip leaves nothing running."""
        for what in abilities:
            if what in self.cannot:
                pytest.skip(f"{type(self).__name__}, {what}: {self.cannot[what]}")

    async def stall(self, after: int = 0) -> None:
        """Send no more than `after` pieces of each answer until `release`. Connections stay open."""
        self._check("stall")
        self.limit = after
        self.released.clear()

    async def release(self) -> None:
        """Go on."""
        self.limit = math.inf
        self.released.set()

    async def fail(self, kind: Failure) -> None:
        """Fail the next request in this way."""
        self._check(kind)
        self._failures.append(kind)

    async def disconnect(self) -> None:
        """Break every open connection, without a goodbye. New ones are taken."""
        self._missing("disconnect")

    async def send_late(self) -> None:
        """Send more of the answer that was cancelled last, as a provider that never saw the cancellation."""
        self._missing("send_late")

    def will_say(self, *answers: str | ToolCall) -> None:
        """Answer the coming requests with these, in turn, instead of what it was to say until now."""
        self._to_say = deque(answers)

    def will_hear(self, *words: str) -> None:
        """Recognise these in the coming stretches of speech, in turn, instead of what it was to hear until now."""
        self._to_hear = deque(words)

    # What a stand-in asks.

    @contextmanager
    def answering(self) -> Iterator[Answer]:
        """Around the work on one request."""
        self.requests += 1
        self.active += 1
        try:
            yield Answer(self, self._failures.popleft() if self._failures else None)
        finally:
            self.active -= 1

    def next_said(self) -> str | ToolCall:
        """Return the answer that is due now."""
        return self._to_say.popleft() if self._to_say else "Yes."

    def next_heard(self) -> str:
        """Recognise the speech that came."""
        return self._to_hear.popleft() if self._to_hear else "hello"

    def _check(self, what: str) -> None:
        if what in self.cannot:
            raise NotImplementedError(
                f"{type(self).__name__} cannot {what} ({self.cannot[what]}): a case that needs it begins with "
                f"provider.require({what!r})"
            )

    def _missing(self, what: str) -> NoReturn:
        self._check(what)
        raise NotImplementedError(f"{type(self).__name__} must implement {what}, or say in `cannot` why it cannot")


class SpeechGate:
    """Hears speech as stand-ins do: any sample above `level` is speech, `silence` seconds without end it."""

    def __init__(self, silence: float = 0.5, level: int = 500) -> None:
        self._silence = silence
        self._level = level
        self._quiet = math.inf
        # Seconds heard so far, and of sound since the latest beginning of speech.
        self.position = 0.0
        self.voiced = 0.0

    @property
    def speaking(self) -> bool:
        """Return whether speech was begun and not ended."""
        return self._quiet < self._silence

    def feed(self, audio: PcmData) -> Literal["started", "stopped"] | None:
        """Take the next piece, usually 20 ms; tell what changed."""
        self.position += audio.duration
        before = self.speaking
        loud = bool(len(audio)) and int(abs(audio.samples.astype("i4")).max()) > self._level
        self._quiet = 0.0 if loud else self._quiet + audio.duration
        self.voiced = (self.voiced if before else 0.0) + audio.duration if loud else self.voiced
        if self.speaking == before:
            return None
        return "started" if self.speaking else "stopped"
