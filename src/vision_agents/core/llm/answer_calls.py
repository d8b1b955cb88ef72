"""The calls that are made for one answer, and their place in the history."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..conversation import Conversation, Message, Role, ToolCall
from .confirmation import Confirmation
from .function_call import FunctionCall, Speaker

if TYPE_CHECKING:
    from .function_calls import FunctionCalls

GIVEN_UP = "the answer was given up"


class AnswerCalls:
    """The calls that are made for one answer, and their place in the history.

    The history has a call from its beginning, with an output that says that it runs, and never a second one: what
    becomes of the call takes the place of that.

    Args:
        epoch: of the answer.
        conversation: the history; None if nobody wants one.
        speaker: speaks what the functions say.
        reply: the number of the answer, if it has one.
        confirmation: of the turn that is answered. Before it, functions without effects run, and the history has none.
    """

    def __init__(
        self,
        epoch: int,
        conversation: Conversation | None = None,
        speaker: Speaker | None = None,
        reply: int | None = None,
        confirmation: Confirmation | None = None,
    ) -> None:
        self.epoch = epoch
        self.reply = reply
        self.confirmation = confirmation if confirmation is not None else Confirmation()
        self._conversation = conversation if conversation is not None else Conversation()
        self._speaker = speaker if speaker is not None else Speaker()
        self._calls: list[FunctionCall] = []
        # Those of the message that is being made.
        self._awaited: list[FunctionCall] = []
        self._maker: FunctionCalls | None = None
        # Nobody waits for the answer any more: no further call is made for it.
        self.over = False
        # What `make` has returned last.
        self.told: tuple[Message, ...] = ()

    def interrupt(self) -> None:
        """The user interrupted the answer: what runs ends as its tool wants it, what is to be undone is. Harmless
        twice, and when the call is over."""
        if not self._ends() or self._maker is None or self._maker.over:
            return
        for call in self._calls:
            call.interrupt()

    def give_up(self, why: str = GIVEN_UP) -> None:
        """The answer is not made any more, though nobody interrupted it: what has returned stays. Harmless twice."""
        if self._ends():
            for call in self._calls:
                call.give_up(why)

    def abandon(self, why: str) -> None:
        """Nobody is left to hear the answer: what has returned stays, and what runs may finish. Harmless twice."""
        if self._ends():
            for call in self._calls:
                call.abandon(why)

    def _ends(self) -> bool:
        """Return whether somebody has waited for the answer until now."""
        over, self.over = self.over, True
        return not over

    async def make(self, calls: list[ToolCall], maker: FunctionCalls, said: str = "") -> tuple[Message, ...]:
        """Make the calls of one message, one after the other, and return that message and the outputs.

        `said`: what the model wrote before it called them. It is in the message; in the history it is put down by
        whoever speaks it, as it is heard.

        Returns as soon as nobody waits for them any more; what still runs then does so in the background. What the
        functions have said comes before that message, or in it. For an answer that is `over` already nothing is made,
        and nothing returned.
        """
        if self.over or maker.over:
            self.over = True
            return ()
        self._maker = maker
        self._speaker.calling()
        asked = Message(Role.ASSISTANT, "", tool_calls=tuple(calls))
        self.confirmation.then(partial(self._conversation.add, asked))
        self._awaited = made = [self._prepare(call, maker) for call in calls]
        try:
            for call in made:
                if not call.free.is_set():
                    call.begin()
                    await call.free.wait()
            self._awaited = []
            words = await self._speaker.called()
        except asyncio.CancelledError:
            self.give_up()
            raise
        finally:
            self._awaited = []
        outputs = (Message(Role.TOOL, call.output, tool_call_id=call.call.id) for call in made)
        self.told = (*_asked(said, words, calls), *outputs)
        return self.told

    def awaits(self, call: FunctionCall) -> bool:
        """Return whether the answer waits for this call, or for another one of the same message."""
        return call in self._awaited and not self.over

    def _prepare(self, call: ToolCall, maker: FunctionCalls) -> FunctionCall:
        output = _Output(self._conversation, call.id)
        made = maker.prepare(call, self.epoch, output.show, self._speaker, self.reply)
        made.confirmation = self.confirmation
        self.confirmation.then(partial(output.begin, made))
        self._calls.append(made)
        return made


def _asked(said: str, words: tuple[Message, ...], calls: list[ToolCall]) -> list[Message]:
    """Return the message that makes the calls, with what was said before their results; questions stand alone."""
    told: list[Message] = []
    for message in words:
        if message.role is Role.ASSISTANT:
            said = f"{said.rstrip()} {message.text}".lstrip()
        else:
            told += [Message(Role.ASSISTANT, said)] if said.strip() else []
            told.append(message)
            said = ""
    return [*told, Message(Role.ASSISTANT, said, tool_calls=tuple(calls))]


@dataclass(slots=True)
class _Output:
    """The one output of a call in the history."""

    conversation: Conversation
    call_id: str
    # None before it is in the history.
    place: int | None = None

    def begin(self, call: FunctionCall) -> None:
        self.place = self.conversation.place()
        self.show(call.output)

    def show(self, text: str) -> None:
        if self.place is None:
            return
        self.conversation.put(self.place, Message(Role.TOOL, text, tool_call_id=self.call_id))
