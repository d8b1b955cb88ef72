"""Laws of function calls: whatever meets whatever, the history tells one true thing of each call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from vision_agents.core.conversation import ToolCall
from vision_agents.core.llm import AnswerCalls, OnInterrupt
from vision_agents.core.llm.function_call import RUNNING_STILL, TOOL_TIMEOUT
from vision_agents.testing.virtual_time import run

from .calling_kit import Desk, at, others

# Few and round, so that many things happen at the same time.
TIMES = st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0])
SELDOM = st.sampled_from([False, False, False, True])


@dataclass(frozen=True)
class Function:
    """How a function behaves."""

    policy: OnInterrupt
    seconds: float
    error: bool
    stubborn: bool
    undo_seconds: float
    undo_error: bool


@dataclass(frozen=True)
class Blow:
    """Something that happens to the answers while they are made or spoken."""

    at: float
    kind: str
    answer: int


functions = st.builds(
    Function,
    policy=st.sampled_from(["finish", "cancel", "undo"]),
    seconds=TIMES | st.just(100.0),
    error=SELDOM,
    stubborn=st.booleans(),
    undo_seconds=TIMES | st.just(100.0),
    undo_error=SELDOM,
)
answers = st.lists(st.tuples(TIMES, st.lists(functions, min_size=1, max_size=3)), min_size=1, max_size=3)
# "advance": code or the floor interrupts. "interrupt": and so does the voice, which speaks the answer. "cancel": the
# writer of the answer is cancelled. "give up": the reply is dropped.
blows = st.lists(
    st.builds(Blow, TIMES, st.sampled_from(["advance", "interrupt", "cancel", "give up"]), st.integers(0, 2)),
    max_size=5,
)


class Story:
    """Answers with their functions, and what happens to them."""

    def __init__(self, plan: list[tuple[float, list[Function]]], blows: list[Blow]) -> None:
        self.plan = plan
        self.blows = blows
        self.desk = Desk()
        self.answers: dict[int, AnswerCalls] = {}
        self.makers: dict[int, asyncio.Task[None]] = {}
        self.functions: dict[str, Function] = {}
        # What was interrupted, before the call was over: after it nothing is taken back. Nor is anything that had
        # returned when its answer was given up.
        self.interrupted: set[int] = set()
        self.given_up: set[int] = set()
        self.faults: list[dict[str, Any]] = []
        self.late: list[str] = []

    async def tell(self, end: float) -> None:
        loop = asyncio.get_running_loop()
        # A law that is broken in a callback of the loop is broken too.
        loop.set_exception_handler(
            lambda _, context: self.faults.append(context.get("exception") or RuntimeError(context["message"]))
        )
        for number, (begin, wanted) in enumerate(self.plan):
            for index, function in enumerate(wanted):
                name = f"f{number}{index}"
                self.functions[f"{name} {number}"] = function
                options = {key: value for key, value in vars(function).items() if key != "policy"}
                self.desk.offer(name, function.policy, **options)
            loop.call_at(begin, self.begin, number, [f"f{number}{index}" for index in range(len(wanted))])
        for blow in self.blows:
            loop.call_at(blow.at, self.strike, blow)
        await at(end)
        await self.desk.calls.close(5.0)
        self.look()
        final = dict(self.desk.outputs)
        await at(end + 2 * TOOL_TIMEOUT + 500.0)
        assert self.desk.outputs == final, "something came after the end"
        assert not others()
        assert self.faults == []

    def begin(self, number: int, names: list[str]) -> None:
        self.answers[number] = turn = AnswerCalls(self.desk.epoch.value, self.desk.history)
        calls = [ToolCall(f"{name} {number}", name, {"key": f"{name} {number}"}) for name in names]

        async def make() -> None:
            if turn.epoch == self.desk.epoch.value:
                with self.desk.calls.answering(turn):
                    await turn.make(calls, self.desk.calls)

        self.makers[number] = asyncio.get_running_loop().create_task(make(), name=f"answer {number}")
        self.look()

    def strike(self, blow: Blow) -> None:
        turn, maker = self.answers.get(blow.answer), self.makers.get(blow.answer)
        over = self.desk.calls.over
        if blow.kind == "advance":
            self.desk.epoch.advance()
            self.interrupted |= {number for number, maker in self.makers.items() if not (maker.done() or over)}
        elif turn is None or maker is None:
            return
        elif blow.kind == "interrupt":
            turn.interrupt()
            self.interrupted |= set() if over else {blow.answer} - self.given_up
        elif blow.kind == "cancel":
            maker.cancel()
        else:
            turn.give_up()
            self.given_up.add(blow.answer)
        self.look()

    def look(self) -> None:
        """What holds at any time."""
        for key, text in self.desk.outputs.items():  # One output each, in its place, or this raises.
            number = int(key.split()[1])
            if self.functions[key].policy == "undo" and number in self.interrupted:
                assert text != f"done {key}", "a plain result of what was taken back"
            if text == f"done {key}":
                assert ("done", key) in self.desk.log
        results = [text for text in self.desk.outputs.values() if text.startswith("done ")]
        assert len(results) == len(set(results))


SLOWLY_UNDONE = Function("undo", 0.0, error=False, stubborn=False, undo_seconds=100.0, undo_error=False)


@settings(max_examples=300, deadline=None)
@given(answers, blows, st.sampled_from([2.0, 4.0, 300.0, 300.0]))
@example([(0.0, [SLOWLY_UNDONE])], [Blow(3.0, "interrupt", 0)], 2.0)  # An interruption when the call is over.
@example(  # … while it ends: another function takes its time.
    [(0.0, [replace(SLOWLY_UNDONE, seconds=100.0)]), (0.0, [replace(SLOWLY_UNDONE, seconds=3.0)])],
    [Blow(3.0, "interrupt", 1)],
    2.0,
)
@example(
    [(0.0, [replace(SLOWLY_UNDONE), replace(SLOWLY_UNDONE, policy="finish", seconds=100.0)])],
    [Blow(1.0, "give up", 0), Blow(1.0, "interrupt", 0)],
    2.0,
)
def test_whatever_happens_each_call_has_one_output_and_it_is_true(
    plan: list[tuple[float, list[Function]]], blows: list[Blow], end: float
) -> None:
    story = Story(plan, blows)
    run(story.tell(end))
    desk = story.desk
    begun = [key for what, key in desk.log if what == "begun"]
    assert len(begun) == len(set(begun)), "called twice"
    for key, text in desk.outputs.items():
        function, log = story.functions[key], [what for what, whose in desk.log if whose == key]
        assert text != RUNNING_STILL
        assert not text.startswith("(being taken back")
        undone = [what for what in log if what.startswith("undone")]
        assert len(undone) <= 1
        assert log.count("undo begun") <= 1
        if text.startswith("(taken back"):
            assert undone
        if "undo begun" in log:
            assert text.startswith(("(taken back", "(this was to be taken back"))
            if function.seconds < TOOL_TIMEOUT:
                assert not {"done", "begun"} & set(log[log.index("undo begun") :]), "taken back before it was over"
        if text.startswith("(not called"):
            assert log == []
        endings = [ending for call_id, ending in desk.endings if call_id == key]
        last = {"done": "result", "error": "error", "(this": "error", "(taken": "undone", "(cancelled": "cancelled"}
        assert endings[-1:] == [last[word] for word in [text.split()[0].rstrip(":")] if word in last]
        assert len(endings) == (2 if endings[:1] == ["result"] and "undo begun" in log else len(endings[:1]))
        event(f"{function.policy}: {text.split(key)[0].split(':')[0]}")
