"""Speech by voice activity alone: what is reported of a row of probabilities."""

import numpy as np
import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.ears.speech import SpeechDetector
from vision_agents.core.part import Attachment
from vision_agents.core.participants import Participant
from vision_agents.core.vad import VAD, VADStream

ANNA, BERT = Participant("anna"), Participant("bert")


class LoudnessStream(VADStream):
    """The loudness of each window of 512 samples is its probability."""

    def __init__(self, lag=0):
        self.lag = lag
        self.rest = np.zeros(lag * 512, dtype=np.int16)

    def feed(self, samples):
        self.rest = np.concatenate([self.rest, samples])
        whole = (len(self.rest) // 512 - self.lag) * 512
        windows, self.rest = self.rest[:whole].reshape(-1, 512), self.rest[whole:]
        return [float(np.abs(window).max() / 32_767) for window in windows]

    def reset(self):
        self.rest = self.rest[:0]


class LoudnessVAD(VAD):
    window = 0.032

    def __init__(self, lag=0):
        self.lag = lag

    def stream(self):
        return LoudnessStream(self.lag)


class Notes:
    def __init__(self):
        self.told = []

    def speech_started(self, participant, confidence, onset_delay):
        self.told.append(("started", participant, round(confidence, 1), onset_delay))

    def speech_continued(self, participant, confidence, voiced, level):
        self.told.append(("continued", participant, round(confidence, 1), round(voiced, 3)))

    def speech_ended(self, participant, voiced, trailing_silence):
        self.told.append(("ended", participant, round(voiced, 3), round(trailing_silence, 3)))


def windows(*levels):
    return PcmData(np.concatenate([np.full(512, level * 32_767, dtype=np.int16) for level in levels]), 16_000)


async def test_speech_is_reported_from_its_first_window_to_its_end():
    detector, notes = SpeechDetector(LoudnessVAD()), Notes()
    detector.attach(Attachment(hearing=notes))
    await detector.start()
    detector.process_audio(windows(0.1, 0.9, 0.8, 0.4, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01), ANNA)
    assert notes.told == [
        ("started", ANNA, 0.9, 0.032),
        ("continued", ANNA, 0.8, 0.064),
        # Between the thresholds: the segment stays open, but that is no evidence.
        ("continued", ANNA, 0.4, 0.064),
        ("ended", ANNA, 0.064, 0.16),
    ]
    await detector.close()


async def test_each_participant_has_a_state_of_their_own_until_they_leave():
    detector, notes = SpeechDetector(LoudnessVAD()), Notes()
    detector.attach(Attachment(hearing=notes))
    detector.process_audio(windows(0.9), ANNA)
    detector.process_audio(windows(0.9), BERT)
    detector.forget(ANNA)
    detector.process_audio(windows(0.9), ANNA)
    detector.process_audio(windows(0.9), BERT)
    kinds = [(kind, participant) for kind, participant, *_ in notes.told]
    assert kinds == [("started", ANNA), ("started", BERT), ("started", ANNA), ("continued", BERT)]


async def test_a_higher_threshold_wants_more():
    detector, notes = SpeechDetector(LoudnessVAD(), threshold=0.95), Notes()
    detector.attach(Attachment(hearing=notes))
    detector.process_audio(windows(0.9, 0.9), ANNA)
    # It holds, for a soft onset is as unsure; but that is no evidence.
    assert [fact[0] for fact in notes.told] == ["started", "continued"]
    assert notes.told[1][3] == 0.0
    detector.process_audio(windows(0.96), ANNA)
    assert notes.told[2][3] > 0.0


@pytest.mark.parametrize("lag", [0, 2])
async def test_the_end_is_where_the_sound_ended_and_not_where_the_network_fell(lag):
    """`lag`: windows by which the network is late."""
    detector, notes = SpeechDetector(LoudnessVAD(lag)), Notes()
    detector.attach(Attachment(hearing=notes))
    detector.process_audio(windows(*[0.9] * 20, *[0.01] * 10), ANNA)
    assert notes.told[-1] == ("ended", ANNA, 0.64, pytest.approx(0.16 + 0.032 * lag, abs=0.01))


async def test_in_noise_the_end_is_where_the_network_usually_falls():
    detector, notes = SpeechDetector(LoudnessVAD()), Notes()
    detector.attach(Attachment(hearing=notes))
    detector.process_audio(windows(*[0.6] * 20, *[0.3] * 10), ANNA)
    assert notes.told[-1][0] == "ended"
    assert notes.told[-1][3] == 0.24
