"""The parts of an agent, and how they fit: what is used, what is ignored, what is missing."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from ..audio import Playout
from ..conversation import Conversation
from ..ears import Ears
from ..ears.speech import SpeechDetector
from ..echo import EchoCanceller
from ..epoch import Epoch
from ..events import EventManager
from ..floor import InterruptionPolicy
from ..hearing import HearingListener
from ..llm import LLM, Realtime
from ..models.networks import NetworkSpec, networks_of
from ..stt import STT
from ..tasks import bounded
from ..tts import TTS
from ..turn_detection import TurnDetector
from ..vad import VAD
from ..voice import CascadeVoice, RealtimeVoice, Voice, VoiceListener
from ..voiceprint import Voiceprint

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What listens, thinks and speaks. Build it with `fit`."""

    llm: LLM | None
    model: Realtime | None
    stt: STT | None
    tts: TTS | None
    detectors: tuple[TurnDetector, ...]
    canceller: EchoCanceller | None = None
    voiceprint: Voiceprint | None = None

    @property
    def realtime(self) -> bool:
        """Whether one model hears and speaks."""
        return self.model is not None

    @property
    def policy(self) -> InterruptionPolicy:
        """How the detectors want interruptions judged."""
        wanted = (detector.policy for detector in self.detectors)
        return next((policy for policy in wanted if policy is not None), InterruptionPolicy())

    @property
    def speakers(self) -> tuple[LLM | Realtime | TTS, ...]:
        """The parts that have an epoch."""
        return tuple(part for part in (self.llm, self.model, self.tts) if part is not None)

    @property
    def networks(self) -> tuple[NetworkSpec[Any], ...]:
        """The networks of this process that the parts use."""
        return networks_of(self.llm, self.model, self.stt, self.tts, *self.detectors, self.voiceprint)

    def share(self, epoch: Epoch, events: EventManager) -> None:
        """Give every part the agent's epoch, and its events the way to the agent's subscribers."""
        for part in self.speakers:
            part.bind_epoch(epoch)
            part.events.forward_to(events)

    def ears(self, listener: HearingListener) -> Ears:
        """What listens."""
        return Ears(listener, self.detectors, self.stt, self.model, self.canceller, self.voiceprint)

    def voice(self, playout: Playout, conversation: Conversation, instructions: str, listener: VoiceListener) -> Voice:
        """What speaks."""
        if self.model is not None:
            return RealtimeVoice(self.model, playout, listener)
        assert self.llm is not None
        assert self.tts is not None
        return CascadeVoice(self.llm, self.tts, playout, conversation, instructions, listener)

    async def close(self) -> None:
        """Close what the session's ears do not close."""
        await asyncio.gather(*(bounded(part.close(), f"closing {type(part).__name__}") for part in self.speakers))


def fit(
    llm: LLM | Realtime,
    stt: STT | None,
    tts: TTS | None,
    turn_detection: TurnDetector | None,
    vad: VAD | None,
    canceller: EchoCanceller | None = None,
    voiceprint: Voiceprint | None = None,
) -> Parts:
    """Choose the parts that work together. Raises ValueError if one is missing, TypeError for one of the wrong kind."""
    _check_kinds(llm, stt, tts, turn_detection, canceller, voiceprint)
    watchers: tuple[TurnDetector, ...] = (SpeechDetector(vad),) if vad is not None else ()
    if isinstance(llm, Realtime):
        ignored = {"stt": stt, "tts": tts, "turn_detection": turn_detection}
        names = [name for name, part in ignored.items() if part is not None]
        if names:
            logger.warning("%s hears and speaks by itself: %s ignored", type(llm).__name__, ", ".join(names))
        return Parts(None, llm, None, None, watchers, canceller, voiceprint)
    missing = [name for name, part in (("stt", stt), ("tts", tts)) if part is None]
    if stt is None or tts is None:
        raise ValueError(
            f"{type(llm).__name__} is a text model, so the agent also needs {' and '.join(missing)}: "
            "pass them to Agent, or use a realtime model, which hears and speaks by itself"
        )
    if stt.turn_detection and turn_detection is not None:
        logger.warning(
            "%s detects turns by itself: turn_detection %s is ignored",
            type(stt).__name__,
            type(turn_detection).__name__,
        )
        turn_detection = None
    if not stt.turn_detection and turn_detection is None:
        logger.warning(
            "%s does not detect turns and no turn_detection is set: turns end by the pauses between transcripts, and "
            "interruptions are noticed late. Pass turn_detection, for example smart_turn.TurnDetection()",
            type(stt).__name__,
        )
    detectors = (turn_detection,) if turn_detection is not None else ()
    return Parts(llm, None, stt, tts, detectors + watchers, canceller, voiceprint)


def _check_kinds(
    llm: LLM | Realtime,
    stt: STT | None,
    tts: TTS | None,
    turn_detection: TurnDetector | None,
    canceller: EchoCanceller | None,
    voiceprint: Voiceprint | None,
) -> None:
    wanted: dict[str, tuple[object, Any]] = {
        "llm": (llm, LLM | Realtime),
        "stt": (stt, STT),
        "tts": (tts, TTS),
        "turn_detection": (turn_detection, TurnDetector),
        "echo_cancellation": (canceller, EchoCanceller),
        "voiceprint": (voiceprint, Voiceprint),
    }
    for name, (part, kind) in wanted.items():
        if part is None and name != "llm":
            continue
        if not isinstance(part, kind):
            raise TypeError(f"{name} must be {kind}, not {type(part).__name__}: was it swapped with another argument?")
