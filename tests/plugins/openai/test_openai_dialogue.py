"""When a response is due: as long as it is wanted, and nobody speaks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from vision_agents.core.audio import PcmData
from vision_agents.plugins.openai.dialogue import Dialogue
from vision_agents.plugins.openai.user_turns import UserTurns
from vision_agents.testing.contract import Player

from ..realtime.kit import ANNA, Reports


class Stand:
    """A dialogue with a clock in the hand, and its own wire, which is open."""

    up = True

    def __init__(self) -> None:
        self.time = 100.0
        self.sent: list[dict[str, Any]] = []
        self.model = Reports()
        self.model.microphones.mix(PcmData.silence(0.02, 24_000), ANNA)
        self.player = Player(self.model)
        self.dialogue = Dialogue(self.model, self, lambda: self.time, UserTurns({}), True)  # type: ignore[arg-type]

    def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def expect_response(self) -> None:
        pass

    def hears(self, what: str, item: str = "item_1") -> None:
        event = SimpleNamespace(type=f"input_audio_buffer.{what}", item_id=item, audio_start_ms=0, audio_end_ms=900)
        self.dialogue.take(event)


@pytest.fixture
def stand() -> Stand:
    return Stand()


async def test_what_was_asked_for_is_due_while_nobody_speaks(stand: Stand) -> None:
    assert stand.dialogue.due_since is None
    stand.dialogue.ask(0, "What time is it?")
    assert stand.dialogue.due_since == 100.0
    stand.time = 105.0
    stand.hears("speech_started")
    assert stand.dialogue.due_since is None
    stand.time = 125.0
    stand.hears("speech_stopped")
    assert stand.dialogue.due_since == 125.0


async def test_what_nobody_wants_any_more_is_not_due_until_something_waits_for_it(stand: Stand) -> None:
    stand.dialogue.ask(0, "What time is it?")
    stand.player.interrupt()
    assert stand.dialogue.due_since is None
    stand.time = 130.0
    stand.dialogue.ask(1, "And now?")
    assert stand.dialogue.due_since == 130.0
    stand.dialogue.give_up_response()
    assert stand.player.lost == []
    stand.dialogue.go_on()
    assert stand.dialogue.due_since == 130.0
    stand.dialogue.give_up_response()
    assert len(stand.player.lost) == 1
