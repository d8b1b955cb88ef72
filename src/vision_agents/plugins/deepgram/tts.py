"""Deepgram as the voice of an agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed

from vision_agents.core import tts
from vision_agents.core.audio import PcmData
from vision_agents.core.remote import Connection, Inbox, connect_in_time

from .account import make_client, query, refusal
from .line import Line, LineLostError
from .voices import manner_of

if TYPE_CHECKING:
    from deepgram import AsyncDeepgramClient, DeepgramClientEnvironment

# How long a text waits for a line that was interrupted, before it gets a new one: a new one takes about as long. It
# also bounds the lines that wait for Deepgram to confirm interruptions, however many there are.
REUSE_PATIENCE = 0.3


@dataclass(eq=False, slots=True)
class _Utterance:
    """A text that is being spoken, since `born`, over `line`."""

    born: int
    inbox: Inbox[bytes] = field(default_factory=lambda: Inbox("Deepgram"))
    line: Line | None = None
    stopped: bool = False

    def stop(self) -> None:
        self.stopped = True
        self.inbox.stop()


class TTS(tts.TTS):
    """Deepgram's streaming speech over a websocket that is kept open between texts.

    Deepgram tells no word times, so what was heard of an interrupted sentence is estimated. On interruption Deepgram is
    told to stop (`Clear`, for Flux voices `Interrupt`), and only when it has confirmed that the same connection speaks
    again; without a confirmation within a second it is closed. An Aura connection takes 20 texts a minute; then
    another takes over.

    Args:
        api_key: by default the environment variable `DEEPGRAM_API_KEY`.
        model: an Aura voice (`aura-2-thalia-en`) or a Flux voice (`flux-alexis-en`).
        sample_rate: of the audio in Hz; 8000, 16000, 24000, 32000 or 48000.
        speed: factor on the voice's pace.
        mip_opt_out: as Deepgram's.
        options: any other parameters of the SDK's `connect`.
        environment: the SDK's, for another server.
        client: an SDK client of your own, in place of `api_key` and `environment`.

    Raises:
        ValueError: there is no key.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        model: str = "aura-2-thalia-en",
        sample_rate: int = 24_000,
        speed: float | None = None,
        mip_opt_out: bool | None = None,
        options: Mapping[str, Any] | None = None,
        environment: DeepgramClientEnvironment | None = None,
        client: AsyncDeepgramClient | None = None,
    ) -> None:
        super().__init__()
        self._client = make_client(client, api_key, environment)
        self._manner = manner_of(model)
        self._sample_rate = sample_rate
        self._parameters = query(
            model=model,
            encoding="linear16",
            sample_rate=sample_rate,
            speed=speed,
            mip_opt_out=mip_opt_out,
            **(options or {}),
        )
        self._running: set[_Utterance] = set()
        self._lines: set[Line] = set()
        self._idle: Line | None = None
        self._stopping: dict[Line, asyncio.Task[None]] = {}
        self._closed = False

    async def start(self) -> None:
        """Connect. Raises LinkError if Deepgram refuses: the message says what to do."""
        if self._idle is None:
            self._give_back(await self._open_line())

    async def stream_audio(self, text: str) -> AsyncGenerator[PcmData, None]:
        """Speak any text; audio comes as Deepgram makes it.

        Raises LinkError if there is no connection to be had, LineLostError if it is lost in the midst of the text,
        DeepgramError for an error that Deepgram reports, TimeoutError if it falls silent.
        """
        if not any(map(str.isalnum, text)):
            return  # Nothing to be heard, and Deepgram would not say so.
        utterance = _Utterance(self.epoch)
        self._running.add(utterance)
        try:
            odd = b""
            data = await self._begin(text, utterance)
            while data is not None:
                data = odd + data
                odd = data[len(data) - len(data) % 2 :]
                yield PcmData.from_bytes(data, self._sample_rate)
                data = await utterance.inbox.get()
        finally:
            self._running.discard(utterance)
            utterance.stop()
            self._leave(utterance)

    async def stop_audio(self) -> None:
        """Stop all that is being spoken. Returns when Deepgram confirmed it, or a second later."""
        await self._stop(set(self._running))

    async def cancel_work(self) -> None:
        """Stop what was begun before the last interruption: the reply after it may have begun by now."""
        await self._stop({utterance for utterance in self._running if utterance.born < self.epoch})

    async def close(self) -> None:
        """Stop everything and close all connections, within about two seconds. Harmless twice."""
        self._closed = True
        for utterance in self._running:
            utterance.stop()
        for task in self._stopping.values():
            task.cancel()
        lines, self._idle = set(self._lines), None
        self._lines.clear()
        await asyncio.gather(*(line.connection.close() for line in lines))

    async def _stop(self, utterances: set[_Utterance]) -> None:
        for utterance in utterances:
            utterance.stop()
        stopping = {task for utterance in utterances if (task := self._leave(utterance)) is not None}
        if stopping:
            await asyncio.wait(stopping)

    async def _begin(self, text: str, utterance: _Utterance) -> bytes | None:
        """Have `text` spoken and return the first of its audio; over a second line, if the first is lost at once."""
        for attempt in (1, 2):
            utterance.line = await self._take()
            try:
                await utterance.line.say(text, utterance.inbox)
                return await utterance.inbox.get()
            except (ConnectionClosed, LineLostError) as error:
                if attempt == 2:
                    raise LineLostError(f"Deepgram closed two connections before it spoke ({error})") from error
            self._leave(utterance)
            utterance.inbox = Inbox("Deepgram")
            if utterance.stopped:
                break
        return None

    # Lines: one at work, at most one that is idle, and those that wait for an interruption to be confirmed.

    async def _take(self) -> Line:
        """A line that is free."""
        if self._closed:
            raise RuntimeError("this deepgram.TTS is closed; make a new one")
        if self._idle is None and self._stopping:
            await asyncio.wait(
                set(self._stopping.values()), timeout=REUSE_PATIENCE, return_when=asyncio.FIRST_COMPLETED
            )
        line, self._idle = self._idle, None
        if line is not None:
            if line.free and not line.spent:
                return line
            self._drop(line)
        return await self._open_line()

    def _leave(self, utterance: _Utterance) -> asyncio.Task[None] | None:
        """The utterance needs its line no longer. The task is the interruption, where one is needed."""
        line, utterance.line = utterance.line, None
        if line is None or line not in self._lines:
            return None
        if line.free:
            self._give_back(line)
            return None
        task = asyncio.get_running_loop().create_task(self._interrupt(line), name="interrupting Deepgram")
        self._stopping[line] = task
        return task

    async def _interrupt(self, line: Line) -> None:
        confirmed = False
        try:
            confirmed = await line.stop()
        finally:
            self._stopping.pop(line, None)
            if confirmed:
                self._give_back(line)
            else:
                self._drop(line)

    def _give_back(self, line: Line) -> None:
        if self._closed or line.spent or (self._idle is not None and self._idle.free):
            self._drop(line)
            return
        if self._idle is not None:
            self._drop(self._idle)
        self._idle = line

    def _drop(self, line: Line) -> None:
        self._lines.discard(line)
        line.connection.close_soon()

    async def _open_line(self) -> Line:
        line: Line | None = None

        def connect() -> Connection[Any]:
            nonlocal line
            line = Line(self._manner, self._manner.connect(self._client, self._parameters))
            return line.connection

        await connect_in_time("Deepgram", connect, refusal)
        assert line is not None
        self._lines.add(line)
        return line
