"""A call of a function as a model writes it."""

from __future__ import annotations

import pytest

from vision_agents.core.conversation import ToolCall


def test_arguments_are_read_and_none_are_empty() -> None:
    assert ToolCall.from_json("1", "weather", '{"city": "Ulm"}') == ToolCall("1", "weather", {"city": "Ulm"})
    assert ToolCall.from_json("1", "weather", "") == ToolCall("1", "weather")


@pytest.mark.parametrize("arguments", ["{", "[1]", '"x"', "null"])
def test_a_call_with_arguments_that_cannot_be_read_says_so(arguments: str) -> None:
    call = ToolCall.from_json("1", "weather", arguments)
    assert "weather was called with arguments that are no JSON object" in call.wrong
    assert (call.id, call.name, call.arguments) == ("1", "weather", {})
