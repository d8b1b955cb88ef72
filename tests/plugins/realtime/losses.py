"""Stories of sessions that are lost, at each moment and in each way: who called is answered, nothing is done twice."""

from __future__ import annotations

import abc
import asyncio
from http import HTTPStatus
from typing import Any

import pytest

from vision_agents.core import Agent, InterruptionPolicy, User
from vision_agents.core.agents import ErrorEvent
from vision_agents.core.conversation import ToolCall
from vision_agents.core.edge import FRAME_SECONDS
from vision_agents.core.floor.replying import NOT_APOLOGISED
from vision_agents.core.llm import Realtime
from vision_agents.core.remote import RemoteError
from vision_agents.core.remote.realtime import ASKED_AGAIN
from vision_agents.core.remote.realtime_link import PREROLL
from vision_agents.testing.parts import LoopEdge

from .call import AgentCall
from .kit import ANNA, BEN

PREAMBLE = "let me see."
ANSWER = "it is done and all of it is well."

# What the agent is at when its session is lost.
MOMENTS = ("asked", "thinking", "answer", "preamble", "function", "returned")

# How it is lost: broken; so is the next one; so are the next three, at once or when they have been asked; ended by the
# service. With the seconds for which each of the sessions lives that are lost behind the first one.
LOSSES = {"broken": (), "twice": (0.4,), "flapping": (0.4, 0.0, 0.4), "flapping at once": (0.0,) * 3, "ended": ()}

POLICY = InterruptionPolicy()

# Seconds after which at the latest a caller hears something, whatever fails.
PATIENCE = POLICY.reply_timeout + POLICY.retry_after + POLICY.retry_timeout


class LossStories(abc.ABC):
    """Derive from it, and say how the model is made, and how its service ends a session in peace."""

    pytestmark = pytest.mark.virtual_time

    @abc.abstractmethod
    def make(self, service: Any) -> Realtime:
        """The model, which finds the service."""

    async def end(self, service: Any) -> None:
        """Have the service end the session, as it does when that is too old."""
        await service.session.close(1001, "the session is too old")

    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("moment", MOMENTS)
    async def test_who_called_is_answered_and_nothing_is_done_twice(self, service: Any, moment: str, loss: str) -> None:
        before = asyncio.all_tasks()
        call, made = self._call(service), list[bool]()

        @call.agent.llm.register_function()
        async def pay() -> str:
            """Pay."""
            made.append(True)
            await asyncio.sleep(1.0 if moment == "returned" else 3.0)
            return "paid"

        calls = moment in ("preamble", "function", "returned")
        service.says_before_calls = PREAMBLE if moment == "preamble" else ""
        service.will_hear(*["pay it"] * 8)
        service.will_say(*([ToolCall("call_1", "pay", {})] if calls else []), *[ANSWER] * 8)
        async with call:
            await self._reach(call, service, moment, made)
            await self._lose(call, service, loss)
            begun = len(call.edge.frames)
            await call.until(lambda: call.ended() and call.ended()[-1].heard.endswith("well."))
            assert call.edge.audible[begun:].index(True) * FRAME_SECONDS <= PATIENCE
            await asyncio.sleep(10.0)
            # Before the end of what is said before it is called it may be lost with that.
            assert len(made) == calls or (moment == "preamble" and not made)
            heard = [event.heard for event in call.ended() if event.heard]
            assert [text for text in heard if text == ANSWER] == [ANSWER], heard
            users = [message.text for message in call.agent.conversation if message.text in ("pay it", "Pay it.")]
            assert len(users) == 1
        await call.until(lambda: asyncio.all_tasks() <= before | {asyncio.current_task()})

    def _call(self, service: Any, apology: str = "") -> AgentCall:
        service.word_seconds, service.pace = 0.3, 0.25
        edge = LoopEdge()
        agent = Agent(edge=edge, agent_user=User(id="agent"), llm=self.make(service), apology=apology)
        return AgentCall(agent, edge)

    async def _reach(self, call: AgentCall, service: Any, moment: str, made: list[bool]) -> None:
        if moment in ("asked", "thinking"):
            service.pace = 3.0
        if moment == "asked":
            self._asking = asyncio.create_task(call.agent.simple_response("Pay it."))
        else:
            call.speak(0.8)
        if moment in ("answer", "preamble"):
            await call.audible()
            await asyncio.sleep(0.5)
        elif moment in ("function", "returned"):
            await call.until(lambda: made)
            service.pace = 3.0 if moment == "returned" else service.pace
            await asyncio.sleep(2.0 if moment == "returned" else 1.0)
        else:
            await call.until(lambda: service.active)
            await asyncio.sleep(0.5)

    async def _lose(self, call: AgentCall, service: Any, loss: str) -> None:
        service.pace = 0.25
        for lives in (*LOSSES[loss], None):
            sessions = len(service.sessions)
            await (self.end(service) if loss == "ended" else service.disconnect())
            await call.until(lambda before=sessions: len(service.sessions) > before)
            if lives is not None:
                await asyncio.sleep(lives)

    async def test_a_text_is_not_asked_for_ever_that_every_session_is_lost_with(self, service: Any) -> None:
        call = self._call(service, apology="Sorry.")
        service.pace = 1.0
        service.will_hear(*["pay it"] * 8)
        service.will_say(*[ANSWER] * 40)
        async with call:
            asking = asyncio.create_task(call.agent.simple_response("Pay it."))
            for _ in range(round(150.0 / FRAME_SECONDS)):
                if service.active:
                    await service.disconnect()
                await asyncio.sleep(FRAME_SECONDS)
            assert not await asking
            # The text, once more, and the apology.
            assert 1 + ASKED_AGAIN <= service.requests <= 3 * (1 + ASKED_AGAIN)
            begun = len(call.edge.frames)
            call.speak(0.8)
            await call.until(lambda: any(call.edge.audible[begun:]))
            assert call.edge.audible[begun:].index(True) * FRAME_SECONDS <= PATIENCE

    @pytest.mark.parametrize("moment", ["answer", "function"])
    async def test_a_session_that_is_lost_while_the_call_ends_keeps_nothing_running(
        self, service: Any, moment: str
    ) -> None:
        before, made = asyncio.all_tasks(), list[bool]()
        call = self._call(service)

        @call.agent.llm.register_function()
        async def pay() -> str:
            """Pay."""
            made.append(True)
            await asyncio.sleep(0.5)
            return "paid"

        service.will_hear("pay it")
        service.will_say(*([ToolCall("call_1", "pay", {})] if moment == "function" else []), *[ANSWER] * 3)
        async with call:
            await self._reach(call, service, moment, made)
            closing = asyncio.create_task(call.agent.close())
            await asyncio.sleep(0)
            await service.disconnect()
            async with asyncio.timeout(15.0):
                await closing
        await call.until(lambda: asyncio.all_tasks() <= before | {asyncio.current_task()})
        assert len(service.sessions) == 1

    async def test_a_session_that_is_lost_before_it_has_begun_is_told_to_who_joins_and_may_join_again(
        self, service: Any
    ) -> None:
        before, call = asyncio.all_tasks(), self._call(service)
        service.refuses = HTTPStatus.SERVICE_UNAVAILABLE
        with pytest.raises(RemoteError, match="HTTP 503"):
            await call.agent.join()
        await call.until(lambda: asyncio.all_tasks() <= before | {asyncio.current_task()})
        service.refuses = None
        service.will_hear("pay it")
        service.will_say(ANSWER)
        call = self._call(service)
        async with call:
            call.speak(0.8)
            await call.until(lambda: [event.heard for event in call.ended()] == [ANSWER])

    async def test_one_that_is_lost_before_anything_was_said_is_nobodys_business(self, service: Any) -> None:
        call = self._call(service)
        failures = self._failures(call)
        service.will_hear("pay it")
        service.will_say(ANSWER)
        async with call:
            await service.disconnect()
            await call.until(lambda: len(service.sessions) > 1)
            call.speak(0.8)
            await call.until(lambda: [event.heard for event in call.ended()] == [ANSWER])
            assert not failures

    @pytest.mark.parametrize("seconds", [20.0, 60.0])
    async def test_who_calls_is_answered_when_a_service_is_back_that_was_away(
        self, service: Any, seconds: float
    ) -> None:
        call = self._call(service, apology="Sorry.")
        failures = self._failures(call)
        service.will_hear(*["pay it"] * 3)
        service.will_say(*[ANSWER] * 12)
        async with call:
            await self._reach(call, service, "answer", [])
            service.refuses = HTTPStatus.SERVICE_UNAVAILABLE
            await service.disconnect()
            await asyncio.sleep(seconds)
            service.refuses, back = None, len(call.edge.frames)
            await asyncio.sleep(PATIENCE)
            assert any(call.edge.audible[back:]) or NOT_APOLOGISED in failures
            begun = len(call.edge.frames)
            call.speak(0.8)
            await call.until(lambda: any(call.edge.audible[begun:]))
            assert call.edge.audible[begun:].index(True) * FRAME_SECONDS <= PATIENCE

    @pytest.mark.parametrize("moment", ["preamble", "function"])
    @pytest.mark.parametrize("takes", [5.0, 25.0])
    @pytest.mark.parametrize("away", [10.0, 40.0])
    @pytest.mark.parametrize("tells_words", [True, False])
    async def test_who_waits_for_what_a_function_found_is_told_or_apologised_to(
        self, service: Any, moment: str, takes: float, away: float, tells_words: bool
    ) -> None:
        call, made = self._call(service, apology="Sorry."), list[bool]()
        failures = self._failures(call)

        @call.agent.llm.register_function()
        async def pay() -> str:
            """Pay."""
            made.append(True)
            await asyncio.sleep(takes)
            return "paid"

        service.says_before_calls, service.tells_words = PREAMBLE if moment == "preamble" else "", tells_words
        service.will_hear(*["pay it"] * 3)
        service.will_say(ToolCall("call_1", "pay", {}), *[ANSWER] * 12)
        async with call:
            call.speak(0.8)
            await call.until(lambda: made)
            await asyncio.sleep(1.0)
            service.refuses = HTTPStatus.SERVICE_UNAVAILABLE
            await service.disconnect()
            await asyncio.sleep(away)
            service.refuses, back = None, len(call.edge.frames)
            await asyncio.sleep(PATIENCE)
            assert any(call.edge.audible[back:]) or NOT_APOLOGISED in failures
            assert len(made) == 1

    @pytest.mark.parametrize("moment", ["speaking", "away"])
    async def test_what_was_said_before_a_service_was_given_up_is_heard_and_answered_when_it_is_back(
        self, service: Any, moment: str
    ) -> None:
        call = self._call(service)
        service.will_hear("pay it", "are you there")
        service.will_say(*[ANSWER] * 12)
        async with call:
            if moment == "speaking":
                call.speak(0.8)
                await asyncio.sleep(0.6)
            service.refuses = HTTPStatus.SERVICE_UNAVAILABLE
            await service.disconnect()
            if moment == "away":
                await asyncio.sleep(10.0)
                call.speak(0.8)
            await asyncio.sleep(60.0)
            service.refuses, sessions = None, len(service.sessions)
            begun = len(call.edge.frames)
            call.speak(0.8)
            await call.until(lambda: any(call.edge.audible[begun:]))
            assert len(service.sessions) == sessions + 1
            # More than what has been said since, by all that was said before.
            since = (len(call.edge.frames) - begun) * FRAME_SECONDS
            assert service.session.heard > since + 0.8

    async def test_what_was_said_by_who_has_left_is_not_answered_to_who_comes(self, service: Any) -> None:
        call = self._call(service)
        service.will_hear("pay it", "are you there")
        service.will_say(*[ANSWER] * 12)
        async with call:
            call.speak(0.8)
            await asyncio.sleep(0.6)
            service.refuses = HTTPStatus.SERVICE_UNAVAILABLE
            await service.disconnect()
            await asyncio.sleep(60.0)
            assert call.edge.sink is not None
            call.caller = None
            call.edge.sink.participant_left(ANNA)
            await asyncio.sleep(60.0)
            service.refuses, call.caller = None, BEN
            begun = len(call.edge.frames)
            call.speak(0.8)
            await call.until(lambda: any(call.edge.audible[begun:]))
            since = (len(call.edge.frames) - begun) * FRAME_SECONDS
            assert service.session.heard <= since + PREROLL

    async def test_what_is_heard_again_when_a_service_is_back_is_answered(self, service: Any) -> None:
        """All of it comes in an instant: the turn is over as it begins, and so much of it is silence."""
        call = self._call(service, apology="Sorry.")
        service.will_hear(*["pay it"] * 3)
        service.will_say(*[ANSWER] * 12)
        service.tells_words = False
        async with call:
            await self._reach(call, service, "thinking", [])
            service.refuses = HTTPStatus.SERVICE_UNAVAILABLE
            await service.disconnect()
            service.pace = 0.25
            await asyncio.sleep(20.0)
            service.refuses, service.tells_words = None, True
            await call.until(lambda: len(service.sessions) > 1)
            back = len(call.edge.frames)
            await call.until(lambda: any(call.edge.audible[back:]))
            assert call.edge.audible[back:].index(True) * FRAME_SECONDS <= PATIENCE

    async def test_a_service_that_says_nothing_at_all_is_told_of_and_heard_when_it_speaks(self, service: Any) -> None:
        call = self._call(service, apology="Sorry.")
        failures = self._failures(call)
        service.will_hear(*["pay it"] * 12)
        service.will_say(*[""] * 40)
        async with call:
            call.speak(0.8)
            await asyncio.sleep(3 * PATIENCE)
            assert not any(call.edge.audible)
            assert NOT_APOLOGISED in failures
            service.will_say(*[ANSWER] * 3)
            begun = len(call.edge.frames)
            call.speak(0.8)
            await call.until(lambda: any(call.edge.audible[begun:]))
            assert call.edge.audible[begun:].index(True) * FRAME_SECONDS <= PATIENCE

    def _failures(self, call: AgentCall) -> list[str]:
        failures = list[str]()

        @call.agent.events.subscribe
        async def note(event: ErrorEvent) -> None:
            failures.append(str(event.error))

        return failures

    async def test_one_that_is_not_let_in_again_says_so_and_answers_when_that_is_mended(self, service: Any) -> None:
        call = self._call(service)
        failures = self._failures(call)
        service.will_hear(*["pay it"] * 3)
        service.will_say(*[ANSWER] * 5)
        async with call:
            await self._reach(call, service, "answer", [])
            service.refuses = HTTPStatus.UNAUTHORIZED
            await service.disconnect()
            await call.until(lambda: failures)
            await asyncio.sleep(40.0)
            told, service.refuses = len(failures), None
            begun = len(call.edge.frames)
            call.speak(0.8)
            await call.until(lambda: any(call.edge.audible[begun:]))
            assert call.edge.audible[begun:].index(True) * FRAME_SECONDS <= PATIENCE
            # The break, and once that the key is refused.
            assert told <= 2, failures
