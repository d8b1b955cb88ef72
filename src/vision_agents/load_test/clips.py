"""The words and noises of callers: clips of speech, coughs, listeners' noises, each over the quiet noise of a room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.audio.files import AudioFileError, read_audio
from vision_agents.core.edge import FRAME_SAMPLES, OUTPUT_SAMPLE_RATE
from vision_agents.lab.mix import level_of, standing_out
from vision_agents.lab.sounds import RATE, cough, murmur

# No microphone is silent: white noise of -70 dB of full scale under everything.
ROOM = 10 ** (-70 / 20)
ROOM_SECONDS = 4.0

# Seconds of the room before and after a clip.
BEFORE, AFTER = 0.1, 0.2

# A clip is at least so long, or nobody could say where in it the sound begins, and at most: callers come to a point.
SHORTEST, LONGEST = 0.1, 15.0

# What is quieter at its loudest is silence: -50 dB of full scale.
QUIETEST_DB = -50.0

# How much fainter than speech a cough and a murmur are, in dB.
FAINTER_DB = 3.0

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


class Kind(StrEnum):
    """The purpose of a sound."""

    QUESTION = "question"
    INTERRUPTION = "interruption"
    BACKCHANNEL = "backchannel"
    COUGH = "cough"


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A sound in frames: int16, shape (n, 960), 48 kHz. It begins at `onset` and ends at `end`, in seconds."""

    name: str
    frames: Samples
    onset: float = 0.0
    end: float = 0.0


class Clips:
    """Everything that callers can say. Raises ValueError if there is no speech."""

    def __init__(self, clips: Iterable[tuple[Kind | None, Clip]]) -> None:
        given = list(clips)
        # Speech of no kind serves as both: whoever interrupts says a whole sentence.
        speech = [clip for kind, clip in given if kind is None]
        self._of = {kind: [clip for other, clip in given if other is kind] for kind in Kind}
        for kind in (Kind.QUESTION, Kind.INTERRUPTION):
            self._of[kind] = self._of[kind] or speech or self._of[Kind.QUESTION] or self._of[Kind.INTERRUPTION]
        if not self._of[Kind.QUESTION]:
            raise ValueError("there is no speech to ask anything with")
        for kind, sound in ((Kind.COUGH, cough), (Kind.BACKCHANNEL, murmur)):
            if not self._of[kind]:
                self._of[kind] = [_made(f"{kind}", sound(RATE, np.random.default_rng(1)), self._level)]
        self.room = Clip("the room", _framed(np.zeros(round(ROOM_SECONDS * OUTPUT_SAMPLE_RATE))))

    def pick(self, kind: Kind, number: int) -> Clip:
        """The `number`th clip of a kind; after the last comes the first again."""
        return self._of[kind][number % len(self._of[kind])]

    @property
    def _level(self) -> float:
        """The level of the speech in dB of full scale."""
        speech = PcmData(self._of[Kind.QUESTION][0].frames.reshape(-1), OUTPUT_SAMPLE_RATE).resampled(RATE)
        return level_of(speech.samples / 32768.0)


def spoken(lines: Mapping[Kind, Mapping[str, PcmData]]) -> Clips:
    """Clips of lines of each kind, by their names."""
    return Clips((kind, clip_of(name, audio)) for kind, named in lines.items() for name, audio in named.items())


def recorded(path: Path) -> Clips:
    """Clips of a file, which serves for everything that is said, or of the files in a folder.

    A file whose name begins with `question`, `interruption`, `backchannel` or `cough`, or that lies in a folder so
    called, is used as that; any other one as a question and an interruption.

    Raises AudioFileError for what cannot be read, or has no sound in it.
    """
    if not path.is_dir():
        return Clips([(None, _read(path))])
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise AudioFileError(f"there is no recording in {path}: put {', '.join(SUFFIXES)} files there")
    try:
        return Clips((_kind_of(file.relative_to(path)), _read(file)) for file in files)
    except AudioFileError:
        raise
    except ValueError as error:
        raise AudioFileError(f"{path}: {error}; add a file whose name begins with `question`") from None


def clip_of(name: str, audio: PcmData) -> Clip:
    """A clip of a recording of any rate, cut to what is heard. Raises AudioFileError if nothing is."""
    wave = audio.resampled(RATE).samples / 32768.0
    if len(wave) < SHORTEST * RATE or level_of(wave) < QUIETEST_DB:
        raise AudioFileError(f"{name}: nobody is heard in it; give a recording of somebody who speaks")
    first, last = standing_out(wave), len(wave) / RATE - standing_out(wave[::-1])
    last = max(min(last, first + LONGEST), first + SHORTEST)
    samples = audio.resampled(OUTPUT_SAMPLE_RATE).samples
    # What is before the onset is little, but it is how the sound begins.
    begin = max(0, round((first - BEFORE) * OUTPUT_SAMPLE_RATE))
    sound = samples[begin : round((last + BEFORE) * OUTPUT_SAMPLE_RATE)] / 32768.0
    lead = np.zeros(round(BEFORE * OUTPUT_SAMPLE_RATE))
    onset = BEFORE + first - begin / OUTPUT_SAMPLE_RATE
    return Clip(name, _framed(np.concatenate((lead, sound))), onset, onset + last - first)


def _read(path: Path) -> Clip:
    return clip_of(str(path), read_audio(path))


def _kind_of(path: Path) -> Kind | None:
    for part in (path.stem, *reversed(path.parts[:-1])):
        for kind in Kind:
            if part.lower().startswith(kind):
                return kind
    return None


def _made(name: str, wave: np.ndarray, level: float) -> Clip:
    gain = 10 ** ((level - FAINTER_DB - level_of(wave)) / 20)
    return clip_of(name, PcmData.from_array(wave * gain, RATE))


def _framed(wave: np.ndarray) -> Samples:
    """The sound in whole frames, in the room, which goes on for `AFTER` seconds."""
    length = -(-(len(wave) + round(AFTER * OUTPUT_SAMPLE_RATE)) // FRAME_SAMPLES) * FRAME_SAMPLES
    mixed = np.random.default_rng(2).normal(0.0, ROOM, length)
    mixed[: len(wave)] += wave
    samples: Samples = np.clip(np.rint(mixed * 32767), -32768, 32767).astype(np.int16)
    return samples.reshape(-1, FRAME_SAMPLES)
