"""Stories of whole agents with a realtime model in them, in virtual time: they are interrupted, and fall silent."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from vision_agents.core import Agent, User
from vision_agents.core.agents import ErrorEvent
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.edge import FRAME_SECONDS
from vision_agents.core.llm import OnInterrupt, Realtime
from vision_agents.core.turn_detection import TurnEndedEvent
from vision_agents.core.vad import VAD
from vision_agents.testing.parts import LoopEdge

from ..hearing_kit import LevelVAD
from .call import AgentCall
from .kit import ANNA

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."

# One frame for the microphone, one for the service to hear it, one that was being sent.
FRAMES_TO_SILENCE = 3

# Seconds from the beginning of a turn that lasts 1.2 s, in which it is lost what the service has heard of it.
MOMENTS = {"speaking": 0.7, "just silent": 1.3, "thinking": 2.3}


def fall_silent(session: Any) -> None:
    """Have a session of a stand-in take everything and say nothing more."""

    async def say_nothing(*_: object, **__: object) -> None:
        pass

    for name in ("send", "send_raw", "send_text"):
        if hasattr(session, name):
            setattr(session, name, say_nothing)


class AgentStories(abc.ABC):
    """Derive from it, and say how the model is made, and what the service has to know in the end.

    The fixture `manner` sets how the service behaves in the longest story, which is told once for each of its
    parameters.
    """

    pytestmark = pytest.mark.virtual_time

    # Seconds for which the service goes on after a cancellation, where interruptions come in a row.
    deaf_for = 0.5
    # How many seconds of silence after an interruption are watched.
    watched = 1.2
    # Seconds after a noise in which it is heard again.
    silent_after_noise = 4.0
    # Milliseconds by which the length of a turn may be wrong when a local detector and the service hear it both.
    turn_tolerance_ms = 50.0

    @abc.abstractmethod
    def make(self, service: Any, interrupts: bool = True) -> Realtime:
        """The model, which finds the service. `interrupts`: that stops answering when somebody speaks."""

    @abc.abstractmethod
    def unexpected(self, service: Any) -> object:
        """What the service refused without need."""

    @abc.abstractmethod
    def knows(self, service: Any, call: AgentCall, heard: float) -> None:
        """Check that the service was told what was heard of the first answer: so many seconds."""

    @pytest.fixture(autouse=True)
    def slow_speech(self, service: Any) -> None:
        service.word_seconds, service.pace = 0.3, 0.25

    def call_with(self, service: Any, vad: VAD | None = None, interrupts: bool = True, apology: str = "") -> AgentCall:
        edge = LoopEdge()
        agent = Agent(
            edge=edge,
            agent_user=User(name="Assistant", id="agent"),
            instructions="You're a helpful voice assistant.",
            llm=self.make(service, interrupts),
            vad=vad,
            apology=apology,
        )
        return AgentCall(agent, edge)

    @pytest_asyncio.fixture
    async def call(self, service: Any) -> AsyncIterator[AgentCall]:
        async with self.call_with(service) as call:
            yield call

    async def test_the_agent_is_interrupted_falls_silent_and_remembers_what_was_heard(
        self, service: Any, manner: None, call: AgentCall
    ) -> None:
        service.will_say(" ".join([LONG] * 3), "ok then.")
        service.will_hear("count for me", "stop it")
        call.speak(1.0)
        await call.audible()
        await asyncio.sleep(1.5)
        begun = len(call.edge.frames)
        call.speak(1.0)
        await call.until(lambda: call.ended())
        await asyncio.sleep(0.2)
        assert call.frames_until_silence(begun) <= FRAMES_TO_SILENCE
        (cut,) = call.ended()
        assert cut.interrupted
        assert cut.heard.split() == LONG.split()[: len(cut.heard.split())]
        assert 4 <= len(cut.heard.split()) <= 6
        silent_from = begun + call.frames_until_silence(begun)
        await asyncio.sleep(self.watched)
        assert not any(call.edge.audible[silent_from:])
        await call.until(lambda: len(call.ended()) == 2)
        answer = call.ended()[1]
        assert (answer.heard, answer.interrupted, answer.epoch) == ("ok then.", False, 1)
        assert [(m.role, m.text, m.interrupted) for m in call.agent.conversation] == [
            (Role.USER, "count for me", False),
            (Role.ASSISTANT, cut.heard, True),
            (Role.USER, "stop it", False),
            (Role.ASSISTANT, "ok then.", False),
        ]
        assert [(e.participant, e.interrupted, e.epoch) for e in call.started()] == [(ANNA, False, 0), (ANNA, True, 1)]
        assert durations(call) == pytest.approx([1000.0, 1000.0], abs=50)
        self.knows(service, call, sum(call.edge.audible[:silent_from]) * FRAME_SECONDS)
        assert not self.unexpected(service)

    @pytest.mark.parametrize("preamble", ["", "let me see."])
    async def test_what_a_function_says_is_heard_before_its_result(self, service: Any, preamble: str) -> None:
        service.says_before_calls = preamble
        async with self.call_with(service) as call:
            said: list[bool] = []

            @call.agent.llm.register_function()
            async def balance() -> str:
                """The balance."""
                said.append(await call.agent.say("one moment please."))
                return "ten pounds"

            service.will_say(ToolCall("call_1", "balance", {}), "one moment please.", "you have ten pounds.")
            service.will_hear("my balance")
            call.speak(0.8)
            await call.until(lambda: call.ended() and call.ended()[-1].heard == "you have ten pounds.")
            assert said == [True]
            before = [preamble] if preamble else []
            assert [event.heard for event in call.ended()] == [*before, "one moment please.", "you have ten pounds."]
            assert len(call.edge.frames) * FRAME_SECONDS < 12.0
            assert not self.unexpected(service)

    async def test_every_interruption_silences_in_time(self, service: Any) -> None:
        service.deaf_for, service.pace = self.deaf_for, 0.1
        async with self.call_with(service) as call:
            delays = []
            for _ in range(20):
                service.will_say(LONG)
                call.speak(0.3)
                await call.until(lambda: not call.sounding)
                await call.audible()
                await asyncio.sleep(0.5)
                begun = len(call.edge.frames)
                call.speak(0.3)
                await asyncio.sleep(0.2)
                delays.append(call.frames_until_silence(begun))
                await call.until(lambda: call.ended() and call.ended()[-1].interrupted)
            assert max(delays) * FRAME_SECONDS <= 0.16
            assert not self.unexpected(service)

    async def test_speech_that_plays_after_the_response_is_done_still_stops(
        self, service: Any, call: AgentCall
    ) -> None:
        service.pace = 0.0
        service.will_say(LONG)
        call.speak(0.5)
        await call.audible()
        await call.until(lambda: not service.active)
        await asyncio.sleep(0.5)
        begun = len(call.edge.frames)
        service.will_say("ok then.")
        call.speak(0.5)
        await call.until(lambda: len(call.ended()) == 2)
        assert call.frames_until_silence(begun) <= FRAMES_TO_SILENCE
        assert [e.interrupted for e in call.ended()] == [True, False]
        assert [e.interrupted for e in call.started()] == [False, True]

    async def test_the_agent_says_what_code_wants_and_code_stops_it(self, service: Any, call: AgentCall) -> None:
        service.will_say(LONG, "Goodbye.")
        saying = asyncio.create_task(call.agent.say(LONG))
        await call.audible()
        await asyncio.sleep(1.0)
        call.agent.interrupt()
        assert await saying is False
        assert await call.agent.simple_response("Say goodbye.") is True
        await call.until(lambda: len(call.ended()) == 2)
        assert call.ended()[1].heard == "Goodbye."
        assert not call.started(), "nobody spoke"

    @pytest.mark.parametrize("moment", ["speaking", "made", "thinking"])
    async def test_a_typed_text_silences_it_within_a_frame_and_is_answered(
        self, service: Any, call: AgentCall, moment: str
    ) -> None:
        service.pace = {"speaking": 0.25, "made": 0.0, "thinking": 3.0}[moment]
        service.will_hear("count for me")
        service.will_say(LONG, "It is noon.", "It is noon.")
        call.speak(0.8)
        if moment == "thinking":
            await call.until(lambda: service.active)
        else:
            await call.audible()
            await asyncio.sleep(1.0)
        service.pace = 0.25
        begun = len(call.edge.frames)
        answering = asyncio.create_task(call.agent.simple_response("What time is it?"))
        await asyncio.sleep(0.1)
        assert call.frames_until_silence(begun) <= 1
        assert await answering is True
        await asyncio.sleep(3.0)
        assert [event.heard for event in call.ended()][-1] == "It is noon."
        assert [m.text for m in call.agent.conversation if m.role is Role.USER] == ["count for me", "What time is it?"]

    async def test_a_typed_text_may_wait_until_all_was_said(self, service: Any, call: AgentCall) -> None:
        service.will_hear("count for me")
        service.will_say("one two three.", "It is noon.")
        call.speak(0.8)
        await call.audible()
        assert await call.agent.simple_response("What time is it?", interrupt=False) is True
        await call.until(lambda: len(call.ended()) == 2)
        assert [(e.heard, e.interrupted) for e in call.ended()] == [("one two three.", False), ("It is noon.", False)]

    @pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
    async def test_what_may_not_be_interrupted_is_said_to_its_end_though_the_service_stops(
        self, service: Any, call: AgentCall, times: int
    ) -> None:
        # The service makes its speech no faster than it is heard, and stops for every voice.
        service.pace = service.word_seconds
        rest = "seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
        service.will_hear(*["hello"] * times)
        service.will_say(LONG, *["Hi.", rest] * times)
        saying = asyncio.create_task(call.agent.say(LONG, interruptible=False))
        for number in range(times):
            await call.until(lambda ended=2 * number: len(call.ended()) == ended and call.sounding)
            await asyncio.sleep(1.5)
            call.speak(0.5)
            await call.until(lambda ended=2 * number: len(call.ended()) > ended)
        whole = await saying
        heard = [event.heard for event in call.ended() if event.heard != "Hi."]
        assert heard[0] == "one two three four five six"
        assert heard[-1] == rest
        assert not any(event.interrupted for event in call.ended())
        assert [message.text for message in call.agent.conversation if message.text not in ("Hi.", "hello")] == heard
        assert len(heard) == 1 + times
        # Another time it says more than was left, as the stand-in knows no better.
        assert whole is (times == 1)

    @pytest.mark.parametrize("vad", [False, True], ids=["alone", "with_vad"])
    @pytest.mark.parametrize("moment", ["answer", "thinking", "function"])
    async def test_after_a_noise_without_words_it_goes_on_at_whatever_moment(
        self, service: Any, moment: str, vad: bool
    ) -> None:
        service.pace = 0.2 if moment == "answer" else 1.5
        service.will_hear("how is the weather", "")
        rain = "It will rain for a very long time in all of the country today."
        service.will_say(*([ToolCall("call_1", "weather", {})] if moment == "function" else []), *[rain] * 4)
        call, called = self.call_with(service, LevelVAD() if vad else None), asyncio.Event()

        @call.agent.llm.register_function()
        async def weather() -> str:
            """The weather."""
            called.set()
            await asyncio.sleep(2.0)
            return "rain"

        async with call:
            call.speak(0.8)
            if moment == "answer":
                await call.audible()
            elif moment == "function":
                await call.until(called.is_set)
            await asyncio.sleep(1.0 if moment != "thinking" else 1.8)
            call.speak(0.3)
            await asyncio.sleep(0.5)
            service.pace = 0.1
            begun = len(call.edge.frames)
            await call.until(lambda: any(call.edge.audible[begun:]))
            assert call.edge.audible[begun:].index(True) * FRAME_SECONDS <= self.silent_after_noise

    async def test_an_answer_that_is_lost_with_its_connection_goes_on(self, service: Any, call: AgentCall) -> None:
        service.will_hear("count for me")
        service.will_say(LONG, "and so on.")
        call.speak(1.0)
        await call.audible()
        await asyncio.sleep(1.0)
        await service.disconnect()
        await call.until(lambda: len(call.ended()) == 2)
        first, rest = call.ended()
        assert LONG.startswith(first.heard)
        assert (rest.heard, rest.interrupted) == ("and so on.", False)
        assert [message.text for message in call.agent.conversation] == ["count for me", first.heard, "and so on."]

    @pytest.mark.parametrize("asked", ["typed", "spoken"])
    async def test_what_the_service_fails_to_answer_is_answered_at_once(
        self, service: Any, call: AgentCall, asked: str
    ) -> None:
        service.will_hear(*["what time is it"] * 2)
        service.will_say(*["It is noon."] * 2)
        await service.fail("error")
        if asked == "typed":
            asyncio.create_task(call.agent.simple_response("What time is it?"))  # noqa: RUF006
        else:
            call.speak(0.8)
        await call.until(lambda: any(event.heard for event in call.ended()))
        assert len(call.edge.frames) * FRAME_SECONDS < 10.0
        assert [event.heard for event in call.ended() if event.heard] == ["It is noon."]

    @pytest.mark.parametrize("moment", ["asked", "answer", "function"])
    async def test_a_session_that_says_nothing_more_is_told_of_and_another_one_answers(
        self, service: Any, moment: str
    ) -> None:
        call, failures, called = self.call_with(service), list[str](), asyncio.Event()
        service.pace = 0.2
        service.will_say(*([ToolCall("call_1", "weather", {})] if moment == "function" else []), *[LONG] * 5)

        @call.agent.llm.register_function()
        async def weather() -> str:
            """The weather."""
            called.set()
            await asyncio.sleep(1.0)
            return "rain"

        @call.agent.events.subscribe
        async def note(event: ErrorEvent) -> None:
            failures.append(str(event.error))

        async with call:
            dead = service.session
            if moment == "asked":
                fall_silent(dead)
            asking = asyncio.create_task(call.agent.simple_response("How is the weather?"))
            if moment == "answer":
                await call.audible()
                await asyncio.sleep(1.0)
            elif moment == "function":
                await call.until(called.is_set)
            fall_silent(dead)
            await call.until(lambda: failures)
            begun = len(call.edge.frames)
            await call.until(lambda: any(call.edge.audible[begun:]))
            assert service.session is not dead
            assert begun * FRAME_SECONDS < 30.0
            assert call.edge.audible[begun:].index(True) * FRAME_SECONDS < 25.0
            asking.cancel()

    @pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
    @pytest.mark.parametrize("moment", list(MOMENTS))
    async def test_what_was_said_before_a_connection_is_lost_is_answered(
        self, service: Any, call: AgentCall, moment: str, times: int
    ) -> None:
        service.pace = 1.0
        service.will_hear(*["count for me"] * (times + 1))
        service.will_say(*["one two."] * (times + 1))
        call.speak(1.2)
        await asyncio.sleep(MOMENTS[moment])
        for _ in range(times):
            sessions = len(service.sessions)
            await service.disconnect()
            await call.until(lambda before=sessions: len(service.sessions) > before)
            await asyncio.sleep(0.1)
        await call.until(lambda: any(event.heard for event in call.ended()))
        await asyncio.sleep(5.0)
        assert [event.heard for event in call.ended() if event.heard] == ["one two."]
        assert [message.text for message in call.agent.conversation] == ["count for me", "one two."]
        assert not self.unexpected(service)

    @pytest.mark.parametrize("on_interrupt", ["finish", "cancel"])
    async def test_what_led_to_a_call_is_not_heard_again_and_answered_once(
        self, service: Any, on_interrupt: OnInterrupt
    ) -> None:
        service.will_hear("pay", "pay")
        service.will_say(ToolCall("call_1", "pay", {}), *["it is paid."] * 3)
        async with self.call_with(service) as call:
            paid: list[bool] = []

            @call.agent.llm.register_function(on_interrupt=on_interrupt)
            async def pay() -> str:
                """Pay."""
                paid.append(True)
                await asyncio.sleep(2.0)
                return "paid"

            call.speak(0.8)
            await call.until(lambda: paid)
            await asyncio.sleep(0.5)
            await service.disconnect()
            await call.until(lambda: any(event.heard for event in call.ended()))
            await asyncio.sleep(5.0)
            assert paid == [True]
            assert [event.heard for event in call.ended() if event.heard] == ["it is paid."]
            assert [message.text for message in call.agent.conversation if message.role is Role.USER] == ["pay"]

    @pytest.mark.parametrize("on_interrupt", ["finish", "undo", "cancel"])
    @pytest.mark.parametrize("broken_by", ["noise", "connection"])
    @pytest.mark.parametrize("takes", [0.4, 2.0], ids=["returned", "running"])
    async def test_what_is_called_again_for_the_same_words_is_in_effect_once(
        self, service: Any, call: AgentCall, takes: float, broken_by: str, on_interrupt: OnInterrupt
    ) -> None:
        log: list[str] = []
        service.pace = 1.5
        service.will_hear("pay the bill", *[""] * 8)
        first, again = (ToolCall(f"call_{number}", "pay", {"bill": 1}) for number in (1, 2))
        # One that has returned is about to be answered when the noise comes.
        begun = ["it is paid."] if takes < 1.0 else []
        service.will_say(first, *begun, again, *["it is paid now."] * 3)

        def back(bill: int, result: str | None) -> None:
            log.append("cancelled" if result is None else "undone")

        undo = back if on_interrupt == "undo" else None

        @call.agent.llm.register_function(on_interrupt=on_interrupt, undo=undo)
        async def pay(bill: int) -> str:
            """Pay."""
            log.append("begun")
            await asyncio.sleep(takes)
            log.append("paid")
            return "paid"

        call.speak(0.8)
        await call.until(lambda: log)
        await asyncio.sleep(1.0)
        if broken_by == "noise":
            call.speak(0.3)
        else:
            await service.disconnect()
        await call.until(lambda: any("paid now" in event.heard for event in call.ended()))
        await asyncio.sleep(10.0)
        assert log.count("paid") - log.count("undone") == 1, log
        assert log[-1] == "paid" or on_interrupt != "undo"

    @pytest.mark.parametrize("preamble", ["", "let me see."])
    @pytest.mark.parametrize("result", ["ten pounds", None])
    async def test_silence_after_a_result_is_asked_about_at_once_unless_there_is_nothing_to_tell(
        self, service: Any, preamble: str, result: str | None
    ) -> None:
        service.says_before_calls = preamble
        returned = asyncio.Event()
        async with self.call_with(service) as call:

            @call.agent.llm.register_function()
            async def balance() -> str | None:
                """The balance."""
                returned.set()
                return result

            service.will_say(ToolCall("call_1", "balance", {}), "", *["you have ten pounds."] * 2)
            service.will_hear("my balance")
            call.speak(0.8)
            await call.until(returned.is_set)
            await asyncio.sleep(8.0)
            told = ["you have ten pounds."] if result else []
            assert [event.heard for event in call.ended() if event.heard] == [*([preamble] if preamble else []), *told]
            await asyncio.sleep(30.0)
            assert sum("ten pounds" in event.heard for event in call.ended()) == len(told)

    @pytest.mark.parametrize("may_be_silent", [False, True])
    async def test_silence_to_a_typed_text_is_asked_about_and_then_apologised_for(
        self, service: Any, may_be_silent: bool
    ) -> None:
        call = self.call_with(service, apology="Sorry.")
        call.agent.llm.may_be_silent = may_be_silent
        service.will_say("", "", "sorry.", "not to be said.")
        async with call:
            asking = asyncio.create_task(call.agent.simple_response("What time is it?"))
            await asyncio.sleep(10.0)
            assert await asking is may_be_silent
            heard = [event.heard for event in call.ended() if event.heard]
            assert heard == ([] if may_be_silent else ["sorry."])
            assert service.requests == (1 if may_be_silent else 3)

    @pytest.mark.parametrize("asked", ["spoken", "typed", "result"])
    async def test_who_gets_an_answer_without_a_word_time_after_time_hears_something_all_the_same(
        self, service: Any, asked: str
    ) -> None:
        async with self.call_with(service, apology="Say it again, please.") as call:

            @call.agent.llm.register_function()
            async def balance() -> str:
                """The balance."""
                return "ten pounds"

            calls = [ToolCall("call_1", "balance", {})] if asked == "result" else []
            service.will_hear("my balance")
            service.will_say(*calls, "", "", *["you have ten pounds."] * 3)
            if asked == "typed":
                typing = asyncio.create_task(call.agent.simple_response("my balance"))
            else:
                call.speak(0.8)
            await call.until(lambda: any(event.heard for event in call.ended()))
            assert len(call.edge.frames) * FRAME_SECONDS < 20.0
            await asyncio.sleep(30.0)
            assert [event.heard for event in call.ended() if event.heard] == ["you have ten pounds."]
            assert all(event.failed for event in call.ended() if not event.heard)
            assert [m.text for m in call.agent.conversation if m.role is Role.USER] == ["my balance"]
            if asked == "typed":
                assert typing.done()

    @pytest.mark.parametrize("takes", [0.4, 4.0], ids=["returned", "running"])
    @pytest.mark.parametrize("tells_words", [True, False])
    async def test_what_somebody_asks_for_again_is_done_again(
        self, service: Any, call: AgentCall, takes: float, tells_words: bool
    ) -> None:
        done: list[int] = []
        service.tells_words = tells_words
        service.pace = 1.0
        service.will_hear("pay the bill", "pay it once more")
        first, again = (ToolCall(f"call_{number}", "pay", {"bill": 1}) for number in (1, 2))
        begun = ["it is paid."] if takes < 1.0 else []
        service.will_say(first, *begun, again, *["both are paid."] * 3)

        @call.agent.llm.register_function()
        async def pay(bill: int) -> str:
            """Pay."""
            await asyncio.sleep(takes)
            done.append(bill)
            return "paid"

        call.speak(0.8)
        await call.until(lambda: service.active)
        await asyncio.sleep(1.0)
        call.speak(1.0)
        await call.until(lambda: any("both" in event.heard for event in call.ended()))
        await asyncio.sleep(5.0)
        assert done == [1, 1]

    async def test_a_local_detector_and_the_service_together_stop_it_at_the_first_sound(self, service: Any) -> None:
        service.will_say(" ".join([LONG] * 3), "ok then.")
        service.will_hear("count for me", "stop it")
        async with self.call_with(service, LevelVAD()) as call:
            call.speak(1.0)
            await call.audible()
            await asyncio.sleep(1.5)
            begun = len(call.edge.frames)
            call.speak(1.0)
            await call.until(lambda: len(call.ended()) == 2)
            assert call.frames_until_silence(begun) <= FRAMES_TO_SILENCE
            started = [(e.participant, e.interrupted, e.epoch) for e in call.started()]
            assert started == [(ANNA, False, 0), (ANNA, True, 1)]
            assert call.ended()[1].heard == "ok then."
            assert durations(call) == pytest.approx([1000.0, 1000.0], abs=self.turn_tolerance_ms)

    async def test_where_the_service_leaves_it_to_the_agent_a_cough_costs_a_pause_and_speech_interrupts(
        self, service: Any
    ) -> None:
        service.will_say(LONG, "ok then.")
        service.will_hear("count for me", "", "stop it")
        async with self.call_with(service, LevelVAD(), interrupts=False) as call:
            call.speak(1.0)
            await call.audible()
            await asyncio.sleep(1.0)
            begun = len(call.edge.frames)
            call.speak(0.1)
            await asyncio.sleep(1.5)
            assert call.frames_until_silence(begun) <= FRAMES_TO_SILENCE
            assert call.sounding, "it goes on"
            assert not call.ended()
            begun = len(call.edge.frames)
            call.speak(1.0)
            await call.until(lambda: call.ended())
            assert call.frames_until_silence(begun) <= FRAMES_TO_SILENCE
            (cut,) = call.ended()
            assert cut.interrupted
            assert cut.heard.split() == LONG.split()[: len(cut.heard.split())]
            await call.until(lambda: len(call.ended()) == 2)
            assert call.ended()[1].heard == "ok then."
            assert [e.interrupted for e in call.started()] == [False, True]


def durations(call: AgentCall) -> list[float | None]:
    """Of the turns that are over, in milliseconds."""
    return [event.duration_ms for event in call.events if isinstance(event, TurnEndedEvent)]
