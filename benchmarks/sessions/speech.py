"""Speech for the load: synthesised by the local voice, or the recordings of a folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from benchmarks.stop_latency import load as load_folder
from benchmarks.stop_latency import onset_in

from vision_agents.core import PcmData
from vision_agents.core.audio.files import read_audio

from .load import ANSWER, ANSWER_RATE, CALLER_RATE, CYCLE, CYCLE_FRAMES, WORD, Load, Samples

# A caller speaks for 40 % of a cycle. Recordings are put in a row until there is enough.
SPEECH_SECONDS = 4.0
SPEECH_AT_MOST = 4.4
GAP = 0.1
LEAD = 0.05

# The room: white noise of -70 dB of full scale.
ROOM = 32768 * 10 ** (-70 / 20)

SENTENCES = (
    "Could you tell me again what the weather will be like along the coast tomorrow morning?",
    "I would like to book a table for four people at the restaurant next to the station.",
    "Wait a moment, I think that I gave you the wrong number for my account this morning.",
    "No, that is not what I meant, please look for a train that leaves in the afternoon.",
    "My order should have been here on Monday, and nobody has called me about it since.",
    "Please send the invoice to my new address, and not to the one that you have on file.",
    "How long does it usually take until the money is back on my card after I cancel?",
    "Can you explain to me once more how I can change the password of my old phone?",
)


def build(audio: Path | None, digital: bool) -> Load:
    """The load. `audio`: a folder of recordings; synthesised speech if None. `digital`: silence is exact zeros.

    Raises ModelError or ImportError if there is no local voice, ValueError for a folder without speech.
    """
    clips = [_trimmed(clip) for clip in (asyncio.run(_synthesised(SENTENCES)) if audio is None else _read(audio))]
    random = np.random.default_rng(1)
    utterances = clips if audio is None else _in_rows(clips, random)
    cycles, onsets, ends = [], [], []
    for utterance in utterances:
        samples = utterance.samples[: round(SPEECH_AT_MOST * CALLER_RATE)]
        cycle = np.zeros(round(CYCLE * CALLER_RATE))
        cycle[: len(samples)] = samples
        if not digital:
            cycle += random.normal(0.0, ROOM, len(cycle))
        cycles.append(np.clip(np.rint(cycle), -32768, 32767).astype(np.int16).reshape(CYCLE_FRAMES, -1))
        onsets.append(onset_in(PcmData(samples, CALLER_RATE).resampled(16_000)))
        ends.append(len(samples) / CALLER_RATE)
    return Load(np.stack(cycles), np.array(onsets), np.array(ends), _answer(clips))


def _answer(clips: list[PcmData]) -> Samples:
    """Speech enough for the whole answer. Nothing in it is zero, so that it can be told from the gate's silence."""
    needed = round((len(ANSWER.split()) + 1) * WORD * ANSWER_RATE)
    voice = np.concatenate([clip.resampled(ANSWER_RATE).samples for clip in clips])
    voice = np.resize(voice, needed)
    return np.where(np.abs(voice) < 4, np.int16(4), voice).astype(np.int16)


def _trimmed(clip: PcmData) -> PcmData:
    """Without the silence before and after."""
    first = onset_in(clip.resampled(16_000))
    last = onset_in(PcmData(clip.samples[::-1].copy(), clip.sample_rate).resampled(16_000))
    start = max(0, round((first - LEAD) * clip.sample_rate))
    return PcmData(clip.samples[start : len(clip) - round(max(0.0, last - LEAD) * clip.sample_rate)], clip.sample_rate)


def _in_rows(clips: list[PcmData], random: np.random.Generator) -> list[PcmData]:
    """Clips one after the other until there is a cycle's speech, eight times."""
    rows = []
    for _ in range(8):
        pieces: list[PcmData] = []
        while sum(piece.duration for piece in pieces) < SPEECH_SECONDS:
            pieces += [clips[random.integers(len(clips))], PcmData.silence(GAP, CALLER_RATE)]
        rows.append(PcmData.concat(pieces[:-1]))
    return rows


def _read(folder: Path) -> list[PcmData]:
    if (folder / "manifest.json").exists():
        clips = [clip.resampled(CALLER_RATE) for clip in load_folder(folder).values()]
    else:
        files = sorted(path for path in folder.iterdir() if path.suffix in (".wav", ".flac"))
        clips = [read_audio(path, CALLER_RATE) for path in files]
    if not clips:
        raise ValueError(f"there is no .wav or .flac file with speech in {folder}")
    return clips


async def _synthesised(sentences: tuple[str, ...]) -> list[PcmData]:
    from vision_agents.plugins import piper

    voice = piper.TTS()
    await voice.start()
    try:
        clips = []
        for sentence in sentences:
            pieces = [chunk.audio async for chunk in voice.synthesize(sentence)]
            clips.append(PcmData.concat(pieces).resampled(CALLER_RATE))
        return clips
    finally:
        await voice.close()
