"""Calling functions for a model: the events, the errors as the model reads them."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..conversation import ToolCall
from ..events import EventManager
from .events import ToolEndedEvent, ToolStartedEvent
from .tools import FunctionT, Tools, result_text

logger = logging.getLogger(__name__)


class FunctionCaller:
    """What has functions that a model may call."""

    tools: Tools
    events: EventManager

    def register_function(
        self, name: str | None = None, description: str | None = None
    ) -> Callable[[FunctionT], FunctionT]:
        """Decorate a function that the model may call: typed parameters become the schema, the docstring the text."""
        return lambda function: self.tools.register(function, name, description)

    async def call_function(self, call: ToolCall, epoch: int) -> str:
        """Run a function and return its result, or its error, as the model is to read it. Raises nothing."""
        self.events.send(ToolStartedEvent(name=call.name, arguments=dict(call.arguments), epoch=epoch))
        try:
            result = await self.tools.call(call)
        except Exception as error:
            logger.exception("function %s failed; the model is told so", call.name)
            self.events.send(ToolEndedEvent(name=call.name, error=str(error), epoch=epoch))
            return f"error: {type(error).__name__}: {error}"
        self.events.send(ToolEndedEvent(name=call.name, result=result, epoch=epoch))
        return result_text(result)
