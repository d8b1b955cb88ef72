"""Speaking by LLM and TTS: text streams out of the one, sentence by sentence, into the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Any

from ..audio import PcmData, Playout, Resampler
from ..audio.playout import SAMPLE_RATE
from ..conversation import Conversation, Message, Role
from ..llm import LLM, AnswerCalls, LLMRequest
from ..tasks import together
from ..tts import TTS
from .sentences import sentences
from .transcript import Utterance
from .voice import CONTINUE_PROMPT, SpeechRequest, SpokenReply, VoiceListener

logger = logging.getLogger(__name__)

# Sentences that the model may be ahead of the synthesis. Beyond this the model waits.
SENTENCES_AHEAD = 32

Pending = asyncio.Queue[Utterance | Exception | None]


class CascadeVoice:
    """One reply is made at a time; its two stages run side by side, each in a task of its own."""

    def __init__(
        self,
        llm: LLM,
        tts: TTS,
        playout: Playout,
        conversation: Conversation,
        instructions: str,
        listener: VoiceListener,
    ) -> None:
        self._llm = llm
        self._tts = tts
        self._playout = playout
        self._conversation = conversation
        self._instructions = instructions
        self._listener = listener
        # Each stage that runs, and the number of its reply.
        self._stages: dict[asyncio.Task[None], int] = {}
        # The function calls of each reply that may still be interrupted, by its number.
        self._calls: dict[int, AnswerCalls] = {}

    async def start(self) -> None:
        await together(self._start_llm(), self._tts.start())

    async def _start_llm(self) -> None:
        await self._llm.start()
        await self._llm.warm(self._instructions)

    def begin(self, reply: SpokenReply, request: SpeechRequest | None) -> None:
        self._playout.begin(reply.number, reply.epoch)
        # Replies are spoken one after the other: those before this one have been heard.
        making = set(self._stages.values())
        self._calls = {number: calls for number, calls in self._calls.items() if number in making}
        self._calls[reply.number] = AnswerCalls(reply.epoch, self._conversation, partial(self._calling, reply))
        pending: Pending = asyncio.Queue(SENTENCES_AHEAD)
        writer = self._run(self._write(reply, request, pending), f"text of reply {reply.number}", reply.number)
        self._run(self._speak(reply, pending, writer), f"speech of reply {reply.number}", reply.number)

    def instruct(self, instructions: str) -> None:
        self._instructions = instructions

    def cancel(self, heard: dict[int, tuple[float, str]]) -> None:
        # At once, before anything can be asked next: then the history tells what became of the calls.
        made, self._calls = self._calls, {}
        for number in heard:
            if number in made:
                made[number].interrupt()
        for stage in self._stages:
            self._stop(stage)
        self._cancel_providers()

    def drop(self, reply: int, heard: tuple[float, str]) -> None:
        calls = self._calls.pop(reply, None)
        if calls is not None:
            calls.give_up()
        stages = [stage for stage, number in self._stages.items() if number == reply]
        for stage in stages:
            self._stop(stage)
        if stages:
            self._cancel_providers()

    def _run(self, work: Coroutine[Any, Any, None], name: str, reply: int) -> asyncio.Task[None]:
        stage = asyncio.get_running_loop().create_task(work, name=name)
        self._stages[stage] = reply
        stage.add_done_callback(lambda over: self._stages.pop(over, None))
        return stage

    def _stop(self, stage: asyncio.Task[None]) -> None:
        stage.cancel()
        asyncio.get_running_loop().call_later(self._llm.cancel_timeout, _stop_again, stage)

    def _cancel_providers(self) -> None:
        # Both at once, and nobody waits: the gate is silent already.
        self._llm.cancel()
        self._tts.cancel()

    async def close(self) -> None:
        stages = list(self._stages)
        for stage in stages:
            stage.cancel()
        if stages:
            # A provider's clean-up may hang; the call's end does not wait for it longer than this.
            await asyncio.wait(stages, timeout=self._llm.cancel_timeout)
        await self._llm.function_calls.close(self._llm.cancel_timeout)

    async def _speak(self, reply: SpokenReply, pending: Pending, writer: asyncio.Task[None]) -> None:
        """Synthesise the sentences as they come."""
        component = "TTS"
        try:
            while isinstance(sentence := await pending.get(), Utterance):
                if not await self._say(reply, sentence):
                    return
            if sentence is not None:
                component = "LLM"
                raise sentence
        except Exception as error:
            self._listener.reply_failed(reply.number, component, error)
        finally:
            # Nobody reads the rest.
            writer.cancel()
            self._playout.finish(reply.number)

    async def _write(self, reply: SpokenReply, request: SpeechRequest | None, pending: Pending) -> None:
        """Put the reply's sentences into `pending`, and behind the last one None, or the error that ended them."""
        end: Exception | None = None
        try:
            # Each of the two is closed at once: left to the garbage collector, the model would go on writing.
            async with aclosing(self._text(reply, request)) as text, aclosing(sentences(text)) as pieces:
                async for sentence in pieces:
                    self._listener.reply_made(reply.number, "first_sentence")
                    await pending.put(reply.transcript.add(sentence))
            reply.written = True
        except Exception as error:
            end = error
        await pending.put(end)

    async def _text(self, reply: SpokenReply, request: SpeechRequest | None) -> AsyncGenerator[str, None]:
        if request is not None and not request.verbatim:
            self._conversation.user_said(request.text)
        history = self._conversation.messages
        if request is not None and request.verbatim:
            if request.text:
                yield f"{request.text} "
                # In this request alone: that is not heard yet, and what follows nobody said.
                history = (*history, Message(Role.ASSISTANT, request.text))
            if not request.unfinished:
                return
            history = (*history, Message(Role.USER, CONTINUE_PROMPT))
        ask = LLMRequest(self._instructions, history)
        calls = self._calls.get(reply.number)
        if calls is None:
            return  # Interrupted before it began.
        async with aclosing(self._llm.respond(ask, reply.epoch, calls)) as deltas:
            async for delta in deltas:
                if delta:
                    self._listener.reply_made(reply.number, "first_token")
                yield delta

    @contextmanager
    def _calling(self, reply: SpokenReply) -> Iterator[None]:
        """Tell that functions run for a reply.

        What the model wrote before the call gets its place before that in the history, whether it is heard already.
        """
        part = reply.transcript.divide()
        if part is not None and part not in reply.places:
            reply.places[part] = self._conversation.place()
        self._listener.function_started(reply.number)
        try:
            yield
        finally:
            self._listener.function_ended(reply.number)

    async def _say(self, reply: SpokenReply, utterance: Utterance) -> bool:
        """Synthesise one sentence into the playout. False if the reply is stale."""
        begin = self._playout.written(reply.number)
        resampler = Resampler(SAMPLE_RATE)
        async with aclosing(self._tts.synthesize(utterance.text, reply.epoch)) as chunks:
            async for chunk in chunks:
                self._listener.reply_made(reply.number, "first_audio")
                utterance.words.extend(chunk.words)
                if not await self._play(reply, utterance, begin, resampler, chunk.audio):
                    return False
        tail = PcmData(resampler.flush(), SAMPLE_RATE)
        if not await self._play(reply, utterance, begin, Resampler(SAMPLE_RATE), tail):
            return False
        utterance.complete = True
        return True

    async def _play(
        self, reply: SpokenReply, utterance: Utterance, begin: int, resampler: Resampler, audio: PcmData
    ) -> bool:
        samples = resampler.push(audio)
        if utterance.start is None:
            utterance.start = begin / SAMPLE_RATE
        # Known before it is written, since writing waits: a word may sound before the write returns.
        utterance.length += len(samples) / SAMPLE_RATE
        return await self._playout.write(reply.number, samples)


def _stop_again(stage: asyncio.Task[None]) -> None:
    """A provider may swallow the first cancellation, or hang in its clean-up. Nobody waited for it: it is only told."""
    if not stage.done():
        logger.warning("the %s goes on after it was cancelled; it is cancelled once more", stage.get_name())
        stage.cancel()
