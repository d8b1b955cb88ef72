"""Moonshine as the ears of an agent: words while a turn goes on, and all of them when it ends."""

from __future__ import annotations

import asyncio
import math
import threading
from dataclasses import dataclass, field
from typing import Any, Protocol

from vision_agents.core import stt
from vision_agents.core.audio import PcmData, Resampler, Samples
from vision_agents.core.models.networks import NetworkLease, NetworkSpec, networks_of, spec_of
from vision_agents.core.models.onnx import require_onnxruntime
from vision_agents.core.participants import Participant
from vision_agents.core.shed import Shed
from vision_agents.core.tasks import Tasks, together
from vision_agents.core.vad import VAD, VADStream

from .. import silero
from .model import NOTHING, Reading, load
from .utterance import SAMPLE_RATE, BacklogError, Stop, Utterance

MODEL = "moonshine-tiny-en"

VOICED = 0.35
"""Probability from which a window counts as speech: lower than a turn detector's, so that no quiet word is lost."""
PARTIAL_SPEECH = 0.3
"""Seconds of new speech that are worth a new partial transcript."""
PAUSE = 0.07
"""Seconds of silence after which all of the speech is read, so that the words are there when the turn ends. Smart
Turn begins to judge 0.06 s later."""
PARTIAL_SLACK = 0.3
"""Seconds for which a partial transcript in mid-speech lets the readings of other sessions go first: about its own
distance from the next. Those at a pause and at the end of a turn wait for nobody."""
SHARE = 0.25
"""The most of one core that partial transcripts in mid-speech may take, for each participant."""

_STEP = 512  # samples taken at once, so that speech is found at the right place in a long piece of audio


class Recogniser(Protocol):
    """The interface of the network behind `STT`."""

    def transcribe(self, samples: Samples, stop: threading.Event) -> Reading:
        """The words in int16 mono speech at 16 kHz. Called in a worker thread; ends early if `stop` is set."""


@dataclass(slots=True)
class _ParticipantState:
    """All that is kept for one participant."""

    participant: Participant
    stream: VADStream
    utterance: Utterance
    resampler: Resampler = field(default_factory=lambda: Resampler(SAMPLE_RATE))
    quiet: float = 0.0
    reading: asyncio.Task[None] | None = None
    next_reading: float = 0.0
    reported: str | None = None


class STT(stt.STT):
    """Moonshine tiny-en: English, on the CPU, with partial transcripts by reading the growing turn again.

    A partial transcript comes at each pause, since the turn may end there, and after each 0.3 s of new speech; the
    latter take at most a quarter of a core. While one is being made, none is queued. What was last read is final if
    nothing was said since. The networks are loaded once a process, and all sessions share one worker thread, in
    which partial transcripts in mid-speech let others go first for up to 0.3 s. A turn in which Silero hears no speech
    has no words. A turn of minutes is read in pieces of 6 to 12 s that are cut at pauses.

    Args:
        model: in place of the network from the model store.
        vad: in place of Silero.

    Raises:
        ImportError: onnxruntime is not installed.
    """

    def __init__(self, *, model: Recogniser | None = None, vad: VAD | None = None) -> None:
        super().__init__()
        if vad is None or model is None:
            require_onnxruntime("moonshine")
        self._vad = silero.VAD() if vad is None else vad
        spec: NetworkSpec[Recogniser] = NetworkSpec(load, MODEL) if model is None else spec_of(model)
        self._network = NetworkLease(spec, "moonshine.STT")
        self._ears: dict[str, _ParticipantState] = {}
        self._readings = Tasks()

    @property
    def networks(self) -> tuple[NetworkSpec[Any], ...]:
        """The networks that this part uses, for `warm_up`."""
        return (self._network.spec, *networks_of(self._vad))

    async def start(self) -> None:
        """Load both networks in threads, unless the process has them.

        Raises:
            ModelError: one is not here, and cannot be fetched (FetchError, WrongHashError, DiskFullError, StoreError)
                or, with VISION_AGENTS_FETCH=no, must not be (MissingModelError).
            Exception: what loading raises.
        """
        await together(self._vad.start(), self._network.start())

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        """Take the next piece of a participant's audio, any rate and length. Never waits."""
        ear = self._ear(participant)
        samples = ear.resampler.push(audio)
        for start in range(0, len(samples), _STEP):
            self._take(ear, samples[start : start + _STEP])
        if ear.utterance.active and ear.reading is None and self._worth_reading(ear):
            ear.reading = self._readings.spawn(self._read(ear, ear.utterance), "moonshine partial")

    def begin_turn(self, participant: Participant) -> None:
        """Keep the participant's audio from half a second ago on."""
        utterance = self._ear(participant).utterance
        if not utterance.active:
            utterance.begin()

    async def finish_turn(self, participant: Participant) -> None:
        """Report the final words of the turn, if there are any. An error is reported, and what was read until then."""
        ear = self._ears.get(participant.id)
        if ear is None or not ear.utterance.active:
            return
        utterance = self._next_utterance(ear)
        try:
            words = await utterance.finish()
        except Exception as error:
            self.report_failure(error)
            words = utterance.words
        finally:
            utterance.abandon()
        if words.text:
            self.report_words(participant, words.text, True, words.confidence, words.alternative)

    def discard_turn(self, participant: Participant) -> None:
        """Forget the turn; a reading of it that is under way is stopped."""
        ear = self._ears.get(participant.id)
        if ear is not None and ear.utterance.active:
            self._next_utterance(ear).abandon()

    def forget(self, participant: Participant) -> None:
        """Drop the participant's state."""
        ear = self._ears.pop(participant.id, None)
        if ear is not None:
            _leave(ear)

    async def close(self) -> None:
        """Forget everyone, and end the use of the networks; they stay loaded for the next."""
        for ear in self._ears.values():
            _leave(ear)
        self._ears.clear()
        self._readings.cancel()
        self._network.close()
        await self._vad.close()

    def _ear(self, participant: Participant) -> _ParticipantState:
        ear = self._ears.get(participant.id)
        if ear is None:
            ear = _ParticipantState(participant, self._vad.stream(), Utterance(self._transcribe))
            self._ears[participant.id] = ear
        return ear

    def _next_utterance(self, ear: _ParticipantState) -> Utterance:
        """Begin a new utterance and return the one before it."""
        before, ear.utterance = ear.utterance, Utterance(self._transcribe)
        ear.reported, ear.reading, ear.next_reading = None, None, 0.0
        return before

    def _take(self, ear: _ParticipantState, samples: Samples) -> None:
        probabilities = ear.stream.feed(samples)
        voiced = sum(probability >= VOICED for probability in probabilities)
        ear.quiet = 0.0 if voiced else ear.quiet + len(samples) / SAMPLE_RATE
        try:
            ear.utterance.add(samples, voiced)
        except BacklogError as error:
            self.report_failure(error)

    def _worth_reading(self, ear: _ParticipantState) -> bool:
        if self._shed >= Shed.PARTIAL_TRANSCRIPTS:
            return False
        unread = (ear.utterance.heard - ear.utterance.read) * self._vad.window
        if not unread or ear.next_reading == math.inf:
            return False
        if ear.quiet >= PAUSE:
            return True
        return unread >= PARTIAL_SPEECH and asyncio.get_running_loop().time() >= ear.next_reading

    async def _read(self, ear: _ParticipantState, utterance: Utterance) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        words: Reading | None = None
        try:
            words = await utterance.update(0.0 if ear.quiet >= PAUSE else PARTIAL_SLACK)
        except Exception as error:
            self.report_failure(error)
        if ear.utterance is not utterance:
            return
        ear.reading = None
        # After a failure there is only one more try in this turn: its end.
        ear.next_reading = math.inf if words is None else loop.time() + (loop.time() - begun) * (1 / SHARE - 1)
        # That there are no words is news too, the first time: what was heard may be a cough.
        if words is not None and words.text != ear.reported and (words.text or ear.reported is None):
            ear.reported = words.text
            self.report_words(ear.participant, words.text, False, words.confidence, words.alternative)

    async def _transcribe(self, samples: Samples, stop: Stop) -> Reading:
        if not self._network.started:
            raise RuntimeError("moonshine.STT has not loaded its model yet: await start() before any audio.")
        transcribe = self._network.network.transcribe

        def read() -> Reading:
            stop.begun = True
            return transcribe(samples, stop)

        job = self._network.run(read, slack=stop.slack)
        stop.ends(job)
        try:
            await asyncio.wait([job])
        except asyncio.CancelledError:
            stop.set()  # nobody waits any more: leave the thread to the others
            raise
        return NOTHING if job.cancelled() else job.result()


def _leave(ear: _ParticipantState) -> None:
    ear.utterance.abandon()
    if ear.reading is not None:
        ear.reading.cancel()
