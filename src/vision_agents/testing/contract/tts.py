"""The contract of synthesisers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from vision_agents.core.part import Attachment
from vision_agents.core.tts import TTS, SpeechChunk, TTSAudioEvent

from .harness import FAILURES, Consumer, Contract, close, in_call, joined, lifetime, until
from .provider import Failure, Provider


class TTSContract(Contract):
    """Subclass it, override the fixture `provider` and `make`. Other texts may be set, if need be."""

    text = "One two three four five six seven eight nine ten."
    other = "Something else is said now."

    def make(self, provider: Any) -> TTS:
        """A synthesiser that talks to `provider`."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def tts(self, provider: Provider) -> AsyncIterator[TTS]:
        async with lifetime(self.make(provider), provider) as tts:
            await tts.start()
            yield tts

    def speak(self, tts: TTS, text: str, epoch: int | None = None, pause: float = 0.0) -> Consumer[SpeechChunk]:
        return Consumer(tts.synthesize(text, epoch), pause)

    async def whole(self, tts: TTS, text: str) -> list[SpeechChunk]:
        """All of the speech of a text, which must be there."""
        chunks = await self.speak(tts, text).end()
        assert _sound(chunks).any(), f"nothing is heard of {text!r}"
        return chunks

    # Streaming.

    async def test_speech_streams(self, tts: TTS, provider: Provider) -> None:
        provider.require("stall")
        whole = await self.whole(tts, self.text)
        await provider.stall(after=1)
        speaking = self.speak(tts, self.text)
        await speaking.some()
        assert len(_sound(speaking.pieces)) < len(_sound(whole)), "it waited for all of the speech"
        await provider.release()
        assert np.array_equal(_sound(await speaking.end()), _sound(whole))

    async def test_words_come_once_in_order_and_within_the_audio(self, tts: TTS) -> None:
        chunks = await self.whole(tts, self.text)
        words = [word for chunk in chunks for word in chunk.words]
        if not words:
            pytest.skip("this synthesiser does not tell the times of its words")
        assert " ".join(word.text for word in words).split() == self.text.split()
        edges = [edge for word in words for edge in (word.start, word.end)]
        assert edges == sorted(edges)
        assert edges[0] >= 0.0
        assert edges[-1] <= sum(chunk.audio.duration for chunk in chunks) + 0.1

    async def test_events_carry_the_epoch_of_their_text(self, tts: TTS) -> None:
        epochs: list[int] = []

        @tts.events.subscribe
        async def note(event: TTSAudioEvent) -> None:
            epochs.append(event.epoch)

        first = await self.whole(tts, self.text)
        tts.interrupt()
        second = await self.whole(tts, self.other)
        await tts.events.drain()
        assert epochs == [0] * len(first) + [1] * len(second)

    async def test_a_slow_consumer_loses_nothing(self, tts: TTS) -> None:
        whole = await self.whole(tts, self.text)
        slow = await self.speak(tts, self.text, pause=0.02).end()
        assert np.array_equal(_sound(slow), _sound(whole))

    # Interruption.

    async def test_interrupted_before_the_first_byte(self, tts: TTS, provider: Provider) -> None:
        provider.require("stall")
        whole = await self.whole(tts, self.other)
        await provider.stall()
        requests = provider.requests
        speaking = self.speak(tts, self.text)
        await until(lambda: provider.requests > requests, "the request")
        tts.interrupt()
        await provider.release()
        assert await speaking.end() == []
        assert np.array_equal(_sound(await self.whole(tts, self.other)), _sound(whole))

    async def test_interrupted_in_midstream(self, tts: TTS, provider: Provider) -> None:
        provider.require("stall")
        whole = await self.whole(tts, self.other)
        await provider.stall(after=1)
        speaking = self.speak(tts, self.text)
        heard = len(await speaking.some())
        tts.interrupt()
        await provider.release()
        assert len(await speaking.end()) == heard
        assert np.array_equal(_sound(await self.whole(tts, self.other)), _sound(whole))

    async def test_interrupted_while_the_provider_stalls(self, tts: TTS, provider: Provider) -> None:
        provider.require("stall")
        await provider.stall(after=1)
        speaking = self.speak(tts, self.text)
        await speaking.some()
        tts.interrupt()
        await speaking.leave()
        if provider.can("cancel"):
            await until(lambda: not provider.active, "the end of the work at the provider")
        await provider.release()
        await self.whole(tts, self.other)

    async def test_interrupted_after_the_end_and_twice(self, tts: TTS) -> None:
        whole = await self.whole(tts, self.text)
        tts.interrupt()
        tts.interrupt()
        assert tts.epoch == 2
        assert np.array_equal(_sound(await self.whole(tts, self.text)), _sound(whole))

    async def test_a_text_that_follows_an_interruption_at_once_is_spoken(self, tts: TTS, provider: Provider) -> None:
        provider.require("stall")
        whole = await self.whole(tts, self.other)
        await provider.stall(after=1)
        speaking = self.speak(tts, self.text)
        await speaking.some()
        tts.interrupt()
        following = self.speak(tts, self.other)  # The cancellation comes after it, and must not hit it.
        await following.some()
        await asyncio.sleep(0.01)
        await provider.release()
        assert np.array_equal(_sound(await following.end()), _sound(whole))
        await speaking.end()

    async def test_many_interruptions_leave_nothing_behind(self, tts: TTS, provider: Provider) -> None:
        whole = await self.whole(tts, self.other)
        connections = max(1, provider.open_connections)
        for number in range(self.rapid):
            speaking = self.speak(tts, self.text)
            if number % 3:
                await speaking.some()
            tts.interrupt()
            await speaking.leave()
        assert tts.epoch == self.rapid
        await until(lambda: not provider.active, "the end of the work at the provider")
        await until(lambda: provider.open_connections <= connections, f"fewer than {connections} connections")
        assert np.array_equal(_sound(await self.whole(tts, self.other)), _sound(whole))

    async def test_late_audio_is_never_heard(self, tts: TTS, provider: Provider) -> None:
        provider.require("stall", "send_late")
        whole = await self.whole(tts, self.other)
        await provider.stall(after=1)
        speaking = self.speak(tts, self.text)
        heard = len(await speaking.some())
        tts.interrupt()
        following = self.speak(tts, self.other)
        await provider.send_late()
        await provider.release()
        await provider.send_late()
        assert np.array_equal(_sound(await following.end()), _sound(whole))
        assert len(await speaking.end()) == heard

    async def test_a_stale_text_is_not_even_asked_for(self, tts: TTS, provider: Provider) -> None:
        tts.interrupt()
        requests = provider.requests
        assert await self.speak(tts, self.text, epoch=0).end() == []
        assert provider.requests == requests

    # Trouble.

    @pytest.mark.parametrize("kind", FAILURES)
    async def test_a_failure_is_raised_and_the_next_text_spoken(
        self, tts: TTS, provider: Provider, kind: Failure
    ) -> None:
        provider.require(kind)
        await provider.fail(kind)
        failed = await self.speak(tts, self.text).failed()
        assert failed or kind == "malformed", "an unreadable message may be passed over, a failure may not"
        await self.whole(tts, self.other)

    async def test_a_broken_connection_is_raised_and_replaced(self, tts: TTS, provider: Provider) -> None:
        provider.require("stall", "disconnect")
        await provider.stall(after=1)
        speaking = self.speak(tts, self.text)
        await speaking.some()
        await provider.disconnect()
        assert await speaking.failed(), "speech that was cut off must not look like all of it"
        await provider.release()
        await self.whole(tts, self.other)

    async def test_closed_while_busy_and_twice(self, tts: TTS, provider: Provider) -> None:
        provider.require("stall")
        await provider.stall(after=1)
        speaking = self.speak(tts, self.text)
        await speaking.some()
        await close(tts)
        await speaking.failed()  # An end or an error, but no hang.
        await close(tts)

    async def test_it_serves_one_call_and_after_it_the_next(self, provider: Provider) -> None:
        async with lifetime(self.make(provider), provider) as tts:
            spoken = []
            for _ in range(2):
                async with in_call(tts, Attachment()):
                    await tts.start()
                    spoken.append(_sound(await self.whole(tts, self.text)))
            assert np.array_equal(spoken[0], spoken[1])

    async def test_closed_before_it_was_started(self, provider: Provider) -> None:
        async with lifetime(self.make(provider), provider):
            await asyncio.sleep(0)


def _sound(chunks: Sequence[SpeechChunk]) -> Any:
    return joined([chunk.audio for chunk in chunks])
