"""Speaking by a realtime model: its audio streams to the playout as it comes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field

from ..audio import PcmData, Playout, Resampler
from ..audio.playout import SAMPLE_RATE
from ..llm import Heard, Realtime
from ..tts import Word
from .transcript import Utterance
from .voice import SpeechRequest, SpokenReply, VoiceListener

logger = logging.getLogger(__name__)

# Audio of one response that may wait for the playout, in seconds. A model sends faster than it is played, and its
# connection must be read on (the message that it was interrupted comes the same way): beyond this the rest is cut off.
BACKLOG_SECONDS = 600.0

# Responses that are remembered: the transcript of one may come after its audio, and it may still be playing long after
# the model has sent it.
RESPONSES_KEPT = 16


@dataclass(slots=True)
class Response:
    """A response of the model and the reply that it is here."""

    id: str
    reply: SpokenReply
    utterance: Utterance
    audio: deque[PcmData | None] = field(default_factory=deque)
    backlog: float = 0.0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class RealtimeVoice:
    """Implements `RealtimeListener` towards the model, and `Voice` towards the session."""

    def __init__(self, model: Realtime, playout: Playout, listener: VoiceListener) -> None:
        self._model = model
        self._playout = playout
        self._listener = listener
        self._responses: dict[str, Response] = {}
        # Replies that were asked for and whose response has not begun yet, in order.
        self._expected: deque[SpokenReply] = deque()
        self._sending: set[asyncio.Task[None]] = set()
        model.speaker = self

    async def start(self) -> None:
        """The session connects the model: only it knows the instructions and the history."""

    # Voice.

    def begin(self, reply: SpokenReply, request: SpeechRequest | None) -> None:
        if request is None:
            return
        self._expected.append(reply)
        text = f"Say exactly this, and nothing else: {request.text}" if request.verbatim else request.text
        task = asyncio.get_running_loop().create_task(self._send(reply, text), name=f"reply {reply.number}")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def cancel(self, heard: dict[int, tuple[float, str]]) -> None:
        self._expected.clear()
        playing = next((r for r in self._responses.values() if r.reply.number in heard), None)
        self._model.cut_off(Heard(playing.id, *heard[playing.reply.number]) if playing else None)
        for response in list(self._responses.values()):
            self._forget(response)
        self._model.cancel()

    def drop(self, reply: int, heard: tuple[float, str]) -> None:
        self._expected = deque(spoken for spoken in self._expected if spoken.number != reply)
        for response in list(self._responses.values()):
            if response.reply.number == reply:
                self._forget(response)
                self._model.cut_off(Heard(response.id, *heard))
                self._model.cancel()

    async def close(self) -> None:
        tasks = [response.task for response in self._responses.values() if response.task] + list(self._sending)
        for response in list(self._responses.values()):
            self._forget(response)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=self._model.cancel_timeout)

    # RealtimeListener.

    def response_started(self, response: str, epoch: int) -> None:
        if self._expected:
            reply = self._expected.popleft()
            known = True
        else:
            reply = SpokenReply(self._listener.new_reply(), epoch)
            known = False
        entry = Response(response, reply, reply.transcript.add(""))
        entry.utterance.start = 0.0
        self._responses[response] = entry
        while len(self._responses) > RESPONSES_KEPT:
            self._forget(next(iter(self._responses.values())))
        self._playout.begin(reply.number, epoch)
        entry.task = asyncio.get_running_loop().create_task(self._pump(entry), name=f"audio of {response}")
        if not known:
            self._listener.reply_started(reply)

    def response_audio(self, response: str, audio: PcmData, epoch: int) -> None:
        entry = self._responses.get(response)
        if entry is None or entry.utterance.complete:
            return
        if entry.backlog + audio.duration > BACKLOG_SECONDS:
            logger.error("response %s has %.0f s of audio waiting; the rest of it is cut off", response, entry.backlog)
            self.response_done(response)
            return
        entry.backlog += audio.duration
        entry.utterance.length += audio.duration
        entry.audio.append(audio)
        entry.arrived.set()

    def response_text(self, response: str, delta: str, words: tuple[Word, ...]) -> None:
        entry = self._responses.get(response)
        if entry is not None:
            entry.utterance.text += delta
            entry.utterance.words.extend(words)

    def response_done(self, response: str) -> None:
        entry = self._responses.get(response)
        if entry is not None and not entry.utterance.complete:
            entry.utterance.complete = True
            entry.audio.append(None)
            entry.arrived.set()

    def interrupted(self) -> None:
        self._listener.model_interrupted()

    # Inside.

    async def _send(self, reply: SpokenReply, text: str) -> None:
        try:
            await self._model.send_text(text)
        except Exception as error:
            if reply in self._expected:
                self._expected.remove(reply)
            self._listener.reply_failed(reply.number, type(self._model).__name__, error)

    async def _pump(self, entry: Response) -> None:
        """Carry a response's audio to the playout, at the pace at which it is played."""
        resampler = Resampler(SAMPLE_RATE)
        number = entry.reply.number
        while True:
            while not entry.audio:
                entry.arrived.clear()
                await entry.arrived.wait()
            piece = entry.audio.popleft()
            if piece is None:
                break
            entry.backlog -= piece.duration
            if not await self._playout.write(number, resampler.push(piece)):
                return
        await self._playout.write(number, resampler.flush())
        self._playout.finish(number)

    def _forget(self, response: Response) -> None:
        self._responses.pop(response.id, None)
        if response.task is not None:
            response.task.cancel()
