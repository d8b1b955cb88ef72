"""Recordings as clips: where the sound is in them, what they are used for, and those that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_agents.core import PcmData
from vision_agents.core.audio.files import AudioFileError, WavWriter
from vision_agents.load_test.clips import LONGEST, Clips, Kind, clip_of, recorded

from .kit import clip, tone_of


def write(path: Path, audio: PcmData) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = WavWriter(path, audio.sample_rate, channels=1)
    writer.write(audio.samples.reshape(-1, 1))
    writer.close()
    return path


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_the_sound_is_where_the_clip_says(rate: int) -> None:
    silence = PcmData.silence(0.7, rate)
    made = clip_of("x", PcmData.concat([silence, tone_of(1.0).resampled(rate), silence]))
    samples = made.frames.reshape(-1).astype(float)
    loud = np.flatnonzero(np.abs(samples) > 3000) / 48_000
    assert (made.onset, made.end) == (pytest.approx(loud[0], abs=0.012), pytest.approx(loud[-1], abs=0.012))
    # Cut to what is heard: nobody waits for what was silent before.
    assert made.onset < 0.25
    # The room is never quite silent.
    assert np.abs(samples[-960:]).max() > 0


def test_what_is_too_long_is_cut() -> None:
    assert clip(20.0).end - clip(20.0).onset == pytest.approx(LONGEST)


@pytest.mark.parametrize("audio", [PcmData.silence(1.0, 16_000), tone_of(0.05), tone_of(1.0, level=20)])
def test_silence_is_no_clip(audio: PcmData) -> None:
    with pytest.raises(AudioFileError, match="nobody is heard"):
        clip_of("x.wav", audio)


def test_a_folder_says_by_names_what_is_what(tmp_path: Path) -> None:
    write(tmp_path / "question-1.wav", tone_of(1.0))
    write(tmp_path / "Cough.wav", tone_of(0.3))
    write(tmp_path / "interruption" / "stop.wav", tone_of(0.8))
    write(tmp_path / "deep" / "backchannels" / "mm.wav", tone_of(0.4))
    found = recorded(tmp_path)
    names = {kind: Path(found.pick(kind, 0).name).name for kind in Kind}
    assert names == {
        Kind.QUESTION: "question-1.wav",
        Kind.INTERRUPTION: "stop.wav",
        Kind.BACKCHANNEL: "mm.wav",
        Kind.COUGH: "Cough.wav",
    }
    assert found.pick(Kind.QUESTION, 7) is found.pick(Kind.QUESTION, 0)


def test_a_file_alone_serves_for_everything_and_coughs_are_made(tmp_path: Path) -> None:
    found = recorded(write(tmp_path / "anna.wav", tone_of(1.0)))
    assert found.pick(Kind.QUESTION, 0) is found.pick(Kind.INTERRUPTION, 0)
    cough, speech = found.pick(Kind.COUGH, 0), found.pick(Kind.QUESTION, 0)
    assert 0.2 < cough.end - cough.onset < 1.0
    # As loud as the speech, or a little less.
    assert 0.2 < np.abs(cough.frames).max() / np.abs(speech.frames).max() < 3.0


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="there is no recording"):
        recorded(tmp_path)
    with pytest.raises(AudioFileError, match="nowhere"):
        recorded(tmp_path / "nowhere.wav")
    write(tmp_path / "cough.wav", tone_of(0.4))
    with pytest.raises(AudioFileError, match="name begins with `question`"):
        recorded(tmp_path)
    (tmp_path / "question.wav").write_text("no sound")
    with pytest.raises(AudioFileError, match=r"question\.wav"):
        recorded(tmp_path)


def test_one_clip_may_follow_another_in_the_codec() -> None:
    from vision_agents.load_test.webrtc import packets_of
    from vision_agents.plugins.local.rtc import Microphone

    speech = clip(0.5)
    room = Clips([(None, speech)]).room
    order = [*packets_of(room)[:20], *packets_of(speech), *packets_of(room)[:20], *packets_of(speech)]
    sound = np.concatenate([room.frames[:20], speech.frames, room.frames[:20], speech.frames]).reshape(-1)
    decoder = Microphone()
    heard = np.concatenate([piece for n, data in enumerate(order) for piece in decoder.decode(data, n * 960)])
    # The codec looks 2.5 ms ahead.
    delay = 120
    difference = heard[delay:].astype(float) - sound[: len(heard) - delay]
    assert np.sqrt((difference**2).mean()) < 0.05 * np.sqrt((sound.astype(float) ** 2).mean())
    # No clicks where the room follows the voice, or the other way round.
    quiet = np.abs(heard.reshape(-1, 960)).max(axis=1)[:20]
    assert quiet.max() < 100


def test_there_is_no_speech() -> None:
    with pytest.raises(ValueError, match="no speech"):
        Clips([(Kind.COUGH, clip(0.3))])
