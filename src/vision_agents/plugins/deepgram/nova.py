"""Nova (listen v1): a stream of words with their places in the audio, and optional notes where speech begins and ends.

Words come late and in pieces, so everything here goes by their place in the audio and not by when they come: a turn
that is over draws a line (`_cut`) at the place up to which its words are known, and what lies before it is nobody's
business any more. Thus no words are said twice, and a `Finalize` answer that comes late does not end the next turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed

from .stream import DeepgramError, Stream, mean_confidence

# How long the answer to `Finalize` may take, if words are waiting for it, and if probably none are. It usually takes
# 0.1 to 0.3 s; Deepgram does not promise one where it has little audio left.
FINALIZE_TIMEOUT = 1.0
QUIET_TIMEOUT = 0.5

# A turn ends in silence: words that are known to within so many seconds of its end are all of its words.
TAIL = 0.3

# Places in the audio that differ by less than this are the same place: answers count in whole chunks.
TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Words:
    """A transcript, and how sure Deepgram is of it, from 0 to 1; None if it does not say."""

    text: str = ""
    confidence: float | None = None


NO_WORDS = Words()


class NovaStream(Stream):
    """`turns`: whether Deepgram's own marks begin and end turns."""

    turns = False

    def restarted(self) -> None:
        # Words before this place are of turns that are over.
        self._cut = 0.0
        # Everything before this place is transcribed; and the words after the last final ones, so far.
        self._known = 0.0
        self._interim = NO_WORDS
        # Where `Finalize` was asked for and not answered yet.
        self._asked: deque[tuple[float, asyncio.Event]] = deque()

    def _interrupted(self) -> None:
        self._settle_words()
        for _, answered in self._asked:
            answered.set()
        self._asked.clear()
        if self.turns:
            self.turn.end(confidence=0.5)

    async def finish(self) -> None:
        if self.connection.session is not self._session or (self.turns and not self.turn.open):
            return
        session, place, turn = self._session, self.position, self.turn.number
        try:
            if place > self._cut and (self._interim.text or self._known < place - TAIL):
                await self._finalize(place)
        except asyncio.CancelledError:
            self._interim = NO_WORDS  # The agent goes on with what it has: these words, too.
            raise
        finally:
            if self._session is session:  # Another one counts its places anew.
                self._settle_words()
                # What is not transcribed yet comes late, and is said all the same.
                self._cut = max(self._cut, place if self._known >= place - TAIL else self._known)
            if self.turns and self.turn.number == turn:
                self.turn.end("")

    async def _finalize(self, place: float) -> None:
        answered = asyncio.Event()
        self._asked.append((place, answered))
        try:
            await self._session.send_finalize()
            for seconds in (QUIET_TIMEOUT, FINALIZE_TIMEOUT - QUIET_TIMEOUT):
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await answered.wait()
                if answered.is_set() or not self._interim.text:
                    return  # Otherwise there are words that are not final yet.
        except ConnectionClosed:
            pass  # What is known by now has to do.

    def discard(self) -> None:
        if self._session is None:
            return
        self._interim = NO_WORDS
        self._cut = self.position
        if self.turns:
            self.turn.end("")

    def receive(self, message: Any) -> None:
        kind = getattr(message, "type", None)
        if kind == "Results":
            self._results(message)
        elif kind == "SpeechStarted" and self.turns and not self.turn.open:
            delay = max(0.0, self.position - message.timestamp)
            if message.timestamp >= self._cut:
                self.hearing.report_speech_started(self.participant, 1.0, delay)
        elif kind == "UtteranceEnd" and self.turns:
            self._utterance_end(message.last_word_end)
        elif kind == "Error":
            raise DeepgramError(f"Deepgram reports {message.variant}: {message.description}")

    def _results(self, message: Any) -> None:
        end = message.start + message.duration
        words = self._words_after_cut(message, end)
        self._known = max(self._known, end)
        if message.is_final:
            self._interim = NO_WORDS
            self._say(words, final=True)
        elif words != self._interim:
            # The same words again, but surer, are news: what was doubted may be believed now.
            self._interim = words
            self._say(words, final=False)
        if message.from_finalize:
            self._answer(end)

    def _say(self, words: Words, final: bool) -> None:
        if words.text:
            self._begin_turn()
            self.hearing.report_words(self.participant, words.text, final, words.confidence)

    def _words_after_cut(self, message: Any, end: float) -> Words:
        alternative = message.channel.alternatives[0]
        if message.start >= self._cut - TOLERANCE:
            return Words(str(alternative.transcript).strip(), mean_confidence([alternative]))
        if end <= self._cut + TOLERANCE:
            return NO_WORDS
        words = [word for word in alternative.words or () if (word.start + word.end) / 2 > self._cut]
        return Words(" ".join(word.punctuated_word or word.word for word in words), mean_confidence(words))

    def _answer(self, end: float) -> None:
        """`Finalize` was answered for all that was asked up to `end`: not each one has an answer of its own."""
        while self._asked and self._asked[0][0] <= end + TAIL:
            self._asked.popleft()[1].set()

    def _settle_words(self) -> None:
        """The words that are not final stay as they are."""
        words, self._interim = self._interim, NO_WORDS
        if words.text:
            self.hearing.report_words(self.participant, words.text, True, words.confidence)

    # Turns by Deepgram's marks.

    def _begin_turn(self) -> None:
        if self.turns and not self.turn.open:
            self.turn.begin()

    def _utterance_end(self, last_word_end: float) -> None:
        if last_word_end <= self._cut:
            return  # Of a turn that is over.
        self._settle_words()
        self._cut = last_word_end
        self.turn.end("", silence=self.position - last_word_end)


class NovaTurnsStream(NovaStream):
    """Nova whose `UtteranceEnd` ends turns."""

    turns = True
