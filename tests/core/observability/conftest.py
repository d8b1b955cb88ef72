"""A call made of nothing: the real floor, a user who speaks when told to, an agent that plays a tone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision_agents.core.audio.files import WavWriter
from vision_agents.core.floor import Floor, InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.trace import Trace, notes

RATE = 48_000
FRAME = 960
WINDOW = 0.032
START = 100.0  # the session's zero on the clock of the events
OFFSET = 0.25  # the recording begins so much later

REPLY = "The harbour bridge was opened in nineteen thirty-two and is still the tallest of its kind."


@dataclass
class Utterance:
    """What the user says and when, in the recording's time."""

    start: float
    end: float
    text: str = ""


@dataclass
class SyntheticCall:
    """`detect`: from the onset of speech to the detector's first window. `leak`: the agent plays on so much longer."""

    utterances: list[Utterance]
    duration: float
    detect: float = 0.06
    think: float = 0.6
    reply_length: float = 4.0
    policy: InterruptionPolicy = field(default_factory=InterruptionPolicy)
    leak: float = 0.0
    noise: float = 0.0
    records: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.floor = Floor(self.policy)
        self.trace = Trace(self.floor, lambda: START)
        self.trace.observe(lambda record: self.records.append(json.loads(json.dumps(record))))
        self.recording = np.zeros((round(self.duration * RATE), 2), dtype=np.int16)
        self._due: list[tuple[float, ev.FloorEvent]] = []
        self._reply: int | None = None
        self._position = 0
        self._held = False
        self._silent_from = 0.0

    def run(self) -> SyntheticCall:
        self._speak()
        self.trace.open(1_800_000_000.0)
        self.trace.note(notes.ParticipantJoined("user", "Ada"), START + 0.01)
        self.trace.note(notes.RecordingStarted("call.wav"), START + OFFSET)
        for frame in range(len(self.recording) // FRAME):
            now = START + OFFSET + frame * FRAME / RATE
            self._work_off(now)
            self._play(frame, now)
        self.trace.note(notes.RecordingEnded(0.002), now)
        return self

    def save(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trace.jsonl").write_text("".join(json.dumps(record) + "\n" for record in self.records))
        with WavWriter(folder / "call.wav", RATE, 2) as writer:
            writer.write(self.recording)
        return folder

    # The user.

    def _speak(self) -> None:
        noise = np.random.default_rng(7)
        self.recording[:, 0] = noise.normal(0.0, self.noise * 32767, len(self.recording)).astype(np.int16)
        for utterance in self.utterances:
            first, last = round(utterance.start * RATE), round(utterance.end * RATE)
            t = np.arange(last - first) / RATE
            voice = 0.3 * np.sin(2 * np.pi * 140 * t) * (0.75 + 0.25 * np.sin(2 * np.pi * 4 * t))
            self.recording[first:last, 0] += (voice * 32767).astype(np.int16)
            self._report(utterance)

    def _report(self, utterance: Utterance) -> None:
        at = START + OFFSET + utterance.start + self.detect
        self._due.append((at, ev.SpeechStarted(at, "user", 0.9, self.detect - 0.01)))
        voiced = WINDOW
        while (at := at + WINDOW) < START + OFFSET + utterance.end:
            voiced += WINDOW
            self._due.append((at, ev.SpeechContinued(at, "user", 0.9, voiced)))
        at = START + OFFSET + utterance.end + 0.17
        self._due.append((at, ev.SpeechEnded(at, "user", voiced, 0.16)))
        if utterance.text:
            self._due.append((at + 0.01, ev.TranscriptReceived(at + 0.01, "user", utterance.text, True)))
            self._due.append((at + 0.2, ev.TurnEnded(at + 0.2, "user", 0.8, None, 0.36)))

    # The agent.

    def _work_off(self, now: float) -> None:
        while True:
            entries = [entry for entry in self._due if entry[0] <= now]
            deadline = self.floor.deadline
            if deadline is not None and deadline <= now:
                entries.append((deadline, ev.TimePassed(deadline)))
            if not entries:
                return
            entry = min(entries, key=lambda entry: entry[0])
            if entry in self._due:
                self._due.remove(entry)
            self._post(entry[1])

    def _post(self, event: ev.FloorEvent) -> None:
        effects = self.floor.handle(event)
        self.trace.event(event, effects)
        if isinstance(event, ev.TranscriptReceived):
            self.trace.note(notes.UserTranscript("user", event.text, True, event.text), event.at)
        for effect in effects:
            self._carry_out(effect, event.at)

    def _carry_out(self, effect: fx.Effect, now: float) -> None:
        match effect:
            case fx.Hold():
                self._held = True
                self._silent_from = now + self.leak
            case fx.Resume():
                self._held = False
                self._position -= 2400
                self.trace.note(notes.ReplyResumed(effect.reply, self._position, 2400, *self._divided()), now)
            case fx.Commit(reply=reply) if reply is not None:
                # A moment later, as it takes to carry the effect out.
                self._words(now + 0.0004, reply, done=True, interrupted=True)
                self._silent_from = now + self.leak if not self._held else self._silent_from
                self._reply, self._held = None, False
                self.trace.note(notes.StaleAudio(effect.epoch - 1, 3, 4800), now + 0.05)
            case fx.FinishTurn(turn=turn):
                self._due.append((now + 0.1, ev.TranscriptCompleted(now + 0.1, effect.participant, turn)))
            case fx.BeginReply(reply=reply):
                self._due.append((now + self.think, ev.AudioStarted(now + self.think, reply)))

    def _play(self, frame: int, now: float) -> None:
        reply = self.floor.reply
        voice = next((r for r in self.records[::-1] if r.get("event") == "AudioStarted"), None)
        audible = voice is not None and voice["reply"] == reply
        if audible and self._reply != reply:
            self._reply, self._position = reply, 0
        sounding = (audible and not self._held) or now < self._silent_from
        if not sounding:
            return
        t = (self._position + np.arange(FRAME)) / RATE
        self.recording[frame * FRAME : (frame + 1) * FRAME, 1] = (0.25 * np.sin(2 * np.pi * 200 * t) * 32767).astype(
            np.int16
        )
        self._position += FRAME
        if not audible or reply is None:
            return
        if self._position >= self.reply_length * RATE:
            self._words(now, reply, done=True)
            self._post(ev.AudioDrained(now, reply))
        elif self._position % (10 * FRAME) == 0:
            self._words(now, reply)
            self._post(ev.AudioProgressed(now, reply))

    def _words(self, now: float, reply: int, done: bool = False, interrupted: bool = False) -> None:
        heard, unheard = self._divided()
        self.trace.note(notes.AgentTranscript(reply, heard, unheard, interrupted, done), now)
        if done:
            self.trace.note(notes.ReplyPlayed(reply, self._position / RATE, heard, estimated=True), now)

    def _divided(self) -> tuple[str, str]:
        words = REPLY.split()
        share = min(1.0, self._position / RATE / self.reply_length)
        count = round(share * len(words))
        return " ".join(words[:count]), " ".join(words[count:])


@pytest.fixture
def conversation() -> SyntheticCall:
    """A question, an answer that is coughed over and then interrupted, and the answer to the interruption."""
    return SyntheticCall(
        [
            Utterance(0.5, 1.7, "Tell me about the bridge."),
            Utterance(4.0, 4.2),
            Utterance(5.5, 6.6, "Wait, when was that?"),
        ],
        duration=13.0,
    ).run()


CallMaker = Callable[..., SyntheticCall]


@pytest.fixture(scope="session")
def make_call() -> CallMaker:
    """Run a call with utterances and settings of one's own: `make_call((start, end, text), …, duration=…)`."""

    def make(*utterances: tuple[float, float, str], **settings: Any) -> SyntheticCall:
        return SyntheticCall([Utterance(*utterance) for utterance in utterances], **settings).run()

    return make
