"""The contracts of detectors, cancellers and voiceprints: simple parts keep them, and parts with one fault do not."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from vision_agents.core.audio import Framer, PcmData, Resampler, Samples
from vision_agents.core.part import Attachment
from vision_agents.core.participants import Participant
from vision_agents.core.turn_detection import TurnDetector
from vision_agents.core.vad import SAMPLE_RATE, VAD, SpeechEdge, SpeechSegmenter, VADStream
from vision_agents.core.voiceprint import SHORTEST, Embedding, Voiceprint
from vision_agents.plugins import livekit
from vision_agents.testing.contract import (
    EchoCancellerContract,
    HearingLog,
    TurnDetectorContract,
    VADContract,
    VoiceprintContract,
)

pytestmark = pytest.mark.virtual_time

WINDOW = 512


class LoudnessStream(VADStream):
    def __init__(self) -> None:
        self.framer = Framer(WINDOW)

    def feed(self, samples: Samples) -> list[float]:
        return [float(abs(window.astype(np.int32)).max() > 1000) for window in self.framer.push(samples)]

    def reset(self) -> None:
        self.framer = Framer(WINDOW)


class LoudnessVAD(VAD):
    window = WINDOW / SAMPLE_RATE

    def stream(self) -> VADStream:
        return LoudnessStream()


class LoudnessDetector(TurnDetector):
    """Whoever is loud speaks; a second of silence ends the turn."""

    def __init__(self) -> None:
        super().__init__()
        self.ears: dict[Participant, tuple[Resampler, VADStream, SpeechSegmenter]] = {}

    def ear(self, participant: Participant) -> tuple[Resampler, VADStream, SpeechSegmenter]:
        made = (Resampler(SAMPLE_RATE), LoudnessStream(), SpeechSegmenter(WINDOW / SAMPLE_RATE, min_silence=1.0))
        return self.ears.setdefault(participant, made)

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        resampler, stream, segmenter = self.ear(participant)
        for probability in stream.feed(resampler.push(audio)):
            self.judge(participant, segmenter, segmenter.feed(probability))

    def judge(self, participant: Participant, segmenter: SpeechSegmenter, edge: SpeechEdge) -> None:
        if edge is SpeechEdge.STARTED:
            self.report_speech_started(participant, 1.0)
        elif edge is SpeechEdge.CONTINUED:
            self.report_speech_continued(participant, 1.0, segmenter.voiced)
        elif edge is SpeechEdge.ENDED:
            self.report_speech_ended(participant, segmenter.voiced, segmenter.silence)
            self.report_turn_ended(participant, 1.0, segmenter.voiced, segmenter.silence)

    def forget(self, participant: Participant) -> None:
        self.ears.pop(participant, None)

    async def close(self) -> None:
        self.ears.clear()


class TestVAD(VADContract):
    def make(self) -> VAD:
        return LoudnessVAD()


class TestTurnDetector(TurnDetectorContract):
    def make(self) -> TurnDetector:
        return LoudnessDetector()


# Detectors with a fault.


class OneEarForAll(LoudnessDetector):
    def ear(self, participant: Participant) -> tuple[Resampler, VADStream, SpeechSegmenter]:
        return super().ear(Participant("everybody"))


class NeverForgets(LoudnessDetector):
    def forget(self, participant: Participant) -> None:
        pass


class OneRateOnly(LoudnessDetector):
    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        await super().process_audio(PcmData(audio.samples, SAMPLE_RATE), participant)


class HearsNoise(LoudnessDetector):
    def judge(self, participant: Participant, segmenter: SpeechSegmenter, edge: SpeechEdge) -> None:
        self.report_turn_started(participant)


class EndsTwice(LoudnessDetector):
    def judge(self, participant: Participant, segmenter: SpeechSegmenter, edge: SpeechEdge) -> None:
        super().judge(participant, segmenter, edge)
        if edge is SpeechEdge.ENDED:
            self.report_turn_ended(participant)


class InPercent(LoudnessDetector):
    def judge(self, participant: Participant, segmenter: SpeechSegmenter, edge: SpeechEdge) -> None:
        if edge is SpeechEdge.STARTED:
            self.report_turn_started(participant, 97.0)
        elif edge is SpeechEdge.ENDED:
            self.report_turn_ended(participant)


class GoesOnAfterwards(LoudnessDetector):
    async def close(self) -> None:
        asyncio.get_running_loop().call_later(0.01, self.report_turn_ended, Participant("anna"))


DETECTORS: list[tuple[type[LoudnessDetector], str, dict[str, Any]]] = [
    (OneEarForAll, "test_two_people_are_heard_apart", {}),
    (OneEarForAll, "test_two_people_at_once_have_a_turn_each", {}),
    (NeverForgets, "test_who_comes_back_is_heard_anew", {}),
    (OneRateOnly, "test_any_rate_is_taken", {"rate": 8_000}),
    (HearsNoise, "test_silence_and_the_noise_of_a_room_are_no_turn", {}),
    (EndsTwice, "test_turns_are_found_one_after_another", {}),
    (InPercent, "test_turns_are_found_one_after_another", {}),
    (GoesOnAfterwards, "test_closed_in_a_turn_and_twice", {}),
]


@pytest.mark.parametrize(("fault", "case", "parameters"), DETECTORS)
async def test_of_turn_detectors(fault: type[LoudnessDetector], case: str, parameters: dict[str, Any]) -> None:
    detector = fault()
    log = HearingLog()
    detector.attach(Attachment(hearing=log))
    with pytest.raises(AssertionError):
        await getattr(TurnDetectorContract(), case)(detector=detector, log=log, **parameters)


class SharedStream(LoudnessVAD):
    def __init__(self) -> None:
        self.only = LoudnessStream()

    def stream(self) -> VADStream:
        return self.only


class ForgetsTheRest(LoudnessVAD):
    def stream(self) -> VADStream:
        class Stream(LoudnessStream):
            def feed(self, samples: Samples) -> list[float]:
                self.reset()
                return super().feed(samples)

        return Stream()


class KeepsTheArray(LoudnessVAD):
    def stream(self) -> VADStream:
        class Stream(LoudnessStream):
            kept: list[Samples]

            def feed(self, samples: Samples) -> list[float]:
                self.kept = [*getattr(self, "kept", []), samples]
                together = np.concatenate(self.kept)
                whole = len(together) // WINDOW
                if not whole:
                    return []
                self.kept = [together[whole * WINDOW :]]
                return [
                    float(abs(w.astype(np.int32)).max() > 1000) for w in together[: whole * WINDOW].reshape(-1, WINDOW)
                ]

        return Stream()


class HearsAlways(LoudnessVAD):
    def stream(self) -> VADStream:
        class Stream(LoudnessStream):
            def feed(self, samples: Samples) -> list[float]:
                return [1.0 for _ in super().feed(samples)]

        return Stream()


VADS: list[tuple[type[LoudnessVAD], str, dict[str, Any]]] = [
    (SharedStream, "test_streams_know_nothing_of_each_other", {}),
    (ForgetsTheRest, "test_how_the_audio_is_cut_changes_nothing", {"step": 479}),
    (ForgetsTheRest, "test_each_window_has_one_probability", {}),
    (KeepsTheArray, "test_what_it_was_given_may_be_overwritten", {}),
    (HearsAlways, "test_speech_is_likelier_than_silence", {}),
    (HearsAlways, "test_the_end_of_speech_is_found", {}),
]


@pytest.mark.parametrize(("fault", "case", "parameters"), VADS)
async def test_of_voice_activity_detectors(fault: type[LoudnessVAD], case: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        await getattr(VADContract(), case)(vad=fault(), **parameters)


# Echo cancellers with a fault.


class Bypass(livekit.EchoCanceller):
    def cancel(self, audio: PcmData, participant: Participant) -> PcmData:
        return audio


class Mute(livekit.EchoCanceller):
    def cancel(self, audio: PcmData, participant: Participant) -> PcmData:
        return PcmData.silence(audio.duration, SAMPLE_RATE)


class DropsTheRest(livekit.EchoCanceller):
    def cancel(self, audio: PcmData, participant: Participant) -> PcmData:
        whole = len(audio) // 160 * 160
        return PcmData(audio.samples[:whole], audio.sample_rate)


class KeepsTheFrame(livekit.EchoCanceller):
    kept: Samples | None = None

    def played(self, frame: Samples) -> None:
        if self.kept is not None:
            super().played(self.kept)
        self.kept = frame


class WritesIntoIt(livekit.EchoCanceller):
    def cancel(self, audio: PcmData, participant: Participant) -> PcmData:
        audio.samples[:] = 0
        return audio


CANCELLERS: list[tuple[type[livekit.EchoCanceller], str, dict[str, Any]]] = [
    (Bypass, "test_the_echo_goes", {}),
    (Mute, "test_a_voice_without_an_echo_stays", {}),
    (Mute, "test_who_speaks_over_the_echo_is_heard", {}),
    (DropsTheRest, "test_nothing_is_lost_or_repeated", {"rate": 16_000, "step": 0.0333}),
    (KeepsTheFrame, "test_what_was_played_may_be_overwritten", {}),
    (WritesIntoIt, "test_what_it_was_given_stays_as_it_was", {}),
]


@pytest.mark.parametrize(("fault", "case", "parameters"), CANCELLERS)
async def test_of_echo_cancellers(fault: type[livekit.EchoCanceller], case: str, parameters: dict[str, Any]) -> None:
    canceller = fault()
    await canceller.start()
    with pytest.raises(AssertionError):
        await getattr(EchoCancellerContract(), case)(canceller=canceller, **parameters)


# Voiceprints with a fault, of one that knows a voice by its spectrum.


class Spectrum(Voiceprint):
    async def embed(self, samples: Samples) -> Embedding:
        if len(samples) < SHORTEST * SAMPLE_RATE or not samples.any():
            raise ValueError("too little to be a voice")
        await asyncio.sleep(0.01)
        return self.measure(samples)

    def measure(self, samples: Samples) -> Embedding:
        power = np.abs(np.fft.rfft(samples.astype(np.float64), 1 << 17)) ** 2
        bands = power[: 1 << 16].reshape(64, -1).sum(axis=1)
        return np.asarray(bands / np.linalg.norm(bands), dtype=np.float32)


class TestVoiceprint(VoiceprintContract):
    def make(self) -> Voiceprint:
        return Spectrum()


class NotNormal(Spectrum):
    def measure(self, samples: Samples) -> Embedding:
        return 3 * super().measure(samples)


class AlwaysTheSame(Spectrum):
    def measure(self, samples: Samples) -> Embedding:
        return super().measure(np.arange(16_000, dtype=np.int16))


class MixesVoices(Spectrum):
    before: Samples = np.zeros(0, dtype=np.int16)

    def measure(self, samples: Samples) -> Embedding:
        self.before = np.concatenate([self.before, samples])
        return super().measure(self.before)


class NeverRefuses(Spectrum):
    async def embed(self, samples: Samples) -> Embedding:
        return self.measure(np.append(samples, np.int16(1)))


class BlocksTheLoop(Spectrum):
    async def embed(self, samples: Samples) -> Embedding:
        return self.measure(samples)


class OneAtATime(Spectrum):
    async def embed(self, samples: Samples) -> Embedding:
        self.latest = samples
        await asyncio.sleep(0.01)
        return self.measure(self.latest)


VOICEPRINTS: list[tuple[type[Spectrum], str, dict[str, Any]]] = [
    (NotNormal, "test_an_embedding_is_a_vector_of_length_one", {}),
    (AlwaysTheSame, "test_one_voice_is_more_alike_than_two", {}),
    (AlwaysTheSame, "test_the_level_of_a_voice_is_no_voice", {}),
    (MixesVoices, "test_it_keeps_nothing_of_what_it_heard", {}),
    (OneAtATime, "test_several_at_once_are_what_each_is_alone", {}),
    (NeverRefuses, "test_too_little_audio_is_refused", {"seconds": 0.0}),
    (NeverRefuses, "test_silence_is_nobody", {}),
    (BlocksTheLoop, "test_the_event_loop_goes_on_meanwhile", {}),
]


@pytest.mark.parametrize(("fault", "case", "parameters"), VOICEPRINTS)
async def test_of_voiceprints(fault: type[Spectrum], case: str, parameters: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        await getattr(VoiceprintContract(), case)(voiceprint=fault(), **parameters)
