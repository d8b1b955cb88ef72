"""Several microphones as one stream."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.audio import PcmData
from vision_agents.core.llm.microphones import PATIENCE, Microphones
from vision_agents.core.participants import Participant

ANNA, BERT = Participant("anna"), Participant("bert")
RATE = 1000


def piece(value: int, count: int = 20) -> PcmData:
    return PcmData(np.full(count, value, np.int16), RATE)


def test_one_microphone_passes_untouched() -> None:
    microphones = Microphones()
    for value in range(5):
        audio = piece(value)
        assert microphones.mix(audio, ANNA) is audio
    assert microphones.loudest == ANNA


def test_two_are_added_and_clipped() -> None:
    microphones = Microphones()
    microphones.mix(piece(0), ANNA)
    assert microphones.mix(piece(20_000), BERT) is None
    mixed = microphones.mix(piece(20_000), ANNA)
    assert mixed is not None
    assert mixed.samples.tolist() == [32_767] * 20


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 60)), max_size=80))
def test_nothing_is_lost_or_doubled_whatever_the_pieces(steps: list[tuple[bool, int]]) -> None:
    microphones = Microphones()
    given = {ANNA: 0, BERT: 0}
    total = 0
    for first, count in steps:
        who, value = (ANNA, 1) if first else (BERT, 100)
        given[who] += count
        mixed = microphones.mix(piece(value, count), who)
        if mixed is not None:
            total += int(mixed.samples.astype(np.int64).sum())
    missing = given[ANNA] + 100 * given[BERT] - total
    # What has not come out yet waits, of at most one of the two, and no more than the bound.
    assert 0 <= missing <= 100 * PATIENCE * RATE


def test_who_falls_silent_does_not_silence_the_others() -> None:
    microphones = Microphones()
    microphones.mix(piece(1), ANNA)
    came = [microphones.mix(piece(7), BERT) for _ in range(30)]
    out = np.concatenate([audio.samples for audio in came if audio is not None])
    assert out.tolist() == [7] * 600


def test_the_loudest_is_who_speaks_now_and_not_who_spoke_before() -> None:
    microphones = Microphones()
    for number in range(200):
        microphones.mix(piece(5_000 if number < 50 else 0), ANNA)
        microphones.mix(piece(5_000 if number >= 100 else 0), BERT)
        if number == 40:
            assert microphones.loudest == ANNA
    assert microphones.loudest == BERT
    microphones.forget(BERT)
    assert microphones.loudest == ANNA
    audio = piece(3)
    assert microphones.mix(audio, ANNA) is audio
