"""Functions for models: their schema, how they are run, how their results read."""

from __future__ import annotations

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
