"""What the echo canceller removes, what it costs the user's voice, and what it costs in CPU.

A call without echo cancellation is made from recorded speech: the agent's voice at -20 dB of full scale comes back
through a small room, 100 ms later and fainter, over the noise of a quiet microphone.

    python benchmarks/echo.py [--delay 0.1]
"""

from __future__ import annotations

import argparse
import asyncio
import time

import numpy as np

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.audio.playout import SAMPLE_RATE as PLAYED_RATE
from vision_agents.core.participants import Participant
from vision_agents.plugins import livekit, silero
from vision_agents.testing.clips import speech_clips
from vision_agents.testing.room import call, echo_of

CALLER = Participant("caller")
RATE = livekit.echo.SAMPLE_RATE
AGENT = ("en/counting", "fr/pangrama", "it/pangrama", "es/pangrama")
USERS = ("en/quick_brown_fox", "pl/liczenie", "zh/pangrama", "ja/pangrama", "hi/ginti", "pt/contagem")
AGENT_DBFS = -20.0
GAINS = (-10.0, -20.0, -30.0)
SPANS = ((0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 12.0))
# The user begins when the canceller knows the echo.
USER_AT = 5.0
SPEECH = 0.5


def level(samples: np.ndarray) -> float:
    """dB of full scale."""
    return float(10.0 * np.log10(np.mean((samples / 32768.0) ** 2) + 1e-12))


def speech(names: tuple[str, ...], rate: int, dbfs: float) -> Samples:
    clips = speech_clips(rate)
    joined = np.concatenate([clips[name].samples for name in names])
    return to_int16(joined * 10.0 ** ((dbfs - level(joined)) / 20.0))


def to_int16(sound: np.ndarray) -> Samples:
    clipped: Samples = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    return clipped


class Call:
    """The agent speaks; what of it comes back, and what the microphone adds."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.played = speech(AGENT, PLAYED_RATE, AGENT_DBFS)
        self.at_rate = PcmData(self.played, PLAYED_RATE).resampled(RATE)
        self.noise = np.random.default_rng(1).normal(0.0, 8.0, len(self.at_rate))

    def heard(self, gain: float | None, user: np.ndarray | float = 0.0) -> Samples:
        echo = 0.0 if gain is None else echo_of(self.at_rate, self.delay, gain)
        return to_int16(self.noise + echo + user)

    def cleaned(self, heard: Samples) -> Samples:
        return call(livekit.EchoCanceller(), self.played, PcmData(heard, RATE), CALLER).samples

    def user(self, name: str, dbfs: float) -> np.ndarray:
        track, voice = np.zeros(len(self.at_rate)), speech((name,), RATE, dbfs)
        first = round(USER_AT * RATE)
        track[first : first + len(voice)] = voice[: len(track) - first]
        return track


def removal(scene: Call, vad: silero.VAD) -> None:
    print(
        "echo, dB of the agent's voice | dB removed in " + ", ".join(f"{a:g}-{b:g} s" for a, b in SPANS) + " | Silero"
    )
    for gain in GAINS:
        heard = scene.heard(gain)
        cleaned = scene.cleaned(heard)
        parts = [slice(round(a * RATE), round(b * RATE)) for a, b in SPANS]
        less = ", ".join(f"{level(heard[part]) - level(cleaned[part]):.1f}" for part in parts)
        before, after = (np.array(vad.stream().feed(samples)) >= SPEECH for samples in (heard, cleaned))
        last = f", the last at {np.flatnonzero(after)[-1] * vad.window:.1f} s" if after.any() else ""
        print(f"{gain:.0f} dB | {less} | {before.sum()} windows of speech before, {after.sum()} after{last}")


def near_end(scene: Call, vad: silero.VAD) -> None:
    print("user, dB over the echo | level lost, dB | later to Silero, ms (median, most) | not heard")
    for dbfs in (-20.0, -26.0):
        for gain in (None, *GAINS):
            lost, later, missed = [], [], 0
            for name in USERS:
                user = scene.user(name, dbfs)
                cleaned = scene.cleaned(scene.heard(gain, user))
                voiced = np.abs(user) > 0
                lost.append(
                    level(user[: len(cleaned)][voiced[: len(cleaned)]]) - level(cleaned[voiced[: len(cleaned)]])
                )
                began, heard = onset(vad, scene.heard(None, user)), onset(vad, cleaned)
                if heard is None or began is None:
                    missed += 1
                else:
                    later.append(1000.0 * (heard - began))
            over = "no echo" if gain is None else f"{dbfs - AGENT_DBFS - gain:.0f} dB"
            print(f"{over} | {np.mean(lost):.2f} | {np.median(later):.0f}, {max(later):.0f} | {missed} of {len(USERS)}")


def onset(vad: silero.VAD, samples: Samples) -> float | None:
    windows = np.array(vad.stream().feed(samples))[round(USER_AT / vad.window) :] >= SPEECH
    return float(np.argmax(windows)) * vad.window if windows.any() else None


def cost(scene: Call) -> None:
    heard = PcmData(scene.heard(-20.0), RATE)
    for rate in (RATE, PLAYED_RATE):
        sound = heard.resampled(rate)
        begin = time.process_time()
        call(livekit.EchoCanceller(), scene.played, sound, CALLER)
        share = (time.process_time() - begin) / heard.duration
        print(f"CPU for a participant at {rate // 1000} kHz: {100 * share:.2f} % of a core")


async def run(delay: float) -> None:
    vad, scene = silero.VAD(), Call(delay)
    await vad.start()
    removal(scene, vad)
    near_end(scene, vad)
    cost(scene)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay", type=float, default=0.1, help="seconds until the echo comes back")
    asyncio.run(run(parser.parse_args().delay))


if __name__ == "__main__":
    main()
