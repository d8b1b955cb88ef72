"""Mixin for models with function calling."""

from __future__ import annotations

import abc
from collections.abc import Callable

from ..conversation import Conversation, ToolCall
from ..epoch import Epoch
from ..events import EventManager
from ..listeners import CallBarrier
from .function_calls import FunctionCalls
from .tools import Filler, FunctionT, OnInterrupt, Tools, result_text


def call_note(call: ToolCall, output: str) -> str:
    """A note for the model on what became of a call."""
    return f"Note about the call {call.name}({result_text(dict(call.arguments))}): {output}"


class FunctionCaller:
    """A model that calls functions: a text model or a realtime one. It is `Interruptible` too."""

    events: EventManager

    @property
    @abc.abstractmethod
    def _epoch(self) -> Epoch: ...

    @property
    @abc.abstractmethod
    def _barrier(self) -> CallBarrier | None: ...

    def __init__(self, conversation: Callable[[], Conversation] = Conversation) -> None:
        self.tools = Tools()
        self.function_calls = FunctionCalls(
            self.tools,
            self.events,
            lambda: self._epoch,
            self.function_ended_late,
            lambda: self._barrier,
            conversation,
        )

    def register_function(
        self,
        name: str | None = None,
        description: str | None = None,
        *,
        on_interrupt: OnInterrupt = "finish",
        undo: Callable[..., object] | None = None,
        effects: bool = True,
        deliver: bool = True,
        after_speech: bool = False,
        filler: str | Filler | None = None,
    ) -> Callable[[FunctionT], FunctionT]:
        """Decorate a function that the model may call: typed parameters become the schema, the docstring the text.

        `on_interrupt` and `undo` say what becomes of a call when the user interrupts, `effects` whether it waits until
        what the user wants is certain, `deliver` whether the agent tells by itself what a call found that was
        interrupted, `after_speech` whether a call waits until what was said before was heard, `filler` what is said if
        it takes long; see `Tools.register`.
        """
        return lambda function: self.tools.register(
            function,
            name,
            description,
            on_interrupt=on_interrupt,
            undo=undo,
            effects=effects,
            deliver=deliver,
            after_speech=after_speech,
            filler=filler,
        )

    async def call_function(self, call: ToolCall, epoch: int) -> str:
        """Run a function for a realtime model and return what the model is to read of it: its result, or its error, or
        what else became of it. Raises nothing.

        After an interruption it returns when that is known: for a function that is to finish, its result; for one that
        is cancelled, at once; for one that is undone, how that went. It is for the provider's own history; whether
        anybody still wants it answered is another matter. If whoever waits for it is cancelled, as when the provider
        takes the call back, the function ends in the same ways.
        """
        return await self.function_calls.make(call, epoch)

    def function_ended_late(self, call: ToolCall, output: str) -> None:
        """A call ended after `call_function` had returned something else, or was cancelled: it was taken back,
        or it finished all the same. Returns at once.

        A realtime model that can be told something without answering it overrides this; `call_note` makes a text of it.
        """
