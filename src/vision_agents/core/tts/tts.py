"""The base class of speech synthesisers."""

from __future__ import annotations

import abc
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ..audio import PcmData, Word
from ..characters import whole
from ..interruptible import Interruptible
from ..tasks import own_pieces
from .events import TTSAudioEvent


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of synthesised speech with the words that are known by now, wherever in the utterance they lie.

    A word may be given once only; words come in their order.
    """

    audio: PcmData
    words: tuple[Word, ...] = ()


Speech = PcmData | SpeechChunk


class TTS(Interruptible, abc.ABC):
    """Turns text into speech.

    A subclass implements `stream_audio` and `stop_audio`; epochs, events and the dropping of late audio are done here.
    """

    @property
    def ahead(self) -> float:
        """Seconds of the agent's audio that are made and not heard yet: so much later the next has to be there.

        0.0 outside of calls.
        """
        ahead = self._attachment.ahead if self._attachment is not None else None
        return ahead() if ahead is not None else 0.0

    async def start(self) -> None:
        """Connect or load, off the event loop. Called once before any text."""

    @abc.abstractmethod
    def stream_audio(
        self, text: str
    ) -> (
        Speech | AsyncIterable[Speech] | Iterable[Speech] | Awaitable[Speech | AsyncIterable[Speech] | Iterable[Speech]]
    ):
        """Synthesise one utterance, usually a sentence.

        Written as an async generator, or as a coroutine or plain function that returns audio or an (async) iterable of
        it. Pieces are `PcmData` of any rate, or `SpeechChunk` where the words' times are known. Leaving the iteration
        early must be harmless.
        """

    @abc.abstractmethod
    async def stop_audio(self) -> None:
        """Cancel what is being synthesised at the provider. May be slow or raise; nothing waits for it."""

    async def close(self) -> None:
        """Free everything. Called once."""

    async def cancel_work(self) -> None:
        await self.stop_audio()

    async def synthesize(
        self, text: str, epoch: int | None = None, send: Callable[[TTSAudioEvent], None] | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        """Stream the speech of `text` as long as `epoch` (the current one if None) is not past; stale audio is dropped.

        `send`: takes the events in place of `events`, to send them once it is certain that they are wanted. Raises what
        the provider raises.
        """
        born = self.epoch if epoch is None else epoch
        if born < self.epoch:
            return
        async with aclosing(own_pieces(_pieces(self.stream_audio, whole(text)), type(self).__name__)) as pieces:
            async for piece in pieces:
                if born < self.epoch:
                    audio = piece.audio if isinstance(piece, SpeechChunk) else piece
                    self._epoch.dropped(born, audio.duration if isinstance(audio, PcmData) else 0.0)
                    return
                if not isinstance(piece, PcmData | SpeechChunk):
                    raise TypeError(
                        f"stream_audio of {type(self).__name__} gave {type(piece).__name__}; give PcmData "
                        "(PcmData.from_bytes makes it from bytes) or SpeechChunk"
                    )
                chunk = piece if isinstance(piece, SpeechChunk) else SpeechChunk(piece)
                if self.events.has_subscribers(TTSAudioEvent):
                    (send or self.events.send)(TTSAudioEvent(data=chunk.audio, epoch=born))
                yield chunk


async def _pieces(stream_audio: Callable[[str], Any], text: str) -> AsyncGenerator[Speech, None]:
    """Iterate over the speech, in whatever form `stream_audio` was written; what it made is closed in the end."""
    source = stream_audio(text)
    if inspect.isawaitable(source):
        source = await source
    if isinstance(source, PcmData | SpeechChunk):
        yield source
    elif isinstance(source, AsyncIterable):
        try:
            async for piece in source:
                yield piece
        finally:
            aclose = getattr(source, "aclose", None)
            if aclose is not None:
                await aclose()
    elif isinstance(source, Iterable):
        try:
            for piece in source:
                yield piece
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()
    else:
        raise TypeError(f"stream_audio returned {type(source).__name__}; return PcmData or an (async) iterable of it")
