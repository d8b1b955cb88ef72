"""Flux (listen v2): recognition that knows turns.

Deepgram numbers the turns of a connection and sends each turn's whole transcript again and again. What of it the agent
has been given as final, because others ended the turn, is remembered (`_said`) and not given twice. An eager end is an
expectation: the agent prepares its answer, and nobody hears it, or of it, before the end is certain.

    StartOfTurn ──▶ claimed ──▶ EagerEndOfTurn ──▶ end expected ──▶ EndOfTurn ──▶ ended
                       ◀──────── TurnResumed ───────────┘
"""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.exceptions import ConnectionClosed

from vision_agents.core.audio import Framer, PcmData
from vision_agents.core.conversation import comparable_words
from vision_agents.core.hearing import Hearing
from vision_agents.core.participants import Participant
from vision_agents.core.remote import ProviderTurn, words_beyond

from .stream import SAMPLE_RATE, Connect, DeepgramError, Stream, mean_confidence

# Flux works on pieces of 80 ms and asks for such.
PIECE = SAMPLE_RATE * 80 // 1000

# Places in the audio that differ by less than this are the same place.
TOLERANCE = 0.05

# How long the answer to `ForceEndTurn` may take.
FORCE_TIMEOUT = 1.0


class Sure(Hearing):
    """Passes on what the turn reports, and with its words how `sure` Flux is of them, from 0 to 1."""

    def __init__(self, hearing: Hearing) -> None:
        super().__init__()
        self._hearing = hearing
        self.sure: float | None = None

    def report_turn_started(self, participant: Participant, confidence: float = 1.0) -> None:
        self._hearing.report_turn_started(participant, confidence)

    def report_turn_end_expected(self, participant: Participant, confidence: float = 1.0) -> None:
        self._hearing.report_turn_end_expected(participant, confidence)

    def report_turn_resumed(self, participant: Participant) -> None:
        self._hearing.report_turn_resumed(participant)

    def report_words(
        self,
        participant: Participant,
        text: str,
        final: bool,
        confidence: float | None = None,
        alternative: str = "",
        place: int | None = None,
    ) -> None:
        self._hearing.report_words(participant, text, final, self.sure, alternative, place)

    def report_turn_ended(
        self,
        participant: Participant,
        confidence: float = 1.0,
        duration: float | None = None,
        trailing_silence: float = 0.0,
    ) -> None:
        self._hearing.report_turn_ended(participant, confidence, duration, trailing_silence)


class FluxStream(Stream):
    """One participant's turns as Flux sees them."""

    def __init__(self, hearing: Hearing, connect: Connect) -> None:
        self._framer = Framer(PIECE)
        self._words = Sure(hearing)
        super().__init__(hearing, connect)

    def assign(self, participant: Participant) -> None:
        super().assign(participant)
        self._turn = ProviderTurn(self._words, participant)

    def restarted(self) -> None:
        self._turn_index = 0
        # The words of this turn that need no mention any more.
        self._said: list[str] = []
        # Turns heard up to this place in the audio were none.
        self._cut = 0.0

    def _interrupted(self) -> None:
        # It stays with the words so far; if the participant is not done, the next connection will hear it.
        self.turn.end(confidence=0.5)

    async def send(self, audio: PcmData) -> None:
        for piece in self._framer.push(audio.samples):
            await super().send(PcmData(piece, SAMPLE_RATE))

    async def finish(self) -> None:
        if not self.turn.open:
            return  # It was Flux that ended it, with all of its words.
        session, turn = self.connection.session, self.turn.number
        try:
            if session is not None:
                async with asyncio.timeout(FORCE_TIMEOUT):
                    await session.send_force_end_turn()
                    await self.turn.ended()
        except (TimeoutError, ConnectionClosed):
            pass  # What is known by now has to do.
        finally:
            if self.turn.open and self.turn.number == turn:
                self._note_said(self.turn.partial)
                self.turn.end(confidence=0.5)

    def discard(self) -> None:
        self._cut = self.position
        self._note_said(self.turn.partial)
        self.turn.end("")

    def receive(self, message: Any) -> None:
        kind = getattr(message, "type", None)
        if kind == "TurnInfo":
            self._turn_info(message)
        elif kind == "Error":
            raise DeepgramError(f"Deepgram reports {message.code}: {message.description}")

    def _turn_info(self, message: Any) -> None:
        if message.turn_index < self._turn_index:
            return  # Of a turn that is over.
        if message.turn_index > self._turn_index:
            self.turn.end()
            self._turn_index, self._said = message.turn_index, []
        text = str(message.transcript).strip()
        old = message.audio_window_end <= self._cut + TOLERANCE
        if old:
            self._said = comparable_words(text)
        rest = words_beyond(text, self._said)
        # Of the words beyond those that were said before: they are the last ones.
        before, self._words.sure = self._words.sure, mean_confidence(message.words[-len(rest.split()) :])
        event = message.event
        if event == "EndOfTurn":
            if rest:
                self.turn.begin()
            self._end(message, rest)
            self._turn_index, self._said = message.turn_index + 1, []
        elif event == "EagerEndOfTurn":
            if rest:
                self.turn.begin()
            self.turn.expect_end(rest, message.end_of_turn_confidence)
        elif event == "TurnResumed" and not old:
            self.turn.resume()
            if rest:
                self.turn.say(rest)
        elif rest or (event == "StartOfTurn" and not old):
            self.turn.begin()
            if rest and rest == self.turn.partial and self._words.sure != before:
                # The same words again, but surer, are news: what was doubted may be believed now.
                self._words.report_words(self.participant, rest, final=False)
            elif rest:
                self.turn.say(rest)

    def _end(self, message: Any, rest: str) -> None:
        silence = 0.0
        last = getattr(message.words[-1], "end", None) if message.words else None
        if last is not None:
            silence = max(0.0, message.audio_window_end - last)
        self.turn.end(rest, confidence=message.end_of_turn_confidence, silence=silence)

    def _note_said(self, text: str) -> None:
        self._said += comparable_words(text)
