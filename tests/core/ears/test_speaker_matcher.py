"""Voices of turns against the one in conversation: when they are compared, with whom, and what it may cost."""

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_agents.core.audio import PcmData
from vision_agents.core.ears.speaker_matcher import GROWN, LEAD, LONGEST, MARKS, TIMEOUT, SpeakerMatcher
from vision_agents.core.participants import Participant
from vision_agents.core.voiceprint import Voiceprint, similarity
from vision_agents.testing import virtual_time

pytestmark = pytest.mark.virtual_time

ANNA, BERT = Participant("anna"), Participant("bert")
RATE = 16_000
WINDOW = 0.032
# The "voice" of a sample: constant levels stand for people, and between two of them is an angle of 60 degrees.
HOST, GUEST, NOISE = 1_000, 2_000, 50
VOICES = {HOST: np.array([1, 0], np.float32), GUEST: np.array([0.5, np.sqrt(0.75)], np.float32)}


class LevelVoiceprint(Voiceprint):
    """Knows a voice by the level that is most frequent in the audio."""

    def __init__(self, delay=0.0):
        self.delay = delay
        self.heard = []
        self.running = self.most = 0
        self.error = None

    async def embed(self, samples):
        self.heard.append(samples)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.running -= 1
        if self.error is not None:
            raise self.error
        levels, counts = np.unique(samples, return_counts=True)
        return VOICES[int(min(VOICES, key=lambda level: abs(level - levels[counts.argmax()])))]

    @property
    def seconds(self):
        return [len(samples) / RATE for samples in self.heard]


class Listener:
    def __init__(self):
        self.compared = []
        self.worth = []
        self.failures = []

    def voice_compared(self, participant, similarity, seconds):
        self.worth.append(round(seconds, 2))
        self.compared.append((participant, round(similarity, 3)))

    def failed(self, component, error):
        self.failures.append((component, type(error), str(error)))


class Call:
    """SpeakerMatcher, and people who speak to them in real time."""

    def __init__(self, delay=0.0):
        self.network, self.listener = LevelVoiceprint(delay), Listener()
        self.speakers = SpeakerMatcher(self.listener, self.network)

    async def hush(self, seconds, who=ANNA, level=NOISE):
        for _ in range(round(seconds / WINDOW)):
            self.speakers.hear(sound(level), who)
            await asyncio.sleep(WINDOW)

    async def speak(self, seconds, level=HOST, who=ANNA, rate=RATE):
        """One stretch of speech, heard by a detector that needs two windows to begin."""
        for window in range(1, round(seconds / WINDOW) + 1):
            self.speakers.hear(sound(level, rate=rate), who)
            if window == 2:
                self.speakers.begin_turn(who)
            elif window > 2:
                self.speakers.speech_continued(who, window * WINDOW)
            await asyncio.sleep(WINDOW)
        self.speakers.speech_ended(who)

    async def take(self, seconds, level=HOST, who=ANNA):
        """A whole turn that is answered."""
        await self.speak(seconds, level, who)
        await self.hush(0.2, who)
        self.speakers.accept_turn(who)
        await asyncio.sleep(WINDOW)  # its voice is worked out once more

    @property
    def alike(self):
        """What was reported since it was last asked for."""
        reported, self.listener.compared = self.listener.compared, []
        return [similarity for _, similarity in reported]


def sound(level, seconds=WINDOW, rate=RATE):
    return PcmData(np.full(round(seconds * rate), level, np.int16), rate)


async def test_until_a_turn_was_taken_there_is_nobody_to_compare_with():
    call = Call()
    await call.speak(1.5, HOST)
    assert call.alike == []
    call.speakers.accept_turn(ANNA)
    await call.speak(1.2, HOST)
    assert call.alike == [1.0] * 3


async def test_a_voice_is_compared_again_as_more_of_it_is_heard():
    call = Call()
    await call.take(1.0)
    assert call.alike == []
    call.network.heard.clear()
    await call.speak(5.0, GUEST)
    assert call.alike == [0.5] * len(MARKS)
    # All of the turn each time: the speech, what was heard before its beginning was known, and one window at most.
    for seconds, mark in zip(call.network.seconds, MARKS, strict=True):
        assert mark <= seconds <= mark + LEAD + WINDOW + 1e-6


async def test_a_slow_network_hears_the_newest_audio_and_only_one_piece_at_a_time():
    call = Call(delay=0.8)
    await call.take(1.5)
    await asyncio.sleep(1)
    call.network.heard.clear()
    await call.speak(3.0, GUEST)
    await asyncio.sleep(1)
    assert call.network.most == 1
    # More marks were passed while 0.5 s were being looked at: it is made up for, with all that was there by then.
    assert call.network.seconds == pytest.approx([0.5 + LEAD, 1.3 + LEAD, 2.1 + LEAD, 3.0 + LEAD], abs=0.1)
    assert call.alike == [0.5] * 4


async def test_a_voice_that_is_known_too_late_is_not_reported():
    call = Call(delay=0.3)
    await call.take(1.0)
    await asyncio.sleep(1)
    await call.speak(0.6, GUEST)
    call.speakers.discard_turn(ANNA)
    await asyncio.sleep(1)
    assert call.alike == []


async def test_what_was_no_turn_is_not_the_one_in_conversation():
    call = Call()
    await call.speak(1.0, GUEST)
    call.speakers.discard_turn(ANNA)
    call.speakers.accept_turn(ANNA)  # of which there is none any more
    await call.take(1.0, HOST)
    await call.speak(0.6, HOST)
    assert call.alike == [1.0]


async def test_a_voice_that_is_still_worked_out_when_the_turn_is_taken_is_enrolled():
    call = Call(delay=0.5)
    await call.take(0.6, HOST)
    await asyncio.sleep(1)
    await call.speak(1.2, HOST)
    assert call.alike == [1.0]


async def test_a_turn_is_enrolled_though_one_that_was_discarded_still_occupies_the_network():
    call = Call(delay=0.0)
    call.network.delay = 3.0
    await call.speak(0.6, GUEST)
    call.speakers.discard_turn(ANNA)
    await call.speak(0.6, HOST)
    await asyncio.sleep(2.5)  # the discarded one is through, the second begins
    await asyncio.sleep(0.5)
    call.speakers.accept_turn(ANNA)
    await asyncio.sleep(3)
    call.network.delay = 0.0
    await call.speak(0.6, HOST)
    assert call.alike == [1.0]


async def test_a_turn_of_less_than_half_a_second_of_speech_enrols_nobody():
    call = Call()
    await call.take(0.4, GUEST)
    assert call.network.heard == []
    await call.take(1.0, HOST)
    await call.speak(0.6, HOST)
    assert call.alike == [1.0]


async def test_another_voice_whose_turns_are_taken_becomes_the_one_in_conversation():
    call = Call()
    for _ in range(6):
        await call.take(2.5, HOST)
    seen = []
    for _ in range(8):
        await call.take(2.5, GUEST)
        seen.append(call.alike[-1])
    assert seen[0] == 0.5
    assert seen == sorted(seen)
    # Two turns do not turn it over, and three bring it nearer to the new voice than to the old one.
    half = np.sqrt(0.75)
    assert seen[2] < half < seen[3]
    assert seen[-1] > 0.99
    await call.speak(0.6, HOST)
    assert call.alike[-1] < 0.6


async def test_a_long_conversation_does_not_make_a_voice_unmovable():
    short, long = Call(), Call()
    for call, turns in ((short, 4), (long, 40)):
        for _ in range(turns):
            await call.take(2.5, HOST)
        for _ in range(3):
            await call.take(2.5, GUEST)
        await call.speak(0.6, GUEST)
    assert long.alike[-1] == pytest.approx(short.alike[-1], abs=0.01)


async def test_pauses_within_a_turn_are_not_kept_and_count_for_nothing():
    call = Call()
    for _ in range(3):
        await call.speak(0.4, HOST)
        await call.hush(2.0)
    (first, _, second) = call.network.heard
    assert np.isin([HOST], first).all()
    for samples in call.network.heard:
        pauses = np.count_nonzero(samples == NOISE) / RATE
        assert pauses <= 2 * (LEAD + WINDOW)
    assert np.count_nonzero(second == HOST) / RATE == pytest.approx(1.2, abs=0.25)


async def test_speech_of_hours_is_bounded():
    call = Call()
    await call.speak(120.0)
    await call.hush(60.0)
    assert max(call.network.seconds) <= LONGEST
    ear = call.speakers._ears[ANNA.id]
    assert sum(map(len, ear.turn.pieces)) == LONGEST * RATE
    assert sum(audio.duration for audio in ear.recent) < LEAD + WINDOW


@pytest.mark.parametrize("piece", [10.0, 0.001])
async def test_of_audio_before_speech_a_quarter_second_is_kept_whatever_its_pieces(piece):
    call = Call()
    for _ in range(round(10 / piece)):
        call.speakers.hear(sound(NOISE, piece), ANNA)
    call.speakers.begin_turn(ANNA)
    await call.speak(0.6)
    (samples,) = call.network.heard
    assert np.count_nonzero(samples == NOISE) / RATE == pytest.approx(LEAD, abs=0.0011)


@pytest.mark.parametrize("rate", [8_000, 48_000])
async def test_the_network_hears_16_khz(rate):
    call = Call()
    for window in range(60):
        call.speakers.hear(sound(HOST, rate=rate), ANNA)
        call.speakers.begin_turn(ANNA)
        call.speakers.speech_continued(ANNA, window * WINDOW)
        await asyncio.sleep(WINDOW)
    assert call.network.seconds == pytest.approx([0.5, 0.75, 1.0, 1.5], abs=0.1)
    assert np.median(call.network.heard[-1]) == pytest.approx(HOST, abs=10)


async def test_each_participant_has_a_voice_of_its_own():
    call = Call()
    await asyncio.gather(call.take(1.0, HOST, ANNA), call.take(1.0, GUEST, BERT))
    await asyncio.gather(call.speak(0.6, HOST, ANNA), call.speak(0.6, GUEST, BERT))
    assert sorted((who.id, alike) for who, alike in call.listener.compared) == [("anna", 1.0), ("bert", 1.0)]


async def test_somebody_who_left_takes_the_voice_along():
    call = Call(delay=0.1)
    await call.take(1.0, HOST)
    await call.speak(0.6, HOST)  # its comparison is under way
    call.speakers.forget(ANNA)
    await asyncio.sleep(1)
    await call.speak(1.5, HOST)
    assert call.alike == [1.0]  # the one before
    call.speakers.forget(BERT)


async def test_a_network_that_fails_is_reported_once_and_again_after_it_had_gone_well():
    call = Call()
    call.network.error = ValueError("no voice in it")
    await call.take(5.0)
    await call.take(5.0)
    assert call.listener.failures == [("LevelVoiceprint", ValueError, "no voice in it")]
    call.network.error = None
    await call.take(1.5)
    await call.speak(0.6)
    assert call.alike == [1.0]
    call.network.error = ValueError("again")
    await call.take(5.0)
    assert [text for _, _, text in call.listener.failures] == ["no voice in it", "again"]


async def test_what_was_known_of_a_voice_is_enrolled_though_the_network_failed_later_in_the_turn():
    call = Call()
    await call.speak(0.7)
    call.network.error = ValueError("no more")
    await call.take(1.5)
    call.network.error = None
    await call.speak(0.6)
    assert call.alike == [1.0]


async def test_a_network_that_hangs_is_given_up():
    call = Call(delay=3600)
    await call.speak(0.6)
    await asyncio.sleep(TIMEOUT)
    assert [kind for _, kind, _ in call.listener.failures] == [TimeoutError]
    call.network.delay = 0
    await call.take(1.0)
    await call.speak(0.6)
    assert call.alike == [1.0]


@pytest.mark.parametrize(
    "nonsense", [np.zeros(2), np.array([np.nan, 1]), np.ones(3), np.ones((2, 2)), None, "a voice"], ids=repr
)
async def test_a_network_that_answers_nonsense_is_reported_and_nothing_is_made_of_it(nonsense, monkeypatch):
    call = Call()
    await call.take(1.0)

    async def embed(samples):
        return nonsense

    with monkeypatch.context() as patch:
        patch.setattr(call.network, "embed", embed)
        await call.take(5.0)
    assert len(call.listener.failures) == 1
    await call.speak(0.6)
    assert call.alike == [1.0]


@pytest.mark.parametrize("nonsense", [-1.0, float("nan"), float("inf")])
async def test_an_amount_of_speech_that_is_none_is_ignored(nonsense):
    call = Call()
    call.speakers.hear(sound(HOST, 0.3), ANNA)
    call.speakers.begin_turn(ANNA)
    for _ in range(10):
        call.speakers.hear(sound(HOST, 0.3), ANNA)
        call.speakers.speech_continued(ANNA, nonsense)
    await asyncio.sleep(0)
    assert call.network.heard == []
    call.speakers.speech_continued(ANNA, 0.6)
    await asyncio.sleep(0)
    assert len(call.network.heard) == 1


async def test_closing_ends_what_runs():
    call = Call(delay=3600)
    await call.speak(0.6)
    await call.speakers.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert call.listener.failures == []


async def test_reports_about_somebody_who_was_never_heard_are_harmless():
    call = Call()
    call.speakers.begin_turn(ANNA)
    call.speakers.speech_continued(ANNA, 3.0)
    call.speakers.speech_ended(ANNA)
    call.speakers.accept_turn(ANNA)
    call.speakers.discard_turn(ANNA)
    await asyncio.sleep(1)
    assert call.network.heard == []


WHO = st.sampled_from([ANNA, BERT])
STEPS = st.one_of(
    st.tuples(st.just("hear"), WHO, st.sampled_from([HOST, GUEST])),
    st.tuples(st.just("speech_continued"), WHO, st.floats(0, 5)),
    st.tuples(st.sampled_from(["begin_turn", "speech_ended", "discard_turn", "accept_turn", "forget"]), WHO),
    st.tuples(st.just("wait"), st.floats(0, 0.5)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=60), st.floats(0, 1))
def test_in_any_order_of_reports_voices_are_compared_one_at_a_time(steps, delay):
    async def main():
        call = Call(delay)
        for name, *values in steps:
            if name == "wait":
                await asyncio.sleep(values[0])
            elif name == "hear":
                call.speakers.hear(sound(values[1], 0.3), values[0])
            else:
                getattr(call.speakers, name)(*values)
        assert call.network.most <= 2 + sum(name == "forget" for name, *_ in steps)
        assert all(0.4 <= seconds <= LONGEST for seconds in call.network.seconds)
        await call.speakers.close()
        assert call.listener.failures == []
        assert call.network.running == 0

    virtual_time.run(main())


def test_the_angle_between_the_made_up_voices():
    assert similarity(VOICES[HOST], VOICES[GUEST]) == pytest.approx(0.5)


async def test_a_comparison_is_worth_what_was_heard_of_both_voices():
    call = Call()
    await call.take(2.0)
    await call.speak(1.1)
    known = call.listener.worth
    assert known == sorted(known)
    # a·b / (a + b), of 2 s and of the marks.
    assert known == pytest.approx([2 * mark / (2 + mark) for mark in (0.5, 0.75, 1.0)], abs=0.05)


async def test_the_voice_of_a_turn_that_is_taken_is_made_of_all_of_it():
    call = Call()
    await call.speak(0.5 * GROWN + 0.1)
    assert len(call.network.heard) == 1
    call.speakers.accept_turn(ANNA)
    await asyncio.sleep(0)
    assert call.network.seconds[-1] > call.network.seconds[0] + 0.1
    await call.speak(0.6)
    assert call.alike == [1.0]
