"""Events to handlers: a user's handler may be slow or raise, and the conversation goes on."""

from __future__ import annotations

import asyncio
import inspect
import logging
import types
import typing
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from ..tasks import is_async, own_errors
from .event import Event

logger = logging.getLogger(__name__)

Handler = Callable[[Any], Awaitable[Any]]
HandlerT = TypeVar("HandlerT", bound=Callable[..., Coroutine[Any, Any, Any]])

# Events that wait for one handler. A handler that falls this far behind loses the newest ones, and the log says so:
# an agent must not grow without bound because a metrics service hangs.
BACKLOG_LIMIT = 1000

# How long `close` lets handlers work off what they already have, in seconds.
DRAIN_TIMEOUT = 1.0


class SubscriptionError(TypeError):
    """A handler that could never be called."""


class _Subscription:
    """One handler and what waits for it: in order, one at a time, never in anyone's way.

    A task runs only while there is something to hand over: an idle handler costs nothing and leaves nothing behind.
    """

    def __init__(self, handler: Handler, kinds: tuple[type[Event], ...]) -> None:
        self.handler = handler
        self.kinds = kinds
        self.name = _name(handler)
        self.lost = 0
        self._waiting: deque[Event] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def offer(self, event: Event) -> None:
        if self._closed:
            return
        if len(self._waiting) >= BACKLOG_LIMIT:
            self.lost += 1
            if self.lost == 1:
                logger.error(
                    "handler %s has %d events waiting and loses new ones; make it return sooner or start a task in it",
                    self.name,
                    BACKLOG_LIMIT,
                )
            return
        self._waiting.append(event)
        if self._task is None or self._task.done():
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return  # No event loop runs here: it waits for the next event that is sent on one.
            self._task = loop.create_task(self._run(), name=f"handler {self.name}")

    async def _run(self) -> None:
        while self._waiting:
            event = self._waiting.popleft()
            try:
                await own_errors(self.handler(event), f"handler {self.name}")
            except Exception:
                logger.exception("handler %s failed on %s; the conversation goes on", self.name, type(event).__name__)

    async def drain(self) -> None:
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        self._closed = True
        if self._task is None or self._task.done():
            return
        await asyncio.wait([self._task], timeout=DRAIN_TIMEOUT)
        if self._task.done():
            return
        logger.warning("handler %s did not finish within %.1f s of the end and was cancelled", self.name, DRAIN_TIMEOUT)
        self._waiting.clear()
        self._task.cancel()
        await asyncio.wait([self._task], timeout=DRAIN_TIMEOUT)


class EventManager:
    """Delivers events to async handlers, each in its own task and in order.

    `upstream`: returns the manager to whose subscribers everything sent here goes too, if there is one now: those of
    the agent, while a part is in its call.
    """

    def __init__(self, upstream: Callable[[], EventManager | None] = lambda: None) -> None:
        self._subscriptions: list[_Subscription] = []
        self._upstream = upstream

    def subscribe(self, handler: HandlerT) -> HandlerT:
        """Decorate an async function whose one annotated parameter (an event class or a union) picks its events.

        Raises SubscriptionError if the handler could never be called: it is not async, does not take exactly one
        argument, or its annotation is missing, unknown or no event.
        """
        self._subscriptions.append(_Subscription(handler, handled_kinds(handler)))
        return handler

    def unsubscribe(self, handler: Handler) -> None:
        """Forget `handler`; events already waiting for it are still delivered."""
        # By equality: each access to a bound method makes a new one.
        self._subscriptions = [s for s in self._subscriptions if s.handler != handler]

    def has_subscribers(self, kind: type[Event]) -> bool:
        """Return whether anyone would get an event of `kind`: asked on hot paths before the event is even made."""
        own = any(issubclass(kind, s.kinds) for s in self._subscriptions)
        return own or ((upstream := self._upstream()) is not None and upstream.has_subscribers(kind))

    def send(self, event: Event) -> None:
        """Queue `event` for everyone who subscribed to its class or a base of it. Never blocks and never raises.

        Call it on the event loop's thread.
        """
        for subscription in self._subscriptions:
            if isinstance(event, subscription.kinds):
                subscription.offer(event)
        if (upstream := self._upstream()) is not None:
            upstream.send(event)

    async def drain(self) -> None:
        """Wait until every handler has worked off what was sent: for ever, if one never returns. `close` does not."""
        await asyncio.gather(*(s.drain() for s in self._subscriptions))

    async def close(self) -> None:
        """Let the handlers finish what they have, for a second at most, and stop them. What comes later is ignored."""
        await asyncio.gather(*(s.close() for s in self._subscriptions))


def handled_kinds(handler: Callable[..., Any]) -> tuple[type[Event], ...]:
    """The event classes that the one parameter of `handler` is annotated with."""
    name = _name(handler)
    if inspect.isclass(handler):
        raise SubscriptionError(f"{name} is a class: subscribe an object of it, or an async function")
    if not is_async(handler):
        raise SubscriptionError(f"{name} must be an async function: write `async def`")
    required = [
        p
        for p in inspect.signature(handler).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if len(required) != 1 or required[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise SubscriptionError(f"{name} must take exactly one argument, the event")
    try:
        annotation = typing.get_type_hints(_written(handler)).get(required[0].name)
    except Exception as error:
        raise SubscriptionError(
            f"the annotation of {name} cannot be resolved ({error}): import the event class at the top of the module"
        ) from error
    if annotation is None:
        raise SubscriptionError(f"the parameter of {name} needs an annotation that names the events to handle")
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    kinds = typing.get_args(annotation) if union else (annotation,)
    wrong = [kind for kind in kinds if not (isinstance(kind, type) and issubclass(kind, Event))]
    if wrong:
        raise SubscriptionError(f"{name} is annotated with {wrong[0]!r}, which is no event and would never be sent")
    return tuple(kinds)


def _written(handler: Any) -> Any:
    """The function that was written: a partial's own, or how the objects of a class are called."""
    while isinstance(handler, partial):
        handler = handler.func
    return handler if inspect.isroutine(handler) else handler.__call__


def _name(handler: object) -> str:
    return str(getattr(handler, "__qualname__", repr(handler)))
