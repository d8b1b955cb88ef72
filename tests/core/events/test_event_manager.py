"""Events to handlers: in order, apart from each other, and whatever a handler does the sender goes on."""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from vision_agents.core.events import Event, EventManager, SubscriptionError
from vision_agents.core.events import manager as module
from vision_agents.core.participants import Participant


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Event):
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoudPing(Ping):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong(Event):
    number: int = 0


@pytest.mark.virtual_time
class TestDelivery:
    async def test_in_the_order_they_were_sent(self) -> None:
        events, seen = EventManager(), []

        @events.subscribe
        async def on_ping(event: Ping) -> None:
            await asyncio.sleep(1.0 if event.number == 0 else 0.0)
            seen.append(event.number)

        for number in range(5):
            events.send(Ping(number=number))
        await events.drain()
        assert seen == [0, 1, 2, 3, 4]

    async def test_what_is_sent_while_a_handler_runs(self) -> None:
        events, seen = EventManager(), []

        @events.subscribe
        async def on_ping(event: Ping) -> None:
            seen.append(event.number)
            if event.number < 3:
                events.send(Ping(number=event.number + 1))

        events.send(Ping(number=0))
        await events.drain()
        assert seen == [0, 1, 2, 3]

    async def test_subclasses_unions_and_everything(self) -> None:
        events: EventManager = EventManager()
        seen: dict[str, list[Event]] = {"ping": [], "both": [], "old": [], "all": [], "annotated": []}

        @events.subscribe
        async def ping(event: Ping) -> None:
            seen["ping"].append(event)

        @events.subscribe
        async def both(event: LoudPing | Pong) -> None:
            seen["both"].append(event)

        async def old(event: Any) -> None:
            seen["old"].append(event)

        old.__annotations__["event"] = "Ping | Pong"
        events.subscribe(old)

        @events.subscribe
        async def everything(event: Event) -> None:
            seen["all"].append(event)

        @events.subscribe
        async def annotated(event: Annotated[Pong, "with a note"]) -> None:
            seen["annotated"].append(event)

        a, b, c = Ping(), LoudPing(), Pong()
        for event in (a, b, c):
            events.send(event)
        await events.drain()
        assert seen == {"ping": [a, b], "both": [b, c], "old": [a, b, c], "all": [a, b, c], "annotated": [c]}

    async def test_a_slow_handler_delays_nobody_else(self) -> None:
        events = EventManager()
        done: list[tuple[str, float]] = []
        now = asyncio.get_running_loop().time

        @events.subscribe
        async def slow(event: Ping) -> None:
            await asyncio.sleep(10.0)
            done.append(("slow", now()))

        @events.subscribe
        async def quick(event: Ping) -> None:
            done.append(("quick", now()))

        events.send(Ping())
        await events.drain()
        assert done == [("quick", 0.0), ("slow", 10.0)]

    async def test_a_handler_that_raises_is_reported_and_called_again(self, caplog: pytest.LogCaptureFixture) -> None:
        events, seen = EventManager(), []

        @events.subscribe
        async def fragile(event: Ping) -> None:
            seen.append(event.number)
            raise ValueError("metrics are down")

        events.send(Ping(number=1))
        events.send(Ping(number=2))
        await events.drain()
        assert seen == [1, 2]
        assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
        assert "fragile failed on Ping; the conversation goes on" in caplog.text
        assert "metrics are down" in caplog.text

    async def test_a_handler_whose_own_work_was_cancelled_is_called_again(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        events, seen = EventManager(), []

        @events.subscribe
        async def waits(event: Ping) -> None:
            seen.append(event.number)
            work = asyncio.create_task(asyncio.sleep(10.0))
            work.cancel()
            await work

        events.send(Ping(number=1))
        events.send(Ping(number=2))
        await events.drain()
        assert seen == [1, 2]
        assert "waits failed on Ping; the conversation goes on" in caplog.text
        assert "gave up: something that it waited for was cancelled" in caplog.text

    async def test_a_handler_that_exits_ends_itself_and_nothing_else(self, caplog: pytest.LogCaptureFixture) -> None:
        events, seen = EventManager(), []

        @events.subscribe
        async def leaves(event: Ping) -> None:
            seen.append(event.number)
            sys.exit(3)

        events.send(Ping(number=1))
        events.send(Ping(number=2))
        await events.drain()
        assert seen == [1, 2]
        assert "leaves failed on Ping; the conversation goes on" in caplog.text

    async def test_a_method_and_an_object_that_can_be_called(self) -> None:
        events = EventManager()

        class Listener:
            def __init__(self) -> None:
                self.seen: list[str] = []

            async def on_ping(self, event: Ping, note: str = "method") -> None:
                self.seen.append(note)

            async def __call__(self, event: Ping) -> None:
                self.seen.append("object")

        listener = Listener()
        events.subscribe(listener.on_ping)
        events.subscribe(listener)
        events.send(Ping())
        await events.drain()
        assert sorted(listener.seen) == ["method", "object"]
        events.unsubscribe(listener.on_ping)  # a bound method is another object at each access
        events.send(Ping())
        await events.drain()
        assert sorted(listener.seen) == ["method", "object", "object"]

    async def test_unsubscribed_handlers_get_what_was_sent_before(self) -> None:
        events, seen = EventManager(), []

        @events.subscribe
        async def on_ping(event: Ping) -> None:
            seen.append(event.number)

        events.send(Ping(number=1))
        events.unsubscribe(on_ping)
        events.send(Ping(number=2))
        await asyncio.sleep(1.0)
        assert seen == [1]
        assert not events.has_subscribers(Ping)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_a_component_reaches_the_agents_subscribers(self) -> None:
        agent = EventManager()
        component = EventManager(lambda: agent)
        seen: list[str] = []

        @agent.subscribe
        async def on_agent(event: Ping) -> None:
            seen.append("agent")

        @component.subscribe
        async def on_component(event: Ping) -> None:
            seen.append("component")

        component.send(Ping())
        agent.send(Ping())
        await asyncio.gather(agent.drain(), component.drain())
        assert sorted(seen) == ["agent", "agent", "component"]

    async def test_who_would_be_told(self) -> None:
        agent = EventManager()
        component = EventManager(lambda: agent)
        assert not component.has_subscribers(LoudPing)

        @agent.subscribe
        async def on_ping(event: Ping) -> None: ...

        assert component.has_subscribers(LoudPing)
        assert component.has_subscribers(Ping)
        assert not component.has_subscribers(Pong)
        assert not component.has_subscribers(Event)

    async def test_an_idle_handler_leaves_no_task(self) -> None:
        events = EventManager()

        @events.subscribe
        async def on_ping(event: Ping) -> None: ...

        events.send(Ping())
        await events.drain()
        assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.virtual_time
class TestBounds:
    async def test_a_handler_that_never_returns_loses_the_newest_and_the_log_says_so(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "BACKLOG_LIMIT", 5)
        events = EventManager()
        seen: list[int] = []
        go_on = asyncio.Event()

        @events.subscribe
        async def stuck(event: Ping) -> None:
            await go_on.wait()
            seen.append(event.number)

        @events.subscribe
        async def fine(event: Ping) -> None: ...

        events.send(Ping(number=0))
        await asyncio.sleep(0.1)  # it is at work on the first one
        for number in range(1, 10):
            events.send(Ping(number=number))
            await asyncio.sleep(0.0)
        assert caplog.text.count("loses new ones") == 1
        assert "stuck has 5 events waiting" in caplog.text
        go_on.set()
        await events.drain()
        assert seen == [0, 1, 2, 3, 4, 5]
        await events.close()

    async def test_close_lets_handlers_finish(self) -> None:
        events, seen = EventManager(), []

        @events.subscribe
        async def takes_a_while(event: Ping) -> None:
            await asyncio.sleep(0.4)
            seen.append(event.number)

        events.send(Ping(number=1))
        events.send(Ping(number=2))
        await events.close()
        assert seen == [1, 2]

    @pytest.mark.parametrize("stubborn", [False, True], ids=["never returns", "and ignores being cancelled once"])
    async def test_close_waits_for_nobody_for_ever(self, stubborn: bool, caplog: pytest.LogCaptureFixture) -> None:
        events, seen = EventManager(), []

        @events.subscribe
        async def stuck(event: Ping) -> None:
            seen.append(event.number)
            try:
                await asyncio.sleep(1000.0)
            except asyncio.CancelledError:
                if not stubborn:
                    raise

        events.send(Ping(number=1))
        events.send(Ping(number=2))
        await asyncio.sleep(0.0)
        await events.close()
        assert asyncio.get_running_loop().time() == pytest.approx(module.DRAIN_TIMEOUT)
        assert "stuck did not finish within 1.0 s of the end and was cancelled" in caplog.text
        assert seen == [1]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_what_is_sent_after_the_end_is_ignored(self) -> None:
        events, seen = EventManager(), []

        @events.subscribe
        async def on_ping(event: Ping) -> None:
            seen.append(event.number)

        events.send(Ping(number=1))
        await events.drain()
        await events.close()
        events.send(Ping(number=2))
        await asyncio.sleep(1.0)
        assert seen == [1]
        await events.close()
        await events.drain()


def test_without_an_event_loop_an_event_waits_for_one() -> None:
    events, seen = EventManager(), []

    @events.subscribe
    async def on_ping(event: Ping) -> None:
        seen.append(event.number)

    events.send(Ping(number=1))
    assert seen == []

    async def later() -> None:
        events.send(Ping(number=2))
        await events.drain()

    asyncio.run(later())
    assert seen == [1, 2]


def test_partials_and_objects_are_handlers() -> None:
    events, seen = EventManager(), list[tuple[str, int]]()

    class Handler:
        async def __call__(self, event: Ping) -> None:
            seen.append(("object", event.number))

        async def note(self, name: str, event: Ping) -> None:
            seen.append((name, event.number))

    handler = Handler()
    for each in (handler, functools.partial(handler.note, "partial"), functools.partial(handler)):
        events.subscribe(each)

    async def send() -> None:
        events.send(Ping(number=1))
        await events.drain()

    asyncio.run(send())
    assert sorted(seen) == [("object", 1), ("object", 1), ("partial", 1)]


class TestSubscriptionErrors:
    """A handler that could never be called is an error at once, in words that say what to write."""

    def refuse(self, handler: Any, message: str) -> None:
        events = EventManager()
        with pytest.raises(SubscriptionError, match=message):
            events.subscribe(handler)
        assert not events.has_subscribers(Ping)

    def test_not_async(self) -> None:
        def handler(event: Ping) -> None: ...

        self.refuse(handler, "handler must be an async function: write `async def`")

    def test_an_async_generator(self) -> None:
        async def handler(event: Ping) -> Any:
            yield event

        self.refuse(handler, "must be an async function")

    def test_not_even_a_function(self) -> None:
        self.refuse("handler", "'handler' must be an async function")

    def test_no_parameter(self) -> None:
        async def handler() -> None: ...

        self.refuse(handler, "handler must take exactly one argument, the event")

    def test_two_parameters(self) -> None:
        async def handler(event: Ping, other: Pong) -> None: ...

        self.refuse(handler, "exactly one argument")

    def test_anything(self) -> None:
        async def handler(*events: Ping) -> None: ...

        self.refuse(handler, "exactly one argument")

    def test_by_keyword_only(self) -> None:
        async def handler(*, event: Ping) -> None: ...

        self.refuse(handler, "exactly one argument")

    def test_no_annotation(self) -> None:
        async def handler(event) -> None: ...  # type: ignore[no-untyped-def]

        self.refuse(handler, "the parameter of .*handler needs an annotation that names the events")

    @pytest.mark.parametrize("annotation", ["Pling", "module.Pling", "Ping |", "Ping | 7"])
    def test_an_annotation_that_cannot_be_resolved(self, annotation: str) -> None:
        async def handler(event: Any) -> None: ...

        handler.__annotations__["event"] = annotation
        self.refuse(handler, "annotation of .*handler cannot be resolved .*: import the event class at the top")

    @pytest.mark.parametrize(
        "annotation", [int, Participant, Any, Ping | None, Ping | Participant, list[Ping], "Ping | int"]
    )
    def test_no_event(self, annotation: Any) -> None:
        async def handler(event: Any) -> None: ...

        handler.__annotations__["event"] = annotation
        self.refuse(handler, "handler is annotated with .* which is no event and would never be sent")

    def test_a_class(self) -> None:
        class Handler:
            async def __call__(self, event: Ping) -> None: ...

        self.refuse(Handler, "Handler is a class: subscribe an object of it, or an async function")
        self.refuse(Ping, "Ping is a class")

    def test_a_partial_of_what_is_not_async(self) -> None:
        def handler(note: str, event: Ping) -> None: ...

        self.refuse(functools.partial(handler, "note"), "must be an async function")
