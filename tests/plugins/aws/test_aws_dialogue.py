"""What the events of a stream mean while functions run: which response what comes belongs to, and who interrupts."""

from __future__ import annotations

import base64
import json
from itertools import count
from typing import Any

import numpy as np
import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall
from vision_agents.plugins.aws.dialogue import Dialogue
from vision_agents.plugins.aws.responses import Response
from vision_agents.testing.contract import Player

from ..realtime.kit import ANNA, Reports

MARK = '{ "interrupted" : true }'


class Stand:
    """A dialogue with Anna at the microphone, and the functions that it calls."""

    def __init__(self) -> None:
        self.model = Reports()
        self.model.microphones.mix(PcmData.silence(0.02, 16_000), ANNA)
        self.player = Player(self.model)
        self.calls: list[tuple[ToolCall, Response]] = []
        self.dialogue = Dialogue(
            self.model, lambda call, response: self.calls.append((call, response)), lambda: 100.0, lambda: (1.0, 0.5)
        )
        self._names = count(1)

    def begins(self, kind: str, role: str = "ASSISTANT", stage: str = "SPECULATIVE") -> str:
        name = f"content {next(self._names)}"
        fields = {"contentId": name, "role": role, "type": kind}
        self.take("contentStart", fields | {"additionalModelFields": json.dumps({"generationStage": stage})})
        return name

    def take(self, event: str, fields: dict[str, Any]) -> None:
        self.dialogue.take({event: fields})

    def ends(self, content: str, reason: str = "END_TURN") -> None:
        self.take("contentEnd", {"contentId": content, "stopReason": reason})

    def text(
        self, text: str, role: str = "ASSISTANT", stage: str = "SPECULATIVE", reason: str = "PARTIAL_TURN"
    ) -> None:
        content = self.begins("TEXT", role, stage)
        self.take("textOutput", {"contentId": content, "content": text})
        self.ends(content, reason)

    def says(self, text: str, reason: str = "END_TURN") -> None:
        """The model speaks."""
        self.text(text)
        content = self.begins("AUDIO")
        data = base64.b64encode(np.full(2400, 1000, "<i2").tobytes()).decode()
        self.take("audioOutput", {"contentId": content, "content": data})
        self.ends(content, reason)

    def calls_function(self, name: str, arguments: str = "{}") -> None:
        self.called(self.calling(name, arguments))

    def calling(self, name: str, arguments: str = "{}") -> str:
        """The model says what it calls, and has not ended that."""
        content = self.begins("TOOL", "TOOL")
        self.take(
            "toolUse", {"contentId": content, "toolUseId": f"id of {name}", "toolName": name, "content": arguments}
        )
        return content

    def called(self, content: str) -> None:
        self.ends(content, "TOOL_USE")

    def pays(self, preamble: str) -> None:
        """A function runs for the second text that was asked, after a preamble if there is one."""
        self.dialogue.asked("Hello.", 1)
        self.says("Hello, Anna.")
        self.dialogue.asked("Pay it.", 2)
        if preamble:
            self.says(preamble, "PARTIAL_TURN")
        self.calls_function("pay")

    def returned(self) -> None:
        """The oldest of the functions returns, and its result is sent."""
        _, response = self.calls.pop(0)
        self.dialogue.result_sent(response)


@pytest.fixture
def stand() -> Stand:
    return Stand()


# An interruption while a function runs.


async def test_what_is_said_to_the_output_of_a_cancelled_call_is_not_heard(stand: Stand) -> None:
    stand.dialogue.asked("Pay it.", 1)
    stand.calls_function("pay")
    stand.model.interrupt()
    stand.returned()
    assert stand.dialogue.unwanted, "the model answers that at once"
    stand.says("Nothing was paid.")
    assert not stand.player.responses
    assert not stand.dialogue.unwanted
    stand.dialogue.asked("Go on.", 2)
    stand.says("Well.")
    assert [(said.request, said.text) for said in stand.player.responses.values()] == [(2, "Well.")]


async def test_nor_is_it_behind_the_answer_to_another_text(stand: Stand) -> None:
    stand.dialogue.asked("Pay it.", 1)
    stand.calls_function("pay")
    stand.model.interrupt()
    stand.dialogue.asked("Never mind.", 2)
    stand.returned()
    stand.says("Never mind it is.")
    assert stand.dialogue.unwanted
    stand.says("Nothing was paid.")
    assert [(said.request, said.text) for said in stand.player.responses.values()] == [(2, "Never mind it is.")]


async def test_what_is_said_to_the_output_of_a_call_that_was_cut_off_is_not_heard(stand: Stand) -> None:
    stand.dialogue.asked("Pay it.", 1)
    stand.calls_function("pay")
    stand.dialogue.cancel({stand.calls[0][1].id})
    stand.returned()
    stand.says("It is paid.")
    assert not stand.player.responses


async def test_an_answer_that_begins_with_a_content_of_before_an_interruption_is_not_heard(stand: Stand) -> None:
    stand.text("How is the weather?", "USER", "FINAL")
    content = stand.begins("TEXT")
    stand.model.interrupt()
    assert stand.dialogue.unwanted
    stand.take("textOutput", {"contentId": content, "content": "It rains."})
    stand.ends(content)
    assert not stand.player.responses


@pytest.mark.parametrize("stage", ["SPECULATIVE", "FINAL"])
@pytest.mark.parametrize("preamble", ["", "One moment."])
async def test_a_noise_while_a_function_runs_loses_the_answer_and_that_is_told(
    stand: Stand, preamble: str, stage: str
) -> None:
    stand.pays(preamble)
    stand.player._playing.clear()  # All that was said has been heard.
    stand.text(MARK, stage=stage, reason="INTERRUPTED")
    assert [fact[0] for fact in stand.player.of("turn_started")] == ["turn_started"]
    assert stand.player.lost == [stand.calls[0][1].id if preamble else None]
    assert stand.player.lost_requests == [2]
    assert stand.dialogue.idle or stand.dialogue.turns.unanswered
    assert stand.dialogue.calling is None


@pytest.mark.parametrize("stage", ["SPECULATIVE", "FINAL"])
@pytest.mark.parametrize("before", [False, True])
async def test_a_noise_before_anything_of_the_answer_came_loses_it_and_that_is_told_once(
    stand: Stand, before: bool, stage: str
) -> None:
    if before:
        stand.dialogue.asked("Hello.", 1)
        stand.says("Hello, Anna.")
        # All of that has been heard.
        stand.player._playing.clear()
        stand.dialogue._plays_until = stand.dialogue.now()
    stand.text("How is the weather?", "USER", "FINAL")
    stand.text(MARK, stage=stage, reason="INTERRUPTED")
    assert stand.player.lost == [None]
    assert [fact[0] for fact in stand.player.of("turn_started")] == ["turn_started"] * 2
    stand.says("It rains.")
    assert stand.player.last.text == "It rains."


@pytest.mark.parametrize("stage", ["SPECULATIVE", "FINAL"])
@pytest.mark.parametrize("preamble", ["", "One moment."])
async def test_a_text_asked_while_a_function_runs_is_no_caller_who_speaks(
    stand: Stand, preamble: str, stage: str
) -> None:
    stand.pays(preamble)
    stand.dialogue.asked("Say: it takes a moment.", 7)
    stand.text(MARK, stage=stage, reason="INTERRUPTED")
    assert not stand.player.of("turn_started")
    assert not stand.player.lost
    stand.says("It takes a moment.")
    assert (stand.player.last.request, stand.player.last.text) == (7, "It takes a moment.")
    stand.returned()
    stand.says("It is paid.")
    assert (stand.player.last.request, stand.player.last.text) == (2, "It is paid.")


async def test_a_text_that_is_no_mark_opens_the_answer_to_the_text_that_was_asked(stand: Stand) -> None:
    stand.dialogue.asked("Hello.", 1)
    stand.text(MARK)
    assert [request.key for request in stand.dialogue.requests] == [1]
    stand.says("Hello, Anna.")
    assert (stand.player.last.request, stand.player.last.text) == (1, "Hello, Anna.")


# Several functions.


async def test_a_second_call_is_made_though_the_first_returned_meanwhile(stand: Stand) -> None:
    stand.dialogue.asked("Pay it and tell me the weather.", 1)
    stand.calls_function("pay")
    second = stand.calling("weather")
    stand.returned()
    stand.called(second)
    assert [call.name for call, _ in stand.calls] == ["weather"]
    stand.returned()
    stand.says("It is paid, and it rains.")
    assert [(said.request, said.text) for said in stand.player.responses.values()] == [(1, "It is paid, and it rains.")]
    assert not stand.dialogue.wanted
    assert not stand.dialogue.requests


@pytest.mark.parametrize("arguments", ["{", "[1]", "null", '"Ulm"'])
async def test_a_call_with_arguments_that_cannot_be_read_is_told_so(stand: Stand, arguments: str) -> None:
    stand.dialogue.asked("Pay it.", 1)
    stand.calls_function("pay", arguments)
    ((call, _),) = stand.calls
    assert (call.id, call.name, dict(call.arguments)) == ("id of pay", "pay", {})
    assert "no JSON object" in call.wrong
    stand.returned()
    stand.says("Once more.")
    assert (stand.player.last.request, stand.player.last.text) == (1, "Once more.")


@pytest.mark.parametrize("returned", [True, False])
async def test_what_waits_for_a_function_is_lost_with_its_stream_and_its_key(stand: Stand, returned: bool) -> None:
    stand.pays("")
    if returned:
        stand.returned()
        stand.dialogue.calling = None  # The service is at the results, of which nothing has come.
    assert stand.dialogue.end() == []
    assert (stand.player.lost, stand.player.lost_requests) == ([None], [2])


@pytest.mark.parametrize("stage", ["SPECULATIVE", "FINAL"])
async def test_a_text_of_ours_before_the_answer_began_is_no_caller_who_speaks(stand: Stand, stage: str) -> None:
    stand.text("How is the weather?", "USER", "FINAL")
    stand.dialogue.asked("Tell the caller that it rains.", 7)
    stand.text(MARK, stage=stage, reason="INTERRUPTED")
    assert len(stand.player.of("turn_started")) == 1
    stand.says("It rains.")
    assert stand.player.last.text == "It rains."
