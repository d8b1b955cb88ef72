"""The sounds of the cases: clips of a folder with a manifest, each at the level at which it would be heard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vision_agents.core import PcmData
from vision_agents.core.audio.files import read_audio

from .script import CALLER_RATE

QUESTION = "Could you please tell me a story about the sea?"

# In dB of full scale, the 90th percentile of the levels of 10 ms: a caller's; who talks aside is four times as far.
CALLER_LEVEL, ASIDE = -20.0, -12.0
# Kinds whose words are heard by a recogniser; the others have none.
SPOKEN = ("interruption", "backchannel", "side_talk")
KINDS = (*SPOKEN, "vocal", "noise", "music")
# Seconds of the longest clip that is taken.
LONGEST = {"side_talk": 6.0, "music": 5.0}
SHORT = 3.0


def choose(folder: Path, each: int, kinds: Sequence[str] = KINDS) -> list[dict[str, Any]]:
    """Clips of the manifest, at most `each` of a kind, spread over those that are short and, if spoken, transcribed."""
    clips = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    chosen: list[dict[str, Any]] = []
    for kind in kinds:
        usable = [
            clip
            for clip in sorted(clips, key=lambda clip: str(clip.get("id", clip["file"])))
            if clip["kind"] == kind
            and clip["end_s"] <= LONGEST.get(kind, SHORT)
            and (kind not in SPOKEN or clip.get("transcript"))
        ]
        places = np.linspace(0, len(usable) - 1, min(each, len(usable))).round().astype(int) if usable else []
        chosen += [usable[place] for place in places]
    return chosen


def save(folder: Path, clips: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the question and the clips' sounds for the processes that run the cases."""
    asked = asyncio.run(_spoken(QUESTION))
    sounds = [_loud(asked, CALLER_LEVEL)]
    facts: list[dict[str, Any]] = [
        {"id": "", "kind": "question", "words": QUESTION, "onset": 0.0, "end": asked.duration},
    ]
    for clip in clips:
        level = CALLER_LEVEL + (ASIDE if clip["kind"] == "side_talk" else 0.0)
        sounds.append(_loud(read_audio(folder / clip["file"], CALLER_RATE), level))
        words = clip.get("transcript") or "" if clip["kind"] in SPOKEN else ""
        name = clip.get("id", clip["file"])
        facts.append({"id": name, "kind": clip["kind"], "words": words, "onset": clip["onset_s"], "end": clip["end_s"]})
    arrays = {f"sound{number}": sound for number, sound in enumerate(sounds)}
    np.savez(path, facts=np.array(json.dumps(facts)), **arrays)  # type: ignore[arg-type]


def _loud(audio: PcmData, level: float) -> Any:
    """The samples at a level."""
    samples = audio.samples.astype(np.float64)
    pieces = samples[: len(samples) // 480 * 480].reshape(-1, 480)
    now = 20 * np.log10(np.percentile(np.sqrt(np.mean(pieces**2, axis=1)), 90) / 32768 + 1e-9)
    return np.clip(samples * 10 ** ((level - now) / 20), -32768, 32767).astype(np.int16)


async def _spoken(text: str) -> PcmData:
    from vision_agents.plugins import piper

    voice = piper.TTS()
    await voice.start()
    try:
        return PcmData.concat([chunk.audio async for chunk in voice.synthesize(text)]).resampled(CALLER_RATE)
    finally:
        await voice.close()
