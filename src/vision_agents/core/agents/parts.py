"""The parts of an agent, and how they fit: what is used, what is ignored, what is missing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

from ..audio import Playout
from ..conversation import Conversation
from ..ears import Ears
from ..ears.speech import SpeechDetector
from ..echo import EchoCanceller
from ..edge import EdgeTransport
from ..floor import InterruptionPolicy
from ..listeners import HearingListener
from ..llm import LLM, Realtime
from ..models.networks import NetworkSpec, networks_of
from ..part import Attachment, PartError, attach_all, with_subparts
from ..shed import Shed
from ..stt import STT
from ..tasks import bounded, together
from ..tts import TTS
from ..turn_detection import TurnDetector
from ..vad import VAD
from ..voice import CascadeVoice, RealtimeVoice, Voice, VoiceListener
from ..voiceprint import Voiceprint

logger = logging.getLogger(__name__)

AgentPart = EdgeTransport | TurnDetector | STT | EchoCanceller | Voiceprint | LLM | Realtime | TTS


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of an agent that are used: those that listen, think and speak, and the way into the call.

    Build it with `fit`.
    """

    edge: EdgeTransport
    llm: LLM | None
    model: Realtime | None
    stt: STT | None
    tts: TTS | None
    detectors: tuple[TurnDetector, ...]
    canceller: EchoCanceller | None = None
    voiceprint: Voiceprint | None = None

    @property
    def realtime(self) -> bool:
        """Return whether one model hears and speaks."""
        return self.model is not None

    @property
    def policy(self) -> InterruptionPolicy:
        """The policy for interruptions that the detectors want, or the default one."""
        wanted = (detector.policy for detector in self.detectors)
        return next((policy for policy in wanted if policy is not None), InterruptionPolicy())

    @property
    def listening(self) -> tuple[TurnDetector | STT | EchoCanceller | Voiceprint, ...]:
        """The parts that hear, but for a realtime model."""
        others = (self.stt, self.canceller, self.voiceprint)
        return (*self.detectors, *(part for part in others if part is not None))

    @property
    def speaking(self) -> tuple[LLM | Realtime | TTS, ...]:
        """The parts that think and speak."""
        return tuple(part for part in (self.llm, self.model, self.tts) if part is not None)

    @property
    def networks(self) -> tuple[NetworkSpec[Any], ...]:
        """The networks of this process that the parts use."""
        return networks_of(self.llm, self.model, self.stt, self.tts, *self.detectors, self.voiceprint)

    # A call.

    def attach(self, attachment: Attachment) -> None:
        """Take every part, and what it uses itself, into a call; if one is refused, none. Raises PartError."""
        attach_all(with_subparts(self._all), attachment)

    def shed(self, level: Shed, attachment: Attachment) -> None:
        """Have every part that is attached to the call leave out as much as `level` says."""
        for part in with_subparts(self._all):
            if part.attached_to(attachment):
                part.shed(level)

    def attach_free(self, attachment: Attachment) -> None:
        """Take those that are in no call."""
        for part in with_subparts(self._all):
            with contextlib.suppress(PartError):
                part.attach(attachment)

    async def start_listening(self) -> None:
        """Load and connect the parts that hear, at the same time. Raises what one of them raises."""
        await together(*(part.at_work(part.start, f"{type(part).__name__}.start") for part in self.listening))

    async def close(self, attachment: Attachment, *, entering: bool = False) -> None:
        """Leave the call and close every part that is attached to it, all at the same time, and give them back.

        A part that fails is given back too; one that hangs, in closing or still in starting, is left behind, and given
        back when it ends. `entering`: the edge is still on its way into the call; it is given back by `leave`, once it
        is known to have come there or not.
        """
        mine = [part for part in self._all if part.attached_to(attachment)]
        await asyncio.gather(
            *(bounded(self._close_one(part, attachment, entering), f"closing {type(part).__name__}") for part in mine)
        )

    @property
    def _all(self) -> tuple[AgentPart, ...]:
        return (self.edge, *self.listening, *self.speaking)

    async def leave(self, attachment: Attachment) -> None:
        """Leave the call and give the edge back."""
        try:
            await self.edge.leave()
        finally:
            self._give_back_at_rest(self.edge, attachment)

    async def _close_one(self, part: AgentPart, attachment: Attachment, entering: bool) -> None:
        if isinstance(part, EdgeTransport):
            await (part.leave() if entering else self.leave(attachment))
            return
        try:
            await part.close()
        finally:
            self._give_back_at_rest(part, attachment)

    def _give_back_at_rest(self, part: AgentPart, attachment: Attachment) -> None:
        # A start that ignores its cancellation would go on in the next call.
        part.when_at_rest(partial(self._give_back, part, attachment))

    def _give_back(self, part: AgentPart, attachment: Attachment) -> None:
        part.detach(attachment)
        # What it uses may be used by another part that is not closed yet.
        held = with_subparts(other for other in self._all if other.attached_to(attachment))
        for used in with_subparts([part]):
            if used is not part and used not in held:
                # It may run readers of its own.
                used.when_at_rest(partial(used.detach, attachment))

    # What is made of them.

    def ears(self, listener: HearingListener) -> Ears:
        """Make what listens."""
        return Ears(listener, self.detectors, self.stt, self.model, self.canceller, self.voiceprint)

    def voice(self, playout: Playout, conversation: Conversation, instructions: str, listener: VoiceListener) -> Voice:
        """Make what speaks."""
        if self.model is not None:
            return RealtimeVoice(self.model, playout, conversation, listener)
        assert self.llm is not None
        assert self.tts is not None
        return CascadeVoice(self.llm, self.tts, playout, conversation, instructions, listener)


def fit(
    edge: EdgeTransport,
    llm: LLM | Realtime,
    stt: STT | None,
    tts: TTS | None,
    turn_detection: TurnDetector | None,
    vad: VAD | None,
    canceller: EchoCanceller | None = None,
    voiceprint: Voiceprint | None = None,
) -> Parts:
    """Choose the parts that work together. Raises ValueError if one is missing, or given twice."""
    _check_distinct(
        edge=edge,
        llm=llm,
        stt=stt,
        tts=tts,
        turn_detection=turn_detection,
        vad=vad,
        echo_cancellation=canceller,
        voiceprint=voiceprint,
    )
    watchers: tuple[TurnDetector, ...] = (SpeechDetector(vad),) if vad is not None else ()
    if isinstance(llm, Realtime):
        ignored = {"stt": stt, "tts": tts, "turn_detection": turn_detection}
        names = [name for name, part in ignored.items() if part is not None]
        if names:
            logger.warning("%s hears and speaks by itself: %s ignored", type(llm).__name__, ", ".join(names))
        return Parts(edge, None, llm, None, None, watchers, canceller, voiceprint)
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
    return Parts(edge, llm, None, stt, tts, detectors + watchers, canceller, voiceprint)


def _check_distinct(**parts: object) -> None:
    given = [(name, part) for name, part in parts.items() if part is not None]
    for (name, part), (other, same) in combinations(given, 2):
        if part is same:
            raise ValueError(f"the same {type(part).__name__} is given as {name} and as {other}: make one for each")
