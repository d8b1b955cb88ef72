import numpy as np
import pytest

from vision_agents.core.audio import PcmData
from vision_agents.lab.mix import bed_of, level_of, prepare, span_of, standing_out, track
from vision_agents.lab.scenario import LabError, Sound
from vision_agents.lab.sounds import MAKERS, RATE


def no_voice(text):
    raise AssertionError("nothing is to be said")


def tone(text):
    """A voice that says everything as half a second of a tone, 0.2 s after silence."""
    t = np.arange(RATE // 2) / RATE
    return PcmData.from_array(np.concatenate([np.zeros(RATE // 5), 0.4 * np.sin(2 * np.pi * 300 * t)]), RATE)


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_what_is_made_has_its_level_and_length_and_is_the_same_again(name):
    sound = Sound("make", name, seconds=3.0, level=-25.0)
    first, again = prepare(sound, "seed", no_voice), prepare(sound, "seed", no_voice)
    assert len(first.wave) == 3 * RATE
    assert np.isfinite(first.wave).all()
    assert level_of(first.wave) == pytest.approx(-25.0, abs=0.01)
    assert (first.wave == again.wave).all()
    assert 0.0 <= first.onset < first.end <= 3.0


@pytest.mark.parametrize("style", ["plain", "high", "whisper", "far"])
def test_styles_keep_the_level_and_are_heard_where_they_are(style):
    piece = prepare(Sound("say", "hello", style=style, level=-30.0), "seed", tone)
    assert level_of(piece.wave) == pytest.approx(-30.0, abs=0.01)
    assert piece.onset == pytest.approx(0.16 if style == "high" else 0.2, abs=0.04)
    assert piece.end > piece.onset + 0.3


def test_a_gain_comes_on_top_of_the_level():
    piece = prepare(Sound("make", "white", level=-20.0, gain=-12.0), "seed", no_voice)
    assert level_of(piece.wave) == pytest.approx(-32.0, abs=0.01)


def test_a_bed_lies_as_far_below_as_it_says():
    assert level_of(bed_of("pink", RATE, -35.0, "seed")) == pytest.approx(-35.0, abs=0.01)


def test_a_track_has_each_part_in_its_place_over_a_faint_noise():
    samples = track(2.0, [(0.5, np.full(RATE // 2, 0.5)), (1.9, np.full(RATE, 0.5))], "seed")
    assert len(samples) == 2 * RATE
    loud = np.abs(samples.astype(np.int32)) > 8000
    assert loud[RATE // 2 : RATE].all()
    assert loud[round(1.9 * RATE) :].all()
    assert not loud[: RATE // 2].any()
    assert samples[: RATE // 2].any()


def test_a_span_is_where_the_sound_is():
    wave = np.zeros(RATE)
    wave[4800:8000] = 0.3
    assert span_of(wave) == pytest.approx((0.3, 0.5))


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(LabError, match="there is no file"):
        prepare(Sound("file", str(tmp_path / "none.flac")), "seed", no_voice)


def test_an_onset_is_not_that_of_the_recordings_own_noise():
    rng = np.random.default_rng(1)
    wave = rng.normal(0.0, 0.01, RATE)
    wave[8000:12_000] += rng.normal(0.0, 0.2, 4000)
    assert standing_out(wave) == pytest.approx(0.5, abs=0.01)
