"""Speech synthesis: each form in which a plugin may be written, epochs, and closing what was begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.epoch import Epoch
from vision_agents.core.part import Attachment
from vision_agents.core.tts import TTS, SpeechChunk, TTSAudioEvent, Word

pytestmark = pytest.mark.virtual_time


def audio(value: int) -> PcmData:
    return PcmData(np.full(160, value, dtype=np.int16), 16_000)


class Voice(TTS):
    """Written in the form it is given; notes whether its source was closed."""

    def __init__(self, form: Callable[[Voice], Any]) -> None:
        super().__init__()
        self._form = form
        self.asked: list[str] = []
        self.closed = 0
        self.stopped = 0

    def stream_audio(self, text: str) -> Any:
        self.asked.append(text)
        return self._form(self)

    async def stop_audio(self) -> None:
        self.stopped += 1

    async def pieces(self) -> AsyncIterator[PcmData]:
        try:
            for value in (1, 2, 3):
                await asyncio.sleep(1.0)
                yield audio(value)
        finally:
            self.closed += 1

    def plain_pieces(self) -> Iterator[PcmData]:
        try:
            yield from (audio(1), audio(2), audio(3))
        finally:
            self.closed += 1

    async def returns(self, what: Any) -> Any:
        await asyncio.sleep(1.0)
        return what


async def values(voice: Voice, epoch: int | None = None) -> list[int]:
    return [int(chunk.audio.samples[0]) async for chunk in voice.synthesize("hello", epoch)]


FORMS: dict[str, Callable[[Voice], Any]] = {
    "async generator": lambda voice: voice.pieces(),
    "coroutine of an async generator": lambda voice: voice.returns(voice.pieces()),
    "generator": lambda voice: voice.plain_pieces(),
    "coroutine of a generator": lambda voice: voice.returns(voice.plain_pieces()),
    "list": lambda voice: [audio(1), audio(2), audio(3)],
    "coroutine of a list": lambda voice: voice.returns([audio(1), SpeechChunk(audio(2)), audio(3)]),
}


class TestForms:
    @pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
    async def test_pieces(self, form: Callable[[Voice], Any]) -> None:
        assert await values(Voice(form)) == [1, 2, 3]

    @pytest.mark.parametrize(
        "form",
        [
            lambda voice: audio(7),
            lambda voice: SpeechChunk(audio(7)),
            lambda voice: voice.returns(audio(7)),
            lambda voice: voice.returns(SpeechChunk(audio(7))),
        ],
        ids=["audio", "chunk", "coroutine of audio", "coroutine of a chunk"],
    )
    async def test_all_of_it_in_one(self, form: Callable[[Voice], Any]) -> None:
        assert await values(Voice(form)) == [7]

    async def test_words_come_with_their_audio(self) -> None:
        chunk = SpeechChunk(audio(1), (Word("hello", 0.0, 0.01),))
        assert [each async for each in Voice(lambda voice: [chunk]).synthesize("hello")] == [chunk]

    @pytest.mark.parametrize(
        ("form", "message"),
        [
            (lambda voice: None, "stream_audio returned NoneType; return PcmData or"),
            (lambda voice: 7, "stream_audio returned int"),
            (lambda voice: b"\0\0", "stream_audio of Voice gave int; give PcmData"),
            (lambda voice: [b"\0\0"], "stream_audio of Voice gave bytes; give PcmData"),
            (lambda voice: [np.zeros(2)], "stream_audio of Voice gave ndarray"),
        ],
        ids=["nothing", "number", "bytes", "list of bytes", "list of arrays"],
    )
    async def test_anything_else_says_what_to_return(self, form: Callable[[Voice], Any], message: str) -> None:
        with pytest.raises(TypeError, match=message):
            await values(Voice(form))

    async def test_what_the_provider_raises(self) -> None:
        async def breaks() -> AsyncIterator[PcmData]:
            yield audio(1)
            raise ConnectionError("quota exceeded")

        with pytest.raises(ConnectionError, match="quota exceeded"):
            await values(Voice(lambda voice: breaks()))


CLOSING = ["async generator", "coroutine of an async generator", "generator", "coroutine of a generator"]


class TestInterruption:
    async def test_nothing_is_asked_in_an_epoch_that_is_over(self) -> None:
        voice = Voice(FORMS["async generator"])
        await voice.interrupt()
        assert await values(voice, epoch=0) == []
        assert voice.asked == []
        assert voice.stopped == 1

    @pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
    async def test_not_a_piece_after_an_interruption(self, form: Callable[[Voice], Any]) -> None:
        voice, heard = Voice(form), []
        async for chunk in voice.synthesize("hello"):
            heard.append(int(chunk.audio.samples[0]))
            _ = voice.interrupt()
        assert heard == [1]

    @pytest.mark.parametrize("form", CLOSING)
    async def test_the_source_is_closed_by_an_interruption(self, form: str) -> None:
        voice = Voice(FORMS[form])
        async for _ in voice.synthesize("hello"):
            _ = voice.interrupt()
        assert voice.closed == 1

    @pytest.mark.parametrize("form", CLOSING)
    async def test_the_source_is_closed_by_who_leaves_early(self, form: str) -> None:
        voice = Voice(FORMS[form])
        async with aclosing(voice.synthesize("hello")) as chunks:
            async for _ in chunks:
                break
        assert voice.closed == 1

    async def test_the_source_is_closed_when_the_reader_is_cancelled(self) -> None:
        voice = Voice(FORMS["async generator"])
        task = asyncio.create_task(values(voice))
        await asyncio.sleep(1.5)
        task.cancel()
        await asyncio.wait([task])
        assert voice.closed == 1
        assert asyncio.get_running_loop().time() == 1.5

    async def test_an_iterator_that_cannot_be_closed(self) -> None:
        class Bare:
            def __aiter__(self) -> Bare:
                return self

            async def __anext__(self) -> PcmData:
                return audio(1)

        async with aclosing(Voice(lambda voice: Bare()).synthesize("hello")) as chunks:
            async for _ in chunks:
                break

    async def test_an_interruption_by_another_part_of_the_agent(self) -> None:
        voice, shared = Voice(FORMS["async generator"]), Epoch()
        voice.attach(Attachment(shared))
        heard = []
        async for chunk in voice.synthesize("hello"):
            heard.append(chunk)
            shared.advance()
        assert len(heard) == 1


class TestAhead:
    async def test_what_the_call_says_and_nothing_outside_of_one(self) -> None:
        voice = Voice(FORMS["async generator"])
        assert voice.ahead == 0.0
        silent, call = Attachment(), Attachment(ahead=lambda: 1.5)
        for attachment, ahead in ((silent, 0.0), (call, 1.5)):
            voice.attach(attachment)
            assert voice.ahead == ahead
            voice.detach(attachment)
        assert voice.ahead == 0.0


class TestEvents:
    async def test_each_chunk_carries_the_epoch_in_which_it_was_asked_for(self) -> None:
        voice = Voice(FORMS["list"])
        seen: list[tuple[int, int]] = []

        @voice.events.subscribe
        async def on_audio(event: TTSAudioEvent) -> None:
            seen.append((int(event.data.samples[0]), event.epoch))

        await values(voice)
        _ = voice.interrupt()
        await values(voice)
        await voice.events.drain()
        assert seen == [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (3, 1)]

    async def test_late_audio_is_no_event_either(self) -> None:
        voice = Voice(FORMS["async generator"])
        seen: list[int] = []

        @voice.events.subscribe
        async def on_audio(event: TTSAudioEvent) -> None:
            seen.append(int(event.data.samples[0]))

        async for _ in voice.synthesize("hello"):
            _ = voice.interrupt()
        await voice.events.drain()
        assert seen == [1]
