from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vision_agents.core.conversation import Message, Role, ToolCall
from vision_agents.core.llm import LLMRequest, TokenUsageEvent
from vision_agents.core.models import MissingModelError
from vision_agents.core.models.networks import NetworkSpec
from vision_agents.core.usage import TokenUsage
from vision_agents.plugins import llama
from vision_agents.plugins.llama.engine import Engine, EngineOptions
from vision_agents.plugins.llama.llm import READ_ON, TOOL_LIMIT, _say_tool_limit
from vision_agents.plugins.llama.session import Prompt, Summary

pytestmark = pytest.mark.virtual_time

Say = Callable[[str], LLMRequest]


class ScriptedSession:
    """Stands in for a session: says its words one in 0.1 s, and takes 0.5 s to really stop."""

    def __init__(self) -> None:
        self.words: list[str | ToolCall] = ["One two three ", "four ", "five."]
        self.prompts: list[Prompt] = []
        self.warmed: list[Prompt] = []
        self.log: list[str] = []
        self.spec: NetworkSpec[Engine] | None = None
        self.last: Summary | None = None
        self._live: set[asyncio.Event] = set()
        self.aside: ScriptedSession | None = None

    def opened(self) -> ScriptedSession:
        """This one, and for who opens a second, one of its own."""
        if self.aside is None:
            self.aside = ScriptedSession()
            return self
        return self.aside

    def bind(self) -> None:
        pass

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        self.prompts.append(prompt)
        cancelled = asyncio.Event()
        self._live.add(cancelled)
        try:
            for word in self.words:
                await asyncio.sleep(0.1)
                if cancelled.is_set():
                    return
                yield word
            self.last = Summary("stop", 40, 30, len(self.words), 0)
        finally:
            self._live.discard(cancelled)

    async def warm(self, prompt: Prompt) -> None:
        self.warmed.append(prompt)

    def cancel(self) -> None:
        self.log.append("cancel")
        for cancelled in self._live:
            cancelled.set()

    async def stopped(self) -> None:
        await asyncio.sleep(0.5)
        self.log.append("stopped")

    def close(self) -> None:
        self.log.append("close")


class ScriptedLease:
    """Stands in for the lease on a model, which is there."""

    def __init__(self, spec: NetworkSpec[Engine], session: ScriptedSession) -> None:
        self.spec = spec
        self._session = session

    async def start(self) -> None:
        if "start" not in self._session.log:
            self._session.log.append("start")

    def close(self) -> None:
        self._session.log.append("let go")


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[ScriptedSession]:
    """The sessions that were made, each with what its model is."""
    made: list[ScriptedSession] = []

    def lease(spec: NetworkSpec[Engine], user: str) -> ScriptedLease:
        made.append(ScriptedSession())
        made[-1].spec = spec
        return ScriptedLease(spec, made[-1])

    monkeypatch.setattr("vision_agents.plugins.llama.llm.NetworkLease", lease)
    monkeypatch.setattr("vision_agents.plugins.llama.llm.Session", lambda engine: made[-1].opened())
    return made


def request(text: str = "Hi!", instructions: str = "Be brief.") -> LLMRequest:
    return LLMRequest(instructions, (Message(Role.USER, text),))


async def reply(llm: llama.LLM, asked: LLMRequest) -> list[str]:
    return [piece async for piece in llm.respond(asked)]


async def test_it_streams_what_the_model_writes(sessions: list[ScriptedSession]) -> None:
    llm = llama.LLM("some.gguf", context=512, n_threads=2, n_gpu_layers=7, max_tokens=50)
    await llm.start()
    assert await reply(llm, request()) == ["One two three", " four", " five."]
    await llm.close()
    (session,) = sessions
    assert session.spec is not None
    assert session.spec.load == EngineOptions(512, 512, 2, 7)
    assert session.spec.gpu
    assert not any(spec.gpu for spec in llama.LLM("some.gguf").networks)
    assert session.spec.files == {"model": Path("some.gguf")}
    assert session.prompts[0].max_tokens == 50
    assert session.log == ["start", "close", "let go"]


async def test_a_reply_after_an_interruption_is_not_hit_by_it(sessions: list[ScriptedSession]) -> None:
    llm = llama.LLM("some.gguf")
    first = llm.respond(request())
    assert await anext(first) == "One two three"
    confirmed = llm.interrupt()
    assert await reply(llm, request()) == ["One two three", " four", " five."]
    assert [piece async for piece in first] == []
    await confirmed
    assert sessions[0].log == ["start", "cancel", "stopped"]


async def test_sessions_with_the_same_settings_want_the_same_network(sessions: list[ScriptedSession]) -> None:
    for settings in ({}, {}, {"temperature": 0.5, "max_tokens": 9}, {"context": 1024}, {"n_threads": 2}):
        llama.LLM("some.gguf", **settings)
    specs = [session.spec for session in sessions]
    assert specs[0] == specs[1] == specs[2]
    assert specs[0] not in specs[3:]
    assert specs[3] != specs[4]
    assert llama.LLM("some.gguf").networks == (specs[0],)


async def test_a_second_interruption_waits_for_nothing(sessions: list[ScriptedSession]) -> None:
    llm = llama.LLM("some.gguf")
    await llm.start()
    await asyncio.gather(llm.interrupt(), llm.interrupt())
    assert asyncio.get_running_loop().time() == pytest.approx(0.5)
    assert llm.epoch == 2


async def test_interrupting_and_closing_before_the_start_is_fine(sessions: list[ScriptedSession]) -> None:
    llm = llama.LLM("some.gguf")
    await llm.interrupt()
    await llm.close()
    assert sessions[0].log == ["cancel", "stopped", "close", "let go"]


async def test_the_default_model_gets_examples_that_are_never_dropped(
    sessions: list[ScriptedSession],
) -> None:
    llm = llama.LLM()
    await reply(llm, request("Hi!"))
    await reply(llm, request("Hi!", instructions=""))
    (session,) = sessions
    assert session.spec is not None
    assert session.spec.files is None
    assert session.spec.model == "smollm2-135m"
    for prompt in session.prompts:
        assert prompt.keep == 1 + 2 * len(llama.SMOLLM2_EXAMPLES)
        assert prompt.messages[0]["role"] == "system"
        assert prompt.messages[prompt.keep :] == [{"role": "user", "content": "Hi!"}]
        assert (prompt.temperature, prompt.repeat_penalty) == (0, 1)
    assert session.prompts[0].messages[0]["content"] == "Be brief."


async def test_another_model_gets_no_examples_but_those_it_is_given(sessions: list[ScriptedSession]) -> None:
    await reply(llama.LLM("other.gguf"), request())
    await reply(llama.LLM("other.gguf", examples=[("Ping?", "Pong.")]), request())
    assert [session.prompts[0].keep for session in sessions] == [1, 3]


async def test_warming_reads_what_every_prompt_begins_with(sessions: list[ScriptedSession]) -> None:
    llm = llama.LLM("other.gguf", examples=[("Ping?", "Pong.")])
    await llm.warm("Be brief.")
    await reply(llm, request("Question"))
    (warmed,), (asked,) = sessions[0].warmed, sessions[0].prompts
    assert warmed.warm
    assert (warmed.max_tokens, warmed.keep) == (1, asked.keep)
    assert warmed.messages[: asked.keep] == asked.messages[: asked.keep]
    assert warmed.messages[-1]["role"] == "user"


@pytest.mark.parametrize(("model", "offered"), [(None, []), ("large.gguf", ["clock"])])
async def test_functions_are_offered_to_models_that_can_call_them(
    sessions: list[ScriptedSession],
    caplog: pytest.LogCaptureFixture,
    model: str | None,
    offered: list[str],
) -> None:
    _say_tool_limit.cache_clear()
    llm = llama.LLM(model)

    @llm.register_function()
    def clock() -> str:
        """Tell the time."""
        return "noon"

    await reply(llm, request())
    assert [tool["function"]["name"] for tool in sessions[0].prompts[0].tools] == offered
    await reply(llm, request())
    assert caplog.text.count(TOOL_LIMIT) == (model is None)  # once, and not with each reply


async def test_a_function_is_called_and_its_result_goes_back(sessions: list[ScriptedSession]) -> None:
    llm = llama.LLM("large.gguf")

    @llm.register_function()
    def clock() -> str:
        """Tell the time."""
        sessions[0].words = ["It is noon."]
        return "noon"

    await llm.start()
    sessions[0].words = [ToolCall("1", "clock", {})]
    assert await reply(llm, request()) == ["It is noon."]
    assert [message["role"] for message in sessions[0].prompts[1].messages] == ["system", "user", "assistant", "tool"]


@pytest.mark.parametrize("form", ["{} ", " {}"])
async def test_a_model_caught_in_a_loop_is_stopped(sessions: list[ScriptedSession], form: str) -> None:
    llm = llama.LLM("some.gguf")
    await llm.start()
    sessions[0].words = [form.format(word) for word in ("He was very brave. " * 20).split()]
    assert "".join(await reply(llm, request())).strip() == " ".join(["He was very brave."] * 3)


async def test_only_the_default_model_is_stopped_at_what_others_mean(sessions: list[ScriptedSession]) -> None:
    told = []
    for model in (None, "some.gguf"):
        llm = llama.LLM(model)
        sessions[-1].words = ["It has a pool. ", "It has a gym. ", "It has a bar."]
        told.append("".join(await reply(llm, request())))
    assert told == ["It has a pool. It has a gym.", "It has a pool. It has a gym. It has a bar."]


@pytest.mark.parametrize("whole", [True, False])
async def test_a_loop_before_functions_are_called_ends_none_of_the_calls(
    sessions: list[ScriptedSession], whole: bool
) -> None:
    llm = llama.LLM("large.gguf")
    lit: list[str] = []

    @llm.register_function()
    def light(room: str) -> str:
        """Switch the light of a room on."""
        lit.append(room)
        sessions[0].words = ["It is light."]
        return "on"

    await llm.start()
    calls = [ToolCall(room, "light", {"room": room}) for room in ("hall", "bath")]
    said = " ".join(["I turn it on now."] * 4)
    sessions[0].words = [*([said] if whole else (f"{word} " for word in said.split())), *calls]
    told = "".join(await reply(llm, request()))
    assert told == " ".join(["I turn it on now."] * 3) + "\nIt is light."
    assert sorted(lit) == ["bath", "hall"]


async def test_a_loop_that_goes_on_and_on_is_not_read_to_its_end(sessions: list[ScriptedSession]) -> None:
    llm = llama.LLM("large.gguf")
    read: list[str] = []

    @llm.register_function()
    def clock() -> str:
        """Tell the time."""
        return "noon"

    def words() -> Iterator[str]:
        for word in ["He", "was", "very", "brave."] * 100:
            read.append(word)
            yield f"{word} "

    await llm.start()
    sessions[0].words = words()  # type: ignore[assignment]
    await reply(llm, request())
    assert len(read) == 16 + READ_ON


async def test_the_default_model_reads_what_is_asked_about_right_before_the_question(
    sessions: list[ScriptedSession],
) -> None:
    said = request("When do you close?", instructions="We close at ten. We sell tea.")
    await reply(llama.LLM(), said)
    await reply(llama.LLM("other.gguf"), said)
    await reply(llama.LLM("other.gguf", recall=True), said)
    asked = [session.prompts[0].messages[-1]["content"] for session in sessions]
    assert asked == ["We close at ten. When do you close?", "When do you close?", "We close at ten. When do you close?"]


@pytest.mark.parametrize(("model", "text"), [(None, "It is"), ("other.gguf", "It is…")])
async def test_the_default_model_is_given_no_mark_to_parrot(
    sessions: list[ScriptedSession], model: str | None, text: str
) -> None:
    cut = Message(Role.ASSISTANT, "It is", interrupted=True)
    messages = (Message(Role.USER, "Why?"), cut, Message(Role.USER, "Never mind."))
    await reply(llama.LLM(model), LLMRequest("Be brief.", messages))
    assert sessions[0].prompts[0].messages[-2] == {"role": "assistant", "content": text}


def test_no_example_says_who_the_agent_is() -> None:
    for asked, answered in llama.SMOLLM2_EXAMPLES:
        assert "who are you" not in asked.lower()
        assert "I'm" not in answered


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_threads": 0},
        {"max_tokens": 0},
        {"context": 100, "max_tokens": 100},
        {"temperature": -1.0},
        {"shared_context": 2047},
    ],
)
def test_parameters_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        llama.LLM("some.gguf", **wrong)


def test_without_xllamacpp_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_agents.plugins.llama.engine.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "interruptible-agents\[llama\]"'):
        llama.LLM()


async def test_a_default_model_that_was_not_pulled_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISION_AGENTS_MODELS", str(tmp_path))
    with pytest.raises(MissingModelError, match="vision-agents models pull smollm2-135m"):
        await llama.LLM().start()


async def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no model .*nowhere\.gguf"):
        await llama.LLM(tmp_path / "nowhere.gguf").start()


async def test_the_tokens_of_a_whole_reply_are_told(sessions: list[ScriptedSession]) -> None:
    llm = llama.LLM()
    usages: list[TokenUsage] = []

    @llm.events.subscribe
    async def note(event: TokenUsageEvent) -> None:
        usages.append(event.usage)

    await reply(llm, request())
    asking = llm.respond(request())
    await anext(asking)
    await asking.aclose()
    await llm.events.drain()
    assert usages == [TokenUsage("llama.cpp", "smollm2-135m", 40, 3, cached_tokens=30)]


def test_the_history_is_bounded_by_the_context(sessions: list[ScriptedSession]) -> None:
    assert llama.LLM(context=1024, max_tokens=100).history_tokens == 924


def talk(*texts: str) -> LLMRequest:
    spoken = tuple(Message(Role.ASSISTANT if n % 2 else Role.USER, text) for n, text in enumerate(texts))
    return LLMRequest("Be brief.", spoken)


async def test_an_earlier_answer_to_another_question_is_asked_for_again_without_it(
    sessions: list[ScriptedSession],
) -> None:
    llm = llama.LLM()
    (session,) = sessions
    session.words = ["A map costs ", "two dollars ", "in all shops."]
    assert session.aside is not None
    asked = talk("What does it cost?", "A map costs two dollars in all shops.", "Who wrote Hamlet?")
    assert await reply(llm, asked) == ["One two three", " four", " five."]
    assert len(session.prompts[0].messages) == len(session.aside.prompts[0].messages) + 2
    assert session.aside.prompts[0].messages[-1] == {"role": "user", "content": "Who wrote Hamlet?"}


async def test_what_was_interrupted_is_not_asked_again(sessions: list[ScriptedSession]) -> None:
    llm = llama.LLM()
    (session,) = sessions
    session.words = ["A map costs ", "two dollars ", "in all shops."]
    assert session.aside is not None
    answer = llm.respond(talk("What does it cost?", "A map costs two dollars in all shops.", "Who wrote Hamlet?"))
    first = asyncio.ensure_future(anext(answer, None))
    await asyncio.sleep(0.15)
    await llm.interrupt()
    assert await first is None
    assert session.aside.prompts == []


async def test_larger_models_may_say_the_same_again_and_read_all(sessions: list[ScriptedSession]) -> None:
    llm = llama.LLM("some.gguf")
    (session,) = sessions
    session.words = ["A map costs ", "two dollars."]
    asked = talk("What does it cost?", "A map costs two dollars.", *["Hm.", "Well."] * 5, "Who wrote Hamlet?")
    assert await reply(llm, asked) == ["A map costs", " two dollars."]
    assert len(session.prompts[0].messages) == 14


async def test_the_default_model_reads_few_exchanges(sessions: list[ScriptedSession]) -> None:
    llm = llama.LLM(examples=())
    asked = talk(*["Hm.", "Well."] * 8, "Who wrote Hamlet?")
    await reply(llm, asked)
    assert len(sessions[0].prompts[0].messages) == 1 + 2 * 3 + 1
    with pytest.raises(ValueError, match="exchanges is a whole number from 1 on, not 0"):
        llama.LLM(exchanges=0)


async def test_an_answer_of_an_example_is_asked_for_again_without_that(sessions: list[ScriptedSession]) -> None:
    llm = llama.LLM(examples=[("What does it cost?", "It costs two dollars here."), ("Are cats nice?", "Yes.")])
    (session,) = sessions
    session.words = ["It costs ", "two dollars here."]
    assert session.aside is not None
    assert await reply(llm, talk("Who wrote Hamlet?")) == ["One two three", " four", " five."]
    assert [message["content"] for message in session.aside.prompts[0].messages] == [
        "Be brief.",
        "Are cats nice?",
        "Yes.",
        "Who wrote Hamlet?",
    ]
