"""A CancelledError that comes out of a part, and that nobody asked for, is that part's error: the call goes on."""

import asyncio
import sys

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.agents import ErrorEvent
from vision_agents.core.floor import FloorState
from vision_agents.core.tasks import EscapedError, InnerCancellationError
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS, tone
from vision_agents.testing.realtime import ScriptedRealtime

from .call_kit import ANNA, Call

pytestmark = pytest.mark.virtual_time

WHY = "something that it waited for was cancelled"


async def give_up():
    """Wait for something that is cancelled meanwhile."""
    connecting = asyncio.ensure_future(asyncio.sleep(3600))
    asyncio.get_running_loop().call_later(0.1, connecting.cancel)
    await connecting


class Once:
    """Gives up the first time only."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.left = 1

    async def perhaps(self):
        if self.left:
            self.left -= 1
            await give_up()


class LLM(Once, ScriptedLLM):
    async def stream(self, request):
        await self.perhaps()
        async for piece in super().stream(request):
            yield piece


class LLMInMidstream(Once, ScriptedLLM):
    async def stream(self, request):
        async for piece in super().stream(request):
            yield piece
            await self.perhaps()


class LLMThatShortens(Once, ScriptedLLM):
    async def shorten(self, messages):
        await self.perhaps()
        return messages


class TTS(Once, ToneTTS):
    async def stream_audio(self, text):
        await self.perhaps()
        async for piece in super().stream_audio(text):
            yield piece


class Awaited(Once, ToneTTS):
    async def stream_audio(self, text):
        await self.perhaps()
        return tone(0.5, 24_000)


def errors(call):
    return [(event.component, event.error) for event in call.of(ErrorEvent)]


@pytest.mark.parametrize(
    ("part", "component"),
    [
        ({"llm": LLM(["Yes."])}, "LLM"),
        ({"llm": LLMInMidstream(["Yes. No."])}, "LLM"),
        ({"llm": LLMThatShortens(["Yes."])}, "LLM"),
        ({"tts": TTS()}, "TTS"),
        ({"tts": Awaited()}, "TTS"),
    ],
    ids=["llm", "llm in midstream", "llm that shortens", "tts", "tts that is awaited"],
)
async def test_a_reply_whose_making_gives_up_has_failed_at_once_and_the_next_is_made(part, component):
    async with Call(["hello", "again"], answers=["Yes."], **part) as call:
        now = asyncio.get_running_loop().time
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(ErrorEvent))
        failed = now()
        await call.until_state(FloorState.IDLE)
        assert now() - failed < 2.0  # And not the 20 s in which a model may think.
        assert [(what, WHY in error) for what, error in errors(call)] == [(component, True)]
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.history[-1][0] == "assistant" and call.agent.state is FloorState.IDLE)
        assert len(errors(call)) == 1


async def test_final_words_that_give_up_are_an_error_and_the_next_turn_is_answered():
    class STT(Once, ScriptedSTT):
        async def finish_turn(self, participant):
            await self.perhaps()
            await super().finish_turn(participant)

    async with Call(stt=STT(["hello"]), answers=["Yes."]) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(ErrorEvent))
        await call.until_state(FloorState.IDLE)
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: ("assistant", "Yes.") in call.history)
        assert [(what, WHY in error) for what, error in errors(call)] == [("STT", True)]


@pytest.mark.parametrize("kind", [ScriptedSTT, ScriptedDetector])
async def test_a_participant_is_heard_on_after_one_piece_that_gave_up(kind):
    class Hears(Once, kind):
        pieces = 0

        async def process_audio(self, audio, participant):
            self.pieces += 1
            if self.pieces == 5:
                await self.perhaps()

    part = Hears()
    async with Call(**{"stt" if kind is ScriptedSTT else "turn_detection": part}) as call:
        for _ in range(100):
            call.edge.sink.audio(tone(0.02, 48_000), ANNA)
            await asyncio.sleep(0.02)
        await asyncio.sleep(1)
        assert part.pieces >= 99
        assert [(what, WHY in error) for what, error in errors(call)] == [("Hears", True)]


async def test_a_part_that_gives_up_while_it_starts_cannot_be_joined_with():
    class STT(Once, ScriptedSTT):
        async def start(self):
            await self.perhaps()

    call = Call(stt=STT())
    with pytest.raises(InnerCancellationError, match=f"start gave up: {WHY}"):
        await call.agent.join()


class Model(ScriptedRealtime):
    """A realtime model of which one method gives up."""

    def __init__(self, method):
        super().__init__(["Yes."], ["hello"] * 9)
        self.method, self.left = method, 1

    async def perhaps(self, method):
        if method == self.method and self.left:
            self.left -= 1
            await give_up()

    async def connect(self, instructions):
        await self.perhaps("connect")
        await super().connect(instructions)

    async def send_text(self, text, request=None):
        await self.perhaps("send_text")
        await super().send_text(text, request)

    async def send_audio(self, audio, participant):
        await self.perhaps("send_audio")
        await super().send_audio(audio, participant)

    async def stop_response(self, heard):
        await self.perhaps("stop_response")
        await super().stop_response(heard)


def realtime(method):
    edge, told = LoopEdge(), []
    agent = Agent(edge=edge, llm=Model(method), agent_user=User("agent"))

    @agent.events.subscribe
    async def note(event: ErrorEvent):
        told.append((event.component, WHY in event.error))

    return agent, edge, told


async def test_a_model_that_gives_up_while_it_connects_cannot_be_joined_with():
    agent, _, _ = realtime("connect")
    with pytest.raises(InnerCancellationError, match=f"connecting Model gave up: {WHY}"):
        await agent.join()


async def test_a_request_that_gives_up_is_a_failure_and_is_made_once_more():
    agent, _, told = realtime("send_text")
    async with agent.join():
        assert await agent.say("Yes.") is True
        assert told == [("Model", True)]


async def test_a_model_hears_on_after_audio_that_gave_up():
    agent, edge, told = realtime("send_audio")
    async with agent.join():
        for frame in range(100):
            edge.sink.audio(tone(0.02, 48_000, level=0.3 if frame < 50 else 0.0), ANNA)
            await asyncio.sleep(0.02)
        await asyncio.sleep(2)
        assert told == [("Model", True)]
        assert any(edge.audible)


async def test_a_cancellation_that_gives_up_ends_nothing():
    agent, _, told = realtime("stop_response")
    async with agent.join():
        saying = asyncio.ensure_future(agent.say("Yes."))
        await asyncio.sleep(0.1)
        agent.interrupt()
        assert await saying is False
        assert await agent.say("Yes.") is True
        assert told == []


class Exits:
    """A part that ends the process, wherever it is asked for something."""

    async def stream(self, request):
        sys.exit("enough")
        yield

    async def shorten(self, messages):
        sys.exit("enough")

    async def stream_audio(self, text):
        sys.exit("enough")
        yield

    async def finish_turn(self, participant):
        sys.exit("enough")

    def begin_turn(self, participant):
        sys.exit("enough")


class ExitingLLM(Exits, ScriptedLLM):
    pass


class ExitingTTS(Exits, ToneTTS):
    pass


class ExitingSTT(Exits, ScriptedSTT):
    pass


@pytest.mark.parametrize("part", [{"llm": ExitingLLM()}, {"tts": ExitingTTS()}, {"stt": ExitingSTT()}], ids=list)
async def test_a_part_that_exits_has_failed_and_ends_nothing(part):
    async with Call(["hello"], **part) as call:

        def exit_too(record):
            sys.exit("enough")

        call.agent.observe(exit_too)
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(ErrorEvent))
        assert "enough" in call.of(ErrorEvent)[0].error
        await call.until_state(FloorState.IDLE)


class ExitsInClosing:
    """A part that ends the process in its clean-up."""

    async def close(self):
        await super().close()
        sys.exit("enough")


class ExitingInClosingTTS(ExitsInClosing, ToneTTS):
    pass


class ExitingInClosingModel(ExitsInClosing, ScriptedRealtime):
    pass


class ExitingEdge(LoopEdge):
    async def leave(self):
        await super().leave()
        sys.exit("enough")


class ExitingInStartSTT(ScriptedSTT):
    async def start(self):
        sys.exit("enough")


async def test_a_part_that_exits_in_its_clean_up_is_given_back_and_the_others_are_closed(caplog):
    edge, tts = ExitingEdge(), ExitingInClosingTTS()
    for _ in range(2):
        agent = Agent(edge=edge, llm=ScriptedLLM(["Yes."]), agent_user=User("agent"), stt=ScriptedSTT(), tts=tts)
        async with agent.join():
            pass
        assert "closing ExitingInClosingTTS failed: " in caplog.text
        assert "closing ExitingEdge failed: " in caplog.text
        caplog.clear()


async def test_a_realtime_model_that_exits_in_its_clean_up_ends_nothing(caplog):
    async with Agent(edge=LoopEdge(), llm=ExitingInClosingModel(["Yes."]), agent_user=User("agent")).join():
        pass
    assert "closing ExitingInClosingModel failed: " in caplog.text


async def test_a_part_that_exits_while_it_starts_cannot_be_joined_with():
    call = Call(stt=ExitingInStartSTT())
    with pytest.raises(EscapedError, match="enough"):
        await call.agent.join()


class Panic(BaseException):
    """What compiled code raises, in a plain call too."""


class PanickingSTT(ScriptedSTT):
    def begin_turn(self, participant):
        raise Panic("enough")


async def test_a_plain_call_of_a_part_that_panics_has_failed_and_the_turn_is_answered():
    async with Call(["hello"], answers=["Yes."], stt=PanickingSTT(["hello"])) as call:

        def panic_too(record):
            raise Panic("enough")

        call.agent.observe(panic_too)
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: ("assistant", "Yes.") in call.history)
        assert [event.error for event in call.of(ErrorEvent)] == ["enough"]


@pytest.mark.parametrize(
    ("error", "raised"), [(asyncio.CancelledError(), InnerCancellationError), (Panic("enough"), EscapedError)]
)
async def test_a_part_that_cannot_say_what_it_uses_cannot_be_joined_with(error, raised):
    class Bundle(ToneTTS):
        @property
        def subparts(self):
            raise error

    call = Call(tts=Bundle())
    with pytest.raises(raised, match=r"Bundle\.subparts"):
        await call.agent.join()
    assert call.agent._parts.stt._attachment is None
