"""Parts in the hands of several agents that come, go and fail in any order: a law.

A part is in one call at most. What is said in a call is in its history and in no other. After the last call every part
is free, and serves another agent.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from vision_agents.core import Agent, Conversation, Participant, User
from vision_agents.core.part import Attachment, PartError
from vision_agents.testing import virtual_time
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

ANNA = Participant("anna")
KINDS = ("edge", "llm", "stt", "tts", "turn_detection")

# How a part begins and ends: in how many seconds, or by an error, or by giving up; or deaf to its cancellation.
MANNERS = st.sampled_from(["slow", "raises", "gives up", "deaf"])


async def behave(manner: str) -> None:
    """Take one's time, or fail."""
    if manner == "raises":
        raise ValueError("no reason at all")
    if manner == "gives up":
        raise asyncio.CancelledError
    end = asyncio.get_running_loop().time() + {"slow": 2.0, "deaf": 20.0}.get(manner, 0.0)
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            if manner != "deaf":
                raise


class Moody:
    """A part whose beginning and end have manners. It counts the calls that it is in."""

    def __init__(self, begins: str, ends: str) -> None:
        super().__init__()
        self.begins, self.ends, self.calls = begins, ends, 0
        self.house: House | None = None

    def attach(self, attachment: Attachment) -> None:
        super().attach(attachment)  # type: ignore[misc]
        self.calls += 1
        assert self.calls == 1, "a part is in two calls"

    def detach(self, attachment: Attachment) -> None:
        self.calls -= self.attached_to(attachment)  # type: ignore[attr-defined]
        super().detach(attachment)  # type: ignore[misc]

    async def start(self) -> None:
        await behave(self.begins)

    async def close(self) -> None:
        self.check_who_closes()
        await behave(self.ends)

    def check_who_closes(self) -> None:
        assert self.house is not None
        for agent, _, _ in self.house.agents:
            if self.attached_to(attachment_of(agent)) and agent._closing is None:  # type: ignore[attr-defined]
                self.house.faults.append(f"a part of {agent.agent_user.id} is closed by another agent")


class Edge(Moody, LoopEdge):
    async def join(self, agent_user, call, sink):
        await behave(self.begins)
        await LoopEdge.join(self, agent_user, call, sink)

    async def leave(self):
        self.check_who_closes()
        await LoopEdge.leave(self)
        await behave(self.ends)


class LLM(Moody, ScriptedLLM): ...


class STT(Moody, ScriptedSTT): ...


class TTS(Moody, ToneTTS): ...


class Detector(Moody, ScriptedDetector): ...


MAKE = dict(zip(KINDS, (Edge, LLM, STT, TTS, Detector), strict=True))


@dataclass
class House:
    """The parts that there are, two of each kind, and the agents made of them."""

    parts: dict[str, list]
    agents: list[tuple[Agent, dict, Conversation]] = field(default_factory=list)
    tasks: list[asyncio.Task] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    said: int = 0

    def __post_init__(self) -> None:
        for part in (part for parts in self.parts.values() for part in parts):
            part.house = self

    def make(self, choice: tuple[int, ...]) -> None:
        parts = {kind: self.parts[kind][index] for kind, index in zip(KINDS, choice, strict=True)}
        history = Conversation()
        number = len(self.agents)
        self.agents.append((Agent(agent_user=User(f"agent-{number}"), conversation=history, **parts), parts, history))

    async def join(self, number: int) -> None:
        agent = self.agents[number % len(self.agents)][0]
        with suppress(PartError, RuntimeError, ValueError):
            await agent.join()
            event("somebody is in a call")
            agent.edge.sink.participant_joined(ANNA)

    async def close(self, number: int) -> None:
        await self.agents[number % len(self.agents)][0].close()

    def hear(self, index: int) -> None:
        """A recogniser hears something, that only the agent whose call it is in may learn."""
        stt = self.parts["stt"][index]
        holder = next((a for a in self.agents if a[1]["stt"] is stt and stt.attached_to(attachment_of(a[0]))), None)
        self.said += 1
        words = f"secret {self.said} of {holder[0].agent_user.id if holder else 'nobody'}"
        stt.report_turn_started(ANNA)
        stt.report_words(ANNA, words, final=True)
        stt.report_turn_ended(ANNA)


def attachment_of(agent: Agent) -> Attachment | None:
    session = agent._session
    return session.attachment if session is not None else None


STEPS = st.one_of(
    st.tuples(st.just("make"), st.tuples(*[st.integers(0, 1)] * len(KINDS))),
    st.tuples(st.just("join"), st.integers(0, 5)),
    st.tuples(st.just("join"), st.integers(0, 5)),
    st.tuples(st.just("close"), st.integers(0, 5)),
    st.tuples(st.just("hear"), st.integers(0, 1)),
)


PAUSES = st.sampled_from([0.0, 0.1, 1.0, 3.0, 12.0])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(STEPS, PAUSES), min_size=3, max_size=30),
    st.dictionaries(st.integers(0, 19), MANNERS, max_size=3),
)
def test_a_part_is_in_one_call_and_what_is_said_there_stays_there(steps, manners):
    async def main() -> None:
        moods = (manners.get(number, "well") for number in range(4 * len(KINDS)))
        house = House({kind: [MAKE[kind](next(moods), next(moods)) for _ in range(2)] for kind in KINDS})
        house.make((0, 0, 0, 0, 0))
        for (name, value), pause in steps:
            if name in ("make", "hear"):
                getattr(house, name)(value)
            else:
                house.tasks.append(asyncio.create_task(getattr(house, name)(value)))
            await asyncio.sleep(pause)
        await asyncio.gather(*(agent.close() for agent, _, _ in house.agents))
        await asyncio.sleep(60)
        assert all(task.done() for task in house.tasks)
        assert not house.faults
        for agent, _, history in house.agents:
            told = [message.text for message in history if message.text.startswith("secret")]
            assert all(text.endswith(f"of {agent.agent_user.id}") for text in told), told
            if told:
                event("somebody was heard")
        assert not house.parts["edge"][0].calls
        for part in (part for parts in house.parts.values() for part in parts):
            part.attach(Attachment())
        for edge in house.parts["edge"]:
            frames = len(edge.frames)
            await asyncio.sleep(1)
            assert len(edge.frames) == frames, "an edge is in a call that is over"

    virtual_time.run(main())
