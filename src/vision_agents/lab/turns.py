"""Turns with pauses, out of recordings: what an end of turn is judged on.

Three kinds come of a folder of recordings (`lab.manifest`):

* `clip`: a recording of the kinds interruption, speech or pause, as it is. The pauses are those of its `pauses_s`.
* `joined`: two such recordings of one speaker, one after the other: two sentences of one turn.
* `stretched`: a recording whose longest gap between two words (0.1 s of quiet or more) is drawn out with its own quiet:
  somebody who hesitates in mid-sentence.

The pauses of the last two are of the lengths `PAUSES`, each turn of one of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from vision_agents.core.audio import Samples
from vision_agents.core.audio.files import read_audio

from .manifest import read_folder
from .scenario import LabError

RATE = 16_000
KINDS = ("interruption", "speech", "pause")

# Seconds of the pauses that are put in.
PAUSES = (0.4, 0.7, 1.0, 1.4)

# A gap between words: so long, and so far under the recording's level. Of a turn that is too short none is stretched.
GAP, UNDER_DB = 0.1, 25.0
SHORTEST = 1.2

_STEP = RATE // 100
# Seconds of fading at each cut: no click.
_FADE = 0.005


@dataclass(frozen=True, slots=True, eq=False)
class SpokenTurn:
    """A turn of one speaker: int16 at 16 kHz. Times in seconds from its first sample.

    `pauses`: [from, to] of the silences inside it; `end`: of its last sound. `ends`: with that, the turn is over; a
    recording of the kind pause was cut out of a longer one, and perhaps is not.
    """

    id: str
    kind: str
    speaker: str
    source: str
    samples: Samples
    pauses: tuple[tuple[float, float], ...]
    end: float
    ends: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class _Recording:
    id: str
    ends: bool
    speaker: str | None
    source: str
    samples: Samples
    onset: float
    end: float
    pauses: tuple[tuple[float, float], ...]


def read_turns(folder: Path) -> list[SpokenTurn]:
    """Return the turns of a folder of recordings, the turns of one speaker in a row.

    Raises LabError for a manifest that is none, or that has no turns, and AudioFileError for a file that is no audio.
    """
    read_folder(folder)  # it says what is wrong with the manifest
    clips = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    recordings = [_recording(folder, clip) for clip in clips if clip["kind"] in KINDS]
    turns = [_whole(recording) for recording in recordings]
    turns += [turn for recording in recordings if (turn := _stretched(recording)) is not None]
    speakers: dict[str, list[_Recording]] = {}
    for recording in recordings:
        if recording.speaker is not None:
            speakers.setdefault(recording.speaker, []).append(recording)
    turns += [_joined(first, then) for said in speakers.values() for first, then in pairwise(said)]
    if not turns:
        raise LabError(f"{folder} has no clip of the kinds {', '.join(KINDS)}")
    order = {name: place for place, name in enumerate(dict.fromkeys(turn.speaker for turn in turns))}
    return sorted(turns, key=lambda turn: (order[turn.speaker], crc32(turn.id.encode())))


def _recording(folder: Path, clip: dict[str, Any]) -> _Recording:
    samples = read_audio(folder / clip["file"], RATE).samples
    name = clip.get("id") or Path(clip["file"]).stem
    pauses = tuple((float(begin), float(end)) for begin, end in clip.get("pauses_s") or ())
    source = str(clip.get("source") or name).partition("@")[0]
    end = min(float(clip["end_s"]), len(samples) / RATE)
    return _Recording(
        name, clip["kind"] != "pause", clip.get("speaker"), source, samples, float(clip["onset_s"]), end, pauses
    )


def _whole(one: _Recording) -> SpokenTurn:
    return SpokenTurn(one.id, "clip", one.speaker or one.id, one.source, one.samples, one.pauses, one.end, one.ends)


def _joined(first: _Recording, then: _Recording) -> SpokenTurn:
    name = f"{first.id}+{then.id}"
    pause = _length(name)
    head, tail = first.samples[: round(first.end * RATE)], then.samples[round(then.onset * RATE) :]
    quiet = _quiet(first.samples[round(first.end * RATE) :], round(pause * RATE))
    begins = len(head) / RATE + pause
    shift = begins - then.onset
    pauses = (*first.pauses, (first.end, begins), *((start + shift, end + shift) for start, end in then.pauses))
    samples = np.concatenate([_faded(head, last=True), quiet, _faded(tail, last=False)])
    return SpokenTurn(name, "joined", first.speaker or name, first.source, samples, pauses, then.end + shift, then.ends)


def _stretched(one: _Recording) -> SpokenTurn | None:
    if one.pauses or one.end - one.onset < SHORTEST:
        return None
    gap = _longest_gap(one)
    if gap is None:
        return None
    start, end = gap
    name = f"{one.id}~"
    added = max(0.0, _length(name) - (end - start))
    middle = round((start + end) / 2 * RATE)
    quiet = _quiet(one.samples[round(start * RATE) : round(end * RATE)], round(added * RATE))
    samples = np.concatenate([one.samples[:middle], quiet, one.samples[middle:]])
    return SpokenTurn(
        name, "stretched", one.speaker or one.id, one.source, samples, ((start, end + added),), one.end + added
    )


def _longest_gap(one: _Recording) -> tuple[float, float] | None:
    """The longest stretch of quiet between words: from, to, in seconds."""
    frames = len(one.samples) // _STEP
    squares = one.samples[: frames * _STEP].reshape(frames, _STEP).astype(np.float64) ** 2
    levels = 10 * np.log10(np.mean(squares, axis=1) + 1e-3)
    quiet = levels < np.percentile(levels, 90) - UNDER_DB
    first, last = round(one.onset * 100) + 10, round(one.end * 100) - 10
    best, began = (0, 0), None
    for frame in range(max(first, 0), min(last, frames)):
        if not quiet[frame]:
            began = None
            continue
        began = frame if began is None else began
        if frame + 1 - began > best[1] - best[0]:
            best = (began, frame + 1)
    return (best[0] / 100, best[1] / 100) if best[1] - best[0] >= GAP * 100 else None


def _length(name: str) -> float:
    return PAUSES[crc32(name.encode()) % len(PAUSES)]


def _quiet(sound: Samples, length: int) -> Samples:
    """`length` samples of the quiet of a recording, there and back: no seam is heard."""
    # What is next to speech dies away still.
    calm = sound[len(sound) // 3 :] if len(sound) > 3 * _STEP else np.zeros(_STEP, dtype=np.int16)
    there = np.concatenate([calm, calm[::-1]])
    return np.tile(there, length // len(there) + 1)[:length]


def _faded(samples: Samples, *, last: bool) -> Samples:
    faded, count = samples.astype(np.float64), min(len(samples), round(_FADE * RATE))
    ramp = np.linspace(0.0, 1.0, count)
    if last:
        faded[len(faded) - count :] *= ramp[::-1]
    else:
        faded[:count] *= ramp
    return np.rint(faded).astype(np.int16)
