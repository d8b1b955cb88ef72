"""ElevenLabs' voice: contexts, word times, and what an interruption leaves behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from vision_agents.core.audio import PcmData
from vision_agents.core.remote import NoConnectionError
from vision_agents.core.tts import TunableVoice, VoiceTuning
from vision_agents.plugins import elevenlabs
from vision_agents.plugins.elevenlabs.account import ElevenLabsError
from vision_agents.plugins.elevenlabs.speech_line import CONTEXT_LIMIT
from vision_agents.testing.contract import Consumer

from ...standins.elevenlabs.server import KEY, VOICES, ElevenLabsServer
from ...standins.elevenlabs.voice import LIMIT, WORD_SECONDS, sound

pytestmark = pytest.mark.virtual_time

GEORGE, RACHEL = VOICES[:2]

TEXT = "One two, three four five six seven eight."


def make(server: ElevenLabsServer, **options: Any) -> elevenlabs.TTS:
    return elevenlabs.TTS(api_key=KEY, base_url=server.url, **options)


@pytest_asyncio.fixture
async def tts(provider: ElevenLabsServer) -> AsyncIterator[elevenlabs.TTS]:
    tts = make(provider)
    await tts.start()
    yield tts
    await tts.close()


async def spoken(tts: elevenlabs.TTS, text: str) -> bytes:
    return b"".join([chunk.audio.to_bytes() async for chunk in tts.synthesize(text)])


def expected(text: str) -> bytes:
    return PcmData.concat(sound(word, 24_000) for word in text.split()).to_bytes()


async def begin(tts: elevenlabs.TTS, provider: ElevenLabsServer, after: int = 2) -> Consumer[Any]:
    """Have a text spoken that the provider has begun and not ended."""
    await provider.stall(after=after)
    speaking = Consumer(tts.synthesize(TEXT))
    await speaking.some(after)
    return speaking


def sent(provider: ElevenLabsServer, context: str) -> list[str]:
    """What was sent to a context, in short."""
    short = {"text": "text", "flush": "flush", "close_context": "close"}
    return [
        next(name for key, name in short.items() if key in message)
        for _, message in provider.said
        if message.get("context_id") == context
    ]


def contexts(provider: ElevenLabsServer) -> list[str]:
    """The contexts that were opened, in order."""
    return list(dict.fromkeys(message["context_id"] for _, message in provider.said))


async def test_each_text_has_a_context_that_is_closed(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    for text in (TEXT, "something else", TEXT):
        assert await spoken(tts, text) == expected(text)
    assert [sent(provider, name) for name in contexts(provider)] == [["text", "flush", "close"]] * 3
    assert provider.connections_made == 1
    assert provider.most_contexts == 1


async def test_a_context_is_not_closed_before_it_sounds(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    # The stand-in makes no audio of one that is closed sooner, as ElevenLabs has been seen to.
    await provider.stall()
    speaking = asyncio.create_task(spoken(tts, TEXT))
    await asyncio.sleep(0.5)
    assert sent(provider, contexts(provider)[0]) == ["text", "flush"]
    await provider.release()
    assert await speaking == expected(TEXT)


async def test_word_times_are_exact_across_pieces(tts: elevenlabs.TTS):
    chunks = [chunk async for chunk in tts.synthesize(TEXT)]
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == TEXT.split()
    for index, word in enumerate(words):
        assert word.start == pytest.approx(index * WORD_SECONDS, abs=0.002)
        letters = len(word.text)
        assert word.end == pytest.approx((index + letters / (letters + 1)) * WORD_SECONDS, abs=0.002)
    known = 0.0
    for chunk in chunks:
        # A word comes with the audio in which its last letter is, not later.
        assert all(word.end <= known + chunk.audio.duration + 0.05 for word in chunk.words)
        known += chunk.audio.duration


async def test_an_interruption_closes_the_context_at_once(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    await provider.stall()
    speaking = Consumer(tts.synthesize(TEXT))
    while not provider.requests:
        await asyncio.sleep(0.01)
    before = asyncio.get_running_loop().time()
    tts.interrupt()
    assert await speaking.end() == []
    await asyncio.sleep(0.01)
    assert sent(provider, contexts(provider)[0]) == ["text", "flush", "close"]
    assert asyncio.get_running_loop().time() - before < 0.02
    await provider.release()
    assert await spoken(tts, "next words") == expected("next words")
    assert provider.connections_made == 1


async def test_a_context_that_was_never_opened_is_not_closed(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    # Whatever is sent to an unknown context opens it, and nobody would close it.
    speaking = Consumer(tts.synthesize(TEXT))
    await asyncio.sleep(0)
    tts.interrupt()
    await speaking.leave()
    await asyncio.sleep(2)
    assert all(sent(provider, name)[0] == "text" for name in contexts(provider))
    assert all(not voice.contexts for voice in provider.handlers)


async def test_a_place_that_was_taken_for_nothing_is_given_back(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    line = await tts._take()
    for _ in range(3 * LIMIT):
        context = line.place("never sent")
        assert await line.cancel(context)
        await line.speak(context, "never sent")
    assert line.room
    assert provider.said == []


async def test_times_that_come_before_their_audio_are_no_audio(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    await provider.stall()
    speaking = asyncio.create_task(spoken(tts, TEXT))
    await asyncio.sleep(0.1)
    (name,) = contexts(provider)
    voice = provider.handlers[-1]
    await voice._send(voice.contexts[name], PcmData.silence(0, 24_000), [("x", 0.0, 1.0), (" ", 1.0, 1.0)])
    await asyncio.sleep(0.1)
    assert sent(provider, name) == ["text", "flush"]
    await provider.release()
    assert await speaking == expected(TEXT)


async def test_late_audio_of_a_closed_context_is_dropped(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    speaking = await begin(tts, provider)
    tts.interrupt()
    await speaking.end()
    await provider.release()
    await asyncio.sleep(0.1)
    following = await begin(tts, provider)
    await provider.send_late()
    await provider.release()
    audio = np.concatenate([chunk.audio.samples for chunk in await following.end()])
    assert audio.tobytes() == expected(TEXT)


async def test_rapid_interruptions_never_have_too_many_contexts(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    async def interrupted(after: int) -> None:
        speaking = await begin(tts, provider, after)
        tts.interrupt()
        await speaking.leave()
        await provider.release()

    await interrupted(1)
    await asyncio.sleep(5)
    tasks = len(asyncio.all_tasks())
    for number in range(200):
        await interrupted(number % 3)
        assert provider.open_connections <= 4
        assert len(asyncio.all_tasks()) <= tasks + 40
    await asyncio.sleep(5)
    gc.collect()
    assert provider.most_contexts <= CONTEXT_LIMIT < LIMIT
    assert provider.overflows == 0
    assert len(asyncio.all_tasks()) == tasks
    assert provider.open_connections == 1
    assert all(not voice.contexts for voice in provider.handlers)
    assert await spoken(tts, TEXT) == expected(TEXT)


async def test_a_provider_that_is_slow_to_end_contexts_delays_nothing_for_long(
    tts: elevenlabs.TTS, provider: ElevenLabsServer
):
    provider.stubborn = 5.0
    loop = asyncio.get_running_loop()
    for _ in range(30):
        speaking = await begin(tts, provider)
        begun = loop.time()
        tts.interrupt()
        await speaking.leave()
        assert loop.time() == begun
        await provider.release()
        # A place in the socket, or a new socket: either comes soon.
        following = Consumer(tts.synthesize("next words"))
        await following.some()
        assert loop.time() - begun < 0.5
        tts.interrupt()
        await following.leave()
    assert provider.overflows == 0
    assert provider.most_contexts <= CONTEXT_LIMIT
    assert provider.most_connections <= 3
    await asyncio.sleep(20)
    assert provider.open_connections == 1


async def test_two_texts_at_once_keep_apart(tts: elevenlabs.TTS):
    first, second = await asyncio.gather(spoken(tts, TEXT), spoken(tts, "something else"))
    assert (first, second) == (expected(TEXT), expected("something else"))


async def test_many_texts_at_once_never_have_too_many_contexts(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    provider.pace = 0.5  # Longer than anybody waits for a place: sockets are left with texts on them.
    texts = [f"text number {number}" for number in range(20)]
    assert await asyncio.gather(*(spoken(tts, text) for text in texts)) == [expected(text) for text in texts]
    assert provider.most_contexts <= CONTEXT_LIMIT
    await asyncio.sleep(5)
    assert provider.open_connections == 1


async def test_a_connection_that_died_while_idle_is_replaced_unnoticed(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    await provider.disconnect()
    assert await spoken(tts, TEXT) == expected(TEXT)
    assert provider.connections_made == 2


async def test_settings_go_with_the_first_message_of_each_context(provider: ElevenLabsServer):
    tts = make(provider, voice_settings={"speed": 1.1, "stability": 0.4}, language_code="en", enable_logging=False)
    await spoken(tts, "one text")
    await spoken(tts, "another text")
    messages = [message for _, message in provider.said]
    assert [message.get("voice_settings") for message in messages if message.get("text")] == [
        {"stability": 0.4, "speed": 1.1}
    ] * 2
    assert sum("voice_settings" in message for message in messages) == 2
    await tts.close()


async def test_what_elevenlabs_reports_is_raised_with_what_to_do(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    await provider.fail("quota")
    with pytest.raises(ElevenLabsError, match=r"quota_exceeded.*add credit"):
        await spoken(tts, TEXT)


@pytest.mark.parametrize(
    ("options", "advice"), [({"api_key": "another"}, "ELEVENLABS_API_KEY"), ({"voice_id": "nobody"}, "no such voice")]
)
async def test_what_is_refused_is_told_with_what_to_do(
    provider: ElevenLabsServer, options: dict[str, str], advice: str
):
    tts = elevenlabs.TTS(**{"api_key": KEY, "base_url": provider.url, **options})
    with pytest.raises(NoConnectionError, match=advice) as raised:
        await tts.start()
    assert KEY not in str(raised.value)
    await tts.close()
    with pytest.raises(RuntimeError, match="closed"):
        await spoken(tts, TEXT)


async def test_what_cannot_be_heard_is_not_sent(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    assert await spoken(tts, " … !") == b""
    assert provider.said == []


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)
    with pytest.raises(ValueError, match="ELEVENLABS_API_KEY"):
        elevenlabs.TTS()
    with pytest.raises(ValueError, match="ELEVENLABS_API_KEY"):
        elevenlabs.STT()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [({"output_format": "mp3_44100_128"}, "pcm_24000"), ({"voice_settings": {"pitch": 1}}, "pitch")],
)
def test_parameters_that_cannot_work_are_refused(options: dict[str, Any], complaint: str):
    with pytest.raises(ValueError, match=complaint):
        elevenlabs.TTS(api_key=KEY, **options)


async def test_a_voice_is_tuned_from_the_next_text_on(tts: elevenlabs.TTS, provider: ElevenLabsServer):
    assert isinstance(tts, TunableVoice)
    assert tts.tuning() == VoiceTuning(voice=GEORGE, pace=1.0)
    speaking = await begin(tts, provider)
    tts.tune(voice=RACHEL, pace=1.1)
    assert tts.tuning() == VoiceTuning(voice=RACHEL, pace=1.1)
    await provider.release()
    await speaking.end()
    assert await spoken(tts, "and so on") == expected("and so on")
    voices = [path.split("/")[3] for path, message in provider.said if message.get("flush")]
    assert voices == [GEORGE, RACHEL]
    speeds = [(message.get("voice_settings") or {}).get("speed") for _, message in provider.said if "text" in message]
    assert [speed for speed in speeds if speed] == [1.1]
    await asyncio.sleep(1.0)
    assert provider.count_connections() == 1, "the line of the voice before is closed"


@pytest.mark.parametrize("wanted", [{"voice": "../x"}, {"voice": ""}, {"pace": 2.0}, {"pace": 0.0}])
async def test_a_voice_that_cannot_be_had_changes_nothing(wanted: dict[str, Any], tts: elevenlabs.TTS):
    before = tts.tuning()
    with pytest.raises(ValueError, match="ElevenLabs"):
        tts.tune(**wanted)
    assert tts.tuning() == before
