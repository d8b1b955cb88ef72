"""Nova: words by their place in the audio, and connections that come and go."""

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
from vision_agents.core.remote.connection import RETRY_DELAYS
from vision_agents.plugins import deepgram
from vision_agents.testing.contract import HearingLog
from vision_agents.testing.parts import tone

from ...standins.deepgram.server import KEY, DeepgramServer

pytestmark = pytest.mark.virtual_time

ANNA = Participant("anna")


class Ears:
    """A recogniser that hears Anna in real time."""

    def __init__(self, server: DeepgramServer, **options: Any) -> None:
        self.server = server
        self.stt = deepgram.STT(api_key=KEY, environment=server.environment, **options)
        self.log = HearingLog()
        self.stt.attach(Attachment(hearing=self.log))

    async def hear(self, seconds: float, sound: bool) -> None:
        audio = tone(seconds, 16_000) if sound else PcmData.silence(seconds, 16_000)
        for start in range(0, len(audio), 320):
            await self.stt.process_audio(PcmData(audio.samples[start : start + 320], 16_000), ANNA)
            await asyncio.sleep(0.02)

    async def say(self, words: str, seconds: float = 1.0, pause: float = 0.2) -> None:
        """Speech as far as a turn detector would hear it: up to `pause` seconds of silence."""
        self.server.will_hear(words)
        await self.hear(seconds, True)
        await self.hear(pause, False)

    async def finish(self) -> float:
        """Ask for the final words; how long that took."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await self.stt.finish_turn(ANNA)
        return loop.time() - begun

    @property
    def server_side(self) -> Any:
        return self.server.handlers[-1]

    def words(self) -> list[str]:
        return self.log.final_words(ANNA)


@pytest_asyncio.fixture
async def ears(provider: DeepgramServer) -> AsyncIterator[Ears]:
    ears = Ears(provider)
    await ears.stt.start()
    yield ears
    await ears.stt.close()


async def test_finalize_brings_the_words_before_deepgram_would_have_given_them(ears: Ears):
    await ears.say("call me back")
    assert ears.words() == []
    assert await ears.finish() < 0.1
    assert ears.words() == ["call me back"]
    assert ears.server.types("/v1/listen") == ["Finalize"]


async def test_words_that_are_known_are_not_asked_for(ears: Ears):
    await ears.say("call me back", pause=0.4)  # Deepgram's own endpointing was sooner.
    assert ears.words() == ["call me back"]
    assert await ears.finish() < 0.1
    assert ears.server.types("/v1/listen") == []


async def test_an_answer_that_never_comes_is_not_waited_for(ears: Ears):
    await ears.say("call me back")
    await ears.server.stall(after=1)  # The interim words come, the final ones do not.
    assert 0.9 < await ears.finish() < 1.1
    assert ears.words() == ["call me"], "what is known has to do"
    await ears.server.release()
    await ears.hear(0.5, False)
    assert ears.words() == ["call me", "back"], "the rest comes late, and once"


async def test_a_late_answer_does_not_end_the_next_turn(ears: Ears):
    await ears.server.stall()
    await ears.say("the first turn")
    await ears.finish()
    assert ears.words() == []
    await ears.hear(0.5, False)
    await ears.say("the second turn")
    finishing = asyncio.create_task(ears.finish())
    await asyncio.sleep(0.2)
    await ears.server.release()  # The first turn's words and its Finalize's answer come, then the second's.
    assert 0.2 <= await finishing < 0.3
    assert ears.words() == ["the first turn", "the second turn"]


async def test_a_late_answer_alone_leaves_the_next_turn_waiting(ears: Ears):
    await ears.server.stall()
    await ears.say("first")
    first_end = ears.stt._streams[ANNA].position
    await ears.finish()
    await ears.hear(0.5, False)
    await ears.say("second")
    finishing = asyncio.create_task(ears.finish())
    await asyncio.sleep(0.2)
    await ears.server_side._results("", 0.0, first_end, is_final=True, from_finalize=True)
    await asyncio.sleep(0.2)
    assert not finishing.done()
    await ears.server.release()
    assert 0.4 <= await finishing < 0.45
    assert ears.words() == ["first", "second"]


async def test_words_on_both_sides_of_a_turns_end_are_divided_there(ears: Ears):
    await ears.server.stall()
    await ears.say("x", seconds=0.5)
    place = ears.stt._streams[ANNA].position
    await ears.server_side._results("", 0.0, place, is_final=True)
    await asyncio.sleep(0.1)
    await ears.finish()
    await ears.hear(1.0, False)
    await ears.server_side._results("old older new newer", place - 1.0, place + 1.0, is_final=True)
    await asyncio.sleep(0.1)
    assert ears.words() == ["new newer"]


async def test_a_muted_microphone_does_not_lose_the_connection(ears: Ears):
    await ears.say("before", pause=0.4)
    await asyncio.sleep(60)
    await ears.say("after", pause=0.4)
    assert ears.words() == ["before", "after"]
    assert ears.server.connections_made == 1
    assert ears.server.types("/v1/listen").count("KeepAlive") >= 10


async def test_audio_waits_for_the_new_connection(ears: Ears):
    await ears.say("before", pause=0.4)
    await ears.server.disconnect()
    await ears.say("after", pause=0.4)
    assert ears.words() == ["before", "after"]
    assert ears.server.connections_made == 2
    assert not ears.log.failures


async def test_a_service_that_is_gone_is_given_up_and_tried_again_for_the_next_turn(ears: Ears):
    await ears.say("before", pause=0.4)
    ears.server.refusals = [503] * 100
    await ears.server.disconnect()
    await asyncio.sleep(0.01)
    begun = asyncio.get_running_loop().time()
    with pytest.raises(NoConnectionError, match="check the network"):
        await ears.hear(0.1, False)
    assert asyncio.get_running_loop().time() - begun < sum(RETRY_DELAYS) + 1.0
    assert len(ears.server.refusals) == 100 - len(RETRY_DELAYS) + 1
    ears.server.refusals.clear()
    ears.stt.begin_turn(ANNA)
    await ears.say("after", pause=0.4)
    assert ears.words() == ["before", "after"]


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "DEEPGRAM_API_KEY"), (402, "credit"), (403, "no right"), (400, "model"), (404, "model")],
)
async def test_what_is_refused_is_said_once_with_what_to_do(provider: DeepgramServer, status: int, advice: str):
    provider.refusals = [status] * 3
    ears = Ears(provider)
    with pytest.raises(NoConnectionError, match=advice) as raised:
        await ears.stt.start()
    assert str(status) in str(raised.value)
    assert KEY not in str(raised.value)
    assert len(provider.refusals) == 2
    await ears.stt.close()


# Turns by Deepgram's own marks.


@pytest_asyncio.fixture
async def turns(provider: DeepgramServer) -> AsyncIterator[Ears]:
    ears = Ears(provider, utterance_end_ms=1000)
    await ears.stt.start()
    yield ears
    await ears.stt.close()


async def test_deepgrams_marks_make_turns(turns: Ears):
    assert turns.stt.turn_detection
    await turns.say("call me back", pause=1.5)
    facts = [fact[0] for fact in turns.log.facts]
    assert facts == ["speech_started", "turn_started", "partial", "partial", "final", "turn_ended"]
    *_, duration, silence = turns.log.of("turn_ended")[0]
    assert duration is None
    assert silence == pytest.approx(1.0, abs=0.05)


async def test_a_late_mark_does_not_end_the_next_turn(turns: Ears):
    await turns.say("first", pause=1.5)
    end = turns.log.of("turn_ended")
    await turns.say("second", pause=0.5)
    await turns.server_side.utterance_end(1.0)  # Where the first turn's last word ended.
    await asyncio.sleep(0.1)
    assert turns.log.of("turn_ended") == end
    assert turns.stt._streams[ANNA].turn.open
    await turns.hear(1.0, False)
    assert len(turns.log.of("turn_ended")) == 2
    assert turns.words() == ["first", "second"]


async def test_a_turn_is_ended_by_a_lost_connection(turns: Ears):
    turns.server.will_hear("call me back")
    await turns.server.stall(after=1)
    await turns.hear(1.0, True)
    await turns.hear(0.5, False)
    assert turns.log.of("turn_started")
    await turns.server.disconnect()
    await asyncio.sleep(0.1)
    assert turns.words() == ["call me"]
    assert len(turns.log.of("turn_ended")) == 1


# What it is made of.


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DEEPGRAM_API_KEY", raising=False)
    with pytest.raises(ValueError, match="DEEPGRAM_API_KEY"):
        deepgram.STT()
    with pytest.raises(ValueError, match="DEEPGRAM_API_KEY"):
        deepgram.TTS()


def test_the_key_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DEEPGRAM_API_KEY", "from the environment")
    assert not deepgram.STT().turn_detection
    assert deepgram.STT(model="flux-general-en").turn_detection


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"model": "nova-3", "eot_threshold": 0.7}, "Flux"),
        ({"model": "flux-general-en", "utterance_end_ms": 1000}, "Nova"),
        ({"utterance_end_ms": 500}, "1000"),
    ],
)
def test_parameters_of_the_other_kind_are_refused(parameters: dict[str, Any], complaint: str):
    with pytest.raises(ValueError, match=complaint):
        deepgram.STT(api_key=KEY, **parameters)
