"""Audio files: a recorded user is read whatever its format, and a call is written so that it survives a crash."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

import numpy as np
import numpy.typing as npt
import soxr

from .pcm import PcmData, to_int16

if TYPE_CHECKING:
    import soundfile

_Floats = npt.NDArray[np.float32]

# Sample rates outside are a damaged header rather than sound; reading them would make hours out of nothing.
LOWEST_RATE = 1_000
HIGHEST_RATE = 1_000_000

# A file is read in pieces of this many seconds: only the mono int16 result is ever held whole.
_BLOCK = 1.0

_MAX_UINT32 = 0xFFFF_FFFF
# Of a WAV that `WavWriter` writes.
HEADER_BYTES = 44


class AudioFileError(ValueError):
    """An audio file that cannot be used. The message names it and says what to do."""


def read_audio(path: str | Path, sample_rate: int | None = None) -> PcmData:
    """Read a whole WAV, FLAC, Ogg or MP3 file of any rate, width and channel count as mono int16.

    Channels are mixed evenly; NaN becomes silence; what is beyond full scale is clipped; DC stays. `sample_rate`: bring
    it to this rate (the file's own if None). Takes about 1 s for 10 minutes of stereo, so call it in a thread.
    Memory: 96 kB for each second at 48 kHz.

    Raises AudioFileError if the file is missing, no audio, damaged, or holds no sound; ImportError without `soundfile`
    (the extra `local`).
    """
    path = Path(path)
    _check_file(path)
    import soundfile  # deferred: it is an extra, and only recordings need it

    try:
        # As an open file: by name, libsndfile would guess headerless formats from the extension.
        with path.open("rb") as stream, soundfile.SoundFile(_Nameless(stream)) as file:
            rate = _check_rate(path, file.samplerate)
            blocks = map(_mono, _blocks(file, round(_BLOCK * rate)))
            pieces = [to_int16(block) for block in _resampled(blocks, rate, sample_rate or rate)]
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioFileError(
            f"{path} cannot be read as audio ({_reason(error)}); give a WAV or FLAC file, "
            f"or convert it: ffmpeg -i {path.name} user.wav"
        ) from None
    samples = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int16)
    if not len(samples):
        raise AudioFileError(f"{path} holds no sound: its header says 0 samples; record it again")
    return PcmData(samples, sample_rate or rate)


def _blocks(file: soundfile.SoundFile, frames: int) -> Iterator[_Floats]:
    """Read in blocks, also the formats in which libsndfile cannot seek (GSM 6.10), unlike `SoundFile.blocks`."""
    while len(block := file.read(frames, dtype="float32", always_2d=True)):
        yield block


def _mono(block: _Floats) -> _Floats:
    """The mean of the channels, each made finite and clipped first: one that overflows must not drown the others."""
    finite = np.clip(np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    mixed: _Floats = finite.mean(axis=1, dtype=np.float32)
    return mixed


def _resampled(blocks: Iterable[_Floats], rate: int, target: int) -> Iterator[_Floats]:
    if rate == target:
        yield from blocks
        return
    # In floats: soxr dithers int16, and digital silence would come out as noise.
    stream = soxr.ResampleStream(rate, target, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


class _Nameless:
    """An open file without its name."""

    def __init__(self, stream: BinaryIO) -> None:
        self.read, self.seek, self.tell, self.readinto = stream.read, stream.seek, stream.tell, stream.readinto  # type: ignore[attr-defined]


def _check_file(path: Path) -> None:
    """Say what is wrong with a path better than an audio library can."""
    try:
        if not path.exists():
            raise AudioFileError(f"there is no file {path}; check the path")
        if not path.is_file():
            raise AudioFileError(f"{path} is not a file; give a WAV or FLAC file")
        if path.stat().st_size == 0:
            raise AudioFileError(f"{path} is empty; record it again")
        path.open("rb").close()
    except OSError as error:
        raise AudioFileError(f"{path} cannot be opened: {error.strerror or error}") from None


def _check_rate(path: Path, rate: int) -> int:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioFileError(f"{path} claims a sample rate of {rate} Hz: its header is damaged; record it again")
    return rate


def _reason(error: Exception) -> str:
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".")


class WavWriter:
    """Writes a 16-bit WAV as it comes. The file is readable at any moment, even if the process is killed.

    Every write goes to the system at once, and the header is brought up to date once a second. Past 4 GiB (6 hours of
    stereo at 48 kHz) the header says "to the end of the file", which players accept.
    """

    def __init__(self, target: str | Path | BinaryIO, sample_rate: int, channels: int) -> None:
        self.sample_rate = sample_rate
        self.channels = channels
        self.frames = 0
        self._file: BinaryIO = open(target, "wb") if isinstance(target, str | Path) else target  # noqa: SIM115
        self._header_frames = 0
        self._write_header()

    def write(self, samples: npt.NDArray[np.int16]) -> None:
        """Append int16 samples, shape (n,) or (n, channels). Raises OSError if the disk is full or gone."""
        self._file.write(samples.astype("<i2", copy=False).tobytes())
        self._appended(len(samples))

    def write_silence(self, frames: int) -> None:
        """Append so many frames of silence without making them: a hole, where the file system knows such.

        Raises OSError as `write` does.
        """
        if frames <= 0:
            return
        self._file.seek(2 * self.channels * frames - 1, 1)
        self._file.write(b"\0")
        self._appended(frames)

    def close(self) -> None:
        """Bring the header up to date and close the file. May be called again."""
        if self._file.closed:
            return
        try:
            self._write_header()
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _appended(self, frames: int) -> None:
        self._file.flush()
        self.frames += frames
        if self.frames - self._header_frames >= self.sample_rate:
            self._write_header()

    def _write_header(self) -> None:
        self._file.seek(0)
        self._file.write(_header(self.frames, self.sample_rate, self.channels))
        self._file.seek(0, 2)
        self._file.flush()
        self._header_frames = self.frames


def _header(frames: int, sample_rate: int, channels: int) -> bytes:
    frame_bytes = 2 * channels
    data_bytes = frames * frame_bytes
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", min(data_bytes + HEADER_BYTES - 8, _MAX_UINT32), b"WAVE"),
        *(b"fmt ", 16, 1, channels, sample_rate, sample_rate * frame_bytes, frame_bytes, 16),
        *(b"data", min(data_bytes, _MAX_UINT32)),
    )


def cut_header(header: bytes, size: int) -> bytes:
    """The header of a WAV that `WavWriter` still writes, for a copy of its first `size` bytes."""
    channels, rate = struct.unpack_from("<HI", header, 22)
    return _header((size - HEADER_BYTES) // (2 * channels), rate, channels)


def map_wav(path: Path) -> tuple[npt.NDArray[np.int16], int]:
    """A WAV that `WavWriter` wrote, without reading it into memory: int16 of shape (n, channels), and the rate in Hz.

    What is in the file counts, not what the header says. Raises AudioFileError for any other file.
    """
    _check_file(path)
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[:4] != b"RIFF" or header[8:16] != b"WAVEfmt " or header[36:40] != b"data":
        raise AudioFileError(f"{path} is not a recording of a call")
    coding, channels, rate = struct.unpack_from("<HHI", header, 20)
    if coding != 1 or channels < 1 or struct.unpack_from("<H", header, 34) != (16,):
        raise AudioFileError(f"{path} is not a recording of a call: it is not 16-bit PCM")
    frames = (path.stat().st_size - HEADER_BYTES) // (2 * channels)
    if not frames:
        return np.zeros((0, channels), dtype=np.int16), rate
    return np.memmap(path, dtype="<i2", mode="r", offset=HEADER_BYTES, shape=(frames, channels)), rate
