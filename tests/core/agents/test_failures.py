"""A model or a voice fails, or hangs: the caller hears something all the same, and nothing is done twice."""

import asyncio

import numpy as np
import pytest

from vision_agents.core.agents import AgentSpeechEndedEvent, AgentSpeechStartedEvent, ErrorEvent
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.floor import FloorState, InterruptionPolicy
from vision_agents.core.trace import replay
from vision_agents.core.voice import CONTINUE_PROMPT
from vision_agents.testing.parts import ScriptedLLM, ToneTTS
from vision_agents.testing.realtime import ScriptedRealtime

from .call_kit import ANNA, Call, others
from .test_realtime_calls import RealtimeCall

pytestmark = pytest.mark.virtual_time

SORRY = "Sorry, say that again."
HANG = "hang"


class Panic(BaseException):
    """What compiled code raises."""


async def perhaps(fault):
    """Fail, or hang, or do nothing of the kind."""
    if fault == HANG:
        await asyncio.Event().wait()
    if isinstance(fault, BaseException):
        raise fault
    if fault:
        raise ConnectionError(fault)


class FaultyLLM(ScriptedLLM):
    """`faults`: of its requests, in turn, after so many words; None for none."""

    def __init__(self, faults, answers=("One two. Three four.",), after=0):
        super().__init__(answers)
        self.faults, self.after = list(faults), after

    async def stream(self, request):
        fault, said = self.faults.pop(0) if self.faults else None, 0
        if not self.after:
            await perhaps(fault)
        async for piece in super().stream(request):
            yield piece
            said += 1
            if said == self.after:
                await perhaps(fault)


class FaultyTTS(ToneTTS):
    """`faults`: of its sentences, in turn, one of "nothing" gives no audio; `after`: there is some sound before."""

    def __init__(self, faults, after=False):
        super().__init__(delay=0.05)
        self.faults, self.after = list(faults), after

    async def stream_audio(self, text):
        fault = self.faults.pop(0) if self.faults else None
        if fault == "nothing":
            return
        if not self.after:
            await perhaps(fault)
        async for chunk in super().stream_audio(text):
            yield chunk
            await perhaps(fault)


class HalfMuteTTS(ToneTTS):
    """Cannot say what has one of these words in it: it raises that, gives nothing for None, and else what there is."""

    def __init__(self, faults):
        super().__init__(delay=0.05)
        self.faults, self.asked = faults, []

    async def stream_audio(self, text):
        self.asked.append(text)
        for word, fault in self.faults.items():
            if word in text and isinstance(fault, Exception):
                raise fault
            if word in text:
                yield PcmData(np.zeros(0, dtype=np.int16), 24_000)
                return
        async for chunk in super().stream_audio(text):
            yield chunk


def errors(call):
    return [(event.component, event.error) for event in call.of(ErrorEvent)]


async def ask(call):
    """Anna asks, and all that comes of it is over; the record tells why."""
    await call.detector.speak(ANNA, 1.0)
    await call.until(lambda: call.agent.state is not FloorState.IDLE)
    await call.until(lambda: call.agent.state is FloorState.IDLE, 200.0)
    await asyncio.sleep(0.1)  # The events are told a moment later.
    assert list(replay(call.edge.records)) == []


ANSWERED = [("user", "hello"), ("assistant", "One two. Three four.")]


@pytest.mark.parametrize(
    ("parts", "component"),
    [
        ({"llm": FaultyLLM(["down"])}, "LLM"),
        ({"llm": FaultyLLM([HANG])}, "LLM"),
        ({"tts": FaultyTTS(["down"])}, "TTS"),
        ({"tts": FaultyTTS([HANG])}, "TTS"),
        ({"tts": FaultyTTS(["nothing"])}, "TTS"),
        *(({"llm": FaultyLLM([error])}, "LLM") for error in (GeneratorExit("x"), SystemExit("x"), Panic("x"))),
        *(({"tts": FaultyTTS([error])}, "TTS") for error in (GeneratorExit("x"), SystemExit("x"), Panic("x"))),
    ],
    ids=[
        *("llm", "llm hangs", "tts", "tts hangs", "tts gives nothing"),
        *(f"{part} raises {kind}" for part in ("llm", "tts") for kind in ("GeneratorExit", "SystemExit", "Panic")),
    ],
)
async def test_an_answer_of_which_nothing_was_heard_is_made_anew(parts, component):
    async with Call(["hello"], ["One two. Three four."], **parts) as call:
        await ask(call)
        assert [what for what, _ in errors(call)] == [component]
        assert call.history == ANSWERED
        assert all(request.messages[-1].text == "hello" for request in call.llm.requests)


@pytest.mark.parametrize(
    "parts",
    [
        {"tts": FaultyTTS([None, "down"])},
        {"tts": FaultyTTS([None, HANG])},
        {"tts": FaultyTTS([None, "nothing"])},
        {"tts": FaultyTTS(["down"], after=True)},
        {"tts": FaultyTTS([GeneratorExit("x")], after=True)},
    ],
    ids=["second sentence", "hangs", "gives nothing", "in the middle of a sentence", "closes itself there"],
)
async def test_a_voice_that_fails_in_mid_answer_goes_on_where_it_was_heard_to(parts):
    async with Call(["hello"], ["One two. Three four."], **parts) as call:
        await ask(call)
        assert [what for what, _ in errors(call)] == ["TTS"]
        assert " ".join(text for _, text in call.history[1:]) == "One two. Three four."
        assert len(call.llm.requests) == 1, "it had written all of it"
        assert not any(message.interrupted for message in call.agent.conversation)


@pytest.mark.parametrize(("fault", "rest"), [("down", "four."), (HANG, "Three four.")])
async def test_a_model_that_fails_in_mid_answer_is_asked_to_go_on(fault, rest):
    llm = FaultyLLM([fault], ["One two. Three", rest], after=3)
    async with Call(["hello"], llm=llm) as call:
        await ask(call)
        assert " ".join(text for _, text in call.history[1:]) == "One two. Three four."
        last = llm.requests[-1].messages
        assert [message.text for message in last][-1] == CONTINUE_PROMPT
        assert last[-2].role is Role.ASSISTANT


NOTHING = [[], [""], [" ", "\n"], ["**", "**"], ["🙂"], ["…"]]


def silent(times, pieces, answers=("One two. Three four.",), **more):
    """A model that answers so many times with these pieces."""
    asked = []

    def reply(request):
        asked.append(request)
        return pieces if len(asked) <= times else list(answers)

    return ScriptedLLM(reply, **more)


@pytest.mark.parametrize("pieces", NOTHING, ids=repr)
async def test_an_answer_without_a_word_is_asked_for_once_more(pieces):
    async with Call(["hello"], llm=silent(1, pieces), apology=SORRY) as call:
        await ask(call)
        assert [what for what, _ in errors(call)] == ["LLM"]
        assert call.history == ANSWERED
        first, second = call.of(AgentSpeechEndedEvent)
        assert (first.heard, first.failed) == ("", True)
        assert (second.heard, second.failed, second.interrupted) == ("One two. Three four.", False, False)


@pytest.mark.parametrize("pieces", NOTHING, ids=repr)
async def test_one_that_stays_without_a_word_ends_in_the_apology(pieces):
    async with Call(["hello"], llm=silent(2, pieces), apology=SORRY) as call:
        await ask(call)
        assert [text for _, text in errors(call)] == [
            "ScriptedLLM answered without a word: see `LLM.may_be_silent`"
        ] * 2
        assert call.history == [("user", "hello"), ("assistant", SORRY)]


@pytest.mark.parametrize("pieces", NOTHING, ids=repr)
async def test_a_model_that_may_be_silent_is_not_asked_again(pieces):
    llm = silent(1, pieces)
    llm.may_be_silent = True
    async with Call(["hello"], llm=llm, apology=SORRY) as call:
        await ask(call)
        assert (errors(call), len(llm.requests)) == ([], 1)
        assert [text for role, text in call.history if role == "assistant" and any(map(str.isalnum, text))] == []
        [ended] = call.of(AgentSpeechEndedEvent)
        assert (ended.heard, ended.failed, ended.interrupted) == ("", False, False)


async def test_a_text_that_is_answered_without_a_word_is_asked_once_more():
    async with Call(llm=silent(1, [])) as call:
        assert await call.agent.simple_response("Greet them.") is True
        assert call.history == [("user", "Greet them."), ("assistant", "One two. Three four.")]
    async with Call(llm=silent(2, [])) as call:
        assert await call.agent.simple_response("Greet them.") is False


@pytest.mark.parametrize(
    ("result", "effects", "enough", "done"),
    [
        (None, True, True, True),
        ("pressed", True, False, True),
        (None, False, False, False),
        (ValueError("stuck"), True, False, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("inside", ["", "preamble", "filler", "say"])
@pytest.mark.parametrize("fault", [False, True], ids=["", "failed then"])
async def test_a_function_that_has_effects_and_returns_nothing_may_be_all_of_an_answer(
    result, effects, enough, done, inside, fault
):
    """What was said before its result is no answer; an attempt that failed behind it changes nothing. Nobody is asked
    to say again what was done."""
    before = ["Let me see. "] if inside == "preamble" else []

    def reply(request):
        return [] if request.messages[-1].role is Role.TOOL else [*before, ToolCall("1", "press", {})]

    llm, pressed = FaultyLLM([None, "down"] if fault else [], reply), []
    async with Call(["press it"], llm=llm, apology=SORRY) as call:

        @llm.register_function(effects=effects, filler="One moment." if inside == "filler" else None)
        async def press() -> str | None:
            pressed.append(1)
            if inside == "filler":
                await asyncio.sleep(5.0)
            if inside == "say":
                assert await call.agent.say("Well now.")
            if isinstance(result, Exception):
                raise result
            return result

        await ask(call)
        assert pressed == [1]
        assert [what for what, _ in errors(call)] == ["LLM"] * (fault if enough else 1 if done else 2)
        assert (call.history[-1] == ("assistant", SORRY)) is not done


async def test_a_result_that_is_told_at_last_is_an_answer():
    silent, looked = iter([[], ["It rains."]]), []

    def reply(request):
        return next(silent) if request.messages[-1].role is Role.TOOL else [ToolCall("1", "weather", {})]

    llm = ScriptedLLM(reply)
    async with Call(["weather"], llm=llm, apology=SORRY) as call:

        @llm.register_function()
        async def weather() -> str:
            looked.append(1)
            return "rain"

        await ask(call)
        assert (looked, call.history[-1]) == ([1], ("assistant", "It rains."))
        assert [text for _, text in errors(call)] == [
            "ScriptedLLM said nothing after the result of a function: see `LLM.may_be_silent`"
        ]


async def test_an_old_function_that_returned_nothing_is_no_answer_to_what_is_said_next():
    def reply(request):
        return [ToolCall("1", "press", {})] if request.messages[-1].text == "press it" else []

    llm = ScriptedLLM(reply)
    async with Call(["press it", "thanks a lot then"], llm=llm, apology=SORRY) as call:
        llm.register_function("press")(lambda: None)
        await ask(call)
        assert errors(call) == []
        await ask(call)
        assert call.history[-1] == ("assistant", SORRY)


@pytest.mark.parametrize("fault", [None, ConnectionError("no")], ids=["nothing", "raises"])
@pytest.mark.parametrize(
    ("mute", "heard"),
    [
        ("one", "Three four. Five six."),
        ("three", "One two. Five six."),
        ("five", f"One two. Three four. {SORRY}"),
        ("one three", SORRY),  # Two in a row: it is the voice.
        ("three five", f"One two. {SORRY}"),
        ("one three five", SORRY),
    ],
)
async def test_a_sentence_that_the_voice_cannot_say_is_left_out(fault, mute, heard):
    tts = HalfMuteTTS(dict.fromkeys(mute.title().split(), fault))
    async with Call(["hello"], ["One two. Three four. Five six."], tts=tts, apology=SORRY) as call:
        await ask(call)
        said = " ".join(text for role, text in call.history if role == "assistant")
        assert said == heard
        assert {what for what, _ in errors(call)} == {"TTS"}
        assert sum(call.edge.audible) * 0.02 < 2.5


async def test_what_code_wants_said_in_part_is_told_to_be_lost():
    async with Call(tts=HalfMuteTTS({"Three": None})) as call:
        assert await call.agent.say("One two. Three four. Five six.") is False
        assert " ".join(text for _, text in call.history) == "One two. Five six."


async def test_what_was_left_out_is_not_said_behind_what_came_after_it():
    tts, policy = HalfMuteTTS({"Three": None, "Seven": None}), InterruptionPolicy(retries=2)
    answer = ["One two. Three four. Five six. Seven eight. Nine ten."]
    async with Call(["hello"], answer, tts=tts, apology=SORRY, interruption=policy) as call:
        await ask(call)
        assert " ".join(text for _, text in call.history[1:]) == "One two. Five six. Nine ten."
        assert tts.asked.count("Three four.") == tts.asked.count("Seven eight.") == 2


async def test_a_voice_that_is_out_for_seconds_leaves_no_hole_in_an_answer():
    class Out(ToneTTS):
        began = None

        async def stream_audio(self, text):
            now = asyncio.get_running_loop().time()
            self.began = self.began or now
            if 0.1 <= now - self.began < 3.2:
                await asyncio.sleep(0.1)
                raise ConnectionError("refused")
            async for chunk in super().stream_audio(text):
                yield chunk

    words = [f"Number {number} of them." for number in range(20)]
    async with Call(["hello"], [" ".join(words)], tts=Out(delay=0.02), apology=SORRY) as call:
        await ask(call)
        said = " ".join(text for _, text in call.history[1:])
        assert said
        assert " ".join(words).startswith(said.removesuffix(SORRY).strip())
        assert call.of(AgentSpeechEndedEvent)[-1].failed or said.endswith(SORRY)
        assert {what for what, _ in errors(call)} == {"TTS"}


async def test_a_sentence_that_failed_in_another_answer_is_tried_again():
    answers = iter([["Sure."], ["Of course."], ["Sure. Here it is."], ["Sure. Here it is."]])
    tts = FaultyTTS(["down"])
    async with Call(["hello", "again"], llm=ScriptedLLM(lambda _: next(answers)), tts=tts) as call:
        await ask(call)
        tts.faults = ["down"]
        await ask(call)
        assert call.history[-1] == ("assistant", "Sure. Here it is.")
        assert len(errors(call)) == 2


async def test_a_sentence_at_which_an_answer_was_given_up_is_tried_again_in_the_next():
    """Also where no apology was heard between the two."""
    tts = FaultyTTS(["down"])
    policy = InterruptionPolicy(retries=0)
    async with Call(["hello", "again"], ["Sure. Here it is."], tts=tts, interruption=policy) as call:
        await ask(call)
        tts.faults = ["down"]
        call.agent.policy = InterruptionPolicy()
        await ask(call)
        assert call.history[-1] == ("assistant", "Sure. Here it is.")


async def test_a_sentence_that_failed_before_the_user_interrupted_is_tried_again():
    tts = FaultyTTS(["down"])
    async with Call(["hello", "again"], ["Sure. Here it is."], tts=tts) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: errors(call))
        call.agent.interrupt()
        tts.faults = ["down"]
        await ask(call)
        assert call.history[-1] == ("assistant", "Sure. Here it is.")


async def test_what_was_left_out_is_told_when_it_is():
    async with Call(["hello"], ["One two. Three four. Five six."], tts=HalfMuteTTS({"Three": None})) as call:
        await ask(call)
        first, second = call.of(AgentSpeechEndedEvent)
        assert (first.heard, first.failed) == ("One two.", True)
        assert (second.heard, second.unheard, second.failed) == ("Five six.", "Three four.", True)
        told = [type(event) for event in call.events if isinstance(event, ErrorEvent | AgentSpeechStartedEvent)]
        assert sorted(told[:2], key=str) == sorted([AgentSpeechStartedEvent, ErrorEvent], key=str)
        assert told[2:] == [ErrorEvent, AgentSpeechStartedEvent]


@pytest.mark.parametrize("mute", ["Three", "Well", None])
async def test_a_function_that_waits_to_be_reached_is_not_called_behind_what_was_left_out(mute):
    paid, results = [], []

    def reply(request):
        results.extend(message.text for message in request.messages if message.role is Role.TOOL)
        if request.messages[-1].role is Role.TOOL:
            return ["Done."]
        return ["Well then. Three hundred euros go to Bob. ", ToolCall("1", "transfer", {})]

    llm, tts = ScriptedLLM(reply), HalfMuteTTS({mute: None} if mute else {})
    async with Call(["pay"], llm=llm, tts=tts) as call:

        @llm.register_function(after_speech=True)
        async def transfer() -> str:
            paid.append(1)
            return "ok"

        await ask(call)
        assert paid == ([] if mute else [1])
        assert all(text.startswith("(not called") for text in results) is bool(mute)


@pytest.mark.parametrize("order", [("look", "transfer"), ("transfer", "look")])
async def test_what_a_function_says_and_nobody_hears_is_told_to_it_at_once(order):
    """What one function could not say holds for the other calls of its message, and not behind their results."""
    said, paid = [], []

    def reply(request):
        if request.messages[-1].role is not Role.TOOL:
            call.agent._joined()._voice._failed_at = "Three things."  # It has failed in an attempt before.
            return [ToolCall(name, name, {}) for name in order]
        return ["Done."] if paid else ["Once more. ", ToolCall("again", "transfer", {})]

    llm, tts = ScriptedLLM(reply), HalfMuteTTS({"Three": None})
    async with Call(["pay"], llm=llm, tts=tts) as call:

        @llm.register_function(effects=False)
        async def look() -> str:
            said.append(await call.agent.say("Three things."))
            return "ok"

        @llm.register_function(after_speech=True)
        async def transfer() -> str:
            paid.append(list(call.history))
            return "ok"

        await ask(call)
        assert said == [False]
        [history] = paid
        assert any(text.startswith("Once") for _, text in history) is (order[0] == "look")
        assert call.history[-1] == ("assistant", "Done.")


async def test_what_fails_for_good_ends_in_the_apology():
    llm = FaultyLLM(["down"] * 9)
    async with Call(["hello"], llm=llm, apology=SORRY) as call:
        await ask(call)
        assert call.history == [("user", "hello"), ("assistant", SORRY)]
        assert len(errors(call)) == 2


@pytest.mark.parametrize("faults", [[HANG] * 9, ["down", HANG], [HANG, "down"]], ids=["dead", "then dead", "back"])
async def test_who_calls_a_dead_service_hears_the_apology_in_the_time_that_the_policy_states(faults):
    async with Call(["hello"], llm=FaultyLLM(faults), apology=SORRY) as call:
        policy, now = InterruptionPolicy(), asyncio.get_running_loop().time
        await call.detector.speak(ANNA, 1.0)
        asked = now()
        await call.until(lambda: call.of(AgentSpeechStartedEvent), 30.0)
        waited = now() - asked
        assert waited < policy.reply_timeout + policy.retry_after + policy.retry_timeout + 1.0
        await call.until_state(FloorState.IDLE)
        assert call.history == [("user", "hello"), ("assistant", SORRY)]


async def test_a_voice_that_is_gone_cannot_apologise():
    async with Call(["hello"], tts=FaultyTTS(["down"] * 9), apology=SORRY) as call:
        await ask(call)
        assert call.history == [("user", "hello")]
        # The answer and the apology, twice each.
        *failures, last = errors(call)
        assert failures == [("TTS", "down")] * 4
        assert "the apology could not be made" in last[1]


async def test_a_voice_that_cannot_say_one_thing_may_say_the_apology():
    async with Call(["hello"], ["One two."], tts=FaultyTTS(["down"] * 2), apology=SORRY) as call:
        await ask(call)
        assert call.history[-1] == ("assistant", SORRY)


async def test_a_policy_without_retries_asks_once():
    llm = FaultyLLM(["down"])
    async with Call(["hello"], llm=llm, interruption=InterruptionPolicy(retries=0)) as call:
        await ask(call)
        assert (call.history, len(llm.requests)) == ([("user", "hello")], 0)


@pytest.mark.parametrize("retry_after", [0.0, 0.5])
async def test_what_code_wants_said_is_said_once_more_and_told(retry_after):
    policy = InterruptionPolicy(retry_after=retry_after)
    async with Call(tts=FaultyTTS(["down"]), interruption=policy) as call:
        assert await call.agent.say("One two.") is True
        assert call.history == [("assistant", "One two.")]


async def test_what_code_wants_said_is_told_to_be_lost_when_it_is():
    async with Call(tts=FaultyTTS(["down"] * 2)) as call:
        assert await call.agent.say("One two.") is False
        await call.until_state(FloorState.IDLE)
        assert call.history == []


@pytest.mark.parametrize("retry_after", [0.0, 0.5])
async def test_a_greeting_that_the_model_fails_at_is_asked_for_once_more(retry_after):
    llm = FaultyLLM(["down"], ["Hello."])
    async with Call(llm=llm, interruption=InterruptionPolicy(retry_after=retry_after)) as call:
        assert await call.agent.simple_response("Greet them.") is True
        assert call.history == [("user", "Greet them."), ("assistant", "Hello.")]
        assert [message.text for message in llm.requests[-1].messages] == ["Greet them."]


async def test_what_is_asked_for_once_more_keeps_its_place():
    llm = FaultyLLM(["down"], ["Hello."])
    async with Call(llm=llm) as call:
        agent = call.agent
        asked = agent.simple_response("Greet them.", interrupt=False)
        assert await asyncio.gather(asked, agent.say("One moment.")) == [True, True]
        assert call.history == [("user", "Greet them."), ("assistant", "Hello."), ("assistant", "One moment.")]
        assert llm.requests[-1].messages[-1].text == "Greet them."


@pytest.mark.parametrize("faults", [["down"], [None, "down"], ["down", None, "down"], [HANG]])
@pytest.mark.parametrize("interruptible", [True, False])
async def test_what_code_wants_said_is_said_in_its_order(faults, interruptible):
    async with Call(tts=FaultyTTS(faults)) as call:
        texts = ["One two.", "Three four.", "Five six.", "Seven."]
        said = [call.agent.say(text, interruptible=interruptible) for text in texts]
        assert await asyncio.gather(*said) == [True] * 4
        assert call.history == [("assistant", text) for text in texts]


def paying(faults, **more):
    """A model that pays when it is asked, and fails at requests, in turn."""

    def reply(request):
        return ["It is paid."] if request.messages[-1].role is Role.TOOL else ["Right. ", ToolCall("1", "pay", {})]

    return FaultyLLM(faults, reply, **more)


@pytest.mark.parametrize("preamble", [True, False])
@pytest.mark.parametrize("fault", ["down", HANG])
async def test_a_function_that_has_run_is_not_called_again(fault, preamble):
    llm = paying([None, fault])
    if not preamble:
        llm._answers = lambda r: ["It is paid."] if r.messages[-1].role is Role.TOOL else [ToolCall("1", "pay", {})]
    paid = []
    async with Call(["pay"], llm=llm) as call:

        @llm.register_function()
        async def pay() -> str:
            paid.append(call.agent.state)
            return "paid"

        await ask(call)
        assert len(paid) == 1
        assert call.history[-1] == ("assistant", "It is paid.")
        assert llm.requests[-1].messages[-1].role is Role.TOOL


@pytest.mark.parametrize("deliver", [True, False])
async def test_a_function_that_runs_while_the_voice_fails_is_not_called_again(deliver):
    llm = paying([])
    paid = []
    async with Call(["pay"], llm=llm, tts=FaultyTTS(["down"])) as call:

        @llm.register_function(deliver=deliver)
        async def pay() -> str:
            paid.append(1)
            await asyncio.sleep(3.0)
            return "paid"

        await call.detector.speak(ANNA, 1.0)
        await asyncio.sleep(20.0)
        assert len(paid) == 1
        assert call.history[-1] == ("assistant", "It is paid.")


async def test_who_says_more_is_answered_once():
    llm = FaultyLLM(["down"], ["One."])
    policy = InterruptionPolicy(retry_after=3.0)
    async with Call(["hello", "and you"], llm=llm, interruption=policy) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(ErrorEvent))
        await call.detector.speak(ANNA, 1.0)
        await asyncio.sleep(30.0)
        assert call.history == [("user", "hello"), ("user", "and you"), ("assistant", "One.")]


async def test_nothing_is_left_running():
    async with Call(["hello"], llm=FaultyLLM(["down"])) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(ErrorEvent))
    assert not others()


@pytest.mark.parametrize("apology", [None, 3])
async def test_an_apology_is_a_text(apology):
    with pytest.raises(TypeError, match="apology must be a text"):
        Call(apology=apology)


async def test_a_smile_is_not_read_aloud():
    async with Call(["hello"], ["🙂 One two. 🙂"]) as call:
        await ask(call)
        assert call.tts.spoken == ["🙂 One two."]
        assert (errors(call), call.history[-1]) == ([], ("assistant", "🙂 One two. 🙂"))


class MuteRealtime(ScriptedRealtime):
    """Does not answer the first so many times that it is to; `raises`: nor take the text."""

    def __init__(self, times, answers=("one two three.",), words=("hello",), raises=False):
        super().__init__(answers, words)
        self.times, self.raises = times, raises

    async def send_text(self, text, request=None):
        if self.raises and self.times:
            self.times -= 1
            raise ConnectionError("down")
        await super().send_text(text, request)

    def respond(self, text, request=None):
        if self.times and not self.raises:
            self.times -= 1
            self.asked.append(text)
        else:
            super().respond(text, request)


class TestRealtime:
    async def test_a_model_that_does_not_answer_is_asked(self):
        model = MuteRealtime(1)
        async with RealtimeCall(model=model) as call:
            await call.speak(1.0)
            await call.until(lambda: call.of(AgentSpeechEndedEvent), 30.0)
            assert model.asked == ["hello", CONTINUE_PROMPT]
            assert call.history == [("user", "hello"), ("assistant", "one two three.")]
            assert errors(call) == [("MuteRealtime", "no answer in time: 20 s (reply_timeout)")]

    async def test_one_that_never_answers_is_to_apologise(self):
        model = MuteRealtime(2, [SORRY])
        async with RealtimeCall(model=model, apology=SORRY) as call:
            await call.speak(1.0)
            await call.until(lambda: call.of(AgentSpeechEndedEvent), 60.0)
            await call.until_state(FloorState.IDLE)
            assert call.history[-1] == ("assistant", SORRY)

    async def test_a_text_that_could_not_be_sent_is_sent_again(self):
        model = MuteRealtime(1, raises=True)
        async with RealtimeCall(model=model) as call:
            assert await call.agent.simple_response("Greet them.") is True
            assert model.asked == ["Greet them."]
            assert call.history == [("user", "Greet them."), ("assistant", "one two three.")]

    async def test_what_it_was_to_say_is_said_once_more(self):
        model = MuteRealtime(1)
        async with RealtimeCall(model=model) as call:
            assert await call.agent.say("one two three.") is True
            assert len(model.asked) == 2
            assert call.history == [("assistant", "one two three.")]

    @pytest.mark.parametrize("interruptible", [True, False])
    async def test_what_the_service_stopped_before_its_first_sound_is_said(self, interruptible):
        class Stops(ScriptedRealtime):
            stopping = 1

            def respond(self, text, request=None):
                if self.stopping:
                    self.stopping -= 1
                    self.asked.append(text)
                    self.report_answer_lost(request=request)
                    self.report_answer_lost(request=99)  # of a request that nobody has made
                else:
                    super().respond(text, request)

        async with RealtimeCall(model=Stops(["one two three."])) as call:
            assert await call.agent.say("one two three.", interruptible=interruptible) is True
            assert len(call.model.asked) == 2
            assert call.history == [("assistant", "one two three.")]


@pytest.mark.parametrize("text", ["", "  ", "…", "🙂"])
async def test_there_is_nothing_to_say_without_words(text):
    async with Call() as call:
        with pytest.raises(ValueError, match="give it words"):
            await call.agent.say(text)
        if not text.strip():
            with pytest.raises(ValueError, match="nothing to answer"):
                await call.agent.simple_response(text)
        assert (call.history, call.agent.state) == ([], FloorState.IDLE)
