"""Turn detection: Silero detects speech, Smart Turn judges whether a pause is the end."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from vision_agents.core.audio import PcmData, Resampler, Samples, speech_level
from vision_agents.core.floor.policy import InterruptionPolicy
from vision_agents.core.models.networks import NetworkLease, NetworkSpec, networks_of, spec_of
from vision_agents.core.models.onnx import require_onnxruntime
from vision_agents.core.participants import Participant
from vision_agents.core.settings import check_number
from vision_agents.core.shed import Shed
from vision_agents.core.tasks import together
from vision_agents.core.turn_detection import TurnDetector
from vision_agents.core.vad import HOLD_SHARE, VAD, SpeechEdge, SpeechSegmenter, VADStream
from vision_agents.core.vad.offset import LOOK_BACK as SOUND_ENDS_WITHIN
from vision_agents.core.vad.offset import RELEASE_LAG, offset_delay
from vision_agents.core.vad.onset import LOOK_BACK, onset_delay
from vision_agents.core.vad.tail import Tail

from .. import silero
from .model import SAMPLE_RATE, WINDOW, load

logger = logging.getLogger(__name__)

MODEL = "smart-turn"

COMPLETE = 0.5
"""Smart Turn's probability from which on a turn is complete."""
COMMIT_SHARE = 1 / 2
"""Seconds of clear speech that make an interruption, for each second of buffer."""
CLEAR = 0.35
"""Above the threshold: the probability from which a window is clear speech."""
CLEAREST = 0.97
LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 0.05, 0.95
PAUSE = 0.128
"""Seconds under the release threshold that make a pause; with the lag, the sound is then 0.2 s gone."""
STARVED = 1.0
"""Seconds without any audio (a lost connection, a muted microphone) that count as silence; less is jitter."""
LEAD = 0.3
"""Seconds before a turn's first sound that Smart Turn hears too."""

_STEP = 512  # samples taken at once, so that a long piece of audio is judged as if it had come in frames


class EndOfTurnModel(Protocol):
    """The interface of the network behind `TurnDetection`."""

    def predict(self, samples: Samples) -> float:
        """The probability that the speaker has finished. Called in a worker thread."""


@dataclass(slots=True)
class _Turn:
    """A turn that is not over. `started` is in seconds of the participant's audio."""

    started: float
    score: float | None = None
    scoring: asyncio.Future[float] | None = None

    def drop_score(self) -> None:
        """Speech goes on: what was found or is being found about the pause before no longer counts."""
        self.cancel()
        self.score = None

    def cancel(self) -> None:
        """No answer is wanted any more."""
        if self.scoring is not None:
            self.scoring.cancel()
            self.scoring = None


@dataclass(slots=True)
class _ParticipantState:
    """All that is kept for one participant: at most 8 s of audio, however long the turn."""

    participant: Participant
    stream: VADStream
    segmenter: SpeechSegmenter
    resampler: Resampler = field(default_factory=lambda: Resampler(SAMPLE_RATE))
    tail: Tail = field(default_factory=lambda: Tail(WINDOW))
    samples: int = 0
    heard_at: float = 0.0
    turn: _Turn | None = None
    timer: asyncio.TimerHandle | None = None

    @property
    def now(self) -> float:
        """Seconds of audio heard."""
        return self.samples / SAMPLE_RATE

    @property
    def silence(self) -> float:
        """Seconds since the last sound of speech, by the audio's own clock."""
        return self.segmenter.silence + RELEASE_LAG if self.segmenter.silence else 0.0


class TurnDetection(TurnDetector):
    """Smart Turn v3.2 on top of a voice activity detector, with state of its own for each participant.

    Args:
        buffer_in_seconds: how much the detector hears before it acts, in both directions. Must be positive. An
            interruption takes `buffer_in_seconds / 2` seconds of clear speech while it goes on: 0.25 s at 0.5, 0.75 s
            at 1.5, 1.0 s at 2.0 (`policy.commit_speech`); two thirds of it when it is over, or less and words that mean
            something. Any turn ends after `max(buffer_in_seconds, 0.208)` seconds of silence. Smaller: sooner in both.
        confidence_threshold: how sure the detector must be of speech, from 0 to 1. A window (32 ms) is speech, and
            evidence, from a probability of `t = min(max(confidence_threshold, 0.05), 0.95)` on. The agent holds its
            voice at the first window from `0.6 * t` on: a hold costs little, and soft onsets stay under `t` for a
            while. From then on a window is silence only below `min(0.6 * t, max(t - 0.15, 0.01))`. Speech is clear from
            `min(t + 0.35, 0.97)` on (`policy.clear_speech`). Lower: weaker evidence starts a turn.
        sample_rate: of the networks, in Hz; there is none but 16,000. Audio may come at any rate.
        silence_duration_ms: milliseconds of silence after which any turn ends, where that is not to be the buffer.
        speech_probability_threshold: another name of `confidence_threshold`, which programs written for other versions
            use.
        vad: in place of Silero.
        model: in place of the network from the model store.

    Silence is counted from the last sound: `windows below the release threshold * 0.032 + 0.08`, since Silero lags by
    0.08 s. After 0.2 s of it (four windows) Smart Turn is asked once in each pause. When that ends the turn is decided
    in the agent's floor, by the answer, the words and this caller's earlier pauses: at the latest after the buffer, and
    in proportion to it (`core.floor.endpointing`). With `InterruptionPolicy(endpointing="fixed")`, and without an
    agent, it is decided here: at once from a probability of 0.5 on, and else after the whole buffer.

    Both networks are loaded once a process; Smart Turn runs in one worker thread for all sessions. If speech has gone
    on meanwhile, its answer is dropped; if it fails, that is reported once and silence ends turns. If no audio comes at
    all for as long, or 1.0 seconds if that is more, of the event loop's clock, the turn ends as well.

    The confidence of a turn's end is Smart Turn's probability, and 0.0 if Smart Turn had no say.

    Raises:
        ImportError: onnxruntime is not installed.
        TypeError: a parameter is no number.
        ValueError: the threshold is not from 0 to 1, the buffer is not positive, or the rate is another one.
    """

    def __init__(
        self,
        buffer_in_seconds: float = 1.5,
        confidence_threshold: float = 0.5,
        sample_rate: int = SAMPLE_RATE,
        *,
        silence_duration_ms: float | None = None,
        speech_probability_threshold: float | None = None,
        vad: VAD | None = None,
        model: EndOfTurnModel | None = None,
    ) -> None:
        super().__init__()
        check_number("confidence_threshold", confidence_threshold, 0.0, 1.0)
        check_number("speech_probability_threshold", speech_probability_threshold, 0.0, 1.0, optional=True)
        if speech_probability_threshold is not None:
            confidence_threshold = speech_probability_threshold
        check_number("buffer_in_seconds", buffer_in_seconds, above=0.0)
        check_number("silence_duration_ms", silence_duration_ms, above=0.0, optional=True)
        if sample_rate != SAMPLE_RATE:
            raise ValueError(
                f"sample_rate is that of the networks, {SAMPLE_RATE}, not {sample_rate}: any audio is taken"
            )
        if vad is None or model is None:
            require_onnxruntime("smart-turn")
        self.buffer_in_seconds = buffer_in_seconds
        self._silence = buffer_in_seconds if silence_duration_ms is None else silence_duration_ms / 1000.0
        self.confidence_threshold = confidence_threshold
        self._threshold = min(max(confidence_threshold, LOWEST_THRESHOLD), HIGHEST_THRESHOLD)
        self._vad = silero.VAD() if vad is None else vad
        spec: NetworkSpec[EndOfTurnModel] = NetworkSpec(load, MODEL) if model is None else spec_of(model)
        self._network = NetworkLease(spec, "smart_turn.TurnDetection")
        self._ears: dict[str, _ParticipantState] = {}
        self._failed = False

    @property
    def policy(self) -> InterruptionPolicy:
        """The floor's policy for these parameters; its own deadline for a turn comes after this detector's."""
        return InterruptionPolicy(
            commit_speech=COMMIT_SHARE * self.buffer_in_seconds,
            clear_speech=min(self._threshold + CLEAR, CLEAREST),
            turn_timeout=max(InterruptionPolicy().turn_timeout, self._silence + 0.5),
        )

    @property
    def networks(self) -> tuple[NetworkSpec[Any], ...]:
        """The networks that this part uses, for `warm_up`."""
        return (self._network.spec, *networks_of(self._vad))

    @property
    def subparts(self) -> tuple[VAD, ...]:
        """The voice activity detector."""
        return (self._vad,)

    async def start(self) -> None:
        """Load both networks in threads, unless the process has them.

        Raises:
            ModelError: one is not here, and cannot be fetched (FetchError, WrongHashError, DiskFullError, StoreError)
                or, with VISION_AGENTS_FETCH=no, must not be (MissingModelError).
            Exception: what loading raises.
        """
        await together(self._vad.start(), self._network.start())

    def process_audio(self, audio: PcmData, participant: Participant) -> None:
        """Take the next piece of a participant's audio, any rate and length. Never waits."""
        ear = self._ears.get(participant.id) or self._listen_to(participant)
        ear.heard_at = asyncio.get_running_loop().time()
        samples = ear.resampler.push(audio)
        for start in range(0, len(samples), _STEP):
            piece = samples[start : start + _STEP]
            ear.tail.push(piece)
            ear.samples += len(piece)
            for probability in ear.stream.feed(piece):
                self._judge(ear, probability)

    def end_turn(self, participant: Participant) -> None:
        """The agent takes the turn for over: what comes is a new one."""
        ear = self._ears.get(participant.id)
        if ear is not None and ear.turn is not None and not ear.segmenter.speaking:
            self._end_turn(ear, ear.turn, ear.silence)

    def forget(self, participant: Participant) -> None:
        """The participant left: drop its state, report nothing more about it."""
        super().forget(participant)
        ear = self._ears.pop(participant.id, None)
        if ear is not None:
            _close_turn(ear)

    async def close(self) -> None:
        """Forget everyone, and end the use of the networks; they stay loaded for the next."""
        for ear in self._ears.values():
            _close_turn(ear)
        self._ears.clear()
        self._network.close()
        await self._vad.close()

    def _listen_to(self, participant: Participant) -> _ParticipantState:
        if not self._network.started:
            raise RuntimeError("smart_turn.TurnDetection has not loaded its model yet: await start() before any audio.")
        opening = HOLD_SHARE * self._threshold
        segmenter = SpeechSegmenter(self._vad.window, self._threshold, opening, min_silence=PAUSE)
        ear = self._ears[participant.id] = _ParticipantState(participant, self._vad.stream(), segmenter)
        return ear

    def _judge(self, ear: _ParticipantState, probability: float) -> None:
        edge = ear.segmenter.feed(probability)
        if edge is SpeechEdge.STARTED:
            self._begin_speech(ear, probability)
        elif edge is SpeechEdge.CONTINUED:
            level = speech_level(ear.tail.last(_STEP))
            self.report_speech_continued(ear.participant, probability, ear.segmenter.voiced, level)
        elif edge is SpeechEdge.ENDED:
            silence = offset_delay(ear.tail.last(round(SOUND_ENDS_WITHIN * SAMPLE_RATE)), ear.silence)
            self.report_speech_ended(ear.participant, ear.segmenter.voiced, silence)
        turn = ear.turn
        if turn is None or ear.segmenter.speaking:
            return
        if ear.silence >= self._silence:
            self._end_turn(ear, turn, ear.silence)
        elif edge is SpeechEdge.ENDED:
            self._ask_model(ear, turn)

    def _begin_speech(self, ear: _ParticipantState, probability: float) -> None:
        delay = onset_delay(ear.tail.last(round(LOOK_BACK * SAMPLE_RATE)))
        if ear.turn is None:
            ear.turn = _Turn(started=ear.now - delay)
            self._watch(ear)
        ear.turn.drop_score()
        self.report_speech_started(ear.participant, probability, delay)

    def _ask_model(self, ear: _ParticipantState, turn: _Turn) -> None:
        if self._shed >= Shed.TURN_MODEL:
            return
        heard = ear.tail.last(round((ear.now - turn.started + LEAD) * SAMPLE_RATE))
        turn.scoring = self._network.run(self._network.network.predict, heard)
        turn.scoring.add_done_callback(partial(self._take_answer, ear, turn))

    def _take_answer(self, ear: _ParticipantState, turn: _Turn, answer: asyncio.Future[float]) -> None:
        error = None if answer.cancelled() else answer.exception()
        # An answer may be there already, and this call be waiting, when speech goes on: it is then too late to cancel.
        if answer.cancelled() or turn.scoring is not answer:
            return
        turn.scoring = None
        if error is not None:
            self._fail(error)
            return
        turn.score = answer.result()
        if self.report_pause_judged(ear.participant, turn.score, self._silence):
            return  # It is decided in the floor, which also knows the words and how this caller pauses.
        if turn.score >= COMPLETE:
            self._end_turn(ear, turn, ear.silence)

    def _fail(self, error: BaseException) -> None:
        if not self._failed:
            self._failed = True
            logger.error("Smart Turn failed (%s): turns now end by %.2f s of silence", error, self._silence)
            self.report_failure(error)

    def _end_turn(self, ear: _ParticipantState, turn: _Turn, trailing_silence: float) -> None:
        _close_turn(ear)
        duration = max(0.0, ear.now - ear.silence - turn.started)
        self.report_turn_ended(ear.participant, turn.score or 0.0, duration, trailing_silence)

    def _watch(self, ear: _ParticipantState) -> None:
        due = ear.heard_at + max(STARVED, self._silence)
        ear.timer = asyncio.get_running_loop().call_at(due, self._check_starved, ear, ear.heard_at)

    def _check_starved(self, ear: _ParticipantState, last_heard: float) -> None:
        """End a turn whose audio stopped coming; audio that did come since `last_heard` moves the check on instead."""
        if ear.heard_at != last_heard:
            self._watch(ear)
            return
        trailing = ear.silence + asyncio.get_running_loop().time() - last_heard
        if ear.segmenter.speaking:
            self.report_speech_ended(ear.participant, ear.segmenter.voiced, trailing)
        if ear.turn is not None:
            self._end_turn(ear, ear.turn, trailing)
        # What comes after the gap does not continue what came before it.
        ear.segmenter.reset()
        ear.stream.reset()


def _close_turn(ear: _ParticipantState) -> None:
    if ear.turn is not None:
        ear.turn.cancel()
        ear.turn = None
    if ear.timer is not None:
        ear.timer.cancel()
        ear.timer = None
