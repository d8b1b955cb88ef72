"""A cascade's reply in the making: its sentences, the calls made for it, and what these say inside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from contextlib import aclosing
from functools import partial

from ..audio.line import Heard
from ..conversation import Conversation, Message, Role, has_words, told_last
from ..llm import AnswerCalls, FunctionCall, Speaker
from .sentences import sentences
from .transcript import Utterance
from .voice import MadeStage, SpokenReply, VoiceListener

# Sentences that the model may be ahead of the synthesis. Beyond this the model waits.
SENTENCES_AHEAD = 32


class Making(Speaker):
    """Speaks a reply to its calls.

    `pending`: its sentences, in order; in between, what is to be told when those before it were heard; and behind the
    last one None, or the error that ended them. `insertions`: what functions say inside it and is still being written.
    """

    def __init__(
        self, reply: SpokenReply, conversation: Conversation, listener: VoiceListener, news: list[FunctionCall]
    ) -> None:
        self.reply = reply
        # Calls that were found out about after all, to be told by the next answer; and those that this one tells.
        self._news = news
        self.news: list[FunctionCall] = []
        self.calls = AnswerCalls(reply.epoch, conversation, self, reply.number, reply.confirmation)
        self.pending: asyncio.Queue[Utterance | Heard | Exception | None] = asyncio.Queue(SENTENCES_AHEAD)
        self.insertions: list[asyncio.Task[None]] = []
        # The latest one that a function had answered inside it.
        self.question: Message | None = None
        self._conversation = conversation
        self._listener = listener
        # One after the other, in the order in which they were asked for.
        self._turn = asyncio.Lock()
        # What was inserted since the functions were called; and the place in the history behind which the next goes.
        self._inserted: list[Message] = []
        self._place: int | None = None
        # What of the reply there is.
        self._stages: set[MadeStage] = set()

    def made(self, stage: MadeStage) -> None:
        """There is something of the reply."""
        if stage not in self._stages:
            self._stages.add(stage)
            self.reply.confirmation.then(partial(self._listener.reply_made, self.reply.number, stage))

    def take_news(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Return the history with what is to be told at its end."""
        self.news, self._news[:] = list(self._news), []
        return told_last(messages, [call.call.id for call in self.news])

    def return_news(self) -> None:
        """Let the next answer tell it: nothing of this one was heard."""
        self._news[:0] = self.news
        self.news = []

    @property
    def spoken(self) -> bool:
        """True if all that is written by now is synthesised."""
        return all(utterance.complete for utterance in self.reply.transcript.utterances)

    @property
    def has_words(self) -> bool:
        """True if something is written that a voice can say."""
        return any(has_words(utterance.text) for utterance in self.reply.transcript.utterances)

    async def write(self, sentence: str) -> None:
        """Add the next sentence."""
        self.made("first_sentence")
        await self.pending.put(self.reply.transcript.add(sentence))

    async def insert(self, number: int, question: str, text: AsyncIterable[str]) -> None:
        """Add what a function says, or what is answered to its `question`. Raises what `text` raises."""
        async with self._turn:
            if question:
                self._place = self._conversation.place(after=self._place)
                self.question = Message(Role.USER, question)
                self._conversation.put(self._place, self.question)
                self._inserted.append(self.question)
            written: list[str] = []
            try:
                async with aclosing(sentences(text)) as pieces:
                    async for sentence in pieces:
                        written.append(sentence)
                        await self._write_inserted(sentence)
            finally:
                if self.reply.transcript.divide() is not None:
                    self._inserted.append(Message(Role.ASSISTANT, " ".join(written)))
            await self.pending.put(lambda heard: self._listener.insertion_heard(number) if heard else None)

    async def _write_inserted(self, sentence: str) -> None:
        self.made("first_sentence")
        utterance = self.reply.transcript.add(sentence)
        part = self.reply.transcript.part
        if part not in self.reply.places:
            self._place = self.reply.places[part] = self._conversation.place(after=self._place)
        await self.pending.put(utterance)

    # Speaker.

    def calling(self) -> None:
        # What the model wrote before the call gets its place before that, whether it is heard already.
        self.reply.confirmation.then(partial(self._take_place, self.reply.transcript.divide()))
        self._inserted = []

    def _take_place(self, part: int | None) -> None:
        self._place = self.reply.places.get(part) if part is not None else None
        if self._place is None:
            self._place = self._conversation.place()
        if part is not None:
            self.reply.places[part] = self._place

    async def heard(self) -> bool:
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        await self.pending.put(lambda heard: None if told.done() else told.set_result(heard))
        return await told

    def started(self, call: FunctionCall) -> None:
        self._listener.function_started(self.reply.number, call.tool, spoken=bool(self.reply.transcript.text))

    def ended(self, call: FunctionCall) -> None:
        self._listener.function_ended(self.reply.number)

    def found(self, call: FunctionCall) -> None:
        self._news.append(call)
        self._listener.function_found(call.epoch, known=True)

    async def called(self) -> tuple[Message, ...]:
        while self.insertions:
            await asyncio.wait(self.insertions)
        return tuple(self._inserted)
