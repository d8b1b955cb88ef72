"""A cascade's reply in the making: its sentences, the calls made for it, and what these say inside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable
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
        # The history that it was asked for with.
        self.asked: tuple[Message, ...] = ()
        # A function wants it said: nobody tries it again.
        self.inner = False
        # The voice has said nothing since it left a sentence out.
        self.gap = False
        # The first sentence behind the results of the latest functions.
        self._begin = 0

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
    def answers(self) -> bool:
        """True if the model has written something that a voice can say, since it has the results of its functions."""
        return any(has_words(utterance.text) for utterance in self._latest)

    @property
    def told(self) -> tuple[Message, ...]:
        """The messages that the model was told last."""
        return self.calls.told or self.asked

    @property
    def results(self) -> bool:
        """True if it was told the results of functions last."""
        return bool(self.told) and self.told[-1].role is Role.TOOL

    @property
    def asked_again(self) -> bool:
        """True if it was asked for with results that an attempt before was told of."""
        return self.results and not self.calls.told

    @property
    def _latest(self) -> tuple[Utterance, ...]:
        return self.reply.transcript.utterances[self._begin :]

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
            written: list[Utterance] = []
            try:
                async with aclosing(sentences(text)) as pieces:
                    async for sentence in pieces:
                        written.append(self.reply.transcript.add(sentence))
                        await self._write_inserted(written[-1])
            finally:
                if self.reply.transcript.divide() is not None:
                    self._inserted.append(Message(Role.ASSISTANT, " ".join(said.text for said in written)))
            await self.pending.put(
                lambda heard: self._listener.insertion_over(number, _whole(written)) if heard else None
            )

    async def _write_inserted(self, utterance: Utterance) -> None:
        self.made("first_sentence")
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
        before = self._latest
        await self.pending.put(lambda heard: None if told.done() else told.set_result(heard and _whole(before)))
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
        self._begin = len(self.reply.transcript.utterances)
        return tuple(self._inserted)


def _whole(said: Iterable[Utterance]) -> bool:
    return not any(utterance.left_out for utterance in said)
