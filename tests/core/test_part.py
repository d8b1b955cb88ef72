"""Parts are in one call at a time, and are given back."""

import asyncio
import threading

import pytest

from vision_agents.core.hearing import Hearing
from vision_agents.core.llm import LLM, PlayedResponse
from vision_agents.core.part import Attachment, Part, PartError, attach_all, with_subparts
from vision_agents.core.participants import Participant
from vision_agents.core.tts import TTSAudioEvent
from vision_agents.testing.contract import HearingLog
from vision_agents.testing.parts import ScriptedLLM, ToneTTS
from vision_agents.testing.realtime import ScriptedRealtime

ANNA = Participant("anna")


class Bundle(Part):
    """A part that uses others."""

    def __init__(self, *used):
        self.used = used

    @property
    def subparts(self):
        return self.used


def test_a_part_in_a_call_is_refused_with_what_to_do_instead():
    part, first = ToneTTS(), Attachment(agent="first")
    part.attach(first)
    with pytest.raises(
        PartError, match=r"this ToneTTS is part of a running call of agent 'first'.*make one for each agent"
    ):
        part.attach(Attachment(agent="second"))
    assert part.attached_to(first)
    attached = Part()
    attached.attach(Attachment())
    with pytest.raises(PartError, match="of another agent"):
        attached.attach(Attachment())


def test_taking_it_twice_into_one_call_is_refused_too():
    part, call = Part(), Attachment()
    part.attach(call)
    with pytest.raises(PartError, match="attached to this call already"):
        part.attach(call)


def test_after_its_call_it_serves_the_next():
    part, first, second = Part(), Attachment(), Attachment()
    part.attach(first)
    part.detach(first)
    part.attach(second)
    part.detach(first)  # Somebody who closes late gives back nothing that is not theirs.
    assert part.attached_to(second)
    assert not part.attached_to(None)


def test_all_are_taken_or_none():
    taken, free = Part(), Part()
    taken.attach(Attachment())
    call = Attachment()
    with pytest.raises(PartError):
        attach_all([free, taken], call)
    assert not free.attached_to(call)
    free.attach(Attachment())


def test_what_parts_use_is_taken_with_them_each_once():
    vad = Part()
    inner = Bundle(vad)
    outer, other = Bundle(inner), Bundle(vad)
    assert with_subparts([outer, other]) == (outer, other, inner, vad)
    attach_all(with_subparts([outer, other]), Attachment())
    with pytest.raises(PartError):
        attach_all(with_subparts([Bundle(vad)]), Attachment())


def test_a_part_that_served_another_event_loop_is_refused():
    part = Part()

    async def serve():
        call = Attachment()
        part.attach(call)
        part.detach(call)

    asyncio.run(serve())
    with pytest.raises(PartError, match=r"another event loop.*make a new one"):
        asyncio.run(serve())
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(serve())


def test_of_many_threads_that_want_it_one_gets_it():
    for _ in range(50):
        part, taken = Part(), []
        barrier = threading.Barrier(4)

        def take(part=part, taken=taken, barrier=barrier):
            barrier.wait()
            try:
                part.attach(Attachment())
            except PartError:
                return
            taken.append(True)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert taken == [True]


def test_reports_go_to_the_call_that_it_is_in_and_to_nobody_between():
    hearing, first, second = Hearing(), HearingLog(), HearingLog()
    calls = Attachment(hearing=first), Attachment(hearing=second)
    hearing.report_words(ANNA, "before", final=True)
    hearing.attach(calls[0])
    hearing.report_words(ANNA, "in the first", final=True)
    hearing.detach(calls[0])
    hearing.report_words(ANNA, "my card number is 1234", final=True)
    hearing.attach(calls[1])
    hearing.report_words(ANNA, "in the second", final=True)
    assert (first.final_words(ANNA), second.final_words(ANNA)) == (["in the first"], ["in the second"])


class TestInterruptible:
    def test_in_a_call_its_epoch_is_the_calls_and_never_goes_back(self):
        part, call, other = ToneTTS(), Attachment(), Attachment()
        part.interrupt()
        part.attach(call)
        assert part.epoch == call.epoch.value == 1
        call.epoch.advance()
        assert part.epoch == 2
        part.detach(call)
        assert part.epoch == 3  # What was made for the call is stale.
        call.epoch.advance(9)
        assert part.epoch == 3
        part.attach(other)
        assert part.epoch == other.epoch.value == 3
        part.interrupt()
        assert (call.epoch.value, other.epoch.value) == (9, 4)

    @pytest.mark.virtual_time
    async def test_its_events_reach_the_call_that_it_is_in(self):
        part, call = ToneTTS(), Attachment()
        own, calls = [], []

        @part.events.subscribe
        async def on_own(event: TTSAudioEvent):
            own.append(event.epoch)

        @call.events.subscribe
        async def on_call(event: TTSAudioEvent):
            calls.append(event.epoch)

        async def speak():
            async for _ in part.synthesize("word"):
                pass
            await part.events.drain()
            await call.events.drain()

        await speak()
        part.attach(call)
        await speak()
        part.detach(call)
        await speak()
        assert (len(own), len(calls)) == (3, 1)

    @pytest.mark.virtual_time
    async def test_what_was_being_made_for_a_call_is_stale_when_it_is_over(self):
        part, call = ScriptedLLM(["one two three"], delay=1.0), Attachment()
        part.attach(call)
        answer = part.simple_response("count")
        task = asyncio.ensure_future(answer)
        await asyncio.sleep(1.5)
        part.detach(call)
        part.attach(Attachment())
        assert await task == "one "

    @pytest.mark.virtual_time
    async def test_a_cancellation_that_hangs_does_not_reach_the_next_call(self):
        class Slow(ToneTTS):
            async def stop_audio(self):
                await asyncio.sleep(3)
                await super().stop_audio()

        part, call = Slow(), Attachment()
        part.attach(call)
        part.interrupt()
        await asyncio.sleep(1)
        part.detach(call)
        part.attach(Attachment())
        await asyncio.sleep(10)
        assert part.stopped == 0


@pytest.mark.virtual_time
async def test_responses_of_one_call_are_not_those_of_the_next_though_they_have_the_same_name():
    class Output:
        def __init__(self):
            self.said = []

        def response_started(self, response, epoch, request=None):
            self.said.append((response, epoch))

    model, first, second = ScriptedRealtime(), Output(), Output()
    call = Attachment(output=first)
    model.attach(call)
    model.report_response_started("r1")
    model.cut_off(PlayedResponse("r1", 0.1, "my card number"))
    model.detach(call)
    model.attach(Attachment(output=second))
    model.report_response_started("r1")
    await model.cancel()
    assert [first.said, second.said, model.stopped] == [[("r1", 0)], [("r1", 1)], []]


def test_subclasses_need_not_know_of_it():
    """Edges, VADs and cancellers of other people do not call `super().__init__()`."""

    class Careless(Part):
        def __init__(self):
            pass

    part = Careless()
    part.attach(Attachment())
    with pytest.raises(PartError, match="this Careless is part"):
        part.attach(Attachment())
    assert issubclass(LLM, Part)
