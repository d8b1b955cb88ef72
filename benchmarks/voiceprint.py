"""How well a voiceprint tells voices apart, where "another voice" begins, and what it costs.

A speaker's stretches of speech are compared with a stretch of another recording of the same speaker, and with those of
speakers from other sources. How far a cosine is off depends on both lengths, a and b: what counts is a·b / (a + b).

    python benchmarks/voiceprint.py --audio DIR [--audio DIR …]

Each DIR has a `manifest.json`: a list of clips with `file`, `kind`, `onset_s`, `end_s`, `source`
("repository@commit:path") and, for speakers with several clips, `speaker`. A name that stands for a group of voices has
to be left out: `--but NAME`.

Each threshold is printed from all sources, and tried on each source without having seen it; and the one in use is
tried. `--centre` prints the mean of all voices, for `plugins/resemblyzer/centre.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_agents.core.audio import Samples
from vision_agents.core.audio.files import read_audio
from vision_agents.core.floor.strategies.voice import OTHER, PER_SECOND, SUREST
from vision_agents.core.models import ModelStore
from vision_agents.core.voiceprint import SAMPLE_RATE
from vision_agents.plugins.resemblyzer import Voiceprint
from vision_agents.plugins.resemblyzer.centre import CENTRE
from vision_agents.plugins.resemblyzer.model import GE2EModel
from vision_agents.testing.clips import speech_clips

LENGTHS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
KINDS = ("speech", "interruption", "backchannel", "pause", "side_talk")
WRONG = 0.01  # of a speaker's own stretches that are taken for another's
MOST = 3  # stretches of one length from one clip
QUIET_DB = 25.0  # frames of 20 ms so far under a clip's loud ones are no speech
STEP = SAMPLE_RATE // 50
BINS = (0.0, 0.3, 0.4, 0.55, 0.7, 0.9, 1.2, 2.0)

Floats = NDArray[np.float64]
Voices = NDArray[np.float32]


@dataclass(slots=True)
class Clip:
    """Speech of one voice. `voices`: as the encoder has them, of stretches by their length; `whole`: of all of it."""

    source: str
    speaker: str
    samples: Samples
    voices: dict[float, Voices] = field(default_factory=dict)
    whole: Voices | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """Cosines of one speaker with the same and with others, at some a·b / (a + b)."""

    source: str
    speaker: str
    worth: float
    same: Floats
    others: Floats


def clips(folder: Path, left_out: Sequence[str]) -> Iterator[Clip]:
    for number, clip in enumerate(json.loads((folder / "manifest.json").read_text())):
        speaker = clip.get("speaker") or f"{folder.name} {number}"
        if clip["kind"] in KINDS and speaker not in left_out:
            samples = read_audio(folder / clip["file"], SAMPLE_RATE).samples
            begin, end = (round(clip[key] * SAMPLE_RATE) for key in ("onset_s", "end_s"))
            source = clip["source"].partition("@")[0].partition(" ")[0]
            yield Clip(source, speaker, voiced(samples[begin:end]))


def voiced(samples: Samples) -> Samples:
    """Without its pauses, as the matcher keeps them out by the detector's word."""
    frames = samples[: len(samples) // STEP * STEP].reshape(-1, STEP)
    if not len(frames):
        return samples
    levels = 10 * np.log10(np.maximum(np.mean(frames.astype(np.float64) ** 2, axis=1), 1.0))
    return frames[levels > np.percentile(levels, 90) - QUIET_DB].reshape(-1)


def encode(model: GE2EModel, clip: Clip) -> None:
    for length in LENGTHS:
        count = round(length * SAMPLE_RATE)
        starts = range(0, len(clip.samples) - count + 1, count)[:MOST]
        if starts:
            clip.voices[length] = np.stack([model.encode(clip.samples[start : start + count]) for start in starts])
    if len(clip.samples) >= LENGTHS[0] * SAMPLE_RATE:
        clip.whole = model.encode(clip.samples[: 6 * SAMPLE_RATE])


def centre(chosen: Sequence[Clip], but: Sequence[str] = ()) -> Voices:
    """The mean of all voices, but those from some sources."""
    known = defaultdict(list)
    for clip in chosen:
        if clip.whole is not None and clip.source not in but:
            known[clip.speaker].append(clip.whole)
    return np.mean([np.mean(voices, axis=0) for voices in known.values()], axis=0)


def compare(chosen: Sequence[Clip]) -> Iterator[Compared]:
    """Every pair of lengths, for every speaker with several clips; the centre is made without the speaker's source."""
    speakers = defaultdict(list)
    for clip in chosen:
        speakers[clip.speaker].append(clip)
    for speaker, said in speakers.items():
        if len(said) < 2:
            continue
        middle = centre(chosen, [said[0].source])
        strangers = [clip for clip in chosen if clip.source != said[0].source]
        for a, b in product(LENGTHS, LENGTHS):
            known = [clip for clip in said if a in clip.voices]
            pairs = [(one, two) for one in known for two in said if one is not two and b in two.voices]
            if not pairs:
                continue
            same = [cosines(one.voices[a], two.voices[b], middle) for one, two in pairs]
            others = [cosines(known[0].voices[a], two.voices[b][:1], middle) for two in strangers if b in two.voices]
            yield Compared(said[0].source, speaker, a * b / (a + b), np.concatenate(same), np.concatenate(others))


def cosines(known: Voices, others: Voices, middle: Voices) -> Floats:
    a, b = (voices - middle for voices in (known, others))
    a, b = (away / np.linalg.norm(away, axis=1, keepdims=True) for away in (a, b))
    return (a @ b.T).ravel().astype(np.float64)


def threshold(made: Sequence[Compared]) -> float:
    """Under it are `WRONG` of the same; each speaker counts as much as any other."""
    values = np.concatenate([one.same for one in made])
    weights = np.concatenate([np.full(len(one.same), 1 / len(one.same)) for one in made])
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]) / weights.sum(), WRONG)])


def report(made: Sequence[Compared]) -> None:
    print("a·b/(a+b)    same  others |  at  caught | left out: wrong caught | in use: at  wrong caught")
    for low, high in pairwise(BINS):
        here = [one for one in made if low <= one.worth < high]
        sources = sorted({one.source for one in here})
        if len(sources) < 2:
            continue
        same, others = (np.concatenate([getattr(one, name) for one in here]) for name in ("same", "others"))
        at = threshold(here)
        wrong = caught = 0.0
        for source in sources:
            without = threshold([one for one in here if one.source != source])
            of_it = [one for one in here if one.source == source]
            wrong += sum(np.count_nonzero(one.same < without) for one in of_it)
            caught += sum(np.count_nonzero(one.others < without) for one in of_it)
        worth = float(np.mean([one.worth for one in here]))
        used = min(SUREST, OTHER + PER_SECOND * worth)
        print(
            f"{low:.2f}–{high:.2f} {len(same):6d} {len(others):7d} | {at:.2f} {np.mean(others < at):6.0%} | "
            f"{wrong / len(same):15.1%} {caught / len(others):6.0%} | "
            f"{used:10.2f} {np.mean(same < used):6.1%} {np.mean(others < used):6.0%}"
        )


async def cost(samples: Samples) -> None:
    """CPU and wall time of an embedding."""
    voiceprint = Voiceprint()
    begun = time.process_time()
    await voiceprint.start()
    print(f"loading: {1000 * (time.process_time() - begun):.0f} ms of CPU")
    for length in (*LENGTHS, 4.0, 6.0):
        piece = np.resize(samples, round(length * SAMPLE_RATE))
        await voiceprint.embed(piece)
        cpu = time.process_time()
        for _ in range(20):
            await voiceprint.embed(piece)
        print(f"embedding {length:.2f} s of speech: {1000 * (time.process_time() - cpu) / 20:.1f} ms of CPU")
    await voiceprint.close()


def print_centre(chosen: list[Clip], model: GE2EModel) -> None:
    for name, audio in speech_clips(SAMPLE_RATE).items():
        # Those of one language may be one voice.
        chosen.append(Clip("clips", name.partition("/")[0], audio.samples))
        encode(model, chosen[-1])
    middle = centre(chosen)
    print(base64.b64encode(np.rint(middle * 1000).astype(np.uint8).tobytes()).decode())
    print(f"at most {np.abs(middle - CENTRE).max():.4f} from the one in use")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, action="append", required=True, help="a folder of recordings")
    parser.add_argument("--but", action="append", default=[], metavar="NAME", help="leave out this speaker")
    parser.add_argument("--centre", action="store_true", help="print the mean of all voices")
    arguments = parser.parse_args()
    model = GE2EModel(ModelStore().files("ge2e"))
    chosen = [clip for folder in arguments.audio for clip in clips(folder, arguments.but)]
    for clip in chosen:
        encode(model, clip)
    if arguments.centre:
        print_centre(chosen, model)
        return
    voices, sources = ({getattr(clip, name) for clip in chosen} for name in ("speaker", "source"))
    print(f"{len(chosen)} clips of {len(voices)} voices, {len(sources)} sources")
    report(list(compare(chosen)))
    asyncio.run(cost(chosen[0].samples))


if __name__ == "__main__":
    main()
