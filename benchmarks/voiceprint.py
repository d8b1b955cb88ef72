"""How well a voiceprint tells voices apart, and what it costs.

One half of a recording is a known voice; stretches of another half, of 0.5, 1 and 2 s, are compared with it: the other
half of the same recording (the same voice), or a half of one from another source (another voice). Recordings of one
source are not compared with one another, since nobody says whose voices they are; "near" compares those, if they are
from different files of the source: other voices in the same room or booth, as a rule, and sometimes the same ones.

    python benchmarks/voiceprint.py --audio DIR

DIR holds recordings of one voice each, and may have a `manifest.json`: a list of clips with `file`, `kind` ("speech"
and "interruption" are taken), `onset_s`, `end_s` and `source` ("repository@commit:path"). Without one, each file is a
voice of its own. `--clips` adds the speech of `vision_agents.testing.clips`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_agents.core.audio import Samples
from vision_agents.core.audio.files import read_audio
from vision_agents.core.voiceprint import SAMPLE_RATE, Embedding
from vision_agents.plugins.resemblyzer import Voiceprint
from vision_agents.testing.clips import speech_clips

LENGTHS = (0.5, 1.0, 2.0)
SHORTEST = 2.0
KINDS = ("speech", "interruption")
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
QUIET = 600  # of 32,768: what is softer at either end of a clip without marks is left out

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recording:
    """One voice. `source` is where it comes from, `file` which recording of that source it is."""

    source: str
    file: str
    samples: Samples


@dataclass(frozen=True, slots=True)
class Half:
    """Half of a recording: its voice, and the voices of stretches of it by their length in seconds."""

    recording: int
    voice: Embedding
    stretches: dict[float, list[Embedding]]


def recordings(folder: Path | None, clips: bool) -> Iterator[Recording]:
    if folder is not None and (folder / "manifest.json").is_file():
        yield from _listed(folder)
    elif folder is not None:
        for path in sorted(each for each in folder.rglob("*") if each.suffix.lower() in SUFFIXES):
            yield Recording(str(path), str(path), _trimmed(read_audio(path, SAMPLE_RATE).samples))
    if clips:
        for name, audio in speech_clips(SAMPLE_RATE).items():
            # Those of one language may be one voice.
            yield Recording("clips", name.partition("/")[0], _trimmed(audio.samples))


def _listed(folder: Path) -> Iterator[Recording]:
    for clip in json.loads((folder / "manifest.json").read_text()):
        if clip["kind"] in KINDS:
            samples = read_audio(folder / clip["file"], SAMPLE_RATE).samples
            begin, end = (round(clip[key] * SAMPLE_RATE) for key in ("onset_s", "end_s"))
            yield Recording(clip["source"].partition("@")[0], clip["source"], samples[begin:end])


def _trimmed(samples: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > QUIET)
    return samples[loud[0] : loud[-1]] if len(loud) else samples[:0]


async def halves(voiceprint: Voiceprint, chosen: list[Recording]) -> list[tuple[Half, Half]]:
    """Each recording's two halves."""
    made = []
    for number, recording in enumerate(chosen):
        middle = len(recording.samples) // 2
        parts = recording.samples[:middle], recording.samples[middle:]
        first, second = [await _half(voiceprint, number, part) for part in parts]
        made.append((first, second))
    return made


async def _half(voiceprint: Voiceprint, number: int, samples: Samples) -> Half:
    stretches: dict[float, list[Embedding]] = {}
    for length in LENGTHS:
        count = round(length * SAMPLE_RATE)
        starts = range(0, len(samples) - count + 1, count)
        stretches[length] = [await voiceprint.embed(samples[start : start + count]) for start in starts]
    return Half(number, await voiceprint.embed(samples), stretches)


def likeness(known: Half, other: Half, length: float) -> list[float]:
    return [float(known.voice @ voice) for voice in other.stretches[length]]


def different(made: list[tuple[Half, Half]], length: float, counts: Callable[[int, int], bool]) -> Floats:
    """The likeness of voices of different recordings, of those pairs for which `counts`."""
    every = [half for pair in made for half in pair]
    pairs = [(a, b) for a in every for b in every if counts(a.recording, b.recording)]
    return np.array([alike for a, b in pairs for alike in likeness(a, b, length)])


def equal_error(same: Floats, other: Floats) -> tuple[float, float]:
    """The rate at which as many are wrongly told apart as are wrongly taken for one, and its threshold."""
    thresholds = np.sort(np.concatenate([same, other]))
    missed = np.searchsorted(np.sort(same), thresholds) / len(same)
    taken = 1 - np.searchsorted(np.sort(other), thresholds) / len(other)
    at = int(np.argmin(np.abs(missed - taken)))
    return float(missed[at] + taken[at]) / 2, float(thresholds[at])


def report(chosen: list[Recording], made: list[tuple[Half, Half]]) -> None:
    """The table. `caught`: how many of other voices are under the threshold that 1 % (5 %) of the same are under."""

    def apart(a: int, b: int) -> bool:
        return chosen[a].source != chosen[b].source

    def near(a: int, b: int) -> bool:
        return chosen[a].source == chosen[b].source and chosen[a].file != chosen[b].file

    print("seconds   same  others   EER  at     | 1 % under  caught  near | 5 % under  caught  near")
    for length in LENGTHS:
        same = np.array([alike for a, b in made for alike in likeness(a, b, length) + likeness(b, a, length)])
        other, close = different(made, length, apart), different(made, length, near)
        if not len(same) or not len(other):
            print(f"{length:7.1f}  too few recordings are long enough")
            continue
        error, at = equal_error(same, other)
        line = f"{length:7.1f} {len(same):6d} {len(other):7d} {100 * error:4.1f} %  {at:.2f}  "
        for share in (0.01, 0.05):
            threshold = float(np.quantile(same, share))
            caught, caught_near = (
                f"{100 * np.mean(each < threshold):3.0f} %" if len(each) else "  -" for each in (other, close)
            )
            line += f" | {threshold:9.2f}  {caught:>6} {caught_near:>5}"
        print(line)


async def cost(voiceprint: Voiceprint, samples: Samples) -> None:
    """CPU and wall time of an embedding."""
    for length in (*LENGTHS, 4.0, 6.0):
        piece = np.resize(samples, round(length * SAMPLE_RATE))
        await voiceprint.embed(piece)
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(20):
            await voiceprint.embed(piece)
        wall, cpu = (time.perf_counter() - wall) / 20, (time.process_time() - cpu) / 20
        print(f"embedding {length:.1f} s of speech: {1000 * cpu:.1f} ms of CPU, {1000 * wall:.1f} ms in all")


async def run(folder: Path | None, clips: bool) -> None:
    chosen = [each for each in recordings(folder, clips) if len(each.samples) >= SHORTEST * SAMPLE_RATE]
    if not chosen:
        raise SystemExit(f"there is no recording of {SHORTEST:.0f} s of speech: give a folder with --audio")
    voiceprint = Voiceprint()
    begun = time.process_time()
    await voiceprint.start()
    print(f"loading: {1000 * (time.process_time() - begun):.0f} ms of CPU")
    print(f"{len(chosen)} recordings from {len({each.source for each in chosen})} sources")
    report(chosen, await halves(voiceprint, chosen))
    await cost(voiceprint, chosen[0].samples)
    await voiceprint.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, help="a folder of recordings")
    parser.add_argument("--clips", action="store_true", help="take the clips of vision_agents.testing too")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.audio, arguments.clips or arguments.audio is None))


if __name__ == "__main__":
    main()
