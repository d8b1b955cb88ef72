"""The law of failures: whatever a model and a voice fail at, and when, the caller hears something in time, or every
attempt was made and told; nothing is done twice, and the history has what was heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.agents.call_kit import ANNA, Call

from vision_agents.core.agents import ErrorEvent
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.floor import FloorState, InterruptionPolicy
from vision_agents.core.floor.replying import NOT_APOLOGISED
from vision_agents.core.llm import LLMRequest
from vision_agents.testing import virtual_time
from vision_agents.testing.parts import ScriptedLLM, ToneTTS

SORRY = "Sorry."
ANSWER = "One two. Three four five. Six."

# What becomes of the next request: after how many pieces what happens.
FAULT = st.one_of(st.none(), st.tuples(st.sampled_from(["raises", "hangs", "closes"]), st.integers(0, 6)))
FAULTS = st.lists(FAULT, max_size=6)

Fault = tuple[str, int] | None


class Faults:
    """Happen one after the other, each at its piece."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = list(faults)
        self.happened = 0

    def next(self) -> Fault:
        return self._faults.pop(0) if self._faults else None

    async def perhaps(self, fault: Fault, pieces: int) -> None:
        if fault is None or fault[1] != pieces:
            return
        self.happened += 1
        if fault[0] == "hangs":
            await asyncio.Event().wait()
        if fault[0] == "closes":
            raise GeneratorExit("down")
        raise ConnectionError("down")


class FaultyLLM(ScriptedLLM):
    """Calls a function, if `calls`, and then answers, from where it was heard to; fails as it is told."""

    def __init__(self, faults: Faults, *, calls: bool) -> None:
        super().__init__()
        self._faults, self._calls = faults, calls

    async def stream(self, request: LLMRequest) -> AsyncIterator[str | ToolCall]:
        self.requests.append(request)
        fault = self._faults.next()
        called = any(message.role is Role.TOOL for message in request.messages)
        said = " ".join(m.text for m in request.messages if m.role is Role.ASSISTANT).split()
        pieces: list[Any]
        if self._calls and not called:
            pieces = [*(["Right. "] if not said else []), ToolCall("1", "pay", {})]
        else:
            pieces = [f"{word} " for word in ANSWER.split()[len(said) - said.count("Right.") :]]
        for number, piece in enumerate(pieces):
            await self._faults.perhaps(fault, number)
            await asyncio.sleep(0.05)
            yield piece


class FaultyTTS(ToneTTS):
    """Fails as it is told."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults
        # Which sentences it could not begin to say.
        self.unsaid: list[str] = []

    async def stream_audio(self, text: str) -> AsyncIterator[Any]:
        fault, number = self._faults.next(), 0
        if fault is not None and fault[1] == 0 and fault[0] != "hangs":
            self.unsaid.append(text)
        await self._faults.perhaps(fault, 0)
        async for chunk in super().stream_audio(text):
            yield chunk
            number += 1
            await self._faults.perhaps(fault, number)


def without(text: str, left_out: set[str]) -> str:
    for sentence in left_out:
        text = text.replace(sentence, "")
    return text


async def holds(llm: Faults, tts: Faults, retries: int, apology: str, calls: bool) -> None:
    policy = InterruptionPolicy(retries=retries)
    paid: list[None] = []
    voice = FaultyTTS(tts)
    call = Call(["hello"], llm=FaultyLLM(llm, calls=calls), tts=voice, apology=apology, interruption=policy)
    async with call:

        @call.llm.register_function()
        async def pay() -> str:
            paid.append(None)
            return "paid"

        await call.detector.speak(ANNA, 1.0)
        asked = len(call.edge.frames)
        attempts = retries + 1
        longest = (attempts + 2) * (policy.reply_timeout + policy.stall_timeout + policy.retry_after) + 10.0
        await call.until(lambda: call.agent.state is not FloorState.IDLE)
        await call.until(lambda: call.agent.state is FloorState.IDLE, longest)
        await asyncio.sleep(0.1)  # The events are told a moment later.
        heard = any(call.edge.audible[asked:])
        told = [str(event.error) for event in call.of(ErrorEvent)]
        errors = [error for error in told if error != NOT_APOLOGISED]
        # That the last resort failed, too, is told of a caller who hears nothing, and once.
        assert len(told) - len(errors) <= 1
        assert heard or (NOT_APOLOGISED in told) == bool(apology)
        # What happened is told, unless it happened to what was given up in the same moment.
        assert bool(llm.happened + tts.happened) == bool(errors)
        assert len(errors) <= llm.happened + tts.happened
        assert heard or len(errors) >= attempts
        assert len(paid) <= 1
        whole = " ".join(text for role, text in call.history if role == "assistant" and text)
        if len(errors) <= retries:
            # What it fails at twice is left out.
            left_out = {text for text in voice.unsaid if voice.unsaid.count(text) > 1}
            wanted = " ".join(without(f"Right. {ANSWER}" if calls else ANSWER, left_out).split())
            assert whole == wanted or (calls and whole == wanted.removeprefix("Right. "))
        if apology and llm.happened > retries and not tts.happened:
            assert whole.endswith(apology)
        sounding = sum(call.edge.audible[asked:]) * 0.02
        said = len([word for word in whole.split() if word])
        assert sounding <= 0.3 * (said + len(errors)) + 0.1, "more was heard than the history has"
        assert not any(message.interrupted for message in call.agent.conversation) or len(errors) > retries


@settings(max_examples=150, deadline=None)
@given(llm=FAULTS, tts=FAULTS, retries=st.integers(0, 2), apology=st.sampled_from(["", SORRY]), calls=st.booleans())
def test_no_failure_ends_in_silence(
    llm: list[Fault], tts: list[Fault], retries: int, apology: str, calls: bool
) -> None:
    virtual_time.run(holds(Faults(llm), Faults(tts), retries, apology, calls))
