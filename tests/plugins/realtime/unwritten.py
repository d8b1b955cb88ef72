"""Stories of a realtime agent whose service answers words that it cannot write down."""

from __future__ import annotations

from typing import Any

import pytest

from vision_agents.core.conversation import ToolCall

from .call import AgentCall


class UnwrittenStories:
    """`service.unwritten`: the words that the stand-in cannot write down."""

    @pytest.mark.parametrize(("seconds", "times"), [(1.0, 2), (0.3, 1)], ids=["words", "a cough"])
    async def test_what_is_asked_for_again_in_words_that_cannot_be_written_down_is_done_again(
        self, service: Any, call: AgentCall, seconds: float, times: int
    ) -> None:
        paid, service.unwritten = list[int](), {"pay it once more"}
        service.will_hear("pay the bill", "pay it once more")
        first, again = (ToolCall(f"call_{number}", "pay", {"bill": 1}) for number in (1, 2))
        service.will_say(first, "it is paid.", again, "both are paid.")

        @call.agent.llm.register_function()
        async def pay(bill: int) -> str:
            """Pay."""
            paid.append(bill)
            return "paid"

        call.speak(0.8)
        await call.audible()
        call.speak(seconds)
        await call.until(lambda: any("both" in event.heard for event in call.ended()))
        assert paid == [1] * times
