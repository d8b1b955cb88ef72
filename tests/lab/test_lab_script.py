"""The agent's voice that tells its place, and what is read off it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.audio import PcmData, Playout
from vision_agents.core.epoch import Epoch
from vision_agents.core.tts import Word
from vision_agents.lab.script import FRAME, RATE, Script, Stretch, follow

SCRIPT = Script.of_noise("one two three four five six seven eight nine ten")
SILENCE = np.zeros(FRAME, np.int16)


class _Deaf:
    def audio_started(self, reply):
        pass

    def audio_progressed(self, reply):
        pass

    def audio_drained(self, reply, heard):
        pass


async def played(frames_before, frames_held, go_back):
    """What a playout gives of the script that is held, and resumed `go_back` samples earlier."""
    playout = Playout(Epoch(), _Deaf())
    playout.begin(1, 0)
    await playout.write(1, SCRIPT.samples)
    frames = [playout.pull().copy() for _ in range(frames_before)]
    playout.hold(1)
    frames += [playout.pull().copy() for _ in range(frames_held)]
    playout.resume(1, playout.position(1) - go_back)
    frames += [playout.pull().copy() for _ in range(20)]
    return np.concatenate(frames)


@pytest.mark.parametrize("go_back", [0, 1, 3000, 20_000])
async def test_a_hold_and_a_resume_are_read_to_the_sample(go_back):
    stretches = follow(await played(30, 10, go_back), SCRIPT)
    assert [stretch.place is None for stretch in stretches] == [False, False]
    before, after = stretches
    assert before == Stretch(0, 30 * FRAME + 240, 0)
    assert after.at == 40 * FRAME
    assert after.place == 30 * FRAME + 240 - go_back


def test_other_words_have_no_place():
    other = Script.of_noise("something else")
    frames = np.concatenate([SCRIPT.samples[: 10 * FRAME], SILENCE, other.samples[: 10 * FRAME]])
    assert follow(frames, SCRIPT) == [Stretch(0, 10 * FRAME, 0), Stretch(11 * FRAME, 10 * FRAME, None)]
    assert follow(np.zeros(5 * FRAME, np.int16), SCRIPT) == []


def test_lost_samples_show():
    frames = np.concatenate([SCRIPT.samples[: 10 * FRAME], SILENCE, SCRIPT.samples[11 * FRAME : 20 * FRAME]])
    assert [stretch.place for stretch in follow(frames, SCRIPT)] == [0, 11 * FRAME]


@given(st.integers(0, len(SCRIPT.samples)))
def test_words_heard_are_those_of_which_half_was(place):
    length = SCRIPT.starts[1]
    assert SCRIPT.heard(place) == (place + length // 2) // length
    assert SCRIPT.word_start(place) <= place < SCRIPT.word_start(place) + length + 1


def test_speech_keeps_its_word_times_and_gets_a_place_everywhere():
    silent = PcmData.silence(2.0, 24_000)
    script = Script.of_speech([Word("a", 0.1, 0.5), Word("b", 0.9, 1.5)], silent)
    assert script.starts == (0, round(0.9 * RATE), 2 * RATE)
    frames = np.concatenate([script.samples[: 5 * FRAME], SILENCE, script.samples[3 * FRAME : 9 * FRAME]])
    assert [stretch.place for stretch in follow(frames, script)] == [0, 3 * FRAME]


def test_sentences_are_found_in_the_script():
    assert SCRIPT.find(["three", "four"]) == 2
    assert SCRIPT.find(["four", "three"]) is None
