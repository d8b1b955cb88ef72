"""The ears of a session: who hears what, and parts that misbehave."""

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


class Listener:
    """Notes failures; the other reports are of no interest here."""

    def __init__(self):
        self.failures = []

    def failed(self, component, error):
        self.failures.append((component, str(error)))

    def words(self, participant, text, final, confidence, alternative="", place=None):
        pass


class Detector(ScriptedDetector):
    def __init__(self):
        super().__init__()
        self.heard = []
        self.forgotten = []

    async def process_audio(self, audio, participant):
        self.heard.append((participant, audio.sample_rate, len(audio)))

    def forget(self, participant):
        self.forgotten.append(participant)


class Recogniser(ScriptedSTT):
    def __init__(self, delay=0.0):
        super().__init__()
        self.delay = delay
        self.heard = []
        self.finished_at = None

    async def process_audio(self, audio, participant):
        await asyncio.sleep(self.delay)
        self.heard.append((participant, audio.sample_rate, len(audio)))

    async def finish_turn(self, participant):
        self.finished_at = len(self.heard)


def audio(seconds=0.02, rate=48_000):
    return PcmData(np.ones(round(seconds * rate), dtype=np.int16), rate)


@pytest.mark.parametrize("rate", [16_000, 24_000])
async def test_everybody_hears_the_same_audio_at_16_khz_and_a_model_at_its_rate(rate):
    class Model(ScriptedRealtime):
        input_sample_rate = rate
        sent = 0

        async def send_audio(self, audio, participant):
            assert audio.sample_rate == rate
            self.sent += len(audio)

    detector, recogniser, model = Detector(), Recogniser(), Model()
    ears = Ears(Listener(), [detector], recogniser)
    others = Ears(Listener(), [Detector()], model=model)
    for _ in range(200):
        ears.hear(audio(), ANNA)
        ears.hear(audio(rate=8_000), BERT)
        others.hear(audio(), ANNA)
    await asyncio.sleep(1)
    for who in (ANNA, BERT):
        assert [fact for fact in detector.heard if fact[0] == who] == [f for f in recogniser.heard if f[0] == who]
        # But for what the resampling filter still holds back.
        assert {rate for p, rate, _ in recogniser.heard if p == who} == {16_000}
        assert sum(length for p, _, length in recogniser.heard if p == who) == pytest.approx(4 * 16_000, rel=0.05)
    assert model.sent == pytest.approx(4 * rate, rel=0.05)
    await ears.close()
    await others.close()


async def test_a_detector_that_never_waits_has_judged_before_the_next_frame_comes():
    class Plain(Detector):
        def process_audio(self, audio, participant):
            self.heard.append((participant, audio.sample_rate, len(audio)))

    detector, recogniser = Plain(), Recogniser()
    ears = Ears(Listener(), [detector], recogniser)
    ears.hear(audio(rate=16_000), ANNA)
    assert detector.heard
    await ears.finish_turn(ANNA)
    assert recogniser.finished_at == 1
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


async def test_closing_is_bounded_and_leaves_nothing_running():
    ears = Ears(Listener(), [Detector()], Recogniser(delay=3600))
    ears.hear(audio(), ANNA)
    ears.hear(audio(), BERT)
    await asyncio.sleep(0.1)
    begin = asyncio.get_running_loop().time()
    await ears.close()
    assert asyncio.get_running_loop().time() - begin < 10
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_a_part_waited_for_and_lost_is_its_own_error_and_it_is_heard_on():
    """A CancelledError that nobody asked for, wherever a part's code runs."""

    def give_up(*_):
        raise asyncio.CancelledError

    async def give_up_later(*_):
        gone = asyncio.get_running_loop().create_future()
        gone.cancel()
        await gone

    class GivesUp(Recogniser):
        begin_turn = discard_turn = forget = give_up
        finish_turn = give_up_later

        async def process_audio(self, audio, participant):
            await super().process_audio(audio, participant)
            if len(self.heard) == 2:
                await give_up_later()

    class GivesUpToo(Detector):
        forget = give_up

    class Canceller(EchoCanceller):
        played = cancel = give_up

    listener, recogniser = Listener(), GivesUp()
    ears = Ears(listener, [GivesUpToo()], recogniser, canceller=Canceller())
    ears.played(np.zeros(960, dtype=np.int16))
    for _ in range(5):
        ears.hear(audio(rate=16_000), ANNA)
    ears.begin_turn(ANNA)
    ears.discard_turn(ANNA)
    await ears.finish_turn(ANNA)
    assert len(recogniser.heard) == 5
    await ears.forget(ANNA)
    assert [component for component, _ in listener.failures] == [
        *("Canceller", "GivesUp", "GivesUp", "GivesUp", "GivesUp", "GivesUpToo", "GivesUp")
    ]
    assert "something that it waited for was cancelled" in " ".join(error for _, error in listener.failures)
    await ears.close()


@pytest.mark.parametrize("ticks", range(6))
async def test_who_is_told_in_the_midst_to_forget_no_more_leaves_nothing_running(ticks):
    before = asyncio.all_tasks()
    detector, stt = Detector(), Recogniser(delay=0.5)
    ears = Ears(Listener(), [detector], stt)
    ears.hear(PcmData(np.zeros(1600, np.int16), 16_000), ANNA)
    await asyncio.sleep(0.1)
    forgetting = asyncio.create_task(ears.forget(ANNA))
    for _ in range(ticks):
        await asyncio.sleep(0)
    forgetting.cancel()
    await asyncio.wait([forgetting])
    await ears.close()
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() == before
    assert detector.forgotten == [ANNA]


async def test_a_realtime_model_forgets_the_microphone_of_somebody_who_left():
    model = ScriptedRealtime()
    ears = Ears(Listener(), [], model=model)
    forgotten = []
    model.forget = forgotten.append
    ears.hear(audio(), ANNA)
    await ears.forget(ANNA)
    assert forgotten == [ANNA]
    await ears.close()
