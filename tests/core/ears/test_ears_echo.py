"""Ears with an echo canceller: everyone hears what it leaves, and whatever it does nobody's audio is lost."""

import asyncio

import numpy as np
import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.ears import Ears
from vision_agents.core.echo import EchoCanceller
from vision_agents.core.participants import Participant
from vision_agents.testing.parts import ScriptedDetector, ScriptedSTT
from vision_agents.testing.realtime import ScriptedRealtime

pytestmark = pytest.mark.virtual_time

ANNA, BERT = Participant("anna"), Participant("bert")
FRAME = np.arange(960, dtype=np.int16)


class Listener:
    def __init__(self):
        self.failures = []

    def failed(self, component, error):
        self.failures.append((component, str(error)))


class Halves(EchoCanceller):
    """Takes half of every sample away, and notes what else it is asked."""

    def __init__(self):
        self.calls = []

    def played(self, frame):
        self.calls.append(frame)

    def cancel(self, audio, participant):
        return PcmData(audio.samples // 2, audio.sample_rate)

    def forget(self, participant):
        self.calls.append(participant)


def hearing(part_class, method):
    """A part that notes all samples it is given."""

    class Hears(part_class):
        def __init__(self):
            super().__init__()
            self.heard = {}

    async def hear(self, audio, participant):
        self.heard.setdefault(participant, []).extend(audio.samples.tolist())

    setattr(Hears, method, hear)
    return Hears()


def audio(*samples, rate=16_000):
    return PcmData(np.array(samples, dtype=np.int16), rate)


async def test_detectors_and_the_recogniser_hear_only_what_the_canceller_leaves():
    detector, recogniser = hearing(ScriptedDetector, "process_audio"), hearing(ScriptedSTT, "process_audio")
    ears = Ears(Listener(), [detector], recogniser, canceller=Halves())
    ears.hear(audio(2, 4, 6), ANNA)
    ears.hear(audio(20), BERT)
    ears.hear(audio(8), ANNA)
    await asyncio.sleep(1)
    assert detector.heard == recogniser.heard == {ANNA: [1, 2, 3, 4], BERT: [10]}
    await ears.close()


async def test_so_does_a_realtime_model():
    model = hearing(ScriptedRealtime, "send_audio")
    ears = Ears(Listener(), [], model=model, canceller=Halves())
    ears.hear(audio(2, 4, rate=model.input_sample_rate), ANNA)
    await asyncio.sleep(1)
    assert model.heard == {ANNA: [1, 2]}
    await ears.close()


async def test_the_canceller_hears_of_all_that_is_played_and_of_who_leaves():
    canceller = Halves()
    ears = Ears(Listener(), [], canceller=canceller)
    ears.hear(audio(2), ANNA)
    ears.played(FRAME)
    await ears.forget(ANNA)
    await ears.close()
    assert canceller.calls[0] is FRAME
    assert canceller.calls[1:] == [ANNA]


async def test_a_canceller_that_raises_is_reported_once_and_the_audio_is_heard_as_it_came():
    class Broken(Halves):
        def played(self, frame):
            raise ValueError("played")

        def cancel(self, audio, participant):
            raise ValueError("cancel")

        def forget(self, participant):
            raise ValueError("forget")

        async def close(self):
            raise ValueError("close")

    listener, detector = Listener(), hearing(ScriptedDetector, "process_audio")
    ears = Ears(listener, [detector], canceller=Broken())
    for value in range(1, 100):
        ears.hear(audio(value), ANNA)
        ears.played(FRAME)
    await asyncio.sleep(1)
    assert detector.heard == {ANNA: list(range(1, 100))}
    assert listener.failures == [("Broken", "cancel")]
    await ears.close()
    assert listener.failures[1:] == [("Broken", "forget")]


async def test_a_canceller_that_fails_now_and_then_costs_nothing_but_the_echo():
    class Flaky(Halves):
        def cancel(self, audio, participant):
            if audio.samples[0] % 4:
                raise ValueError("now")
            return super().cancel(audio, participant)

    listener, detector = Listener(), hearing(ScriptedDetector, "process_audio")
    ears = Ears(listener, [detector], canceller=Flaky())
    for value in (4, 6, 8, 10):
        ears.hear(audio(value), ANNA)
    await asyncio.sleep(1)
    assert detector.heard == {ANNA: [2, 6, 4, 10]}
    assert len(listener.failures) == 1
    await ears.close()


@pytest.mark.parametrize("nonsense", [None, np.zeros(3, dtype=np.int16), b""])
async def test_a_canceller_that_returns_something_else_than_audio_is_a_failure_too(nonsense):
    class Wrong(Halves):
        def cancel(self, audio, participant):
            return nonsense

    listener, detector = Listener(), hearing(ScriptedDetector, "process_audio")
    ears = Ears(listener, [detector], canceller=Wrong())
    ears.hear(audio(2, 4), ANNA)
    await asyncio.sleep(1)
    assert detector.heard == {ANNA: [2, 4]}
    assert "PcmData" in listener.failures[0][1]
    await ears.close()


async def test_audio_that_is_not_ready_yet_is_not_given_on():
    class Waits(Halves):
        def cancel(self, audio, participant):
            return PcmData(audio.samples[:0], audio.sample_rate)

    detector = ScriptedDetector()
    pieces = []

    async def process_audio(audio, participant):
        pieces.append(audio)

    detector.process_audio = process_audio
    ears = Ears(Listener(), [detector], canceller=Waits())
    ears.hear(audio(2, 4), ANNA)
    await asyncio.sleep(1)
    assert pieces == []
    await ears.close()


async def test_without_a_canceller_what_is_played_is_nobodys_business():
    listener = Listener()
    ears = Ears(listener, [])
    ears.played(FRAME)
    await ears.close()
    assert listener.failures == []
