"""How long a turn was, from the marks of the service."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.audio import PcmData
from vision_agents.core.participants import Participant
from vision_agents.plugins import openai
from vision_agents.plugins.openai.user_turns import UserTurns
from vision_agents.testing.contract import Player, frames, lifetime, until
from vision_agents.testing.parts import tone

from ...standins.openai.server import StandIn

ANNA = Participant("anna")
RATE = 24_000


async def test_a_turn_that_begins_with_the_session_is_as_long_as_it_was(service: StandIn) -> None:
    async with lifetime(openai.Realtime(), service) as model:
        player = Player(model)
        await model.connect("")
        for audio in (tone(1.0, RATE), PcmData.silence(1.0, RATE)):
            for piece in frames(audio):
                await model.send_audio(piece, ANNA)
        await until(lambda: player.of("turn_ended"), "the end of the turn")
        (ended,) = player.of("turn_ended")
        assert ended[3] == pytest.approx(1.0, abs=0.05)


@given(
    onset=st.integers(0, 2000),
    length=st.integers(1, 10_000),
    padding=st.integers(0, 1000),
    silence=st.integers(200, 1000),
)
def test_a_turn_is_as_long_as_it_was_unless_its_beginning_is_not_known(
    onset: int, length: int, padding: int, silence: int
) -> None:
    turns = UserTurns({"type": "server_vad", "prefix_padding_ms": padding, "silence_duration_ms": silence})
    turns.begin("item", ANNA, max(0, onset - padding), 1)
    turn = turns.get("item")
    assert turn is not None
    duration = turns.duration(turn, onset + length + silence)
    if onset > padding:
        assert duration == pytest.approx(length / 1000)
    else:
        # Too long at most, by what was silent before it.
        assert duration == pytest.approx((length + onset) / 1000)
