"""`moonshine.STT`: which audio is read, when, how often, and what becomes of the words."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from vision_agents.core import Participant
from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.models import WorkerError, onnx
from vision_agents.core.part import Attachment
from vision_agents.core.shed import Shed
from vision_agents.plugins import moonshine
from vision_agents.plugins.moonshine import utterance
from vision_agents.plugins.moonshine.model import Reading

from ..hearing_kit import ANNA, BEN, RATE, LevelVAD, Notes, Speak, audio, frames, play

SPEECH, SILENCE = 0.9, 0.0


class Reader:
    """Stands for the network: its words for a sound are how many tenths of a second of it are loud."""

    def __init__(self) -> None:
        self.heard: list[Samples] = []
        self.error: Exception | None = None

    def transcribe(self, samples: Samples, stop: threading.Event) -> Reading:
        self.heard.append(samples)
        if self.error is not None:
            raise self.error
        return Reading(f"<{loud(samples)}>", 0.9)


def loud(samples: Samples) -> int:
    return round(float((np.abs(samples.astype(np.int32)) > 2_000).sum()) / RATE * 10)


def tenths(text: str) -> int:
    """How much speech the words stand for."""
    return sum(int(part.strip("<>")) for part in text.split())


@asynccontextmanager
async def recogniser(reader: Any) -> AsyncIterator[tuple[moonshine.STT, Notes]]:
    stt = moonshine.STT(model=reader, vad=LevelVAD())
    notes = Notes()
    stt.attach(Attachment(hearing=notes))
    await stt.start()
    try:
        yield stt, notes
    finally:
        await stt.close()


def finals(notes: Notes) -> list[str]:
    return [text for text, final in notes.of("words") if final]


def partials(notes: Notes) -> list[str]:
    return [text for text, final in notes.of("words") if not final]


@pytest.mark.virtual_time
async def test_a_turn_has_words_while_it_goes_on_and_all_of_them_at_its_end() -> None:
    async with recogniser(Reader()) as (stt, notes):
        await play(stt, audio((1.0, SILENCE), (0.1, SPEECH)))
        stt.begin_turn(ANNA)
        begun = asyncio.get_running_loop().time()
        await play(stt, audio((1.9, SPEECH), (0.3, SILENCE)))
        await stt.finish_turn(ANNA)
        assert finals(notes) == ["<20>"]
        assert notes.names()[-1] == "words"
        grown = [tenths(text) for text in partials(notes)]
        assert grown == sorted(set(grown))
        assert grown[0] <= 5
        assert notes.times("words")[0] - begun < 0.4
        assert grown[-1] == 20


@pytest.mark.virtual_time
async def test_speech_from_before_the_turn_was_noticed_belongs_to_it_and_older_sounds_do_not() -> None:
    reader = Reader()
    async with recogniser(reader) as (stt, notes):
        await play(stt, audio((2.0, SPEECH), (0.25, SILENCE), (0.3, SPEECH)))
        stt.begin_turn(ANNA)
        await play(stt, audio((0.5, SPEECH), (0.3, SILENCE)))
        await stt.finish_turn(ANNA)
        assert finals(notes) == ["<8>"]


@pytest.mark.virtual_time
async def test_what_was_read_in_the_pause_is_final_without_reading_it_again() -> None:
    reader = Reader()
    async with recogniser(reader) as (stt, notes):
        stt.begin_turn(ANNA)
        await play(stt, audio((1.0, SPEECH), (0.26, SILENCE)))
        read = len(reader.heard)
        await stt.finish_turn(ANNA)
        assert finals(notes) == ["<10>"]
        assert len(reader.heard) == read


class Dying(Reader):
    """Its first reading ends the thread that it is made in."""

    def transcribe(self, samples: Samples, stop: threading.Event) -> Reading:
        if not self.heard:
            self.heard.append(samples)
            raise SystemExit
        return super().transcribe(samples, stop)


async def test_a_worker_that_dies_is_reported_and_the_next_turn_has_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda error: None)  # pytest would warn of the thread's end
    async with recogniser(Dying()) as (stt, notes):
        for seconds in (0.5, 1.0):
            stt.begin_turn(ANNA)
            await stt.process_audio(audio((seconds, SPEECH), (0.3, SILENCE)), ANNA)
            await stt.finish_turn(ANNA)
        assert [type(error) for error in notes.failures] == [WorkerError]
        assert finals(notes) == ["<10>"]


Session = tuple[moonshine.STT, Notes]


class Slow(Reader):
    """Reads nothing before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def transcribe(self, samples: Samples, stop: threading.Event) -> Reading:
        self.begun.set()
        assert self.may_go_on.wait(10)
        return super().transcribe(samples, stop)


@asynccontextmanager
async def two_sessions(
    reader: Reader,
) -> AsyncIterator[tuple[Session, Session]]:
    """Two recognisers that share the network, as those of two calls do."""
    async with recogniser(reader) as first, recogniser(reader) as second:
        yield first, second


async def hears(stt: moonshine.STT, seconds: float, silence: float = 0.0, who: Participant = ANNA) -> None:
    """Take the sound all at once, and let what it leads to begin."""
    await stt.process_audio(audio((seconds, SPEECH), (silence, SILENCE)), who)
    await asyncio.sleep(0)


async def settled() -> None:
    """Let what was cancelled be taken out of the queue: asyncio tells its thread in the next steps of the loop."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_final_words_come_before_another_sessions_partial_ones() -> None:
    reader = Slow()
    async with two_sessions(reader) as ((one, _), (other, notes)):
        for stt in (one, other):
            stt.begin_turn(ANNA)
        one.begin_turn(BEN)
        await hears(one, 1.0)  # read first, and slowly
        assert await asyncio.to_thread(reader.begun.wait, 10)
        await hears(one, 2.0, who=BEN)  # waits for the network, in mid-speech
        await other.process_audio(audio((0.5, SPEECH), (0.02, SILENCE)), ANNA)
        ending = asyncio.create_task(other.finish_turn(ANNA))
        await settled()
        reader.may_go_on.set()
        await ending
        assert finals(notes) == ["<5>"]
        assert [loud(samples) for samples in reader.heard[:2]] == [10, 5]


async def test_at_the_end_of_a_turn_its_words_no_longer_wait_as_partial_ones() -> None:
    reader = Slow()
    async with two_sessions(reader) as ((one, _), (other, notes)):
        one.begin_turn(ANNA)
        other.begin_turn(ANNA)
        await hears(one, 1.0)
        assert await asyncio.to_thread(reader.begun.wait, 10)
        await hears(other, 0.5)  # waits in no hurry
        await hears(one, 2.0, who=BEN)
        ending = asyncio.create_task(other.finish_turn(ANNA))
        await settled()
        reader.may_go_on.set()
        await ending
        assert finals(notes) == ["<5>"]
        assert [loud(samples) for samples in reader.heard] == [10, 5]  # and it is read once


async def test_a_turn_that_is_dropped_takes_its_reading_out_of_the_queue() -> None:
    reader = Slow()
    async with two_sessions(reader) as ((one, _), (other, notes)):
        one.begin_turn(ANNA)
        other.begin_turn(ANNA)
        await hears(one, 1.0)
        assert await asyncio.to_thread(reader.begun.wait, 10)
        await hears(other, 0.5)
        other.discard_turn(ANNA)
        await settled()
        reader.may_go_on.set()
        await one.finish_turn(ANNA)
        assert [loud(samples) for samples in reader.heard] == [10]
        assert notes.facts == []


@pytest.mark.virtual_time
async def test_silence_is_not_read_again_and_again() -> None:
    reader = Reader()
    async with recogniser(reader) as (stt, _):
        stt.begin_turn(ANNA)
        await play(stt, audio((1.0, SPEECH), (0.3, SILENCE)))
        read = len(reader.heard)
        await play(stt, audio((30.0, SILENCE)))
        assert len(reader.heard) <= read + 1
        # What is read is the speech and a little around it.
        assert max(map(len, reader.heard)) <= 2 * RATE


@pytest.mark.virtual_time
@pytest.mark.parametrize("sound", [(3.0, SILENCE), (3.0, 0.3)], ids=["silence", "noise"])
async def test_what_is_no_speech_has_no_words(sound: tuple[float, float]) -> None:
    reader = Reader()
    async with recogniser(reader) as (stt, notes):
        stt.begin_turn(ANNA)
        await play(stt, audio(sound))
        await stt.finish_turn(ANNA)
        assert reader.heard == []
        assert notes.facts == []


@pytest.mark.virtual_time
async def test_a_click_has_no_words() -> None:
    async with recogniser(Reader()) as (stt, notes):
        stt.begin_turn(ANNA)
        await play(stt, audio((0.5, SILENCE), (0.02, SPEECH), (0.5, SILENCE)))
        await stt.finish_turn(ANNA)
        # That is told, once: who hears a click wants to know that it was nothing.
        assert (finals(notes), partials(notes)) == ([], [""])


@pytest.mark.virtual_time
async def test_a_turn_of_minutes_is_complete_and_costs_no_more_for_each_second() -> None:
    reader = Reader()
    parts = [(2.0, SPEECH), (0.4, SILENCE)] * 75
    async with recogniser(reader) as (stt, notes):
        stt.begin_turn(ANNA)
        await play(stt, audio(*parts))
        await stt.finish_turn(ANNA)
        (text,) = finals(notes)
        assert tenths(text) == pytest.approx(1500, abs=2)
        assert max(map(len, reader.heard)) <= 12 * RATE + 512
        first, last = notes.times("words")[0], notes.times("words")[-1]
        seconds = dict.fromkeys((0, 1), 0.0)
        for at, samples in zip(np.linspace(first, last, len(reader.heard)), reader.heard, strict=True):
            seconds[at > (first + last) / 2] += len(samples) / RATE
        assert seconds[1] < 1.2 * seconds[0]


@pytest.mark.virtual_time
async def test_two_turns_do_not_mix() -> None:
    async with recogniser(Reader()) as (stt, notes):
        for seconds in (1.0, 0.6):
            await play(stt, audio((0.1, SPEECH)))
            stt.begin_turn(ANNA)
            stt.begin_turn(ANNA)
            await play(stt, audio((seconds - 0.1, SPEECH), (0.3, SILENCE)))
            await stt.finish_turn(ANNA)
            await play(stt, audio((1.0, SILENCE)))
        assert finals(notes) == ["<10>", "<6>"]


@pytest.mark.virtual_time
async def test_a_discarded_turn_has_no_words_afterwards() -> None:
    async with recogniser(Reader()) as (stt, notes):
        stt.begin_turn(ANNA)
        for frame in frames(audio((0.5, SPEECH))):
            await stt.process_audio(frame, ANNA)  # a reading has begun and cannot be done yet
        stt.discard_turn(ANNA)
        await play(stt, audio((1.0, SILENCE)))
        await stt.finish_turn(ANNA)
        assert notes.facts == []


@pytest.mark.virtual_time
async def test_participants_do_not_mix() -> None:
    async with recogniser(Reader()) as (stt, notes):

        async def talk(seconds: float, who: Any) -> None:
            stt.begin_turn(who)
            await play(stt, audio((seconds, SPEECH), (0.3, SILENCE)), who)
            await stt.finish_turn(who)

        await asyncio.gather(talk(1.0, ANNA), talk(2.0, BEN))
        assert [text for text, final in notes.of("words", ANNA) if final] == ["<10>"]
        assert [text for text, final in notes.of("words", BEN) if final] == ["<20>"]


@pytest.mark.virtual_time
async def test_someone_who_left_is_forgotten() -> None:
    async with recogniser(Reader()) as (stt, notes):
        stt.begin_turn(ANNA)
        for frame in frames(audio((0.5, SPEECH))):
            await stt.process_audio(frame, ANNA)
        stt.forget(ANNA)
        stt.forget(BEN)
        await asyncio.sleep(1)
        await stt.finish_turn(ANNA)
        stt.discard_turn(ANNA)
        assert notes.facts == []


@pytest.mark.virtual_time
async def test_an_error_is_reported_and_not_repeated_fifty_times_a_second() -> None:
    reader = Reader()
    async with recogniser(reader) as (stt, notes):
        stt.begin_turn(ANNA)
        await play(stt, audio((1.0, SPEECH)))
        reader.error = RuntimeError("out of memory")
        await play(stt, audio((2.0, SPEECH), (0.3, SILENCE), (0.5, SPEECH), (0.3, SILENCE)))
        assert len(notes.failures) == 1
        await stt.finish_turn(ANNA)
        assert len(notes.failures) == 2
        # What was read before it is not lost.
        (text,) = finals(notes)
        assert 5 <= tenths(text) <= 10


class Gated:
    """A network that takes as long as the test wants."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.go = threading.Semaphore(0)
        self.stops: list[threading.Event] = []

    def transcribe(self, samples: Samples, stop: threading.Event) -> Reading:
        self.stops.append(stop)
        self.running.set()
        while not self.go.acquire(timeout=0.005):
            if stop.is_set():
                return Reading("<999>", 0.9)
        return Reading(f"<{loud(samples)}>", 0.9)


@asynccontextmanager
async def gated() -> AsyncIterator[tuple[Gated, moonshine.STT, Notes]]:
    """A recogniser in real time whose network is at work on half a second of speech."""
    reader = Gated()
    async with recogniser(reader) as (stt, notes):
        stt.begin_turn(ANNA)
        for frame in frames(audio((0.5, SPEECH))):
            await stt.process_audio(frame, ANNA)
        assert await asyncio.to_thread(reader.running.wait, 10)
        try:
            yield reader, stt, notes
        finally:
            reader.go.release(1000)


async def test_while_a_reading_is_under_way_none_is_queued_and_no_audio_is_lost() -> None:
    async with gated() as (reader, stt, notes):
        for frame in frames(audio((2.5, SPEECH))):
            await stt.process_audio(frame, ANNA)
        assert len(reader.stops) == 1
        reader.go.release(1000)
        await stt.finish_turn(ANNA)
        assert finals(notes) == ["<30>"]


async def test_the_end_of_the_turn_stops_a_reading_that_lacks_its_last_words() -> None:
    async with gated() as (reader, stt, notes):
        for frame in frames(audio((0.5, SPEECH))):
            await stt.process_audio(frame, ANNA)
        finishing = asyncio.create_task(stt.finish_turn(ANNA))
        reader.running.clear()
        assert await asyncio.to_thread(reader.running.wait, 10)
        assert reader.stops[0].is_set()
        reader.go.release()
        await finishing
        assert finals(notes) == ["<10>"]
        assert "<999>" not in partials(notes)


async def test_discarding_stops_the_reading_and_frees_the_thread() -> None:
    async with gated() as (reader, stt, notes):
        stt.discard_turn(ANNA)
        assert reader.stops[0].is_set()
        stt.begin_turn(BEN)
        for frame in frames(audio((0.5, SPEECH))):
            await stt.process_audio(frame, BEN)
        reader.go.release(1000)
        await stt.finish_turn(BEN)
        assert [text for text, final in notes.of("words") if final] == ["<5>"]
        assert notes.of("words", ANNA) == []


@pytest.mark.parametrize("more", [0.0, 0.5, 2.0], ids=["a partial is read", "the rest is read", "a piece is read"])
async def test_an_agent_that_waits_no_longer_frees_the_thread(more: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utterance, "LONGEST", RATE)
    async with gated() as (reader, stt, notes):
        for frame in frames(audio((more, SPEECH))):
            await stt.process_audio(frame, ANNA)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stt.finish_turn(ANNA), 0.2)
        assert len(reader.stops) == (2 if more else 1)
        assert all(stop.is_set() for stop in reader.stops)
        assert notes.facts == []


async def test_behind_a_network_that_hangs_a_stated_amount_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utterance, "LONGEST", RATE)
    async with gated() as (reader, stt, notes):
        for frame in frames(audio((30.0, SPEECH))):
            await stt.process_audio(frame, ANNA)
        assert notes.failures
        assert all("given up" in str(error) for error in notes.failures)
        reader.go.release(1000)
        await stt.finish_turn(ANNA)
        (text,) = finals(notes)
        assert 50 <= tenths(text) <= 110


@pytest.mark.virtual_time
async def test_a_reading_before_start_says_what_to_do() -> None:
    stt = moonshine.STT(vad=LevelVAD())
    notes = Notes()
    stt.attach(Attachment(hearing=notes))
    stt.begin_turn(ANNA)
    await play(stt, audio((1.0, SPEECH)))
    await stt.finish_turn(ANNA)
    await stt.close()
    assert all("await start()" in str(error) for error in notes.failures)
    assert notes.failures


def test_without_onnxruntime_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(onnx, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    with pytest.raises(ImportError, match=r'pip install "interruptible-agents\[moonshine\]"'):
        moonshine.STT()


@pytest.mark.models
async def test_a_spoken_turn_is_written_down(speak: Speak) -> None:
    speech = speak("I would like to book a table for two people tonight.")
    hiss = np.random.default_rng(5).normal(0, 8, len(speech) + RATE)
    hiss[RATE // 2 : RATE // 2 + len(speech)] += speech
    stt = moonshine.STT()
    notes = Notes()
    stt.attach(Attachment(hearing=notes))
    await stt.start()
    try:
        for number, frame in enumerate(frames(PcmData(hiss.astype(np.int16), RATE))):
            await stt.process_audio(frame, ANNA)
            if number == 40:
                stt.begin_turn(ANNA)
            await asyncio.sleep(0)
        await stt.finish_turn(ANNA)
    finally:
        await stt.close()
    (text,) = finals(notes)
    assert "book a table for two people" in text.lower()


@pytest.mark.models
async def test_real_noise_has_no_words() -> None:
    noise = np.random.default_rng(6).normal(0, 2_000, 4 * RATE)
    knocks = np.where(np.arange(4 * RATE) % 9_000 < 120, 12_000, 0)
    stt = moonshine.STT()
    notes = Notes()
    stt.attach(Attachment(hearing=notes))
    await stt.start()
    try:
        stt.begin_turn(ANNA)
        for sound in (noise, knocks + noise / 50):
            await stt.process_audio(PcmData.from_array(sound / 32_768, RATE), ANNA)
            await asyncio.sleep(0)
        await stt.finish_turn(ANNA)
    finally:
        await stt.close()
    assert notes.facts == []


@pytest.mark.virtual_time
async def test_a_process_that_is_late_has_no_partial_words_and_all_final_ones() -> None:
    async with recogniser(Reader()) as (stt, notes):
        stt.shed(Shed.PARTIAL_TRANSCRIPTS)
        stt.begin_turn(ANNA)
        await play(stt, audio((1.0, SPEECH), (0.3, SILENCE), (1.0, SPEECH), (0.3, SILENCE)))
        await stt.finish_turn(ANNA)
        assert (partials(notes), finals(notes)) == ([], ["<20>"])
        stt.shed(Shed.TURN_MODEL)
        stt.begin_turn(ANNA)
        await play(stt, audio((1.0, SPEECH), (0.3, SILENCE)))
        assert partials(notes)
