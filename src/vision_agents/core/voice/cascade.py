"""Speaking by LLM and TTS: text streams out of the one, sentence by sentence, into the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ..audio import PcmData, Playout, Resampler
from ..audio.playout import SAMPLE_RATE
from ..conversation import Conversation
from ..llm import LLM, LLMRequest
from ..tts import TTS
from .sentences import sentences
from .transcript import Utterance
from .voice import SpeechRequest, SpokenReply, VoiceListener

logger = logging.getLogger(__name__)

# Sentences that the model may be ahead of the synthesis. Beyond this the model waits.
SENTENCES_AHEAD = 32


class CascadeVoice:
    """One reply is made at a time; its two stages run side by side."""

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
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def start(self) -> None:
        await asyncio.gather(self._start_llm(), self._tts.start())

    async def _start_llm(self) -> None:
        await self._llm.start()
        await self._llm.warm(self._instructions)

    def begin(self, reply: SpokenReply, request: SpeechRequest | None) -> None:
        self._playout.begin(reply.number, reply.epoch)
        task = asyncio.get_running_loop().create_task(self._make(reply, request), name=f"reply {reply.number}")
        self._tasks[reply.number] = task
        task.add_done_callback(lambda _: self._tasks.pop(reply.number, None))

    def cancel(self, heard: dict[int, tuple[float, str]]) -> None:
        for task in self._tasks.values():
            task.cancel()
        self._cancel_providers()

    def drop(self, reply: int, heard: tuple[float, str]) -> None:
        task = self._tasks.get(reply)
        if task is not None:
            task.cancel()
            self._cancel_providers()

    def _cancel_providers(self) -> None:
        # Both at once, and nobody waits: the gate is silent already.
        self._llm.cancel()
        self._tts.cancel()

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            # A provider's clean-up may hang; the call's end does not wait for it longer than this.
            await asyncio.wait(tasks, timeout=self._llm.cancel_timeout)

    async def _make(self, reply: SpokenReply, request: SpeechRequest | None) -> None:
        component = "TTS"
        pending: asyncio.Queue[str | None] = asyncio.Queue(SENTENCES_AHEAD)
        writer = asyncio.create_task(self._write(reply, request, pending), name=f"text of reply {reply.number}")
        try:
            while (sentence := await pending.get()) is not None:
                if not await self._speak(reply, reply.transcript.add(sentence)):
                    return
            component = "LLM"
            await writer
        except Exception as error:
            self._listener.reply_failed(reply.number, component, error)
        finally:
            writer.cancel()
            self._playout.finish(reply.number)

    async def _write(
        self, reply: SpokenReply, request: SpeechRequest | None, pending: asyncio.Queue[str | None]
    ) -> None:
        """Put the reply's sentences into `pending`, and None behind the last one, whatever happens."""
        try:
            async with aclosing(sentences(self._text(reply, request))) as pieces:
                async for sentence in pieces:
                    await pending.put(sentence)
        finally:
            # When this task is cancelled nobody reads the queue any more, and it may be full.
            if not pending.full():
                pending.put_nowait(None)
            else:
                await pending.put(None)

    async def _text(self, reply: SpokenReply, request: SpeechRequest | None) -> AsyncGenerator[str, None]:
        if request is not None and request.verbatim:
            yield request.text
            return
        if request is not None:
            self._conversation.user_said(request.text)
        ask = LLMRequest(self._instructions, self._conversation.messages)
        async with aclosing(self._llm.respond(ask, reply.epoch, self._conversation.add)) as deltas:
            async for delta in deltas:
                yield delta

    async def _speak(self, reply: SpokenReply, utterance: Utterance) -> bool:
        """Synthesise one sentence into the playout. False if the reply is stale."""
        begin = self._playout.written(reply.number)
        resampler = Resampler(SAMPLE_RATE)
        async with aclosing(self._tts.synthesize(utterance.text, reply.epoch)) as chunks:
            async for chunk in chunks:
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
