"""A part belongs to one call: who else wants it meanwhile is told so, and whoever comes after it is served."""

import asyncio
import gc
import warnings

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Conversation
from vision_agents.core.echo import EchoCanceller
from vision_agents.core.part import Attachment, PartError
from vision_agents.core.vad import VAD
from vision_agents.core.voiceprint import Voiceprint
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS
from vision_agents.testing.realtime import ScriptedRealtime

from .call_kit import ANNA, LONG, Call, others

pytestmark = pytest.mark.virtual_time


class Counted:
    """Counts how often it was started and closed."""

    def __init__(self):
        super().__init__()
        self.started = self.ended = 0

    async def start(self):
        self.started += 1

    async def close(self):
        self.ended += 1


class Microphone(Counted, VAD):
    window = 0.032

    def stream(self):
        raise NotImplementedError


class Canceller(Counted, EchoCanceller):
    def played(self, frame): ...

    def cancel(self, audio: PcmData, participant):
        return audio


class Voices(Counted, Voiceprint):
    async def embed(self, samples):
        raise NotImplementedError


class Detector(Counted, ScriptedDetector):
    """A detector that uses a VAD."""

    def __init__(self, vad=None):
        super().__init__()
        self.vad = vad or Microphone()

    @property
    def subparts(self):
        return (self.vad,)

    async def close(self):
        await super().close()
        await self.vad.close()


class Model(ScriptedRealtime):
    """A realtime model that takes its time to open its session."""

    async def connect(self, instructions):
        await super().connect(instructions)
        await asyncio.sleep(0.1)


PARTS = {
    "edge": LoopEdge,
    "llm": ScriptedLLM,
    "stt": lambda: ScriptedSTT(["hello"] * 9),
    "tts": ToneTTS,
    "turn_detection": Detector,
    "vad": Microphone,
    "echo_cancellation": Canceller,
    "voiceprint": Voices,
}


def realtime_agent(model, **options):
    return Agent(edge=LoopEdge(), llm=model, agent_user=User("agent"), **options)


@pytest.mark.parametrize("name", PARTS)
async def test_a_part_in_a_running_call_is_refused_by_the_second_agent_which_takes_nothing(name):
    shared = PARTS[name]()
    async with Call(**{name: shared}) as first:
        second = Call(**{name: shared})
        with pytest.raises(PartError, match=f"this {type(shared).__name__} is part of a running call of agent 'agent'"):
            await second.agent.join()
        # All others of its parts are free.
        async with Call(
            **{
                other: second.agent._parts.__getattribute__(other)
                for other in ("edge", "llm", "stt", "tts")
                if other != name
            }
        ) as third:
            assert await third.agent.say("Hello.")
        assert await first.agent.say("Hello.")
        first.edge.sink.audio(PcmData.silence(0.02, 48_000), ANNA)
    # The refused one was not closed: now it may join.
    await second.agent.join()
    assert await second.agent.say("Hello.")
    await second.agent.close()


async def test_a_realtime_model_in_a_running_call_is_refused_by_the_second_agent():
    model = Model(["Yes."])
    async with realtime_agent(model).join() as first:
        second = realtime_agent(model)
        with pytest.raises(PartError, match="this Model is part of a running call"):
            await second.join()
        assert model.conversation is first.conversation
        await second.close()  # Of the first one's parts it closes none.
        assert await first.say("Yes.")


async def test_what_a_part_uses_itself_is_taken_with_it():
    vad = Microphone()
    async with Call(turn_detection=Detector(vad)):
        with pytest.raises(PartError, match="this Microphone is part of a running call"):
            await Call(turn_detection=Detector(vad)).agent.join()
        with pytest.raises(PartError, match="this Microphone is part of a running call"):
            await Call(vad=vad).agent.join()
    async with Call(vad=vad):
        pass


async def test_one_vad_in_two_parts_of_one_agent_is_given_back_when_both_are_closed():
    class Slow(Detector):
        async def close(self):
            await asyncio.sleep(1.0)
            await super().close()

    vad = Microphone()
    async with Call(turn_detection=Slow(vad), vad=vad) as call:
        closing = asyncio.create_task(call.agent.close())
        await asyncio.sleep(0.5)  # The one that the agent made of `vad` is closed, the detector is not.
        with pytest.raises(PartError):
            await Call(vad=vad).agent.join()
        await closing
    async with Call(vad=vad):
        pass
    assert vad.ended == 3


async def test_one_set_of_parts_serves_calls_one_after_the_other():
    parts = {name: make() for name, make in PARTS.items() if name != "edge"}
    parts["llm"] = ScriptedLLM(["Yes."])
    for _ in range(3):
        async with Call(**parts) as call:
            await call.detector.speak(ANNA, 1.0)
            await call.until(lambda call=call: ("assistant", "Yes.") in call.history)
            assert call.history[0] == ("user", "hello")
            assert len(call.history) == 2
    # (What hears is started and closed in each call.)
    assert (parts["turn_detection"].started, parts["turn_detection"].ended) == (3, 3)
    assert (parts["voiceprint"].started, parts["echo_cancellation"].ended) == (3, 3)


async def test_one_realtime_model_serves_calls_one_after_the_other():
    model = Model(["Yes."])
    for _ in range(3):
        agent = realtime_agent(model)
        async with agent.join():
            assert await agent.say("Yes.")
            assert [message.text for message in agent.conversation] == ["Yes."]


async def test_an_agent_that_never_joined_holds_nothing():
    shared = ScriptedSTT(["hello"])
    idle = Call(stt=shared)
    async with Call(stt=shared) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.history)
        await idle.agent.close()
        assert await call.agent.say("Still here.")


async def test_closing_an_agent_that_never_joined_closes_what_is_its_own():
    detector = Detector()
    await Call(turn_detection=detector).agent.close()
    assert detector.ended == 1
    async with Call(turn_detection=detector):
        assert detector.started == 1


async def test_parts_are_given_back_after_a_join_that_failed():
    class Refuses(LoopEdge):
        async def join(self, agent_user, call, sink):
            raise ConnectionError("no such call")

    parts = {name: make() for name, make in PARTS.items() if name != "edge"}
    with pytest.raises(ConnectionError, match="no such call"):
        await Call(edge=Refuses(), **parts).agent.join()
    async with Call(**parts) as call:
        assert await call.agent.say("Hello.")


async def test_if_one_part_cannot_start_the_others_are_not_left_starting_and_all_are_given_back():
    class Refuses(ScriptedDetector):
        async def start(self):
            raise FileNotFoundError("no model")

    class Slow(ScriptedSTT):
        async def start(self):
            await asyncio.sleep(3600)

    slow = Slow()
    with pytest.raises(FileNotFoundError, match="no model"):
        await Call(turn_detection=Refuses(), stt=slow).agent.join()
    assert others() == set()
    call = Attachment()
    slow.attach(call)
    assert slow.attached_to(call)


async def test_a_part_whose_closing_hangs_is_given_back_when_it_ends(caplog):
    class Deaf(ScriptedSTT):
        async def close(self):
            await ignore_cancellation(60)

    deaf = Deaf()
    async with Call(stt=deaf):
        pass
    assert "closing Deaf took more than 5.0 s" in caplog.text
    with pytest.raises(PartError, match="this Deaf is part of a running call"):
        await Call(stt=deaf).agent.join()
    await asyncio.sleep(60)
    async with Call(stt=deaf) as call:
        assert await call.agent.say("Hello.")
    await asyncio.sleep(60)


async def ignore_cancellation(seconds):
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue


@pytest.mark.parametrize("role", ["turn_detection", "stt", "llm", "tts", "realtime"])
async def test_a_part_whose_start_ignores_its_cancellation_is_given_back_when_that_has_ended(role):
    kind, start = {
        "turn_detection": (Detector, "start"),
        "stt": (ScriptedSTT, "start"),
        "llm": (ScriptedLLM, "start"),
        "tts": (ToneTTS, "start"),
        "realtime": (ScriptedRealtime, "connect"),
    }[role]

    async def starts(self, *arguments):
        self.starts = getattr(self, "starts", 0) + 1
        if self.starts == 1:
            await ignore_cancellation(60)

    microphone = Microphone()
    part = type("Deaf", (kind,), {start: starts})(*([microphone] if role == "turn_detection" else []))

    def agent():
        if role == "realtime":
            return Agent(edge=LoopEdge(), llm=part, agent_user=User("agent"))
        return Call(**{role: part}).agent

    first = agent()
    joining = asyncio.ensure_future(first.join().__aenter__())
    await asyncio.sleep(1)
    await first.close()
    for _ in range(2):
        with pytest.raises(PartError, match="this Deaf is part of a running call"):
            await agent().join()
        await asyncio.sleep(20)
    with pytest.raises(RuntimeError, match="closed while it was joining"):
        await joining
    await asyncio.sleep(30)
    async with agent().join():
        assert part.starts == 2
    if role == "turn_detection":
        microphone.attach(Attachment())  # what it uses is given back with it


SECRET = "my card number is 1234"

# What an agent awaits of a part that hears, and how it comes to be called.
AWAITED = {
    "stt": (ScriptedSTT, "process_audio", "hear"),
    "last words": (ScriptedSTT, "finish_turn", "speak"),
    "turn_detection": (ScriptedDetector, "process_audio", "hear"),
    "realtime": (ScriptedRealtime, "send_audio", "hear"),
    "text": (ScriptedRealtime, "send_text", "ask"),
    "reader": (ScriptedSTT, "start", None),
}


@pytest.mark.parametrize("what", AWAITED)
async def test_what_outlives_its_call_is_heard_of_in_no_other(what):
    kind, method, cause = AWAITED[what]
    deaf = []

    async def goes_on(self, *arguments):
        if deaf:
            if (work := getattr(kind, method)(self, *arguments)) is not None:
                await work
            return
        deaf.append(self)
        if cause is None:
            await kind.start(self)
            self.reader = asyncio.create_task(self.at_work(lambda: late(self), "reading"))
        else:
            await late(self)

    async def late(self):
        await ignore_cancellation(60)
        self.report_turn_started(ANNA)
        self.report_words(ANNA, SECRET, True)
        self.report_turn_ended(ANNA)

    part = type("Deaf", (kind,), {method: goes_on})()

    def agent():
        if kind is ScriptedRealtime:
            return realtime_agent(part)
        return Call(**{"turn_detection" if what == "turn_detection" else "stt": part}).agent

    async def call(agent):
        """Anna is there, says something or is asked to, and all is over."""
        await agent.join()
        agent.edge.sink.participant_joined(ANNA)
        if cause == "hear":
            agent.edge.sink.audio(PcmData.silence(0.02, 48_000), ANNA)
        elif cause == "speak":
            await agent._parts.detectors[0].speak(ANNA, 1.0)
        elif cause == "ask":
            asking = asyncio.create_task(agent.simple_response("Hello."))
        await asyncio.sleep(2)
        await agent.close()
        if cause == "ask":
            await asyncio.wait([asking])

    await call(agent())
    assert deaf == [part]
    with pytest.raises(PartError, match="this Deaf is part of a running call"):
        async with agent().join():
            pass
    await asyncio.sleep(60)
    second = agent()
    await call(second)
    assert SECRET not in [message.text for message in second.conversation]


async def test_what_a_part_uses_is_given_back_when_it_is_at_rest_itself():
    class Reading(Microphone):
        async def start(self):
            await super().start()
            self.reader = asyncio.create_task(self.at_work(lambda: ignore_cancellation(60), "reading"))

    class Starting(Detector):
        async def start(self):
            await self.vad.start()

    microphone = Reading()
    detector = Starting(microphone)
    async with Call(turn_detection=detector).agent.join():
        pass
    detector.vad = Microphone()
    async with Call(turn_detection=detector).agent.join():
        pass  # It is free itself, with another one.
    for wait in (0, 50):
        await asyncio.sleep(wait)
        with pytest.raises(PartError, match="this Reading is part of a running call"):
            microphone.attach(Attachment())
    await asyncio.sleep(20)
    microphone.attach(Attachment())


async def test_parts_that_fail_or_hang_at_their_end_are_given_back(caplog):
    class Broken(ScriptedSTT):
        async def close(self):
            raise ValueError("broken")

    class Hangs(Detector):
        async def close(self):
            await asyncio.Event().wait()

    stt, detector = Broken(), Hangs()
    for _ in range(2):
        begin = asyncio.get_running_loop().time()
        async with Call(stt=stt, turn_detection=detector):
            pass
        assert asyncio.get_running_loop().time() - begin < 10
        await asyncio.sleep(0)
    assert "closing Broken failed: broken" in caplog.text


class TestClosingWhileJoining:
    """When `close` returns, nobody is in the call, and nobody enters it later."""

    @staticmethod
    async def close_after(seconds, call):
        joining = asyncio.ensure_future(call.agent.join())
        await asyncio.sleep(seconds)
        await call.agent.close()
        return joining

    async def test_while_parts_are_loading(self):
        class Loading(ScriptedSTT):
            async def start(self):
                await asyncio.sleep(10)

        call = Call(stt=Loading())
        joining = await self.close_after(1.0, call)
        with pytest.raises(RuntimeError, match="the agent was closed while it was joining"):
            await joining
        await asyncio.sleep(20)
        assert call.edge.sink is None
        assert others() == set()

    async def test_while_the_edge_is_on_its_way(self):
        class Slow(LoopEdge):
            async def join(self, agent_user, call, sink):
                await asyncio.sleep(3)
                await super().join(agent_user, call, sink)

        call = Call(edge=Slow())
        joining = await self.close_after(1.0, call)
        with pytest.raises(RuntimeError, match="closed while it was joining"):
            await joining
        await asyncio.sleep(20)
        assert call.edge.frames == []

    async def test_an_edge_that_goes_in_all_the_same_leaves_again_and_is_taken_until_then(self):
        class Deaf(LoopEdge):
            left = 0

            async def join(self, agent_user, call, sink):
                end = asyncio.get_running_loop().time() + 20
                while (left := end - asyncio.get_running_loop().time()) > 0:
                    try:
                        await asyncio.sleep(left)
                    except asyncio.CancelledError:
                        continue
                await super().join(agent_user, call, sink)

            async def leave(self):
                self.left += 1
                await super().leave()

        edge = Deaf()
        call = Call(edge=edge)
        joining = await self.close_after(1.0, call)
        assert not joining.done()
        with pytest.raises(PartError, match="this Deaf is part of a running call"):
            await Call(edge=edge).agent.join()
        await asyncio.wait([joining])
        frames = len(edge.frames)
        await asyncio.sleep(5)
        assert (edge.left, len(edge.frames)) == (2, frames)
        assert others() == set()
        edge.attach(Attachment())

    async def test_parts_may_serve_the_next(self):
        class Slow(LoopEdge):
            async def join(self, agent_user, call, sink):
                await asyncio.sleep(3)

        parts = {name: make() for name, make in PARTS.items() if name != "edge"}
        await self.close_after(1.0, Call(edge=Slow(), **parts))
        async with Call(**parts) as call:
            assert await call.agent.say("Hello.")


async def test_an_edge_whose_inner_wait_is_cancelled_has_failed_to_join():
    class GivesUp(LoopEdge):
        async def join(self, agent_user, call, sink):
            gone = asyncio.get_running_loop().create_future()
            gone.cancel()
            await gone

    with pytest.raises(RuntimeError, match="joining by GivesUp gave up: something that it waited for was cancelled"):
        await Call(edge=GivesUp()).agent.join()
    assert others() == set()


async def test_a_join_that_nobody_waits_for_is_warned_of_and_enters_nothing():
    call = Call()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call.agent.join()
        gc.collect()
    assert ["coroutine 'Agent.join' was never awaited" in str(one.message) for one in caught] == [True]
    await asyncio.sleep(1)
    assert call.edge.sink is None
    await call.agent.join()
    assert await call.agent.say("Hello.")
    await call.agent.close()


async def test_an_empty_conversation_is_the_callers_own():
    mine = Conversation()
    async with Call(conversation=mine) as call:
        assert call.agent.conversation is mine
        await call.agent.say(LONG)
    assert len(mine) == 1


async def test_one_object_in_two_roles_is_refused():
    class Both(ScriptedSTT, ScriptedDetector): ...

    both = Both()
    with pytest.raises(ValueError, match="the same Both is given as stt and as turn_detection: make one for each"):
        Call(stt=both, turn_detection=both)
