"""How sure Deepgram is of the words goes on with them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from vision_agents.core import Participant
from vision_agents.core.audio import PcmData
from vision_agents.core.part import Attachment
from vision_agents.plugins import deepgram
from vision_agents.testing.contract import HearingLog

from ...standins.deepgram.listen import METADATA, REQUEST
from ...standins.deepgram.server import KEY, DeepgramServer

pytestmark = pytest.mark.virtual_time

ANNA = Participant("anna")


class SureLog(HearingLog):
    """Writes down how sure of the words the recogniser is."""

    def __init__(self) -> None:
        super().__init__()
        self.sure: list[tuple[str, bool, float | None]] = []

    def words(
        self,
        participant: Participant,
        text: str,
        final: bool,
        confidence: float | None,
        alternative: str = "",
        place: int | None = None,
    ) -> None:
        super().words(participant, text, final, confidence, alternative, place)
        self.sure.append((text, final, confidence))


class Talk:
    """What a test has Deepgram say of Anna's audio, and what becomes of it."""

    def __init__(self, server: DeepgramServer, **options: Any) -> None:
        self.server = server
        self.stt = deepgram.STT(api_key=KEY, environment=server.environment, **options)
        self.log = SureLog()
        self.stt.attach(Attachment(hearing=self.log))

    async def __aenter__(self) -> Talk:
        await self.stt.start()
        await self.hear(1.0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stt.close()

    async def hear(self, seconds: float) -> None:
        await self.stt.process_audio(PcmData.silence(seconds, 16_000), ANNA)
        await asyncio.sleep(0.01)

    async def tell(self, **message: Any) -> list[tuple[str, bool, float | None]]:
        """Send a message; return the words that came of it."""
        before = len(self.log.sure)
        await self.server.handlers[-1].wire.send(**message)
        await asyncio.sleep(0.01)
        return self.log.sure[before:]


def result(text: str, confidence: float, *, final: bool = False, words: list[dict[str, Any]] | None = None) -> Any:
    """A message of Nova about the first second."""
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "start": 0.0,
        "duration": 1.0,
        "is_final": final,
        "speech_final": final,
        "from_finalize": False,
        "channel": {"alternatives": [{"transcript": text, "confidence": confidence, "words": words or []}]},
        "metadata": METADATA,
    }


def turn(event: str, *words: tuple[str, float]) -> Any:
    """A message of Flux: each word and how sure of it."""
    return {
        "type": "TurnInfo",
        "sequence_id": 1,
        "event": event,
        "turn_index": 0,
        "audio_window_start": 0.0,
        "audio_window_end": 1.0,
        "transcript": " ".join(word for word, _ in words),
        "words": [{"word": word, "confidence": sure} for word, sure in words],
        "end_of_turn_confidence": 0.3,
        **REQUEST,
    }


async def test_nova_is_as_sure_as_it_says_and_surer_of_the_same_words_is_news(provider: DeepgramServer):
    async with Talk(provider) as talk:
        assert await talk.tell(**result("stop", 0.4)) == [("stop", False, 0.4)]
        assert await talk.tell(**result("stop", 0.4)) == []
        assert await talk.tell(**result("stop", 0.9)) == [("stop", False, 0.9)]
        assert await talk.tell(**result("Stop.", 0.95, final=True)) == [("Stop.", True, 0.95)]


async def test_a_server_that_knows_no_confidence_is_not_taken_to_doubt_everything(provider: DeepgramServer):
    async with Talk(provider) as talk:
        assert await talk.tell(**result("stop", 0.0)) == [("stop", False, None)]
    async with Talk(provider, model="flux-general-en") as talk:
        assert await talk.tell(**turn("StartOfTurn", ("Stop", 0.0))) == [("Stop", False, None)]


async def test_nova_keeps_the_confidence_of_words_that_stay_as_they_are(provider: DeepgramServer):
    provider.answers_empty_finalize = False
    async with Talk(provider) as talk:
        await talk.tell(**result("call me", 0.7))
        await talk.stt.finish_turn(ANNA)
        assert talk.log.sure[-1] == ("call me", True, 0.7)


async def test_of_a_transcript_that_is_cut_only_the_rest_counts(provider: DeepgramServer):
    async with Talk(provider) as talk:
        talk.stt.discard_turn(ANNA)  # Up to the first second.
        await talk.hear(1.0)
        words = [
            {"word": "um", "punctuated_word": "Um,", "start": 0.2, "end": 0.4, "confidence": 0.1},
            {"word": "call", "punctuated_word": "call", "start": 1.2, "end": 1.4, "confidence": 0.6},
            {"word": "me", "punctuated_word": "me.", "start": 1.4, "end": 1.6, "confidence": 0.8},
        ]
        message = result("Um, call me.", 0.5, final=True, words=words) | {"duration": 2.0}
        assert await talk.tell(**message) == [("call me.", True, pytest.approx(0.7))]


async def test_flux_is_as_sure_as_of_its_words(provider: DeepgramServer):
    async with Talk(provider, model="flux-general-en", eager_eot_threshold=0.4) as talk:
        assert await talk.tell(**turn("StartOfTurn", ("Stop", 0.4))) == [("Stop", False, 0.4)]
        assert await talk.tell(**turn("Update", ("Stop", 0.4))) == []
        assert await talk.tell(**turn("Update", ("Stop", 0.8))) == [("Stop", False, 0.8)]
        said = await talk.tell(**turn("EagerEndOfTurn", ("Stop", 0.8), ("it.", 0.4)))
        assert said == [("Stop it.", False, pytest.approx(0.6))]
        await talk.stt.finish_turn(ANNA)
        await talk.tell(**turn("TurnResumed", ("Stop", 0.8), ("it.", 0.4)))
        # Of what was said before it is not asked again how sure it is.
        said = await talk.tell(**turn("EndOfTurn", ("Stop", 0.8), ("it.", 0.4), ("Now.", 0.9)))
        assert said == [("Now.", True, 0.9)]
