"""The ears of a session: who hears what, and parts that misbehave."""

import asyncio

import numpy as np
import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.ears import Ears
from vision_agents.core.participants import Participant
from vision_agents.testing.parts import ScriptedDetector, ScriptedSTT
from vision_agents.testing.realtime import ScriptedRealtime

pytestmark = pytest.mark.virtual_time

ANNA, BERT = Participant("anna"), Participant("bert")


class Listener:
    """Notes failures; the other reports are of no interest here."""

    def __init__(self):
        self.failures = []

    def failed(self, component, error):
        self.failures.append((component, str(error)))

    def words(self, participant, text, final, confidence, alternative=""):
        pass


class Detector(ScriptedDetector):
    def __init__(self):
        super().__init__()
        self.heard = []
        self.forgotten = []
        self.closed = False

    async def process_audio(self, audio, participant):
        self.heard.append((participant, audio.sample_rate, len(audio)))

    def forget(self, participant):
        self.forgotten.append(participant)

    async def close(self):
        self.closed = True


class Recogniser(ScriptedSTT):
    def __init__(self, delay=0.0):
        super().__init__()
        self.delay = delay
        self.heard = []
        self.finished_at = None
        self.closed = False

    async def process_audio(self, audio, participant):
        await asyncio.sleep(self.delay)
        self.heard.append((participant, audio.sample_rate, len(audio)))

    async def finish_turn(self, participant):
        self.finished_at = len(self.heard)

    async def close(self):
        self.closed = True


def audio(seconds=0.02, rate=48_000):
    return PcmData(np.ones(round(seconds * rate), dtype=np.int16), rate)


async def test_the_detector_hears_audio_as_it_is_and_the_recogniser_at_its_rate():
    detector, recogniser = Detector(), Recogniser()
    ears = Ears(Listener(), [detector], recogniser)
    for _ in range(200):
        ears.hear(audio(), ANNA)
        ears.hear(audio(rate=8_000), BERT)
    await asyncio.sleep(1)
    assert {(rate, length) for p, rate, length in detector.heard if p == ANNA} == {(48_000, 960)}
    assert {(rate, length) for p, rate, length in detector.heard if p == BERT} == {(8_000, 160)}
    for who in (ANNA, BERT):
        assert {rate for p, rate, _ in recogniser.heard if p == who} == {16_000}
        # But for what the resampling filter still holds back.
        assert sum(length for p, _, length in recogniser.heard if p == who) == pytest.approx(4 * 16_000, rel=0.05)
    await ears.close()


async def test_the_final_words_are_asked_for_once_the_audio_of_the_turn_was_consumed():
    recogniser = Recogniser(delay=0.01)
    ears = Ears(Listener(), [], recogniser)
    for _ in range(20):
        ears.hear(audio(rate=16_000), ANNA)
    await ears.finish_turn(ANNA)
    assert recogniser.finished_at == 20
    await ears.finish_turn(BERT)  # of whom nothing was ever heard
    await ears.close()


async def test_a_recogniser_that_hangs_delays_nobody_else():
    recogniser, detector = Recogniser(delay=3600), Detector()
    ears = Ears(Listener(), [detector], recogniser)
    for _ in range(10):
        ears.hear(audio(), ANNA)
        await asyncio.sleep(0.02)
    assert len(detector.heard) == 10
    await ears.close()


async def test_parts_that_raise_are_reported_and_the_others_go_on():
    class Broken(Recogniser):
        def begin_turn(self, participant):
            raise ValueError("begin")

        def discard_turn(self, participant):
            raise ValueError("discard")

        async def finish_turn(self, participant):
            raise ValueError("finish")

        def forget(self, participant):
            raise ValueError("forget")

        async def close(self):
            raise ValueError("close")

    class BrokenDetector(Detector):
        def forget(self, participant):
            raise ValueError("forget too")

    listener, detector, last = Listener(), BrokenDetector(), Detector()
    ears = Ears(listener, [detector, last], Broken())
    ears.hear(audio(), ANNA)
    ears.begin_turn(ANNA)
    ears.discard_turn(ANNA)
    await ears.finish_turn(ANNA)
    await ears.forget(ANNA)
    assert [error for _, error in listener.failures] == ["begin", "discard", "finish", "forget too", "forget"]
    assert last.forgotten == [ANNA]
    ears.hear(audio(), ANNA)
    await ears.close()
    assert detector.closed
    assert last.closed


async def test_closing_is_bounded_and_leaves_nothing_running():
    class Hangs(Detector):
        async def close(self):
            await asyncio.Event().wait()

    recogniser = Recogniser(delay=3600)
    ears = Ears(Listener(), [Hangs(), Hangs()], recogniser)
    ears.hear(audio(), ANNA)
    ears.hear(audio(), BERT)
    await asyncio.sleep(0.1)
    begin = asyncio.get_running_loop().time()
    await ears.close()
    assert asyncio.get_running_loop().time() - begin < 10
    assert recogniser.closed
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_if_one_part_cannot_start_the_others_are_not_left_starting():
    class Refuses(Detector):
        async def start(self):
            raise FileNotFoundError("no model")

    class Slow(Recogniser):
        async def start(self):
            await asyncio.sleep(3600)

    with pytest.raises(FileNotFoundError, match="no model"):
        await Ears(Listener(), [Refuses()], Slow()).start()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_realtime_model_forgets_the_microphone_of_somebody_who_left():
    model = ScriptedRealtime()
    ears = Ears(Listener(), [], model=model)
    forgotten = []
    model.forget = forgotten.append
    ears.hear(audio(), ANNA)
    await ears.forget(ANNA)
    assert forgotten == [ANNA]
    await ears.close()
