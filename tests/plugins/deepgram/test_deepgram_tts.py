"""Deepgram's voice: what is sent, when a line is used again, and what an interruption leaves behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from vision_agents.core.remote import NoConnectionError
from vision_agents.core.tts import TunableVoice, VoiceTuning
from vision_agents.plugins import deepgram
from vision_agents.plugins.deepgram.speech_protocol import TEXT_LIMIT, pieces
from vision_agents.testing.contract import Consumer

from ...standins.deepgram.server import KEY, DeepgramServer
from ...standins.deepgram.speak import sound

pytestmark = pytest.mark.virtual_time

TEXT = "one two three four five six seven eight."
AURA, FLUX = "/v1/speak", "/v2/speak"


def make(server: DeepgramServer, **options: Any) -> deepgram.TTS:
    return deepgram.TTS(api_key=KEY, environment=server.environment, **options)


@pytest_asyncio.fixture
async def aura(provider: DeepgramServer) -> AsyncIterator[deepgram.TTS]:
    tts = make(provider)
    await tts.start()
    yield tts
    await tts.close()


@pytest_asyncio.fixture
async def flux(provider: DeepgramServer) -> AsyncIterator[deepgram.TTS]:
    tts = make(provider, model="flux-alexis-en")
    await tts.start()
    yield tts
    await tts.close()


async def spoken(tts: deepgram.TTS, text: str) -> bytes:
    return b"".join([chunk.audio.to_bytes() async for chunk in tts.synthesize(text)])


def expected(text: str) -> bytes:
    return b"".join(sound(word, 24_000) for word in text.split())


async def begin(tts: deepgram.TTS, provider: DeepgramServer) -> Consumer[Any]:
    """Have a text spoken that the provider has begun and not ended."""
    await provider.stall(after=2)
    speaking = Consumer(tts.synthesize(TEXT))
    await speaking.some(2)
    return speaking


async def test_texts_share_a_connection(aura: deepgram.TTS, provider: DeepgramServer):
    for text in (TEXT, "something else", TEXT):
        assert await spoken(aura, text) == expected(text)
    assert provider.connections_made == 1
    assert provider.types(AURA) == ["Speak", "Flush"] * 3


async def test_an_interruption_clears_and_the_connection_speaks_again(aura: deepgram.TTS, provider: DeepgramServer):
    speaking = await begin(aura, provider)
    stopped = aura.interrupt()
    assert await speaking.end() == speaking.pieces
    await provider.release()
    await stopped
    assert await spoken(aura, "next words") == expected("next words")
    assert provider.types(AURA) == ["Speak", "Flush", "Clear", "Speak", "Flush"]
    assert provider.connections_made == 1


async def test_nothing_new_is_said_before_the_old_is_known_to_be_over(aura: deepgram.TTS, provider: DeepgramServer):
    provider.stubborn = 0.2
    speaking = await begin(aura, provider)
    aura.interrupt()
    await speaking.end()
    await provider.release()
    following = asyncio.create_task(spoken(aura, "next words"))
    await asyncio.sleep(0.1)
    assert provider.types(AURA) == ["Speak", "Flush", "Clear"]
    assert await following == expected("next words")


async def test_a_provider_that_ignores_it_for_five_seconds_delays_nothing(aura: deepgram.TTS, provider: DeepgramServer):
    provider.stubborn = 5.0
    loop = asyncio.get_running_loop()
    speaking = await begin(aura, provider)
    begun = loop.time()
    aura.interrupt()
    await speaking.end()
    assert loop.time() == begun
    await provider.release()
    assert await spoken(aura, "next words") == expected("next words")
    assert loop.time() - begun < 0.5
    await asyncio.sleep(10)
    assert provider.open_connections == 1


async def test_the_late_end_of_an_interrupted_text_does_not_end_the_next(aura: deepgram.TTS, provider: DeepgramServer):
    speaking = await begin(aura, provider)
    stopped = aura.interrupt()
    await speaking.end()
    await provider.release()
    await stopped
    await provider.stall()
    following = asyncio.create_task(spoken(aura, "next words"))
    await asyncio.sleep(0.1)
    await provider.handlers[-1]._tell("Flushed")  # Of the interrupted text.
    await asyncio.sleep(0.1)
    assert not following.done()
    await provider.release()
    assert await following == expected("next words")


async def test_audio_that_nobody_waits_for_is_dropped(aura: deepgram.TTS, provider: DeepgramServer):
    await provider.handlers[-1].wire.send_raw(sound("stray", 24_000))
    await asyncio.sleep(0.1)
    assert await spoken(aura, TEXT) == expected(TEXT)


async def test_deepgrams_limit_of_texts_a_minute_is_kept(aura: deepgram.TTS, provider: DeepgramServer):
    for _ in range(45):
        assert await spoken(aura, "yes") == expected("yes")
    assert provider.connections_made == 3
    await asyncio.sleep(0.1)
    assert provider.open_connections == 1
    await asyncio.sleep(61)
    assert await spoken(aura, "yes") == expected("yes")
    assert provider.connections_made == 3


async def test_many_interruptions_stay_flat(aura: deepgram.TTS, provider: DeepgramServer):
    async def interrupted() -> None:
        speaking = await begin(aura, provider)
        aura.interrupt()
        await speaking.leave()
        await provider.release()

    await interrupted()
    await asyncio.sleep(5)
    tasks = len(asyncio.all_tasks())
    for _ in range(200):
        await interrupted()
        assert provider.open_connections <= 6
        assert len(asyncio.all_tasks()) <= tasks + 40
    await asyncio.sleep(5)
    gc.collect()
    assert len(asyncio.all_tasks()) == tasks
    assert provider.open_connections == 1
    assert await spoken(aura, TEXT) == expected(TEXT)


async def test_many_interruptions_of_a_provider_that_ignores_them_stay_bounded(
    aura: deepgram.TTS, provider: DeepgramServer
):
    provider.stubborn = 5.0
    for _ in range(50):
        speaking = await begin(aura, provider)
        aura.interrupt()
        await speaking.leave()
        await provider.release()
    assert provider.most_connections <= 8
    await asyncio.sleep(10)
    assert provider.open_connections <= 1


async def test_a_connection_that_died_while_idle_is_replaced_unnoticed(aura: deepgram.TTS, provider: DeepgramServer):
    await provider.disconnect()
    assert await spoken(aura, TEXT) == expected(TEXT)
    assert provider.connections_made == 2


async def test_a_long_text_goes_in_pieces_that_deepgram_takes(aura: deepgram.TTS, provider: DeepgramServer):
    text = " ".join(["word"] * 900) + "."
    assert await spoken(aura, text) == expected(text)
    assert provider.types(AURA) == ["Speak"] * 3 + ["Flush"]
    assert "".join(pieces("x" * 5000)) == "x" * 5000
    assert all(len(piece) <= TEXT_LIMIT for piece in pieces(text))


async def test_what_cannot_be_heard_is_not_sent(aura: deepgram.TTS, provider: DeepgramServer):
    assert await spoken(aura, " … !") == b""
    assert provider.types(AURA) == []


async def test_samples_that_are_cut_in_two_are_put_together(aura: deepgram.TTS, provider: DeepgramServer):
    await provider.stall()
    speaking = Consumer(aura.synthesize("x"))
    await asyncio.sleep(0.1)
    wire = provider.handlers[-1].wire
    data = sound("halves", 24_000)
    await wire.send_raw(data[:1001])
    await wire.send_raw(data[1001:])
    await provider.release()
    heard = np.concatenate([chunk.audio.samples for chunk in await speaking.end()])
    assert heard.tobytes().startswith(data)


async def test_a_bad_key_is_told_with_what_to_do(provider: DeepgramServer):
    tts = deepgram.TTS(api_key="another-key", environment=provider.environment)
    with pytest.raises(NoConnectionError, match="DEEPGRAM_API_KEY"):
        await tts.start()
    with pytest.raises(NoConnectionError, match="DEEPGRAM_API_KEY"):
        await spoken(tts, TEXT)
    await tts.close()
    with pytest.raises(RuntimeError, match="closed"):
        await spoken(tts, TEXT)


# Flux.


async def test_a_flux_voice_is_interrupted_and_speaks_again(flux: deepgram.TTS, provider: DeepgramServer):
    speaking = await begin(flux, provider)
    stopped = flux.interrupt()
    await speaking.end()
    await provider.release()
    await stopped
    assert await spoken(flux, "next words") == expected("next words")
    assert provider.types(FLUX) == ["Speak", "Flush", "Interrupt", "Speak", "Flush"]
    assert provider.connections_made == 1


async def test_an_interrupt_that_flux_ignores_does_no_harm(flux: deepgram.TTS, provider: DeepgramServer):
    # Before any audio was made in a session, Deepgram ignores it, and goes on to speak.
    await provider.stall()
    speaking = Consumer(flux.synthesize(TEXT))
    while "Flush" not in provider.types(FLUX):
        await asyncio.sleep(0.01)
    flux.interrupt()
    assert await speaking.end() == []
    following = asyncio.create_task(spoken(flux, "next words"))
    await asyncio.sleep(0.1)
    await provider.release()
    assert await following == expected("next words")


async def test_flux_audio_outside_of_a_turn_is_dropped(flux: deepgram.TTS, provider: DeepgramServer):
    await provider.stall()
    speaking = asyncio.create_task(spoken(flux, TEXT))
    await asyncio.sleep(0.1)
    await provider.handlers[-1].wire.send_raw(sound("stray", 24_000))
    await provider.release()
    assert await speaking == expected(TEXT)


async def test_a_voice_is_tuned_from_the_next_text_on(aura: deepgram.TTS, provider: DeepgramServer):
    assert isinstance(aura, TunableVoice)
    speaking = await begin(aura, provider)
    aura.tune(voice="flux-alexis-en", pace=1.2)
    assert aura.tuning() == VoiceTuning(voice="flux-alexis-en", pace=1.2)
    await provider.release()
    await speaking.end()
    assert await spoken(aura, "and so on") == expected("and so on")
    assert provider.types(AURA) == ["Speak", "Flush"]
    assert "Speak" in provider.types(FLUX)
    await asyncio.sleep(1.0)
    assert provider.count_connections() == 1, "the line of the voice before is closed"
    for wanted in ({"pace": 0.0}, {"voice": " "}):
        with pytest.raises(ValueError, match="voice"):
            aura.tune(**wanted)
    assert aura.tuning() == VoiceTuning(voice="flux-alexis-en", pace=1.2)


async def test_what_is_spoken_over_the_voice_before_can_still_be_interrupted(
    aura: deepgram.TTS, provider: DeepgramServer
):
    speaking = await begin(aura, provider)
    aura.tune(pace=1.2)
    aura.interrupt()
    await provider.release()
    await speaking.end()
    assert await spoken(aura, "and so on") == expected("and so on")
    await asyncio.sleep(2.0)
    assert provider.count_connections() == 1


async def test_flux_voices_have_a_rate_more_than_those_of_aura(provider: DeepgramServer):
    with pytest.raises(ValueError, match=r"^sample_rate is 8000, .*, not 44100"):
        make(provider, sample_rate=44_100)
    tts = make(provider, model="flux-alexis-en", sample_rate=44_100)
    await tts.start()
    try:
        assert {chunk.audio.sample_rate async for chunk in tts.synthesize(TEXT)} == {44_100}
        with pytest.raises(ValueError, match=r"^sample_rate .* for aura-2-thalia-en, not 44100"):
            tts.tune(voice="aura-2-thalia-en")
        assert tts.tuning().voice == "flux-alexis-en"
    finally:
        await tts.close()
