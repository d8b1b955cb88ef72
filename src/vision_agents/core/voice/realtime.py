"""Speaking by a realtime model: its audio streams to the playout as it comes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..audio import PcmData, Playout, Resampler
from ..audio.line import Heard
from ..audio.playout import SAMPLE_RATE
from ..conversation import Conversation, Message
from ..llm import FunctionCall, PlayedResponse, Realtime, Speaker, call_note
from ..tts import Word
from .transcript import SpeakingRate, Utterance
from .voice import CONTINUE_PROMPT, NEWS_PROMPT, SpeechRequest, SpokenReply, VoiceListener

logger = logging.getLogger(__name__)

# Audio of one response that may wait for the playout, in seconds. A model sends faster than it is played, and its
# connection must be read on (the message that it was interrupted comes the same way): beyond this the rest is cut off.
BACKLOG_SECONDS = 600.0

# Responses that are remembered: the transcript of one may come after its audio, it may still be playing long after the
# model has sent it, and of one that was cut off more may come at any time.
RESPONSES_KEPT = 16


@dataclass(slots=True)
class Response:
    """A response of the model and the reply that it is here."""

    id: str
    reply: SpokenReply
    utterance: Utterance
    # In between, what is to be told when the audio before it was heard; None behind the last piece.
    audio: deque[PcmData | Heard | None] = field(default_factory=deque)
    backlog: float = 0.0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    # Nothing of it is wanted any more, whatever still comes.
    cut_off: bool = False
    # All of it is at the gate, or will never be.
    pumped: bool = False


class RealtimeVoice:
    """Implements `OutputListener` towards the model, and `Voice` towards the session."""

    def __init__(self, model: Realtime, playout: Playout, conversation: Conversation, listener: VoiceListener) -> None:
        self._model = model
        self._playout = playout
        self._conversation = conversation
        self._listener = listener
        self._rate = SpeakingRate()
        self._responses: dict[str, Response] = {}
        # Replies that were asked for and whose response has not begun yet. Their numbers are the keys to their answers.
        self._expected: dict[int, SpokenReply] = {}
        # What functions found that was not told yet, and what the replies that tell it tell.
        self._news: list[FunctionCall] = []
        self._telling: dict[int, list[FunctionCall]] = {}
        # What runs, and the number of the reply that it is for.
        self._tasks: dict[asyncio.Task[None], int] = {}
        self._closed = False

    async def start(self) -> None:
        # The session connects the model: only it knows the instructions and the history.
        self._model.function_calls.speaker = ModelSpeaker(self, self._model, self._listener)

    # Voice.

    def begin(self, reply: SpokenReply, request: SpeechRequest | None) -> None:
        tells = request is not None and not request.verbatim and self._model.learns_late
        if request is None:
            request = SpeechRequest(_news(self._news), verbatim=False)
            self.tell_news(reply.number)
        elif not request.verbatim and not request.known:
            self._conversation.user_said(request.text, request.participant)
        if request.caller is not None and not self._model.speaks_during_calls:
            superseded, self._expected = self._expected, {}
            for number in superseded:
                self._listener.reply_superseded(number)
        self._expected[reply.number] = reply
        self._run(self._send(reply, request, tells), f"request of reply {reply.number}", reply.number)

    @property
    def has_news(self) -> bool:
        return bool(self._news)

    def add_news(self, call: FunctionCall) -> None:
        """Have the next reply without a request tell what came of a call."""
        self._news.append(call)

    def tell_news(self, reply: int, later: int = 0) -> None:
        known = max(0, len(self._news) - later)
        self._telling, self._news = {reply: self._news[:known]}, self._news[known:]

    def _return_news(self, reply: int, seconds: float) -> None:
        """Let another reply tell what this one was to tell, of which so much was heard."""
        news = self._telling.pop(reply, [])
        if not seconds:
            self._news[:0] = news

    async def heard(self) -> bool:
        """Wait until all that the model has said so far was heard. Returns False if it will not be."""
        said = self.last_response
        if said is None or (said.pumped and not self._playout.written(said.reply.number)):
            return True
        heard: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def tell(was: bool) -> None:
            if not heard.done():
                heard.set_result(was)

        if said.pumped:
            self._playout.mark(said.reply.number, tell)
        else:
            said.audio.append(tell)
            said.arrived.set()
        return await heard

    @property
    def asked(self) -> int:
        """The reply that the model was asked for and has not begun to say; 0: none."""
        return next(iter(self._expected), 0)

    @property
    def last_response(self) -> Response | None:
        """The response that the model began last; None if that was cut off."""
        last = next(reversed(self._responses.values()), None)
        return None if last is None or last.cut_off else last

    def maker(self, reply: int) -> str:
        return type(self._model).__name__

    def waits_for(self, call: FunctionCall) -> int | None:
        return 0 if self._model.function_calls.awaits(call) else None

    def insert(self, reply: int, number: int, request: SpeechRequest) -> bool:
        return False  # A model says one response after the other.

    def prepare(self, reply: SpokenReply, history: tuple[Message, ...]) -> None:
        """The model answers by itself: nothing is prepared for it."""

    def confirm(self, reply: int) -> None:
        """See `prepare`."""

    def instruct(self, instructions: str) -> None:
        self._model.instruct(instructions)

    def abandon_calls(self, why: str) -> None:
        self._model.function_calls.abandon(why)

    def end_calls(self) -> None:
        self._model.function_calls.end()

    def cancel(self, heard: dict[int, tuple[float, str]]) -> None:
        for number, (seconds, _) in heard.items():
            self._return_news(number, seconds)
        live = {entry.reply.number: entry for entry in self._responses.values() if not entry.cut_off}
        self._expected.clear()
        for entry in live.values():
            entry.cut_off = True
        # A request that is still on its way would be answered in the new epoch.
        for task in self._tasks:
            task.cancel()
        self._model.cut_off(*(PlayedResponse(live[number].id, *heard[number]) for number in heard if number in live))
        self._model.cancel()

    def drop(self, reply: int, heard: tuple[float, str]) -> None:
        self._return_news(reply, heard[0])
        expected = self._expected.pop(reply, None)
        entry = next((r for r in self._responses.values() if r.reply.number == reply and not r.cut_off), None)
        if entry is None and expected is None:
            return
        for task, number in self._tasks.items():
            if number == reply:
                task.cancel()
        if entry is not None:
            entry.cut_off = True
            self._model.cut_off(PlayedResponse(entry.id, *heard))
        self._model.cancel()

    async def close(self) -> None:
        self._closed = True  # What the model still says, it says to nobody.
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=self._model.cancel_timeout)
        finally:
            await self._model.function_calls.close(self._model.cancel_timeout)

    # OutputListener.

    def response_started(self, response: str, epoch: int, request: int | None = None) -> None:
        if self._closed or response in self._responses:
            return  # Told twice, or again after it was cut off: it stays what it is.
        expected = self._expected.pop(request, None) if request is not None else None
        reply = expected or SpokenReply(self._listener.new_reply(), epoch, follows=request)
        entry = Response(response, reply, reply.transcript.add(""))
        entry.utterance.start, entry.utterance.rate = 0.0, self._rate.known
        self._remember(entry)
        self._playout.begin(reply.number, reply.epoch)
        self._run(self._pump(entry), f"audio of {response}", reply.number)
        if expected is None:
            self._listener.reply_started(reply)

    def response_audio(self, response: str, audio: PcmData, epoch: int) -> None:
        entry = self._responses.get(response)
        if entry is None or entry.cut_off or entry.utterance.complete:
            return
        if entry.backlog + audio.duration > BACKLOG_SECONDS:
            logger.error("response %s has %.0f s of audio waiting; the rest of it is cut off", response, entry.backlog)
            self.response_done(response)
            return
        self._listener.reply_made(entry.reply.number, "first_audio")
        entry.backlog += audio.duration
        entry.utterance.length += audio.duration
        entry.audio.append(audio)
        entry.arrived.set()

    def response_text(self, response: str, delta: str, words: tuple[Word, ...]) -> None:
        entry = self._responses.get(response)
        if entry is not None:
            entry.utterance.write(delta)
            entry.utterance.words.extend(words)

    def response_done(self, response: str, more: bool = False) -> None:
        entry = self._responses.get(response)
        if entry is not None and not entry.utterance.complete:
            entry.reply.more = more
            entry.utterance.complete = True
            entry.audio.append(None)
            entry.arrived.set()

    def answer_lost(self, response: str | None, request: int | None = None) -> None:
        if response is None and request is not None:
            if self._expected.pop(request, None) is not None:
                self._listener.answer_lost(request, begun=False)
            elif (part := self._last_part(request)) is not None:
                part.reply.lost = True
                self._listener.answer_lost(part.reply.number)  # What follows it is lost: what functions found.
            return
        entry = self._responses.get(response) if response is not None else None
        if entry is not None:
            entry.reply.lost = entry.utterance.broken_off = True
        if response is None or (entry is not None and not entry.cut_off):
            self._listener.answer_lost(0 if entry is None else entry.reply.number)

    def _last_part(self, request: int) -> Response | None:
        """Return the last response of what is said to a text; None if that was cut off, or nothing of it came."""
        parts = [said for said in self._responses.values() if request in (said.reply.number, said.reply.follows)]
        return parts[-1] if parts and not parts[-1].cut_off else None

    def interrupted(self) -> None:
        self._listener.model_interrupted()

    # Inside.

    def _run(self, work: Coroutine[Any, Any, None], name: str, reply: int) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[task] = reply
        task.add_done_callback(lambda over: self._tasks.pop(over, None))

    def _remember(self, entry: Response) -> None:
        self._responses[entry.id] = entry
        if len(self._responses) > RESPONSES_KEPT:
            oldest = next(iter(self._responses))
            # It ends with what has come of it: nothing more will reach it.
            self.response_done(oldest)
            del self._responses[oldest]

    async def _send(self, reply: SpokenReply, request: SpeechRequest, tells: bool) -> None:
        try:
            self._model.function_calls.repeats.asked()
            sending = partial(self._model.send_text, _prompt(request), reply.number)
            await self._model.at_work(sending, f"{type(self._model).__name__}.send_text")
            if tells:
                # Not before: what is found while the text waits for a connection the model knows when it gets that.
                self.tell_news(reply.number)
        except Exception as error:
            self._expected.pop(reply.number, None)
            self._listener.reply_failed(reply.number, type(self._model).__name__, error)
        finally:
            request.begun.set()

    async def _pump(self, entry: Response) -> None:
        """Carry a response's audio to the playout, at the pace at which it is played."""
        resampler = Resampler(SAMPLE_RATE)
        number = entry.reply.number
        try:
            while (piece := await self._next_piece(entry)) is not None:
                if not isinstance(piece, PcmData):
                    self._playout.mark(number, piece)
                elif not await self._playout.write(number, resampler.push(piece)):
                    return
            if await self._playout.write(number, resampler.flush()) and not entry.utterance.broken_off:
                self._rate.learn(entry.utterance)
        except Exception as error:
            self._listener.reply_failed(number, type(self._model).__name__, error)
        finally:
            entry.pumped = True
            for piece in entry.audio:
                if callable(piece):
                    piece(False)
            self._playout.finish(number)

    async def _next_piece(self, entry: Response) -> PcmData | Heard | None:
        while not entry.audio:
            entry.arrived.clear()
            await entry.arrived.wait()
        piece = entry.audio.popleft()
        if isinstance(piece, PcmData):
            entry.backlog -= piece.duration
        return piece


def _prompt(request: SpeechRequest) -> str:
    """The text that makes a model do what was asked for."""
    if not request.verbatim:
        return request.text
    return f"Say exactly this, and nothing else: {request.text}" if request.text else CONTINUE_PROMPT


def _news(calls: Iterable[FunctionCall]) -> str:
    """The text that makes a model tell what came of these calls."""
    return "\n".join([*(call_note(call.call, call.output) for call in calls), NEWS_PROMPT])


class ModelSpeaker(Speaker):
    """Speaks for the functions of a realtime model."""

    def __init__(self, voice: RealtimeVoice, model: Realtime, listener: VoiceListener) -> None:
        self._voice = voice
        self._model = model
        self._listener = listener
        # The reply that each call was told to belong to.
        self._replies: dict[FunctionCall, int] = {}

    async def heard(self) -> bool:
        return await self._voice.heard()

    def started(self, call: FunctionCall) -> None:
        said = self._voice.last_response
        # One that the service has not ended waits for the function; one that it has is over when it was played.
        speaking = said is not None and not said.utterance.complete
        spoken = said is not None and (speaking or said.reply.more)
        reply = said.reply.number if said is not None and speaking else self._voice.asked
        self._replies[call] = reply
        tool = call.tool if self._model.speaks_during_calls else None
        self._listener.function_started(reply, tool, spoken=spoken)

    def ended(self, call: FunctionCall) -> None:
        self._listener.function_ended(self._replies.pop(call, 0))

    def found(self, call: FunctionCall) -> None:
        self._voice.add_news(call)
        self._listener.function_found(call.epoch, known=self._model.learns_late)
