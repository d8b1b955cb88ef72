"""Audio files: whatever people have is read or refused in words they can act on; what is written survives a crash."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vision_agents.core.audio.files import AudioFileError, WavWriter, map_wav, read_audio

SECONDS = 0.5


def voice(rate: int, channels: int = 1, level: float = 0.5) -> np.ndarray:
    """A tone with a soft beginning and end, of shape (n, channels)."""
    t = np.arange(round(SECONDS * rate)) / rate
    tone = level * np.sin(2 * np.pi * 330 * t) * np.sin(np.pi * t / SECONDS)
    return np.repeat(tone[:, None], channels, axis=1)


def wav(data: bytes, *, rate=16_000, channels=1, bits=16, coding=1, size=None):
    """A WAV by hand, to have it wrong where a library would not."""
    size = len(data) if size is None else size
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", coding, channels, rate, (rate * block) & 0xFFFFFFFF, block, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("subtype", ["GSM610", "IMA_ADPCM", "ULAW"])
def test_formats_of_telephones_are_read(tmp_path, subtype):
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 8_000)).astype(np.float32)
    soundfile.write(tmp_path / "call.wav", tone, 8_000, subtype=subtype)
    audio = read_audio(tmp_path / "call.wav", 16_000)
    assert audio.duration == pytest.approx(2.0, abs=0.05)
    assert audio.to_float32()[4_000:28_000].std() == pytest.approx(tone.std(), rel=0.1)


@pytest.mark.parametrize(
    ("suffix", "subtype", "noise"),
    [
        ("wav", "PCM_U8", 0.01),
        ("wav", "PCM_16", 1e-4),
        ("wav", "PCM_24", 1e-4),
        ("wav", "PCM_32", 1e-4),
        ("wav", "FLOAT", 1e-4),
        ("wav", "DOUBLE", 1e-4),
        ("wav", "ULAW", 0.02),
        ("wav", "ALAW", 0.02),
        ("flac", "PCM_16", 1e-4),
        ("flac", "PCM_24", 1e-4),
    ],
)
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (11_025, 2), (44_100, 6), (96_000, 2)])
def test_any_width_rate_and_channel_count_is_the_same_sound(tmp_path, suffix, subtype, noise, rate, channels):
    path = tmp_path / f"user.{suffix}"
    soundfile.write(path, voice(rate, channels), rate, subtype=subtype)
    audio = read_audio(path, 48_000)
    assert audio.sample_rate == 48_000
    assert len(audio) == pytest.approx(SECONDS * 48_000, abs=2)
    expected = voice(48_000)[: len(audio), 0]
    heard = audio.to_float32()[: len(expected)]
    # The same to the sample: neither late nor softer.
    assert np.sqrt(np.mean((heard - expected) ** 2)) < noise + 5e-4


def test_the_file_s_own_rate_is_kept_and_sixteen_bits_are_exact(tmp_path):
    samples = np.random.default_rng(1).integers(-32768, 32767, 5000, endpoint=True).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 22_050)
    audio = read_audio(tmp_path / "a.wav")
    assert audio.sample_rate == 22_050
    assert np.array_equal(audio.samples, samples)


def test_silence_stays_silence_at_another_rate(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(44_100), 44_100)
    assert not read_audio(tmp_path / "a.wav", 48_000).samples.any()


def test_dc_is_left_alone(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(16_000, 0.25), 16_000)
    audio = read_audio(tmp_path / "a.wav", 48_000)
    assert audio.to_float32()[1000:-1000] == pytest.approx(0.25, abs=1e-3)


def test_floats_that_are_none_and_floats_beyond_full_scale(tmp_path):
    samples = np.array([np.nan, np.inf, -np.inf, 3.0, -3.0, 0.5, 1e300], dtype=np.float64)
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="DOUBLE")
    assert read_audio(tmp_path / "a.wav").samples.tolist() == [0, 32767, -32768, 32767, -32768, 16384, 32767]


def test_one_channel_that_overflows_does_not_drown_the_other(tmp_path):
    samples = np.stack([np.full(100, 50.0), np.full(100, -0.5)], axis=1)
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    assert read_audio(tmp_path / "a.wav").to_float32() == pytest.approx(0.25, abs=1e-3)


def test_a_file_whose_end_is_missing_is_read_to_where_it_goes(tmp_path):
    data = np.arange(1000, dtype="<i2").tobytes()
    (tmp_path / "cut.wav").write_bytes(wav(data)[:544])
    assert read_audio(tmp_path / "cut.wav").samples.tolist() == list(range(250))


def test_a_stream_s_header_that_does_not_know_the_length(tmp_path):
    data = np.arange(1000, dtype="<i2").tobytes()
    (tmp_path / "stream.wav").write_bytes(wav(data, size=0xFFFFFFFF))
    assert len(read_audio(tmp_path / "stream.wav")) == 1000


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (wav(b"")[:20], "cannot be read as audio"),
        (wav(b""), "holds no sound"),
        (wav(bytes(100), channels=0), "cannot be read as audio"),
        (wav(bytes(100), rate=0), "cannot be read as audio"),
        (wav(bytes(100), rate=3), "sample rate of 3 Hz"),
        (wav(bytes(100), rate=4_000_000_000), "cannot be read as audio"),
        (b"this is a text and no sound" * 20, "cannot be read as audio"),
        (b"RIFF" + bytes(200), "cannot be read as audio"),
    ],
)
def test_what_is_no_audio_is_refused_by_name_with_what_to_do(tmp_path, content, complaint):
    path = tmp_path / "user.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=complaint) as raised:
        read_audio(path)
    assert str(path) in str(raised.value)
    assert any(advice in str(raised.value) for advice in ("record it again", "convert it"))


def test_a_headerless_file_is_not_guessed_from_its_name(tmp_path):
    (tmp_path / "user.raw").write_bytes(bytes(2000))
    with pytest.raises(AudioFileError, match="cannot be read as audio"):
        read_audio(tmp_path / "user.raw")


def test_a_path_that_is_no_file(tmp_path):
    with pytest.raises(AudioFileError, match="there is no file"):
        read_audio(tmp_path / "missing.wav")
    with pytest.raises(AudioFileError, match="is not a file"):
        read_audio(tmp_path)
    with pytest.raises(AudioFileError, match="is not a file"):
        read_audio("/dev/zero")


@given(st.binary(max_size=200))
def test_no_header_makes_it_fail_otherwise(tmp_path_factory, garbage):
    path: Path = tmp_path_factory.mktemp("garbage") / "user.wav"
    sound = wav(np.arange(64, dtype="<i2").tobytes())
    # Garbage laid over a good file, from its beginning.
    path.write_bytes(garbage + sound[len(garbage) :])
    try:
        audio = read_audio(path, 16_000)
    except AudioFileError:
        return
    assert len(audio) > 0


# Writing.


@given(st.lists(hnp.arrays(np.int16, st.tuples(st.integers(0, 50), st.just(2))), max_size=8))
def test_what_was_written_is_there_however_it_was_cut(tmp_path_factory, pieces):
    path = tmp_path_factory.mktemp("wav") / "call.wav"
    with WavWriter(path, 48_000, channels=2) as writer:
        for piece in pieces:
            writer.write(piece)
    expected = np.concatenate([np.zeros((0, 2), dtype=np.int16), *pieces])
    samples, rate = map_wav(path)
    assert rate == 48_000
    assert np.array_equal(samples, expected)
    assert np.array_equal(soundfile.read(path, dtype="int16", always_2d=True)[0], expected)


def test_a_file_that_was_never_closed_is_complete_for_us_and_to_the_second_for_others(tmp_path):
    path = tmp_path / "call.wav"
    writer = WavWriter(path, 8_000, channels=2)
    second = np.full((8_000, 2), 7, dtype=np.int16)
    for _ in range(3):
        writer.write(second)
    writer.write(second[:4_000])
    # Nobody closed it: this is what a killed process leaves.
    assert len(map_wav(path)[0]) == 28_000
    assert soundfile.info(path).frames == 24_000
    writer.close()
    writer.close()
    assert soundfile.info(path).frames == 28_000


@pytest.mark.parametrize("in_memory", [False, True])
def test_silence_is_appended_without_being_made(tmp_path, in_memory):
    path = tmp_path / "call.wav"
    target = io.BytesIO() if in_memory else path
    sound = np.full((100, 2), 7, dtype=np.int16)
    writer = WavWriter(target, 8_000, channels=2)
    writer.write(sound)
    writer.write_silence(0)
    writer.write_silence(20_000)
    assert writer.frames == 20_100
    if not in_memory:
        assert soundfile.info(path).frames == 20_100, "the header says so at once"
    writer.write(sound)
    if isinstance(target, io.BytesIO):
        path.write_bytes(target.getvalue())
    writer.close()
    assert np.array_equal(map_wav(path)[0], np.concatenate([sound, np.zeros((20_000, 2), np.int16), sound]))


def test_a_frame_that_was_cut_off_by_the_end_is_left_out(tmp_path):
    path = tmp_path / "call.wav"
    with WavWriter(path, 8_000, channels=2) as writer:
        writer.write(np.ones((10, 2), dtype=np.int16))
    path.write_bytes(path.read_bytes()[:-3])
    assert len(map_wav(path)[0]) == 9


def test_only_a_recording_of_ours_is_mapped(tmp_path):
    soundfile.write(tmp_path / "float.wav", np.zeros(100), 16_000, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("no sound " * 20)
    for name in ("float.wav", "text.wav"):
        with pytest.raises(AudioFileError, match="is not a recording of a call"):
            map_wav(tmp_path / name)
