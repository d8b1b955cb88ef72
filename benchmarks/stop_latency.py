"""How soon the agent is silent: from the acoustic onset of user speech to the last audible agent sample pulled.

An agent in mid-answer, real Silero, each clip spoken over it in real time. Onset and silence are measured in the
recording of the call, not taken from what the agent reports.

    python benchmarks/stop_latency.py                     speech from a package archive
    python benchmarks/stop_latency.py --audio DIR         the speech of a folder with a manifest.json (kinds below)
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

import numpy as np

from vision_agents.core import Agent, PcmData, User
from vision_agents.core.audio.files import WavWriter, read_audio
from vision_agents.core.observability.acoustics import Recording
from vision_agents.plugins import smart_turn
from vision_agents.plugins.local import FileEdge
from vision_agents.testing.clips import speech_clips
from vision_agents.testing.parts import ScriptedLLM, ScriptedSTT, ToneTTS

RATE = 16_000
SPEECH_KINDS = ("interruption", "speech")
# Before the first clip, and after each one, so that the agent is in mid-answer again.
LEAD, GAP = 4.0, 3.5
SILENT_FOR = 0.3


def load(folder: Path | None) -> dict[str, PcmData]:
    if folder is None:
        return speech_clips(RATE)
    manifest = json.loads((folder / "manifest.json").read_text())
    return {c["id"]: read_audio(folder / c["file"], RATE) for c in manifest if c["kind"] in SPEECH_KINDS}


def onset_in(clip: PcmData) -> float:
    """Seconds to the first 15 ms that stand out: within 30 dB of the loudest 5 ms, and 12 dB over the clip's quiet."""
    step = RATE // 200
    frames = clip.samples[: len(clip) // step * step].reshape(-1, step).astype(np.float64)
    level = np.sqrt((frames**2).mean(axis=1))
    loud = level > max(level.max() * 10 ** (-30 / 20), np.percentile(level, 10) * 10 ** (12 / 20))
    lasting = loud[:-2] & loud[1:-1] & loud[2:]
    return float(np.argmax(lasting)) * step / RATE


def lay_out(clips: dict[str, PcmData], path: Path) -> dict[str, float]:
    """Write the user's side; return when each clip's speech begins."""
    onsets: dict[str, float] = {}
    at = LEAD
    pieces = [PcmData.silence(LEAD, RATE)]
    for name, clip in clips.items():
        onsets[name] = at + onset_in(clip)
        pieces += [clip, PcmData.silence(GAP, RATE)]
        at += clip.duration + GAP
    writer = WavWriter(path, RATE, channels=1)
    writer.write(PcmData.concat(pieces).samples.reshape(-1, 1))
    writer.close()
    return onsets


async def talk(user: Path, out: Path) -> None:
    edge = FileEdge(user, out=out, tail=0.5, limit=2.0)
    agent = Agent(
        edge=edge,
        llm=ScriptedLLM(["word " * 400]),
        agent_user=User("agent"),
        stt=ScriptedSTT(["go on"] * 1000),
        tts=ToneTTS(),
        turn_detection=smart_turn.TurnDetection(),
    )
    async with agent.join():
        asyncio.get_running_loop().create_task(agent.say("word " * 400))
        await agent.finish()


def measure(recording: Recording, onsets: dict[str, float]) -> dict[str, float | None]:
    """For each clip the seconds from its onset to silence; None if the agent did not stop or was not speaking."""
    stops: dict[str, float | None] = {}
    rate = recording.sample_rate
    agent = np.abs(np.asarray(recording.agent)) > 32
    for name, onset in onsets.items():
        before = agent[round((onset - 0.2) * rate) : round(onset * rate)]
        after = agent[round(onset * rate) : round((onset + 2.0) * rate)]
        window = round(SILENT_FOR * rate)
        audible = np.flatnonzero(np.concatenate([[True], after, np.ones(1, bool)]))
        gaps = np.flatnonzero(np.diff(audible) > window)
        stops[name] = float(audible[gaps[0]]) / rate if before.any() and len(gaps) else None
    return stops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--all", action="store_true", help="print each clip")
    options = parser.parse_args()
    clips = load(options.audio)
    with tempfile.TemporaryDirectory() as folder:
        user, out = Path(folder, "user.wav"), Path(folder, "call.wav")
        onsets = lay_out(clips, user)
        asyncio.run(talk(user, out))
        stops = measure(Recording.open(out), onsets)
    if options.all:
        for name, stop in sorted(stops.items(), key=lambda entry: entry[1] or 9.0):
            print(f"{name:48} {'did not stop' if stop is None else f'{stop * 1000:6.0f} ms'}")
    times = np.array([stop for stop in stops.values() if stop is not None]) * 1000
    print(f"clips: {len(stops)}, stopped within 2 s: {len(times)}")
    p50, p90, p95, worst = np.percentile(times, [50, 90, 95, 100])
    print(f"onset to silence: p50 {p50:.0f} ms, p90 {p90:.0f} ms, p95 {p95:.0f} ms, max {worst:.0f} ms")


if __name__ == "__main__":
    main()
