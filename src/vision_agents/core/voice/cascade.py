"""Speaking by LLM and TTS: text streams out of the one, sentence by sentence, into the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any

from ..audio import PcmData, Playout, Resampler
from ..audio.playout import SAMPLE_RATE
from ..conversation import Conversation, Message, Role, has_words
from ..llm import CALL_ENDED, LLM, AnswerCalls, FunctionCall, LLMRequest, nothing_to_tell, took_effect
from ..tasks import together
from ..tts import TTS, TTSAudioEvent
from .making import Making
from .sentences import sentences
from .transcript import SpeakingRate, Utterance
from .voice import CONTINUE_PROMPT, SpeechRequest, SpokenReply, VoiceListener

logger = logging.getLogger(__name__)


class CascadeVoice:
    """Speaks by an LLM and a TTS. One reply is made at a time; its two stages run side by side, each in a task."""

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
        self._rate = SpeakingRate()
        # The sentence at whose beginning the voice has failed in the last attempt at what is being said.
        self._failed_at: str | None = None
        # Each stage that runs, and the number of its reply.
        self._stages: dict[asyncio.Task[None], int] = {}
        # Replies whose function calls may still be interrupted, by their numbers.
        self._making: dict[int, Making] = {}
        # What functions found that nobody waited for any more, and no answer has told yet.
        self._news: list[FunctionCall] = []

    async def start(self) -> None:
        llm, tts = self._llm, self._tts
        await together(
            llm.at_work(self._start_llm, f"{type(llm).__name__}.start"),
            tts.at_work(tts.start, f"{type(tts).__name__}.start"),
        )

    async def _start_llm(self) -> None:
        await self._llm.start()
        await self._llm.warm(self._instructions)

    def begin(self, reply: SpokenReply, request: SpeechRequest | None) -> None:
        if not (reply.again or _is_inner(request)):
            self._failed_at = None
        self._playout.begin(reply.number, reply.epoch)
        self._make(reply, request)

    def prepare(self, reply: SpokenReply, history: tuple[Message, ...]) -> None:
        self._playout.begin(reply.number, reply.epoch, prepared=True)
        self._make(reply, None, history)

    def confirm(self, reply: int) -> None:
        self._failed_at = None
        making = self._making.get(reply)
        if making is not None:
            making.reply.confirmation.confirm()
        self._playout.release(reply)

    def _make(
        self, reply: SpokenReply, request: SpeechRequest | None, history: tuple[Message, ...] | None = None
    ) -> None:
        # Replies are spoken one after the other: those before this one have been heard.
        running = set(self._stages.values())
        self._making = {number: making for number, making in self._making.items() if number in running}
        self._making[reply.number] = making = Making(reply, self._conversation, self._listener, self._news)
        making.inner = _is_inner(request)
        writer = self._run(self._write(making, request, history), f"text of reply {reply.number}", reply.number)
        self._run(self._speak(making, writer), f"speech of reply {reply.number}", reply.number)

    @property
    def has_news(self) -> bool:
        return bool(self._news)

    def tell_news(self, reply: int, later: int = 0) -> None:
        """No model makes a reply by itself."""

    def waits_for(self, call: FunctionCall) -> int | None:
        return next((number for number, making in self._making.items() if making.calls.awaits(call)), None)

    def maker(self, reply: int) -> str:
        making = self._making.get(reply)
        return "LLM" if making is None or making.spoken else "TTS"

    def insert(self, reply: int, number: int, request: SpeechRequest) -> bool:
        making = self._making.get(reply)
        if making is None:
            return False
        work = self._write_inserted(making, number, request)
        task = self._run(work, f"what a function says in reply {reply}", reply)
        making.insertions.append(task)
        task.add_done_callback(making.insertions.remove)
        return True

    def instruct(self, instructions: str) -> None:
        self._instructions = instructions

    def abandon_calls(self, why: str) -> None:
        for making in self._making.values():
            making.calls.abandon(why)

    def end_calls(self) -> None:
        self.abandon_calls(CALL_ENDED)
        self._llm.function_calls.end()

    def cancel(self, heard: dict[int, tuple[float, str]]) -> None:
        # At once, before anything can be asked next: then the history tells what became of the calls.
        made, self._making = self._making, {}
        self._failed_at = None
        for number, (_, words) in heard.items():
            if number in made:
                made[number].calls.interrupt()
                if not words:
                    made[number].return_news()
        for stage in self._stages:
            self._stop(stage)
        self._cancel_providers()

    def drop(self, reply: int, heard: tuple[float, str]) -> None:
        making = self._making.pop(reply, None)
        if making is not None:
            making.reply.confirmation.revoke()
            making.calls.give_up()
            if not heard[1]:
                making.return_news()
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
        try:
            if stages:
                # A provider's clean-up may hang; the call's end does not wait for it longer than this.
                await asyncio.wait(stages, timeout=self._llm.cancel_timeout)
        finally:
            await self._llm.function_calls.close(self._llm.cancel_timeout)

    async def _speak(self, making: Making, writer: asyncio.Task[None]) -> None:
        """Synthesise the sentences as they come."""
        component, number = "TTS", making.reply.number
        try:
            while (piece := await making.pending.get()) is not None:
                if isinstance(piece, Exception):
                    component = "LLM"
                    raise piece
                if not isinstance(piece, Utterance):
                    self._playout.mark(number, piece)
                elif not await self._say_if_it_can(making, piece):
                    return
            if making.reply.confirmation.certain and not making.inner:
                self._failed_at = None
            if making.gap and not self._playout.written(number):  # It has nothing else, and that was told.
                self._listener.reply_failed(number, component, None)
        except Exception as error:
            self._listener.reply_failed(number, component, error)
        finally:
            # Nobody reads the rest.
            for task in (writer, *making.insertions):
                task.cancel()
            self._playout.finish(number)

    async def _write(self, making: Making, request: SpeechRequest | None, history: tuple[Message, ...] | None) -> None:
        """Put the reply's sentences into `pending`, and behind the last one None, or the error that ended them."""
        end: Exception | None = None
        try:
            # Each of the two is closed at once: left to the garbage collector, the model would go on writing.
            async with aclosing(self._text(making, request, history)) as text, aclosing(sentences(text)) as pieces:
                async for sentence in pieces:
                    await making.write(sentence)
            if self._owes_words(making, request):
                what = "said nothing after the result of a function" if making.results else "answered without a word"
                raise RuntimeError(f"{type(self._llm).__name__} {what}: see `LLM.may_be_silent`")
            making.reply.written = True
        except Exception as error:
            end = error
        await making.pending.put(end)

    def _owes_words(self, making: Making, request: SpeechRequest | None) -> bool:
        """Return whether a model has ended an answer without words, though somebody waits for them."""
        if self._llm.may_be_silent or (request is not None and request.verbatim and not making.results):
            return False
        interrupted = making.calls.over or making.reply.epoch < self._llm.epoch
        if interrupted or making.answers or nothing_to_tell(making.told, self._llm.tools):
            return False
        # Asked once more it has nothing to say either. Who is asked to say it again has it done twice.
        return not (making.asked_again and took_effect(making.told, self._llm.tools))

    async def _write_inserted(self, making: Making, number: int, request: SpeechRequest) -> None:
        """Put what a function says, or has the model say, among the reply's sentences."""
        try:
            if request.verbatim:
                await making.insert(number, "", _once(request.text))
            else:
                await making.insert(number, request.text, self._answer_inside(making, request.text))
        except Exception as error:
            self._listener.reply_failed(number, "LLM", error)

    async def _answer_inside(self, making: Making, question: str) -> AsyncGenerator[str, None]:
        # That it stands before the call in the history is for later requests: in this one it comes last.
        said = [message for message in self._conversation.messages if message is not making.question]
        ask = LLMRequest(self._instructions, (*said, Message(Role.USER, question)))
        answer = self._llm.respond(ask, making.reply.epoch, AnswerCalls(making.reply.epoch), functions=False)
        async with aclosing(answer) as deltas:
            async for delta in deltas:
                yield delta

    async def _text(
        self, making: Making, request: SpeechRequest | None, prepared: tuple[Message, ...] | None
    ) -> AsyncGenerator[str, None]:
        if request is not None and not (request.verbatim or request.known):
            self._conversation.user_said(request.text, request.participant)
        history = self._conversation.messages if prepared is None else prepared
        if request is not None and request.verbatim:
            if request.text:
                yield f"{request.text} "
                # In this request alone: that is not heard yet, and what follows nobody said.
                history = (*history, Message(Role.ASSISTANT, request.text))
            if not request.unfinished:
                return
            history = making.take_news(history)
            if not history or history[-1].role is not Role.TOOL:  # A result asks for an answer by itself.
                history = (*history, Message(Role.USER, CONTINUE_PROMPT))
        else:
            history = making.take_news(history)
        ask = LLMRequest(self._instructions, history)
        making.asked = history
        if making.calls.over:
            return  # Interrupted before it began.
        answer = self._llm.respond(ask, making.reply.epoch, making.calls, instructions=lambda: self._instructions)
        async with aclosing(answer) as deltas:
            async for delta in deltas:
                if delta:
                    making.made("first_token")
                yield delta

    async def _say_if_it_can(self, making: Making, utterance: Utterance) -> bool:
        """Synthesise one sentence. One that the voice fails at again, from its beginning, is left out, and the rest of
        the answer is said all the same; if it fails at the next one too, it fails at all."""
        try:
            said = await self._say(making, utterance)
        except Exception as error:
            if utterance.length or making.inner or not self._wanted(making):
                raise
            again, self._failed_at = self._failed_at == utterance.text, utterance.text
            if making.gap or not again:
                raise
            making.gap, self._failed_at = True, None
            utterance.leave_out()
            self._listener.words_failed(making.reply.number, "TTS", error)
            return True
        making.gap = making.gap and not utterance.length
        return said

    def _wanted(self, making: Making) -> bool:
        return self._making.get(making.reply.number) is making and making.reply.confirmation.certain

    async def _say(self, making: Making, utterance: Utterance) -> bool:
        """Synthesise one sentence into the playout. False if the reply is stale."""
        reply = making.reply

        def send(event: TTSAudioEvent) -> None:
            reply.confirmation.then(partial(self._tts.events.send, event))

        begin = self._playout.written(reply.number)
        if not has_words(utterance.text):
            # A smile is not read aloud, and some services refuse what has no words.
            utterance.start, utterance.complete = begin / SAMPLE_RATE, True
            return True
        utterance.rate = self._rate.known
        resampler = Resampler(SAMPLE_RATE)
        async with aclosing(self._tts.synthesize(utterance.text, reply.epoch, send)) as chunks:
            async for chunk in chunks:
                making.made("first_audio")
                utterance.words.extend(chunk.words)
                if not await self._play(reply, utterance, begin, resampler, chunk.audio):
                    return False
        tail = PcmData(resampler.flush(), SAMPLE_RATE)
        if not await self._play(reply, utterance, begin, Resampler(SAMPLE_RATE), tail):
            return False
        if not utterance.length and reply.epoch >= self._tts.epoch:
            raise RuntimeError(f"{type(self._tts).__name__} gave no audio for {utterance.text!r}")
        utterance.complete = True
        self._rate.learn(utterance)
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


def _is_inner(request: SpeechRequest | None) -> bool:
    """Return True for what a function wants said, perhaps between two attempts at the answer that needs it."""
    return request is not None and request.caller is not None


def _stop_again(stage: asyncio.Task[None]) -> None:
    """A provider may swallow the first cancellation, or hang in its clean-up. Nobody waited for it: it is only told."""
    if not stage.done():
        logger.warning("the %s goes on after it was cancelled; it is cancelled once more", stage.get_name())
        stage.cancel()


async def _once(text: str) -> AsyncGenerator[str, None]:
    yield text
