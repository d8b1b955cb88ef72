"""Functions for models: their schema, how they are run, how their results read."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest

from vision_agents.core.conversation import ToolCall
from vision_agents.core.llm import Tools
from vision_agents.core.llm.tools import result_text


def schema(function: Callable[..., Any]) -> Any:
    tools = Tools()
    tools.register(function)
    [tool] = tools
    return tool.parameters


class TestSchema:
    def test_types(self) -> None:
        def function(
            text: str,
            count: int,
            share: float,
            really: bool,
            names: list[str],
            bare: list,  # type: ignore[type-arg]
            table: dict[str, int],
            unit: Literal["C", "F"],
            digit: Literal[1, 2],
            maybe: int | None,
            either: int | str,
            anything: Any,
        ) -> None: ...

        del function.__annotations__["anything"]
        assert schema(function)["properties"] == {
            "text": {"type": "string"},
            "count": {"type": "integer"},
            "share": {"type": "number"},
            "really": {"type": "boolean"},
            "names": {"type": "array", "items": {"type": "string"}},
            "bare": {"type": "array"},
            "table": {"type": "object"},
            "unit": {"type": "string", "enum": ["C", "F"]},
            "digit": {"type": "integer", "enum": [1, 2]},
            "maybe": {"type": "integer"},
            "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "anything": {"type": "string"},
        }

    def test_an_old_style_list_without_its_items(self) -> None:
        def function(things: Any) -> None: ...

        function.__annotations__["things"] = "__import__('typing').List"
        assert schema(function)["properties"] == {"things": {"type": "array"}}

    def test_what_must_be_given(self) -> None:
        def function(city: str, days: int = 1, *args: str, **more: str) -> None: ...

        assert schema(function)["required"] == ["city"]
        assert set(schema(function)["properties"]) == {"city", "days"}

    def test_a_method_without_itself(self) -> None:
        class Shop:
            def buy(self, what: str) -> None: ...

        assert set(schema(Shop().buy)["properties"]) == {"what"}

    def test_name_and_description(self) -> None:
        tools = Tools()

        @functools.partial(tools.register, name="weather")
        def look_it_up() -> None:
            """The weather,

            as it is now.
            """

        tools.register(lambda: None, "nothing", "Does nothing.")
        assert [(tool.name, tool.description) for tool in tools] == [
            ("weather", "The weather,\n\nas it is now."),
            ("nothing", "Does nothing."),
        ]
        assert len(tools) == 2


def book(seats: int, name: str = "") -> None: ...


class TestInterruptionPolicies:
    def test_the_default_finishes_what_was_begun(self) -> None:
        tools = Tools()
        tools.register(book)
        [tool] = tools
        assert (tool.on_interrupt, tool.undo, tool.stoppable) == ("finish", None, False)

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"on_interrupt": "stop"}, ValueError, "'stop': use one of 'finish', 'cancel', 'undo'"),
            ({"on_interrupt": "undo"}, ValueError, "pass undo=, a function that takes it back"),
            ({"undo": book}, ValueError, 'pass on_interrupt="undo" too, or leave undo out'),
            ({"on_interrupt": "cancel", "undo": book}, ValueError, 'pass on_interrupt="undo" too'),
            ({"on_interrupt": "undo", "undo": "book"}, TypeError, "must be a function, not str"),
            ({"on_interrupt": "undo", "undo": lambda seats: None}, TypeError, r"does not take \['name'\]"),
            ({"on_interrupt": "undo", "undo": lambda seats, name, id: None}, TypeError, r"needs \['id'\]"),
        ],
    )
    def test_what_does_not_fit_together_says_what_to_do(
        self, options: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        tools = Tools()
        with pytest.raises(error, match=message):
            tools.register(book, **options)
        assert len(tools) == 0

    def test_an_argument_of_the_name_of_the_result_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"an argument 'result'.*rename it"):
            Tools().register(lambda result: None, "keep", on_interrupt="undo", undo=lambda result: None)

    @pytest.mark.parametrize("declares", [True, False])
    async def test_undo_gets_the_arguments_and_the_result_if_it_declares_it(self, declares: bool) -> None:
        seen: list[Any] = []

        def plain(**arguments: Any) -> None:
            seen.append(arguments)

        async def with_result(seats: int, result: str, name: str = "") -> None:
            seen.append((seats, name, result))

        tools = Tools()
        tools.register(book, on_interrupt="undo", undo=with_result if declares else plain)
        await tools.get("book").take_back(ToolCall("1", "book", {"seats": 2}), "number 7")
        assert seen == [(2, "", "number 7") if declares else {"seats": 2}]


class TestCalls:
    async def test_a_plain_function_runs_beside_the_audio(self) -> None:
        tools = Tools()
        tools.register(lambda: threading.get_ident(), "where")
        assert await tools.call(ToolCall("1", "where")) != threading.get_ident()

    async def test_a_plain_function_around_an_async_one(self) -> None:
        async def inner(number: int) -> int:
            return number + 1

        @functools.wraps(inner)
        def outer(number: int) -> Awaitable[int]:
            return inner(number)

        tools = Tools()
        tools.register(outer)
        assert await tools.call(ToolCall("1", "inner", {"number": 1})) == 2

    async def test_a_plain_function_may_raise_what_no_future_can_hold(self) -> None:
        tools = Tools()
        tools.register(lambda: next(iter([])), "first")
        with pytest.raises(RuntimeError, match="StopIteration"):
            await asyncio.wait_for(tools.call(ToolCall("1", "first")), 5)

    async def test_what_cannot_be_read_is_the_models_fault_too(self) -> None:
        tools, made = Tools(), list[str]()
        tools.register(lambda: made.append("pay"), "pay")
        with pytest.raises(ValueError, match="no JSON"):
            await tools.call(ToolCall("1", "pay", wrong="arguments that are no JSON"))
        assert made == []

    async def test_wrong_arguments_are_the_models_fault(self) -> None:
        tools = Tools()
        tools.register(lambda city: city, "weather")
        with pytest.raises(TypeError, match="town"):
            await tools.call(ToolCall("1", "weather", {"town": "Oslo"}))

    async def test_a_name_that_nobody_registered(self) -> None:
        with pytest.raises(LookupError, match="there is no function 'weather'; known are none"):
            await Tools().call(ToolCall("1", "weather"))


class Odd:
    def __str__(self) -> str:
        return "odd"


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("as it is", "as it is"),
        (None, "null"),
        ([1, 2.5, "ü"], '[1, 2.5, "ü"]'),
        (Odd(), '"odd"'),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (CIRCLE, "[[...]]"),
    ],
)
def test_results_as_a_model_reads_them(result: Any, text: str) -> None:
    assert result_text(result) == text
