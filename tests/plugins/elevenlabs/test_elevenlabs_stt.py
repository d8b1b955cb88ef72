"""Scribe: turns from transcripts, of which some are repeated, some late, and some missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from vision_agents.core import Participant
from vision_agents.core.audio import PcmData
from vision_agents.core.part import Attachment
from vision_agents.core.remote import NoConnectionError
from vision_agents.plugins import elevenlabs
from vision_agents.plugins.elevenlabs.scribe import COMMIT_TIMEOUT, OVERDUE
from vision_agents.testing.contract import HearingLog
from vision_agents.testing.parts import tone

from ...standins.elevenlabs.server import KEY, ElevenLabsServer

pytestmark = pytest.mark.virtual_time

ANNA = Participant("anna")
SILENCE = 0.7


class Talk:
    """ElevenLabs' side of a connection on which Anna's audio arrives. The words are the test's."""

    def __init__(self, server: ElevenLabsServer) -> None:
        self.server = server
        server.commits = False
        self.stt = elevenlabs.STT(api_key=KEY, base_url=server.url, vad_silence_threshold_secs=SILENCE)
        self.log = HearingLog()
        self.stt.attach(Attachment(hearing=self.log))

    async def hear(self, seconds: float = 0.5, sound: bool = False) -> None:
        """Anna's audio, in real time."""
        audio = tone(seconds, 16_000) if sound else PcmData.silence(seconds, 16_000)
        for start in range(0, len(audio), 320):
            await self.stt.process_audio(PcmData(audio.samples[start : start + 320], 16_000), ANNA)
            await asyncio.sleep(0.02)

    async def partial(self, text: str) -> list[Any]:
        return await self._facts(self.server.handlers[-1].partial(text))

    async def commit(self, text: str) -> list[Any]:
        """A commit, and the echo that ElevenLabs sends behind it."""
        return await self._facts(self.server.handlers[-1].committed(text))

    async def _facts(self, telling: Any) -> list[Any]:
        before = len(self.log.facts)
        await telling
        await asyncio.sleep(0.01)
        return [fact[0] if fact[0].startswith("turn") else (fact[0], fact[2]) for fact in self.log.facts[before:]]

    @property
    def sent(self) -> list[Any]:
        return [message for _, message in self.server.said]


@pytest_asyncio.fixture
async def talk(provider: ElevenLabsServer) -> AsyncIterator[Talk]:
    talk = Talk(provider)
    await talk.stt.start()
    await talk.hear()
    yield talk
    await talk.stt.close()


async def test_a_turn(talk: Talk):
    assert talk.stt.turn_detection
    assert await talk.partial("") == []
    assert await talk.partial("Call") == ["turn_started", ("partial", "Call")]
    assert await talk.partial("Call me") == [("partial", "Call me")]
    await talk.hear(1.0)
    assert await talk.commit("Call me.") == [("final", "Call me."), "turn_ended"]
    *_, silence = talk.log.of("turn_ended")[0]
    assert silence == SILENCE


async def test_what_is_repeated_is_no_news(talk: Talk):
    await talk.partial("Call me")
    await talk.commit("Call me.")
    for _ in range(10):  # As ElevenLabs does in silence, about once a second.
        await talk.hear(1.0)
        assert await talk.partial("Call me.") == []
    assert await talk.partial("Wait") == ["turn_started", ("partial", "Wait")]


async def test_a_repeated_partial_keeps_no_turn_alive(talk: Talk):
    await talk.partial("Call me")
    begun = asyncio.get_running_loop().time()
    while not talk.log.of("turn_ended"):
        await talk.hear(1.0)
        await talk.partial("Call me")
    assert asyncio.get_running_loop().time() - begun < SILENCE + OVERDUE + COMMIT_TIMEOUT + 1.1


async def test_the_same_word_again_is_another_turn(talk: Talk):
    await talk.partial("Yes")
    await talk.commit("Yes.")
    await talk.hear(2.0)
    # Whether it is an echo is known when it is committed.
    assert await talk.partial("Yes.") == []
    await talk.hear(1.0)
    assert await talk.commit("Yes.") == ["turn_started", ("final", "Yes."), "turn_ended"]
    await talk.hear(4.0)
    assert await talk.partial("No") == ["turn_started", ("partial", "No")]


async def test_a_commit_that_comes_twice_is_one(talk: Talk):
    await talk.partial("Call me")
    await talk.commit("Call me.")
    await talk.hear(0.2)
    assert await talk.commit("Call me.") == []


async def test_a_word_too_short_for_a_partial_is_a_turn(talk: Talk):
    assert await talk.commit("No.") == ["turn_started", ("final", "No."), "turn_ended"]


async def test_words_that_were_none_end_without_words(talk: Talk):
    await talk.partial("Thank you")
    assert await talk.commit("") == ["turn_ended"]


async def test_a_missing_commit_is_asked_for(talk: Talk):
    await talk.partial("Call me")
    while not any(message.get("commit") for message in talk.sent):
        await asyncio.sleep(0.1)
    assert await talk.commit("Call me.") == [("final", "Call me."), "turn_ended"]


async def test_a_commit_that_never_comes_is_done_without_and_not_said_twice_if_it_does(talk: Talk):
    await talk.partial("Call me")
    await asyncio.sleep(SILENCE + OVERDUE + COMMIT_TIMEOUT + 0.1)
    assert talk.log.final_words(ANNA) == ["Call me"]
    assert len(talk.log.of("turn_ended")) == 1
    assert await talk.partial("Call me tomorrow") == ["turn_started", ("partial", "tomorrow")]
    assert await talk.commit("Call me tomorrow.") == [("final", "tomorrow."), "turn_ended"]


@pytest.mark.parametrize("all_leave", [False, True])
async def test_a_turn_of_who_left_is_not_ended_later(talk: Talk, all_leave: bool):
    await talk.partial("Call me")
    if all_leave:
        await talk.stt.close()
    else:
        talk.stt.forget(ANNA)
    await asyncio.sleep(SILENCE + OVERDUE + COMMIT_TIMEOUT + 0.1)
    assert [fact[0] for fact in talk.log.facts] == ["turn_started", "partial"]


async def test_the_agent_may_end_a_turn(talk: Talk):
    await talk.partial("Call me")
    finishing = asyncio.create_task(talk.stt.finish_turn(ANNA))
    await asyncio.sleep(0.1)
    await talk.commit("Call me.")
    await finishing
    assert talk.log.final_words(ANNA) == ["Call me."]
    await talk.stt.finish_turn(ANNA)
    assert sum(bool(message.get("commit")) for message in talk.sent) == 1


async def test_the_end_that_was_asked_for_does_not_end_the_turn_behind_it(talk: Talk):
    await talk.partial("Call me")
    finishing = asyncio.create_task(talk.stt.finish_turn(ANNA))
    await asyncio.sleep(0.1)
    elevenlabs_side = talk.server.handlers[-1]
    await elevenlabs_side.wire.send(message_type="committed_transcript", text="Call me.")
    await elevenlabs_side.partial("Wait")
    await finishing
    assert [fact[0] for fact in talk.log.facts[-3:]] == ["turn_ended", "turn_started", "partial"]


async def test_what_was_discarded_is_discarded_even_if_it_comes_late(talk: Talk):
    await talk.hear(0.3, sound=True)
    talk.stt.discard_turn(ANNA)
    await talk.hear(0.2)
    assert await talk.partial("Uh huh") == []
    await talk.hear(1.0)
    assert await talk.partial("Uh huh") == []
    assert await talk.commit("Uh huh.") == []
    assert await talk.partial("Wait") == ["turn_started", ("partial", "Wait")]


async def test_speech_that_goes_on_after_a_discard_is_heard(talk: Talk):
    await talk.hear(0.3, sound=True)
    await talk.partial("Uh")
    talk.stt.discard_turn(ANNA)
    await talk.hear(0.2, sound=True)
    assert await talk.partial("Uh wait") == []
    await talk.hear(0.5, sound=True)
    assert await talk.partial("Uh wait stop") == ["turn_started", ("partial", "wait stop")]
    assert await talk.commit("Uh, wait, stop.") == [("final", "wait, stop."), "turn_ended"]


async def test_a_lost_connection_ends_the_turn_and_the_next_one_is_heard(talk: Talk):
    await talk.partial("Call me")
    await talk.server.disconnect()
    await asyncio.sleep(0.1)
    assert talk.log.final_words(ANNA) == ["Call me"]
    assert len(talk.log.of("turn_ended")) == 1
    await talk.hear(0.2)
    assert await talk.partial("tomorrow") == ["turn_started", ("partial", "tomorrow")]
    assert talk.server.connections_made == 2
    assert not talk.log.failures


async def test_a_session_that_has_to_be_renewed_is_renewed_in_silence(talk: Talk):
    await talk.server.handlers[-1].error("insufficient_audio_activity", "nothing was said")
    await asyncio.sleep(0.1)
    await talk.hear()
    assert talk.server.connections_made == 2
    assert not talk.log.failures


async def test_an_error_that_does_not_matter_does_not(talk: Talk):
    await talk.server.handlers[-1].error("commit_throttled", "too soon")
    await talk.server.handlers[-1].wire.send(message_type="something_new")
    await asyncio.sleep(0.1)
    await talk.hear()
    assert talk.server.connections_made == 1
    assert not talk.log.failures


async def test_a_bad_key_is_told_with_what_to_do(provider: ElevenLabsServer):
    # ElevenLabs takes the connection, and then says that it does not know the key.
    stt = elevenlabs.STT(api_key="another-key", base_url=provider.url)
    with pytest.raises(NoConnectionError, match=r"auth_error.*ELEVENLABS_API_KEY"):
        await stt.start()
    assert provider.connections_made == 1
    await stt.close()


async def test_audio_goes_as_pcm_in_pieces_of_a_tenth_of_a_second(talk: Talk):
    await talk.hear(1.0, sound=True)
    chunks = [message for message in talk.sent if message["message_type"] == "input_audio_chunk"]
    assert len(chunks) == 15
    assert {(message["sample_rate"], len(message["audio_base_64"])) for message in chunks} == {(16_000, 4268)}


@pytest.mark.parametrize(
    "options", [{"vad_silence_threshold_secs": 5.0}, {"vad_threshold": 0.0}, {"min_speech_duration_ms": 1}]
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(options))):
        elevenlabs.STT(api_key=KEY, **options)
