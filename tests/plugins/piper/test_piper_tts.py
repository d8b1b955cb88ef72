"""The plugin: what the agent sees of it."""

from __future__ import annotations

import asyncio
import importlib
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vision_agents.core.models import MissingModelError
from vision_agents.core.models.networks import loaded_models
from vision_agents.core.part import Attachment
from vision_agents.core.tts import SpeechChunk, TTSAudioEvent, TunableVoice, VoiceTuning
from vision_agents.plugins import piper
from vision_agents.plugins.piper import tts as tts_module

TEXT = "I can book that table for you right now. And I can book another one too."


@pytest.fixture
def voices(monkeypatch: pytest.MonkeyPatch, ramp_voice: Any) -> list[Any]:
    """Every voice the plugin loads, none of them with a model."""
    loaded: list[Any] = []

    def load(files: Mapping[str, Path]) -> Any:
        voice = ramp_voice()
        voice.files, voice.prosodies, voice.thread = dict(files), [], threading.current_thread()
        loaded.append(voice)
        return voice

    def with_prosody(voice: Any, prosody: Any) -> Any:
        voice.prosodies.append(prosody)
        return voice

    monkeypatch.setattr(tts_module, "load", load)
    monkeypatch.setattr(tts_module, "Voice", with_prosody)
    return loaded


@pytest.fixture
async def tts(voices: list[Any]) -> AsyncGenerator[piper.TTS, None]:
    speaker = piper.TTS("voice.onnx")
    await speaker.start()
    yield speaker
    await speaker.close()


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"length_scale": "1.2"}, TypeError, "length_scale is a number from 0.1 to 10, without quotes, not '1.2'"),
        ({"noise_scale": 3}, ValueError, "noise_scale is a number from 0 to 2, not 3"),
        ({"volume": 0.0}, ValueError, "volume is a number above 0 and at most 10, not 0.0"),
        ({"speaker": 1.5}, TypeError, "speaker is a whole number, not 1.5"),
    ],
)
def test_what_cannot_be_is_refused_by_name(arguments: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error) as raised:
        piper.TTS("voice.onnx", **arguments)
    assert str(raised.value) == says


async def test_speaks_in_chunks_with_words(tts: piper.TTS, voices: list[Any]) -> None:
    chunks = [chunk async for chunk in tts.synthesize(TEXT)]
    assert len(chunks) > 3
    assert [word.text for chunk in chunks for word in chunk.words] == TEXT.split()
    assert {chunk.audio.sample_rate for chunk in chunks} == {22_050}


async def test_loads_once_off_the_loop_from_the_files_given(voices: list[Any]) -> None:
    tts = piper.TTS("a/voice.onnx", speaker=3, volume=0.5)

    async def speak() -> list[SpeechChunk]:
        return [chunk async for chunk in tts.synthesize("Hello.")]

    async with asyncio.TaskGroup() as group:
        group.create_task(tts.start())
        group.create_task(speak())
        group.create_task(speak())
    await tts.close()
    (voice,) = voices
    assert voice.files == {"model": Path("a/voice.onnx"), "config": Path("a/voice.onnx.json")}
    assert {(prosody.speaker, prosody.volume) for prosody in voice.prosodies} == {(3, 0.5)}
    assert voice.thread is not threading.main_thread()


async def test_the_voice_is_tuned_in_a_call(tts: piper.TTS, voices: list[Any]) -> None:
    assert isinstance(tts, TunableVoice)
    (voice,) = voices
    voice.settings = SimpleNamespace(speaker_id_map={"ann": 0, "bob": 1}, length_scale=1.2)
    assert tts.tuning() == VoiceTuning(("ann", "bob"), "ann", 1.0)
    tts.tune(voice="bob")
    tts.tune(pace=1.5)
    assert tts.tuning() == VoiceTuning(("ann", "bob"), "bob", 1.5)
    assert [chunk async for chunk in tts.synthesize("Hello.")]
    assert (voice.prosodies[-1].speaker, voice.prosodies[-1].length_scale) == ("bob", pytest.approx(0.8))
    for wanted in ({"pace": 0.0}, {"pace": 100.0}):
        with pytest.raises(ValueError, match=r"the pace of this voice is from 0\.12 to 12, not"):
            tts.tune(**wanted)
    assert tts.tuning().pace == 1.5, "what cannot be had changes nothing"


async def test_speakers_of_one_voice_share_it_and_no_prosody(voices: list[Any]) -> None:
    slow, fast = piper.TTS("voice.onnx", length_scale=2.0), piper.TTS("voice.onnx", length_scale=0.5)
    await asyncio.gather(slow.start(), fast.start())
    for tts in (slow, fast):
        assert [chunk async for chunk in tts.synthesize("Hello.")]
        await tts.close()
    (voice,) = voices
    assert [prosody.length_scale for prosody in voice.prosodies[-2:]] == [2.0, 0.5]


async def test_closing_one_speaker_ends_what_it_asked_for_and_no_more(voices: list[Any]) -> None:
    one, other = piper.TTS("voice.onnx"), piper.TTS("voice.onnx")
    await asyncio.gather(one.start(), other.start())
    begun, proceed = threading.Event(), threading.Event()
    usual = voices[0].decode

    def decode(*args: Any) -> Any:
        begun.set()
        assert proceed.wait(10)
        return usual(*args)

    voices[0].decode = decode
    streams = [tts.synthesize("Hello.") for tts in (other, one, other)]
    first, waiting, after = (asyncio.create_task(anext(stream, None)) for stream in streams)
    assert await asyncio.to_thread(begun.wait, 10)
    await one.close()
    assert await waiting is None
    proceed.set()
    assert await first
    assert await after
    await other.close()


async def waiting_jobs(number: int) -> None:
    """Return when so many jobs wait for the voice."""
    async with asyncio.timeout(10):
        while sum(model.worker.queued for model in loaded_models()) < number:
            await asyncio.sleep(0)


class Caller:
    """A call with so many seconds of audio that its listener has not heard yet."""

    def __init__(self, ahead: float) -> None:
        self.voice = piper.TTS("voice.onnx")
        self.voice.attach(Attachment(ahead=lambda: ahead))
        self.stream = self.voice.synthesize("A sentence that takes a while to be said to its very end.")


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("ahead", [(0.0, 60.0, 30.0), (60.0, 30.0, 0.0), (30.0, 0.0, 60.0)])
async def test_who_has_least_to_hear_is_next_whether_a_sentence_begins_or_goes_on(
    voices: list[Any], ahead: tuple[float, ...], begun: bool
) -> None:
    running, *callers = [Caller(seconds) for seconds in (0.0, *ahead)]
    for caller in (running, *callers):
        await caller.voice.start()
    for caller in callers:
        if begun:
            await anext(caller.stream)
    held, proceed, order = threading.Event(), threading.Event(), []
    usual = voices[0].decode

    def decode(*args: Any) -> Any:
        held.set()
        assert proceed.wait(10)
        return usual(*args)

    async def note(seconds: float, stream: AsyncGenerator[SpeechChunk, None]) -> None:
        await anext(stream)
        order.append(seconds)

    voices[0].decode = decode
    first = asyncio.create_task(note(-1.0, running.stream))
    assert await asyncio.to_thread(held.wait, 10)
    waiting = [asyncio.create_task(note(*pair)) for pair in zip(ahead, (c.stream for c in callers), strict=True)]
    await waiting_jobs(len(waiting))
    proceed.set()
    await asyncio.gather(first, *waiting)
    assert order == [-1.0, 0.0, 30.0, 60.0]
    for caller in (running, *callers):
        await caller.voice.close()


@pytest.mark.parametrize(("ahead", "first"), [(0.0, 8), (tts_module.PLENTY - 0.01, 8), (tts_module.PLENTY, 64)])
async def test_a_sentence_begins_with_a_short_chunk_only_where_it_is_waited_for(
    voices: list[Any], ahead: float, first: int
) -> None:
    caller = Caller(ahead)
    await caller.voice.start()
    chunks = [chunk async for chunk in caller.stream]
    assert voices[0].decoded[0] == (0, first)
    assert voices[0].decoded[-1][1] * voices[0].hop == sum(len(chunk.audio) for chunk in chunks)
    await caller.voice.close()


async def test_events_carry_the_epoch(tts: piper.TTS) -> None:
    heard: asyncio.Queue[TTSAudioEvent] = asyncio.Queue()

    @tts.events.subscribe
    async def on_audio(event: TTSAudioEvent) -> None:
        await heard.put(event)

    await tts.interrupt()
    chunks = [chunk async for chunk in tts.synthesize("Hello.")]
    async with asyncio.timeout(60):
        events = [await heard.get() for _ in chunks]
    assert {event.epoch for event in events} == {1}
    assert [len(event.data) for event in events] == [len(chunk.audio) for chunk in chunks]


async def test_an_interruption_ends_the_work_and_not_the_next_reply(tts: piper.TTS, voices: list[Any]) -> None:
    async with aclosing(tts.synthesize(TEXT)) as old:
        await anext(old)
        interrupted = tts.interrupt()
        new = [chunk async for chunk in tts.synthesize("Sorry.")]  # begun before the cancellation has run
        await interrupted
        assert [chunk async for chunk in old] == []
    assert [word.text for chunk in new for word in chunk.words] == ["Sorry."]
    assert len(voices[0].encoded) == 2  # the first sentence, and "Sorry."


async def test_stop_audio_ends_what_is_being_said(tts: piper.TTS, voices: list[Any]) -> None:
    stream = tts.stream_audio(TEXT)
    await anext(stream)
    decoded = len(voices[0].decoded)
    await tts.stop_audio()
    assert [chunk async for chunk in stream] == []
    assert len(voices[0].decoded) == decoded


async def test_a_cancelled_listener_ends_a_computation_under_way(tts: piper.TTS, voices: list[Any]) -> None:
    running, ended = threading.Event(), threading.Event()

    def decode(_frames: Any, _first: int, _last: int, options: Any) -> None:
        running.set()
        patience = threading.Event()
        while not options.terminate:
            patience.wait(0.001)
        ended.set()
        raise RuntimeError("terminated")

    usual: Callable[..., Any] = voices[0].decode
    voices[0].decode = decode
    task = asyncio.create_task(anext(tts.synthesize(TEXT)))
    assert await asyncio.to_thread(running.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 10)
    voices[0].decode = usual
    assert [chunk async for chunk in tts.synthesize("Still here.")]


async def test_the_loop_goes_on_while_a_chunk_is_computed(tts: piper.TTS, voices: list[Any]) -> None:
    usual = voices[0].decode
    proceed = threading.Event()

    def decode(*args: Any) -> Any:
        assert proceed.wait(10)
        return usual(*args)

    voices[0].decode = decode
    task = asyncio.create_task(anext(tts.synthesize(TEXT)))
    await asyncio.sleep(0)
    proceed.set()  # only a loop that is not blocked comes here
    assert len((await task).audio) > 0


async def test_after_close_it_says_so(tts: piper.TTS) -> None:
    await tts.close()
    await tts.close()
    with pytest.raises(RuntimeError, match=r"piper\.TTS is closed"):
        await anext(tts.synthesize("Hello."))


async def test_a_failed_load_is_reported_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, voices: list[Any]
) -> None:
    monkeypatch.setenv("VISION_AGENTS_MODELS", str(tmp_path))
    tts = piper.TTS()
    for _ in range(2):
        with pytest.raises(MissingModelError, match="vision-agents models pull piper-en-us-joe"):
            await tts.start()
    await tts.close()
    assert voices == []


async def test_a_step_that_hangs_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tts: piper.TTS, voices: list[Any]
) -> None:
    proceed = threading.Event()

    def decode(*_: Any) -> Any:
        proceed.wait(10)
        raise RuntimeError("too late")

    voices[0].decode = decode
    monkeypatch.setattr(tts_module, "DEADLINE", 0.01)
    try:
        with pytest.raises(TimeoutError, match="did not finish a step"):
            await anext(tts.synthesize("Hello."))
    finally:
        proceed.set()


def test_wrong_parameters_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="volume"):
        piper.TTS(volume=-1.0)
    with pytest.raises(ValueError, match="pass model too"):
        piper.TTS(config="voice.onnx.json")


@pytest.mark.parametrize("missing", ["piper", "onnxruntime"])
def test_without_its_packages_the_plugin_says_what_to_install(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in [name for name in sys.modules if name.startswith("vision_agents.plugins.piper")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r'pip install "interruptible-agents\[piper\]"'):
        importlib.import_module("vision_agents.plugins.piper")


@pytest.mark.models
async def test_the_default_voice_speaks() -> None:
    tts = piper.TTS()
    chunks = [chunk async for chunk in tts.synthesize("Hello there. " + TEXT)]
    await tts.close()
    words = [word for chunk in chunks for word in chunk.words]
    samples = np.concatenate([chunk.audio.samples for chunk in chunks]).astype(np.float64)
    assert [word.text for word in words] == ("Hello there. " + TEXT).split()
    assert len(chunks[0].audio) / 22_050 < 0.1
    assert len(samples) / 22_050 > words[-1].end > 3.0
    assert np.sqrt(np.mean(samples**2)) > 500
