"""Recognition: any sound is speech, and its words are what the test says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np

from vision_agents.core.audio import PcmData
from vision_agents.testing.contract import Failure, SpeechGate

if TYPE_CHECKING:
    from .server import DeepgramServer, Wire

# Seconds of speech after which there is a first word of it.
EARLY = 0.3

REQUEST = {"request_id": "00000000-0000-0000-0000-000000000000"}
METADATA = {**REQUEST, "model_info": {"name": "stand-in", "version": "1", "arch": "none"}, "model_uuid": "0"}


class Speech:
    """A stretch of speech, whether its words were given, and which, if the first was given early."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.said = False
        self.text: str | None = None
        self.early = True


class Listener:
    """What both versions have in common: audio cut into 20 ms, and answers that are made one after another."""

    def __init__(self, server: DeepgramServer, wire: Wire, query: dict[str, str]) -> None:
        self.server = server
        self.wire = wire
        self.rate = int(query["sample_rate"])
        self.query = query
        self.gate = SpeechGate(silence=0.3)
        self.speech: Speech | None = None
        self._work: asyncio.Queue[Any] = asyncio.Queue()
        self._rest = b""
        self._worker = asyncio.create_task(self._run(), name="stand-in's words")

    async def begin(self) -> None:
        """The connection is open."""

    async def take(self, message: Any) -> None:
        if not isinstance(message, bytes):
            await self.control(message)
            return
        data = self._rest + message
        step = self.rate // 50 * 2
        for start in range(0, len(data) - len(data) % step, step):
            piece = PcmData(np.frombuffer(data[start : start + step], dtype="<i2").astype(np.int16), self.rate)
            change = self.gate.feed(piece)
            if change == "started":
                self.speech = Speech(self.gate.position - piece.duration)
                self.started(self.speech)
            elif change == "stopped" and self.speech is not None:
                self.stopped(self.speech, self.gate.position)
            speech = self.speech
            if speech is not None and speech.early and self.gate.position >= speech.start + EARLY:
                speech.early = False
                self.later("first_word", speech, self.gate.position)
            self.heard()
        self._rest = data[len(data) - len(data) % step :]

    def end(self) -> None:
        self._worker.cancel()

    def later(self, *work: Any) -> None:
        """Have `work` done when what was asked for before is done."""
        self._work.put_nowait(work)

    async def first_word(self, speech: Speech, position: float) -> None:
        """Give the first word of speech that goes on."""
        if self.server.at_ease and not speech.said:
            speech.text = self.server.next_heard()
            await self.first(speech.text.split()[0], speech.start, position)

    async def first(self, word: str, start: float, end: float) -> None:
        raise NotImplementedError

    async def _run(self) -> None:
        while True:
            name, *arguments = await self._work.get()
            await getattr(self, name)(*arguments)

    async def fail(self, failure: Failure) -> None:
        """Fail in this way."""
        if failure == "malformed":
            await self.wire.send_raw('{"type": "Results", "chan')
        elif failure == "quota":
            await self.wire.close(1008, "the project has no credit left")
        else:
            await self.fatal()

    # What the versions differ in.

    async def control(self, message: dict[str, Any]) -> None:
        raise NotImplementedError

    async def fatal(self) -> None:
        raise NotImplementedError

    def started(self, speech: Speech) -> None:
        """Speech begins."""

    def stopped(self, speech: Speech, position: float) -> None:
        """It ended a little before `position`."""

    def heard(self) -> None:
        """20 ms more were heard."""


class ListenV1(Listener):
    """Nova: `Results` in pieces, `SpeechStarted` and `UtteranceEnd` if asked for."""

    def __init__(self, server: DeepgramServer, wire: Wire, query: dict[str, str]) -> None:
        super().__init__(server, wire, query)
        # Up to where the results go.
        self.reported = 0.0
        self.quiet_since: float | None = None
        self._alive = asyncio.get_running_loop().time()
        self._watch = asyncio.create_task(self._watch_idle(), name="stand-in's idle watch")

    def end(self) -> None:
        super().end()
        self._watch.cancel()

    async def take(self, message: Any) -> None:
        if isinstance(message, bytes) or message["type"] == "KeepAlive":
            self._alive = asyncio.get_running_loop().time()
        await super().take(message)

    async def _watch_idle(self) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() - self._alive < self.server.idle:
            await asyncio.sleep(self._alive + self.server.idle - loop.time())
        await self.wire.close(1011, "NET-0001: no audio or KeepAlive in time")

    async def control(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "Finalize":
            self.later("finalize", self.speech, self.gate.position)
        elif kind == "CloseStream":
            await self.wire.close(1000, "")
        elif kind != "KeepAlive":
            await self.wire.send(type="Error", variant="SchemaError", description=f"unknown message {kind}")

    async def fatal(self) -> None:
        await self.wire.send(type="Error", variant="InternalError", description="the recogniser broke")
        await self.wire.close(1011, "NET-0000: the recogniser broke")

    def started(self, speech: Speech) -> None:
        self.quiet_since = None
        if self.query.get("vad_events") == "true":
            self.later("speech_started", speech.start)

    def stopped(self, speech: Speech, position: float) -> None:
        self.quiet_since = position - 0.3
        self.later("words", speech, position, True)

    def heard(self) -> None:
        end = self.query.get("utterance_end_ms")
        if self.quiet_since is not None and end and self.gate.position - self.quiet_since >= int(end) / 1000:
            self.later("utterance_end", self.quiet_since)
            self.quiet_since = None
        said = self.speech is None or self.speech.said
        if not self.gate.speaking and said and self.gate.position - self.reported >= 1.0:
            self.later("silence", self.gate.position)
            self.reported = self.gate.position

    async def speech_started(self, onset: float) -> None:
        await self.wire.send(type="SpeechStarted", channel=[0], timestamp=onset)

    async def utterance_end(self, last_word_end: float) -> None:
        await self.server.unstalled()
        await self.wire.send(type="UtteranceEnd", channel=[0, 1], last_word_end=last_word_end)

    async def first(self, word: str, start: float, end: float) -> None:
        await self._results(word, start, end, is_final=False)

    async def silence(self, position: float) -> None:
        await self._results("", position - 1.0, position, is_final=True)

    async def finalize(self, speech: Speech | None, position: float) -> None:
        if speech is not None and not speech.said:
            await self.words(speech, position, False, from_finalize=True)
        elif self.server.answers_empty_finalize:
            await self.server.unstalled()
            await self._results("", self.reported, position, is_final=True, from_finalize=True)

    async def words(self, speech: Speech, end: float, speech_final: bool, from_finalize: bool = False) -> None:
        if speech.said:
            return  # A `Finalize` came before the end of the speech.
        speech.said = True
        start = speech.start
        with self.server.answering() as answer:
            if answer.failure is not None:
                await answer.permit()
                await self.fail(answer.failure)
                return
            text = speech.text or self.server.next_heard()
            head = text.rsplit(" ", 1)[0]
            await answer.permit()
            await self._results(head, start, (start + end) / 2, is_final=False)
            await answer.permit()
            await self._results(text, start, end, is_final=True, speech_final=speech_final, from_finalize=from_finalize)
            self.reported = end

    async def _results(
        self,
        text: str,
        start: float,
        end: float,
        *,
        is_final: bool,
        speech_final: bool = False,
        from_finalize: bool = False,
    ) -> None:
        await self.wire.send(
            type="Results",
            channel_index=[0, 1],
            start=start,
            duration=end - start,
            is_final=is_final,
            speech_final=speech_final,
            from_finalize=from_finalize,
            channel={"alternatives": [{"transcript": text, "confidence": 0.98, "words": word_times(text, start, end)}]},
            metadata=METADATA,
        )


class ListenV2(Listener):
    """Flux: turns, with eager ends if asked for."""

    def __init__(self, server: DeepgramServer, wire: Wire, query: dict[str, str]) -> None:
        super().__init__(server, wire, query)
        self.turn = 0
        self.sequence = 0

    async def begin(self) -> None:
        await self.wire.send(type="Connected", sequence_id=0, **REQUEST)

    async def control(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "CloseStream":
            await self.wire.close(1000, "")
        elif kind == "ForceEndTurn":
            if self.speech is not None:
                self.later("words", self.speech, self.gate.position, "manual")
        else:
            await self.wire.send(
                type="Error", sequence_id=self._next(), code="UNPARSABLE_CLIENT_MESSAGE", description=f"{kind}"
            )
            await self.wire.close(1008, "UNPARSABLE_CLIENT_MESSAGE")

    async def fatal(self) -> None:
        await self.wire.send(
            type="Error", sequence_id=self._next(), code="INTERNAL_SERVER_ERROR", description="the recogniser broke"
        )
        await self.wire.close(1011, "INTERNAL_SERVER_ERROR")

    def stopped(self, speech: Speech, position: float) -> None:
        self.later("words", speech, position, "model")

    async def words(self, speech: Speech, end: float, trigger: str) -> None:
        if speech.said:
            return  # It was ended by force.
        speech.said = True
        start = speech.start
        with self.server.answering() as answer:
            if answer.failure is not None:
                await answer.permit()
                await self.fail(answer.failure)
                return
            early, text = speech.text, speech.text or self.server.next_heard()
            await answer.permit()
            if early is None:
                await self.first(text.split()[0], start, end)
            await answer.permit()
            await self.turn_info("Update", text, start, end, 0.3)
            await answer.permit()
            if "eager_eot_threshold" in self.query:
                await self.turn_info("EagerEndOfTurn", text, start, end, 0.5)
                await answer.permit()
            await self.turn_info("EndOfTurn", text, start, end, 0.9, trigger)
            self.turn += 1

    async def first(self, word: str, start: float, end: float) -> None:
        await self.turn_info("StartOfTurn", word, start, end, 0.1)

    async def turn_info(
        self, event: str, text: str, start: float, end: float, confidence: float, trigger: str | None = None
    ) -> None:
        extra = {"trigger": trigger} if trigger else {}
        await self.wire.send(
            type="TurnInfo",
            sequence_id=self._next(),
            event=event,
            turn_index=self.turn,
            audio_window_start=start,
            audio_window_end=end,
            transcript=text,
            words=word_times(text, start, end, name="word"),
            end_of_turn_confidence=confidence,
            **REQUEST,
            **extra,
        )

    def _next(self) -> int:
        self.sequence += 1
        return self.sequence


def word_times(text: str, start: float, end: float, name: str = "punctuated_word") -> list[dict[str, Any]]:
    """The words of `text`, laid evenly over the time."""
    words = text.split()
    step = (end - start) / max(1, len(words))
    return [
        {
            "word": word.lower(),
            name: word,
            "start": start + index * step,
            "end": start + (index + 1) * step,
            "confidence": 0.98,
        }
        for index, word in enumerate(words)
    ]
