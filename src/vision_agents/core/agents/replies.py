"""The replies of a session: who made them, what they say, and how much of it was heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ..audio import Playout
from ..audio.playout import SAMPLE_RATE
from ..conversation import Conversation
from ..epoch import Epoch
from ..events import EventManager
from ..floor.trace import Trace
from ..participants import Participant
from ..voice import HeardText, SpeechRequest, SpokenReply, Voice
from .events import AgentSpeechEndedEvent, AgentSpeechStartedEvent, InterruptionEvent

NOTHING = HeardText("", "", False)


@dataclass(slots=True)
class Order:
    """What code asked for, and whom to tell how it went."""

    request: SpeechRequest
    done: asyncio.Future[bool]


@dataclass(frozen=True, slots=True)
class HeldVoice:
    """A hold that is not decided yet."""

    reply: int
    at: float
    onset_delay: float
    participant: Participant | None


class Replies:
    """Carries out what the floor wants of the agent's voice, and keeps the history true to what was played."""

    def __init__(
        self,
        playout: Playout,
        voice: Voice,
        conversation: Conversation,
        events: EventManager,
        trace: Trace,
        epoch: Epoch,
        now: Callable[[], float],
    ) -> None:
        self._playout = playout
        self._voice = voice
        self._conversation = conversation
        self._events = events
        self._trace = trace
        self._epoch = epoch
        self._now = now
        self._spoken: dict[int, SpokenReply] = {}
        self._orders: dict[int, Order] = {}
        self._held: HeldVoice | None = None
        # From the onset of the latest speech to its first window, as the detector estimates it.
        self.onset_delay = 0.0

    # Beginning.

    def requested(self, number: int, request: SpeechRequest) -> asyncio.Future[bool]:
        """Remember what code asked for under the number that the floor will begin it with."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._orders[number] = Order(request, done)
        return done

    def begin(self, number: int, epoch: int) -> None:
        """Have a reply made."""
        order = self._orders.get(number)
        reply = SpokenReply(number, epoch)
        self.adopt(reply)
        self._voice.begin(reply, order.request if order else None)

    def adopt(self, reply: SpokenReply) -> None:
        """Take a reply that the model begins of its own accord."""
        self._spoken[reply.number] = reply

    # While it plays.

    def started(self, number: int) -> None:
        """Its first sample was pulled."""
        reply = self._spoken.get(number)
        if reply is not None:
            self._events.send(AgentSpeechStartedEvent(reply=number, epoch=reply.epoch))
            self._remember(reply, self._heard_of(number, self._playout.heard(number)))

    def progressed(self, number: int) -> None:
        """More of it was pulled."""
        reply = self._spoken.get(number)
        if reply is not None:
            self._remember(reply, self._heard_of(number, self._playout.heard(number)))

    def hold(self, number: int, participant: Participant | None) -> None:
        """Silence it, and keep the place."""
        self._playout.hold(number)
        self._held = HeldVoice(number, self._now(), self.onset_delay, participant)

    def resume(self, number: int, rewind: str, limit: float, reason: str) -> None:
        """Let it go on."""
        position = self._playout.position(number)
        reply = self._spoken.get(number)
        if rewind == "word" and reply is not None:
            place = position / SAMPLE_RATE
            start = max(reply.transcript.start_of_word_at(place), place - limit)
            self._playout.resume(round(start * SAMPLE_RATE))
        else:
            self._playout.resume()
        text = self._heard_of(number, self._playout.heard(number))
        resumed_at = self._playout.position(number)
        rewound = position - resumed_at
        self._trace.note(
            self._now(),
            "resumed",
            reply=number,
            position=resumed_at,
            rewound=rewound,
            heard=text.heard,
            unheard=text.unheard,
        )
        self._tell("resume", number, reason, text)

    # Ending.

    def commit(self, epoch: int, number: int | None, participant: Participant | None, reason: str) -> None:
        """Interrupt: shut the gate, then cancel, then tell."""
        self._epoch.advance(epoch)
        heard = self._playout.silence()
        # All that is older, also what has no audio yet.
        older = [reply.number for reply in self._spoken.values() if reply.epoch < epoch]
        cut = {reply: heard.get(reply, 0) for reply in older}
        texts = {reply: self._heard_of(reply, samples) for reply, samples in cut.items()}
        self._voice.cancel({reply: (cut[reply] / SAMPLE_RATE, text.heard) for reply, text in texts.items()})
        if self._held is None and number is not None:
            onset_delay = self.onset_delay if participant is not None else 0.0
            self._held = HeldVoice(number, self._now(), onset_delay, participant)
        if number is not None:
            self._tell("commit", number, reason, texts.get(number, NOTHING))
        for reply, text in texts.items():
            self._end(reply, text, cut[reply], interrupted=True)

    def drop(self, number: int) -> None:
        """Give it up: it never began, failed, or took too long."""
        samples = self._playout.heard(number)
        text = self._heard_of(number, samples)
        self._playout.drop(number)
        self._voice.drop(number, (samples / SAMPLE_RATE, text.heard))
        self._end(number, text, samples, interrupted=True)

    def drained(self, number: int, heard: int) -> None:
        """All of it was played."""
        self._end(number, self._heard_of(number, heard), heard, interrupted=False)

    def failed(self, number: int) -> None:
        """Not all of it could be made; what was made is still played."""
        reply = self._spoken.get(number)
        if reply is not None:
            reply.broken = True

    def abandon(self) -> None:
        """The call is over: nobody will hear the rest."""
        for number in list(self._spoken):
            self.drop(number)
        for order in self._orders.values():
            if not order.done.done():
                order.done.set_result(False)
        self._orders.clear()

    # Inside.

    def _heard_of(self, number: int, samples: int) -> HeardText:
        reply = self._spoken.get(number)
        return reply.transcript.at(samples / SAMPLE_RATE) if reply is not None else NOTHING

    def _end(self, number: int, text: HeardText, samples: int, interrupted: bool) -> None:
        if self._held is not None and self._held.reply == number:
            self._held = None
        reply = self._spoken.pop(number, None)
        order = self._orders.pop(number, None)
        if order is not None and not order.done.done():
            broken = reply is not None and reply.broken
            order.done.set_result(not (interrupted or broken or text.unheard))
        if reply is None:
            return
        self._remember(reply, text, interrupted=interrupted, done=True)
        self._trace.note(
            self._now(),
            "heard",
            reply=number,
            seconds=samples / SAMPLE_RATE,
            text=text.heard,
            estimated=text.estimated,
            stale_chunks=self._playout.stale_chunks,
        )
        self._events.send(
            AgentSpeechEndedEvent(
                reply=number,
                epoch=reply.epoch,
                heard=text.heard,
                unheard=text.unheard,
                interrupted=interrupted,
                estimated=text.estimated,
            )
        )

    def _remember(self, reply: SpokenReply, text: HeardText, *, interrupted: bool = False, done: bool = False) -> None:
        if reply.shown == text and not done:
            return
        reply.shown = text
        self._conversation.assistant_heard(reply.number, text.heard, text.unheard, interrupted)
        self._trace.note(
            self._now(),
            "agent_words",
            reply=reply.number,
            heard=text.heard,
            unheard=text.unheard,
            interrupted=interrupted,
            done=done,
        )

    def _tell(self, decision: str, number: int, reason: str, text: HeardText) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        self._events.send(
            InterruptionEvent(
                participant=held.participant,
                reply=number,
                decision="commit" if decision == "commit" else "resume",
                reason=reason,
                epoch=self._epoch.value,
                held_ms=(self._now() - held.at) * 1000.0,
                onset_delay_ms=held.onset_delay * 1000.0,
                heard=text.heard,
                unheard=text.unheard,
            )
        )
