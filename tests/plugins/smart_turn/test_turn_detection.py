"""`smart_turn.TurnDetection`: the page's tables, whose turn ends when, and that every turn does."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vision_agents.core.audio import Samples
from vision_agents.core.models import onnx
from vision_agents.core.part import Attachment
from vision_agents.core.shed import Shed
from vision_agents.plugins import smart_turn
from vision_agents.testing.virtual_time import VirtualTimeLoop

from ..hearing_kit import ANNA, BEN, RATE, LevelVAD, Notes, Speak, audio, frames, play

WINDOW = 0.032
SPEECH, SILENCE = 0.9, 0.0

# buffer_in_seconds, confidence_threshold: the three settings of the page
SENSITIVE, RECOMMENDED, DELIBERATE = (0.5, 0.3), (1.5, 0.5), (2.0, 0.7)


class Judge:
    """Stands for Smart Turn: gives prepared answers, the last one for ever, and notes what it heard."""

    def __init__(self, *answers: float | Exception) -> None:
        self._answers = list(answers)
        self.heard: list[Samples] = []

    def predict(self, samples: Samples) -> float:
        self.heard.append(samples)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def detection(
    judge: Any, buffer: float = 1.5, threshold: float = 0.5, vad: LevelVAD | None = None, **names: float
) -> AsyncIterator[tuple[smart_turn.TurnDetection, Notes]]:
    detector = smart_turn.TurnDetection(buffer, threshold, vad=vad or LevelVAD(), model=judge, **names)
    notes = Notes()
    detector.attach(Attachment(hearing=notes))
    await detector.start()
    try:
        yield detector, notes
    finally:
        await detector.close()


def virtually(scene: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a scene in virtual time, for hypothesis."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(scene())


# The tables of the page.


@pytest.mark.parametrize(("setting", "commit"), [(SENSITIVE, 0.25), (RECOMMENDED, 0.75), (DELIBERATE, 1.0)])
def test_speech_that_makes_an_interruption(setting: tuple[float, float], commit: float) -> None:
    detector = smart_turn.TurnDetection(*setting, vad=LevelVAD(), model=Judge(0.9))
    assert detector.policy.commit_speech == pytest.approx(commit)
    assert detector.policy.turn_timeout > setting[0]


@pytest.mark.virtual_time
@pytest.mark.parametrize("setting", [SENSITIVE, RECOMMENDED, DELIBERATE])
async def test_the_agent_holds_at_a_share_of_the_threshold_and_not_under_it(setting: tuple[float, float]) -> None:
    async with detection(Judge(0.9), *setting) as (detector, notes):
        await play(detector, audio((2.0, 0.6 * setting[1] - 0.01)))
        assert notes.facts == []
        await play(detector, audio((0.1, 0.6 * setting[1] + 0.01)))
        assert notes.names()[0] == "speech_started"


@pytest.mark.virtual_time
@pytest.mark.parametrize("setting", [SENSITIVE, RECOMMENDED, DELIBERATE])
async def test_only_speech_at_the_threshold_is_evidence(setting: tuple[float, float]) -> None:
    async with detection(Judge(0.9), *setting) as (detector, notes):
        await play(detector, audio((1.0, setting[1] - 0.01)))
        assert {voiced for _, voiced in notes.of("speech_continued")} == {0.0}
        await play(detector, audio((1.0, setting[1] + 0.01)))
        assert notes.of("speech_continued")[-1][1] == pytest.approx(1.0, abs=2 * WINDOW)


@pytest.mark.virtual_time
@pytest.mark.parametrize("setting", [SENSITIVE, RECOMMENDED, DELIBERATE])
async def test_an_unfinished_turn_ends_by_its_buffer_of_silence(setting: tuple[float, float]) -> None:
    async with detection(Judge(0.1), *setting) as (detector, notes):
        await play(detector, audio((1.0, SPEECH), (3.0, SILENCE)))
        ((confidence, duration, trailing),) = notes.of("turn_ended")
        assert confidence == 0.1
        assert trailing == pytest.approx(setting[0], abs=WINDOW)
        assert duration == pytest.approx(1.0, abs=0.15)
        # 0.08 of the silence were counted before the level fell: the lag of the real detector.
        assert notes.times("turn_ended")[0] == pytest.approx(1.0 + setting[0] - 0.08, abs=0.06)


@pytest.mark.virtual_time
async def test_the_silence_may_be_given_by_itself() -> None:
    async with detection(Judge(0.1), 0.5, silence_duration_ms=2000) as (detector, notes):
        await play(detector, audio((1.0, SPEECH), (3.0, SILENCE)))
        ((_, _, trailing),) = notes.of("turn_ended")
        assert trailing == pytest.approx(2.0, abs=WINDOW)
        # What interrupts is still the buffer's, and the floor does not give the turn up before.
        assert detector.policy.commit_speech == pytest.approx(0.25)
        assert detector.policy.turn_timeout > 2.0


def test_the_threshold_has_another_name() -> None:
    one, other = (
        smart_turn.TurnDetection(vad=LevelVAD(), model=Judge(0.9), **names)
        for names in ({"confidence_threshold": 0.7}, {"speech_probability_threshold": 0.7})
    )
    assert (one.confidence_threshold, one.policy) == (other.confidence_threshold, other.policy)


@pytest.mark.parametrize("silence", [0.0, -1.0, float("nan"), float("inf")])
def test_a_silence_is_a_positive_number(silence: float) -> None:
    with pytest.raises(ValueError, match="silence_duration_ms is a number above 0"):
        smart_turn.TurnDetection(silence_duration_ms=silence, vad=LevelVAD(), model=Judge(0.9))


LEVELS = st.lists(st.tuples(st.sampled_from([0.04, 0.16, 0.32, 0.8]), st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])))


def first_speech(threshold: float, parts: list[tuple[float, float]]) -> float:
    async def scene() -> float:
        async with detection(Judge(0.1), 1.5, threshold) as (detector, notes):
            await play(detector, audio(*parts, (0.04, 0.0)))
            return min(notes.times("speech_started"), default=float("inf"))

    return float(virtually(scene))


@settings(max_examples=40, deadline=None)
@given(LEVELS, st.floats(0, 1), st.floats(0, 1))
def test_a_lower_threshold_never_starts_later(parts: list[tuple[float, float]], one: float, other: float) -> None:
    assert first_speech(min(one, other), parts) <= first_speech(max(one, other), parts)


def first_end(buffer: float, answer: float, parts: list[tuple[float, float]]) -> float:
    async def scene() -> float:
        async with detection(Judge(answer), buffer) as (detector, notes):
            await play(detector, audio((0.1, SPEECH), *parts, (4.0, 0.0)))
            return notes.times("turn_ended")[0]

    return float(virtually(scene))


@settings(max_examples=40, deadline=None)
@given(LEVELS, st.floats(0.05, 3), st.floats(0.05, 3), st.sampled_from([0.1, 0.9]))
@example([(0.8, 0.4), (0.8, 0.4)], 1.0, 1.5, 0.9)
def test_a_smaller_buffer_never_ends_a_turn_later(
    parts: list[tuple[float, float]], one: float, other: float, answer: float
) -> None:
    assert first_end(min(one, other), answer, parts) <= first_end(max(one, other), answer, parts)
    small, large = (smart_turn.TurnDetection(b, vad=LevelVAD(), model=Judge(0)) for b in sorted((one, other)))
    assert small.policy.commit_speech <= large.policy.commit_speech


# When a turn ends.


@pytest.mark.virtual_time
async def test_a_complete_turn_ends_after_a_fifth_of_a_second() -> None:
    judge = Judge(0.8)
    async with detection(judge) as (detector, notes):
        await play(detector, audio((0.5, SILENCE), (1.0, SPEECH), (1.0, SILENCE)))
        assert notes.names() == ["speech_started", "speech_ended", "turn_ended"]
        ((confidence, duration, trailing),) = notes.of("turn_ended")
        assert confidence == 0.8
        assert duration == pytest.approx(1.0, abs=0.15)
        assert trailing == pytest.approx(0.208, abs=0.001)
        assert notes.times("turn_ended")[0] == pytest.approx(1.5 + 0.128, abs=0.06)
        ((voiced, silence),) = notes.of("speech_ended")
        assert voiced == pytest.approx(1.0, abs=WINDOW)
        # Measured in the sound, which a network may follow later than this one.
        assert silence == pytest.approx(notes.times("speech_ended")[0] - 1.5, abs=0.021)
        # The turn, a little before it, and the pause; not the half second that nobody spoke in.
        assert len(judge.heard[0]) / RATE == pytest.approx(0.3 + 1.0 + 0.128, abs=0.06)


@pytest.mark.virtual_time
async def test_evidence_grows_window_by_window() -> None:
    async with detection(Judge(0.8)) as (detector, notes):
        await play(detector, audio((0.32, SILENCE), (0.16, SPEECH), (0.064, 0.4), (0.16, SPEECH)))
        voiced = [voiced for _, voiced in notes.of("speech_continued")]
        assert voiced == sorted(voiced)
        # 0.4 keeps the speech going, but is no evidence.
        assert voiced[-1] == pytest.approx(0.32, abs=2 * WINDOW)
        assert notes.of("speech_started") == [(SPEECH, pytest.approx(WINDOW, abs=0.02))]


@pytest.mark.virtual_time
async def test_a_pause_in_an_unfinished_turn_does_not_end_it() -> None:
    judge = Judge(0.2, 0.7)
    async with detection(judge) as (detector, notes):
        await play(detector, audio((1.0, SPEECH), (0.8, SILENCE), (1.0, SPEECH), (1.0, SILENCE)))
        assert notes.names() == ["speech_started", "speech_ended"] * 2 + ["turn_ended"]
        assert len(judge.heard) == 2
        ((confidence, duration, _),) = notes.of("turn_ended")
        assert confidence == 0.7
        assert duration == pytest.approx(2.8, abs=0.15)


@pytest.mark.virtual_time
async def test_an_answer_about_a_pause_that_is_over_is_dropped() -> None:
    class Shortsighted:
        def predict(self, samples: Samples) -> float:
            return 0.99 if len(samples) < RATE else 0.1  # the first pause comes after half a second of speech

    async with detection(Shortsighted()) as (detector, notes):
        # In one piece: the speech after the pause is there before the answer can be.
        detector.process_audio(audio((0.5, SPEECH), (0.3, SILENCE), (0.5, SPEECH)), ANNA)
        await asyncio.sleep(0.1)
        assert notes.of("turn_ended") == []
        await play(detector, audio((2.0, SILENCE)))
        ((confidence, duration, _),) = notes.of("turn_ended")
        assert confidence == 0.1
        assert duration == pytest.approx(1.3, abs=0.15)


class Dying(Judge):
    """Its first answer ends the thread that it is made in."""

    def predict(self, samples: Samples) -> float:
        if not self.heard:
            self.heard.append(samples)
            raise SystemExit
        return super().predict(samples)


@pytest.mark.virtual_time
async def test_a_worker_that_dies_is_reported_by_each_of_fifty_sessions_and_ends_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda error: None)  # pytest would warn of the thread's end
    judge, pause = Dying(0.9), audio((0.5, SPEECH), (0.3, SILENCE))
    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(detection(judge)) for _ in range(50)]
        for detector, _ in sessions:  # in one piece each: they all ask about the pause before anybody is answered
            detector.process_audio(pause, ANNA)
        await asyncio.sleep(0.01)
        heard_of_it = [notes for _, notes in sessions if notes.failures]
        judged = [notes for _, notes in sessions if notes.of("turn_ended")]
        assert heard_of_it
        assert len(heard_of_it) + len(judged) == 50  # who asked after the thread was replaced is answered
        await asyncio.gather(*(play(detector, audio((1.5, SILENCE))) for detector, _ in sessions))
        assert all(len(notes.of("turn_ended")) == 1 for _, notes in sessions)
        await asyncio.gather(*(play(detector, pause) for detector, _ in sessions))
        assert all(notes.of("turn_ended")[1][0] == 0.9 for _, notes in sessions)
        assert all(len(notes.failures) <= 1 for _, notes in sessions)


@pytest.mark.virtual_time
async def test_an_answer_that_speech_overtakes_on_the_last_step_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    async with detection(Judge(0.1)) as (detector, notes):
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[float] = loop.create_future()
        monkeypatch.setattr(loop, "run_in_executor", lambda *_: answer)
        detector.process_audio(audio((0.5, SPEECH), (0.3, SILENCE)), ANNA)
        answer.set_result(0.99)
        detector.process_audio(audio((0.2, SPEECH)), ANNA)
        await asyncio.sleep(0.1)
        assert notes.names() == ["speech_started", "speech_ended", "speech_started"]


async def test_audio_before_start_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"await start\(\)"):
        smart_turn.TurnDetection(vad=LevelVAD()).process_audio(audio((0.1, SPEECH)), ANNA)


@pytest.mark.virtual_time
async def test_minutes_of_talk_are_one_turn_and_take_no_more_room() -> None:
    judge = Judge(*[0.1] * 100, 0.9)
    parts = [(2.6, SPEECH), (0.4, SILENCE)] * 101
    async with detection(judge) as (detector, notes):
        for frame in frames(audio(*parts)):
            detector.process_audio(frame, ANNA)
            if not frame.samples[-1]:
                await asyncio.sleep(0.02)
        ((confidence, duration, _),) = notes.of("turn_ended")
        assert confidence == 0.9
        assert duration == pytest.approx(303 - 0.4, abs=0.2)
        assert len(judge.heard) == 101
        assert max(map(len, judge.heard)) == 8 * RATE


@pytest.mark.virtual_time
async def test_a_click_ends_as_well() -> None:
    async with detection(Judge(0.1)) as (detector, notes):
        await play(detector, audio((0.5, SILENCE), (WINDOW, SPEECH), (2.0, SILENCE)))
        assert notes.names() == ["speech_started", "speech_ended", "turn_ended"]
        ((_, duration, _),) = notes.of("turn_ended")
        assert 0.0 <= duration <= 0.1


@pytest.mark.virtual_time
@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
async def test_any_sample_rate(rate: int) -> None:
    hum = np.sin(2 * np.pi * 200 * np.arange(rate) / rate) * 9_000
    sound = np.concatenate([hum, np.zeros(rate)]).astype(np.int16)
    async with detection(Judge(0.8)) as (detector, notes):
        await play(detector, type(audio((0.1, 0)))(sound, rate))
        ((_, duration, _),) = notes.of("turn_ended")
        assert duration == pytest.approx(1.0, abs=0.15)


@pytest.mark.virtual_time
async def test_participants_have_turns_of_their_own() -> None:
    async with detection(Judge(0.1)) as (detector, notes):
        await asyncio.gather(
            play(detector, audio((1.0, SPEECH), (2.0, SILENCE)), ANNA),
            play(detector, audio((0.5, SILENCE), (2.0, SPEECH), (2.0, SILENCE)), BEN),
        )
        ((_, anna, _),) = notes.of("turn_ended", ANNA)
        ((_, ben, _),) = notes.of("turn_ended", BEN)
        assert anna == pytest.approx(1.0, abs=0.15)
        assert ben == pytest.approx(2.0, abs=0.15)


# A turn always ends.


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("last", "ended"), [((1.0, SPEECH), 1), ((0.3, SILENCE), 1)], ids=["in mid-speech", "in a pause"]
)
@pytest.mark.parametrize("buffer", [0.5, 1.5])
async def test_a_turn_whose_audio_stops_ends_by_the_clock(last: tuple[float, float], ended: int, buffer: float) -> None:
    async with detection(Judge(0.1), buffer) as (detector, notes):
        await play(detector, audio((1.0, SPEECH), last))
        stopped = asyncio.get_running_loop().time()
        await asyncio.sleep(10)
        assert len(notes.of("speech_ended")) == ended
        ((_, _, trailing),) = notes.of("turn_ended")
        assert notes.times("turn_ended")[0] == pytest.approx(stopped + max(buffer, 1.0), abs=0.05)
        assert trailing >= max(buffer, 1.0)


@pytest.mark.virtual_time
async def test_after_a_gap_speech_is_a_new_turn() -> None:
    vad = LevelVAD()
    async with detection(Judge(0.9), vad=vad) as (detector, notes):
        await play(detector, audio((1.0, SPEECH)))
        await asyncio.sleep(5)
        assert vad.resets == 1  # what the network remembers of the time before the gap misleads it
        await play(detector, audio((0.5, SPEECH), (1.0, SILENCE)))
        (_, first, _), (_, second, _) = notes.of("turn_ended")
        assert first == pytest.approx(1.0, abs=0.15)
        assert second == pytest.approx(0.5, abs=0.15)


@settings(max_examples=60, deadline=None)
@given(LEVELS, st.sampled_from([0.1, 0.6]), st.booleans())
def test_whatever_is_said_a_turn_ends(parts: list[tuple[float, float]], answer: float, fails: bool) -> None:
    async def scene() -> Notes:
        judge = Judge(RuntimeError("no network")) if fails else Judge(answer)
        async with detection(judge) as (detector, notes):
            await play(detector, audio(*parts, (0.02, SPEECH), (0.02, SILENCE)))
            await asyncio.sleep(2)
        return notes

    notes = virtually(scene)
    names = notes.names()
    assert names.count("speech_started") == names.count("speech_ended")
    if "speech_started" in names:
        assert names[-1] == "turn_ended"
    # No turn ends that had not begun, and none twice.
    open_turn = False
    for name in names:
        assert name != "turn_ended" or open_turn
        open_turn = name != "turn_ended"


@pytest.mark.virtual_time
async def test_if_the_network_fails_silence_ends_turns_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async with detection(Judge(RuntimeError("out of memory"))) as (detector, notes):
        await play(detector, audio(*[(1.0, SPEECH), (2.0, SILENCE)] * 3))
        assert [confidence for confidence, _, _ in notes.of("turn_ended")] == [0.0] * 3
        assert [str(error) for error in notes.failures] == ["out of memory"]
    assert caplog.text.count("out of memory") == 1


async def test_a_network_that_hangs_holds_up_neither_the_loop_nor_the_turn() -> None:
    release = threading.Event()

    class Hanging:
        asked = 0

        def predict(self, samples: Samples) -> float:
            self.asked += 1
            release.wait(30)
            return 0.9

    judge = Hanging()
    try:
        async with detection(judge) as (detector, notes):
            # Not in real time: the audio's own clock counts the silence.
            for frame in frames(audio(*[(0.5, SPEECH), (2.0, SILENCE)] * 5)):
                detector.process_audio(frame, ANNA)
            assert [confidence for confidence, _, _ in notes.of("turn_ended")] == [0.0] * 5
            assert judge.asked <= 1
            release.set()
            await asyncio.to_thread(lambda: None)
            assert len(notes.of("turn_ended")) == 5
    finally:
        release.set()


@pytest.mark.virtual_time
async def test_nothing_is_reported_about_someone_who_left() -> None:
    async with detection(Judge(0.9)) as (detector, notes):
        await play(detector, audio((1.0, SPEECH), (0.14, SILENCE)))
        known = len(notes.facts)
        detector.forget(ANNA)
        detector.forget(BEN)
        await asyncio.sleep(10)
        assert len(notes.facts) == known
        await play(detector, audio((0.5, SPEECH), (1.0, SILENCE)))
        assert notes.names()[-3:] == ["speech_started", "speech_ended", "turn_ended"]


@pytest.mark.virtual_time
async def test_closing_in_mid_turn_leaves_nothing_behind() -> None:
    vad = LevelVAD()
    detector = smart_turn.TurnDetection(vad=vad, model=Judge(0.9))
    notes = Notes()
    detector.attach(Attachment(hearing=notes))
    await detector.start()
    await play(detector, audio((1.0, SPEECH)))
    await detector.close()
    await asyncio.sleep(10)
    assert notes.of("turn_ended") == []
    assert (vad.started, vad.closed) == (1, 1)


# Parameters.


@pytest.mark.parametrize("buffer", [0.0, -1.0, float("nan"), float("inf")])
def test_a_buffer_that_is_no_time_is_refused(buffer: float) -> None:
    with pytest.raises(ValueError, match="buffer_in_seconds"):
        smart_turn.TurnDetection(buffer_in_seconds=buffer, vad=LevelVAD(), model=Judge(0))


@pytest.mark.parametrize("name", ["confidence_threshold", "speech_probability_threshold"])
@pytest.mark.parametrize(
    ("value", "error"),
    [(float("nan"), ValueError), (-0.1, ValueError), (5, ValueError), ("0.5", TypeError), (True, TypeError)],
)
def test_a_threshold_that_is_none_is_refused_by_name(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"{name} is a number from 0 to 1.*, not {value!r}"):
        smart_turn.TurnDetection(**{name: value}, vad=LevelVAD(), model=Judge(0))


@pytest.mark.parametrize("name", ["buffer_in_seconds", "silence_duration_ms"])
def test_a_time_in_quotes_is_refused_by_name(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} is a number above 0, without quotes, not '1.5'"):
        smart_turn.TurnDetection(**{name: "1.5"}, vad=LevelVAD(), model=Judge(0))


def test_the_outermost_thresholds_work_and_are_told_as_they_were_written() -> None:
    for threshold, as_good_as in ((0.0, 0.05), (1.0, 0.95)):
        detector = smart_turn.TurnDetection(confidence_threshold=threshold, vad=LevelVAD(), model=Judge(0))
        bounded = smart_turn.TurnDetection(confidence_threshold=as_good_as, vad=LevelVAD(), model=Judge(0))
        assert (detector.confidence_threshold, detector.policy) == (threshold, bounded.policy)


def test_without_onnxruntime_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(onnx, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    with pytest.raises(ImportError, match=r'pip install "interruptible-agents\[smart-turn\]"'):
        smart_turn.TurnDetection()


@pytest.mark.models
async def test_a_spoken_sentence_is_a_turn(speak: Speak) -> None:
    speech = speak("I would like to book a table for two people tonight.")
    hiss = np.random.default_rng(5).normal(0, 8, len(speech) + 3 * RATE)
    hiss[RATE : RATE + len(speech)] += speech
    detector = smart_turn.TurnDetection()
    notes = Notes()
    detector.attach(Attachment(hearing=notes))
    await detector.start()
    try:
        detector.process_audio(type(audio((0.1, 0)))(hiss.astype(np.int16), RATE), ANNA)
    finally:
        await detector.close()
    (_, delay), *_ = notes.of("speech_started")
    assert 0.0 < delay < 0.3
    ((_, duration, trailing),) = notes.of("turn_ended")
    assert duration == pytest.approx(len(speech) / RATE, abs=0.3)
    assert 0.2 < trailing < 1.6


# By its public names, without an agent.


@pytest.mark.virtual_time
async def test_without_an_agent_it_tells_turns_until_it_is_stopped() -> None:
    detector = smart_turn.TurnDetection(sample_rate=16_000, vad=LevelVAD(), model=Judge(0.9))
    told: list[Any] = []

    @detector.events.subscribe
    async def note(event: smart_turn.TurnStartedEvent | smart_turn.TurnEndedEvent) -> None:
        told.append(event)

    await detector.start()
    await play(detector, audio((1.0, SPEECH), (1.0, SILENCE), (0.5, SPEECH)))
    await detector.events.drain()
    await detector.stop()
    assert [type(event).__name__ for event in told] == ["TurnStartedEvent", "TurnEndedEvent", "TurnStartedEvent"]
    assert (told[0].participant, told[1].confidence) == (ANNA, 0.9)
    assert told[1].duration_ms == pytest.approx(1000.0, abs=100.0)


def test_another_rate_of_the_networks_is_refused() -> None:
    with pytest.raises(ValueError, match="any audio is taken"):
        smart_turn.TurnDetection(sample_rate=8_000, vad=LevelVAD(), model=Judge(0.9))


# A process that is late.


@pytest.mark.virtual_time
async def test_a_process_that_is_late_has_silence_end_turns_and_holds_as_before() -> None:
    judge = Judge(0.9)
    async with detection(judge) as (detector, notes):
        detector.shed(Shed.TURN_MODEL)
        await play(detector, audio((1.0, SPEECH), (2.0, SILENCE)))
        assert judge.heard == []
        (ended,) = notes.of("turn_ended")
        assert notes.names()[0] == "speech_started"
        assert ended[2] == pytest.approx(1.5, abs=0.1), "the buffer of silence"
        detector.shed(Shed.NOTHING)
        await play(detector, audio((1.0, SPEECH), (1.0, SILENCE)))
        assert len(judge.heard) == 1
        assert len(notes.of("turn_ended")) == 2


# Where somebody else decides when a turn ends.


@pytest.mark.virtual_time
@pytest.mark.parametrize("answer", [0.9, 0.1])
async def test_a_listener_that_decides_is_told_of_each_pause_and_of_the_end_by_the_buffer(answer: float) -> None:
    async with detection(Judge(answer)) as (detector, notes):
        notes.decides = True
        await play(detector, audio((1.0, SPEECH), (0.8, SILENCE), (1.0, SPEECH), (3.0, SILENCE)))
        assert notes.of("pause_judged") == [(answer, 1.5)] * 2
        ((confidence, _, trailing),) = notes.of("turn_ended")
        assert (confidence, trailing) == (answer, pytest.approx(1.5, abs=WINDOW))


@pytest.mark.virtual_time
async def test_what_comes_after_an_end_that_was_decided_elsewhere_is_a_new_turn() -> None:
    judge = Judge(0.1)
    async with detection(judge) as (detector, notes):
        notes.decides = True
        detector.end_turn(ANNA)  # nobody has heard of her
        await play(detector, audio((1.0, SPEECH), (0.5, SILENCE)))
        detector.end_turn(ANNA)
        detector.end_turn(ANNA)
        ((_, duration, trailing),) = notes.of("turn_ended")
        assert (duration, trailing) == (pytest.approx(1.0, abs=0.15), pytest.approx(0.5, abs=0.1))
        await play(detector, audio((0.5, SPEECH)))
        detector.end_turn(ANNA)  # too late: it goes on
        await play(detector, audio((3.0, SILENCE)))
        assert notes.of("turn_ended")[1][1] == pytest.approx(0.5, abs=0.15)
        # The network hears the new turn only.
        assert len(judge.heard[1]) / RATE == pytest.approx(0.3 + 0.5 + 0.128, abs=0.06)
