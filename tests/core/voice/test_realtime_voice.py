"""Speaking by a realtime model: what is played of its responses, and what it is told was heard."""

import asyncio

import numpy as np
import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Conversation
from vision_agents.core.llm import Realtime
from vision_agents.core.part import Attachment
from vision_agents.core.tts import Word
from vision_agents.core.voice import RealtimeVoice, SpeechRequest
from vision_agents.core.voice import realtime as realtime_module

from .voice_kit import Stand, others, settle

pytestmark = pytest.mark.virtual_time

RATE = 24_000


class HandModel(Realtime):
    """A model that does what the test says; `cut` has what it was told was heard, at each cancellation."""

    def __init__(self):
        super().__init__()
        self.cut = []
        self.sent = []
        self.keys = []
        self.sending = asyncio.Event()
        self.sending.set()

    async def connect(self, instructions):
        pass

    async def send_audio(self, audio, participant):
        pass

    async def send_text(self, text, request=None):
        await self.sending.wait()
        self.sent.append(text)
        self.keys.append(request)

    async def stop_response(self, heard):
        self.cut.append([(one.response, round(one.seconds, 3), one.text) for one in heard])

    async def close(self):
        pass

    def speaks(self, response, seconds, level=0.5):
        self.report_audio(response, PcmData.from_array(np.full(round(seconds * RATE), level), RATE))


class RealtimeStand(Stand):
    """A realtime voice with a gate."""

    def __init__(self):
        super().__init__()
        self.model = HandModel()
        self.voice = RealtimeVoice(self.model, self.playout, Conversation(), self)
        self.model.attach(Attachment(self.epoch, output=self.voice))

    def request(self, text="Hello.", verbatim=True):
        reply = self.reply()
        self.voice.begin(reply, SpeechRequest(text, verbatim))
        return reply

    def commit(self):
        texts = {reply.number: reply.transcript for reply in self.begun}
        heard = self.interrupt()
        self.voice.cancel(
            {
                reply: (samples / 48_000, texts[reply].at(samples / 48_000).heard if reply in texts else "")
                for reply, samples in heard.items()
            }
        )


async def test_a_response_of_its_own_accord_is_played_to_its_end():
    stand = RealtimeStand()
    stand.model.report_response_started("r1")
    stand.model.speaks("r1", 0.5)
    stand.model.report_response_text("r1", "Hello you.")
    played = asyncio.create_task(stand.play(1))
    await asyncio.sleep(0.2)
    stand.model.speaks("r1", 0.3)
    stand.model.report_response_done("r1")
    assert np.count_nonzero(await played) == pytest.approx(0.8 * 48_000, abs=600)
    (reply,) = stand.begun
    assert stand.drained.keys() == {reply.number}
    assert stand.drained[reply.number] == pytest.approx(0.8 * 48_000, abs=2)
    assert reply.transcript.at(stand.drained[reply.number] / 48_000).heard == "Hello you."
    assert not others()


async def test_what_was_heard_is_counted_in_what_was_played_not_in_what_was_sent():
    stand = RealtimeStand()
    stand.model.speaks("r1", 20.0)
    stand.model.report_response_text("r1", "one two", (Word("one", 0.0, 1.0), Word("two", 1.0, 20.0)))
    stand.model.report_response_done("r1")
    await stand.play(1.5)
    stand.commit()
    await settle()
    assert stand.model.cut == [[("r1", 1.5, "one")]]
    assert not (await stand.play(1)).any()
    assert not others()


async def test_of_a_response_that_is_lost_only_the_words_were_heard_whose_audio_came():
    stand = RealtimeStand()
    stand.model.report_response_started("r0")
    stand.model.report_response_text("r0", "One two three four.")
    stand.model.speaks("r0", 2.0)
    stand.model.report_response_done("r0")
    await stand.play(3.0)
    stand.model.report_response_started("r1")
    stand.model.report_response_text("r1", "One two three four, five six seven eight.")
    stand.model.speaks("r1", 2.0)
    stand.model.report_response_done("r1")
    stand.model.report_answer_lost("r1")
    await stand.play(3.0)
    _, lost = stand.begun
    text = lost.transcript.at(stand.drained[lost.number] / 48_000)
    assert (text.heard, text.unheard) == ("One two three four,", "five six seven eight.")
    assert text.estimated
    # It tells nothing of the voice's rate.
    stand.model.report_response_started("r2")
    stand.model.report_response_text("r2", "One two three four, five six seven eight.")
    stand.model.speaks("r2", 2.0)
    assert stand.begun[-1].transcript.at(2.0).heard == "One two three four,"


@pytest.mark.parametrize("behind", [True, False])
async def test_of_a_response_whose_text_comes_with_its_audio_all_was_heard(behind):
    stand = RealtimeStand()
    stand.model.report_response_started("r1")
    for piece in ("One", " two", " thr", "ee", " four"):
        if behind:
            stand.model.speaks("r1", 0.2)
        stand.model.report_response_text("r1", piece)
        if not behind:
            stand.model.speaks("r1", 0.2)
    stand.model.report_response_done("r1")
    stand.model.report_answer_lost("r1")
    await stand.play(2.0)
    (lost,) = stand.begun
    text = lost.transcript.at(stand.drained[lost.number] / 48_000)
    assert (text.heard, text.unheard) == ("One two three four", "")


async def test_late_audio_of_a_cancelled_response_is_not_heard():
    stand = RealtimeStand()
    stand.model.speaks("r1", 1.0)
    await stand.play(0.5)
    stand.commit()
    stand.model.speaks("r1", 1.0)
    stand.model.report_response_text("r1", "still talking")
    stand.model.report_response_done("r1")
    assert not (await stand.play(1)).any()
    assert len(stand.begun) == 1


async def test_a_cancelled_response_that_is_announced_again_does_not_come_back():
    stand = RealtimeStand()
    stand.model.report_response_started("r1")
    stand.model.speaks("r1", 1.0)
    await stand.play(0.5)
    stand.commit()
    stand.model.report_response_started("r1")
    stand.model.speaks("r1", 1.0)
    assert not (await stand.play(1)).any()
    assert len(stand.begun) == 1


async def test_a_response_that_is_announced_twice_is_one():
    stand = RealtimeStand()
    stand.model.report_response_started("r1")
    stand.model.report_response_started("r1")
    stand.model.speaks("r1", 0.2)
    stand.model.report_response_done("r1")
    stand.model.report_response_done("r1")
    await stand.play(1)
    assert len(stand.begun) == len(stand.drained) == 1
    assert not others()


async def test_audio_after_its_responses_end_is_not_heard():
    stand = RealtimeStand()
    stand.model.speaks("r1", 0.2)
    stand.model.report_response_done("r1")
    stand.model.speaks("r1", 0.5)
    played = await stand.play(1)
    assert np.count_nonzero(played) == pytest.approx(0.2 * 48_000, abs=600)


async def test_two_responses_in_a_row_are_played_one_after_the_other():
    stand = RealtimeStand()
    stand.model.speaks("r1", 0.4, level=0.5)
    stand.model.report_response_done("r1")
    stand.model.speaks("r2", 0.4, level=-0.5)
    stand.model.report_response_done("r2")
    played = await stand.play(1)
    first, second = stand.begun
    assert list(stand.drained) == [first.number, second.number]
    half = round(0.4 * 48_000)
    assert (played[1000 : half - 1000] > 0).all()
    assert (played[half + 1000 : 2 * half - 1000] < 0).all()


async def test_an_interruption_tells_of_every_response_that_was_cut_off():
    stand = RealtimeStand()
    for response in ("r1", "r2", "r3"):
        stand.model.speaks(response, 1.0)
        stand.model.report_response_done(response)
    await stand.play(1.52)
    stand.commit()
    await settle()
    # The first one was heard to its end, so it is not cut.
    assert stand.model.cut == [[("r2", pytest.approx(0.5, abs=0.03), ""), ("r3", 0.0, "")]]


async def test_a_response_without_sound_is_over_and_does_not_block_the_next():
    stand = RealtimeStand()
    stand.model.speaks("r1", 0.2)
    stand.model.report_response_done("r1")
    stand.model.report_response_started("r2")
    stand.model.report_response_done("r2")
    stand.model.speaks("r3", 0.2)
    stand.model.report_response_done("r3")
    await stand.play(1)
    assert list(stand.drained) == [reply.number for reply in stand.begun]
    assert len(stand.drained) == 3


async def test_requested_replies_are_answered_in_order():
    stand = RealtimeStand()
    first, second = stand.request("One."), stand.request("Two.", verbatim=False)
    await settle()
    assert stand.model.sent[0].endswith("One.")
    assert stand.model.sent[1] == "Two."
    assert stand.model.keys == [first.number, second.number]
    for response, key in (("r1", first.number), ("r2", second.number)):
        stand.model.report_response_started(response, request=key)
        stand.model.speaks(response, 0.2)
        stand.model.report_response_done(response)
    await stand.play(1)
    assert list(stand.drained) == [first.number, second.number]
    assert stand.begun == []


async def test_what_the_model_says_first_is_not_taken_for_the_answer():
    stand = RealtimeStand()
    asked = stand.request("Goodbye.")
    await settle()
    stand.model.speaks("r1", 0.2)
    stand.model.report_response_done("r1")
    stand.model.report_response_started("r2", request=asked.number)
    stand.model.speaks("r2", 0.2)
    stand.model.report_response_done("r2")
    await stand.play(1)
    assert [reply.number for reply in stand.begun] == [number for number in stand.drained if number != asked.number]
    assert len(stand.drained) == 2


async def test_an_answer_that_goes_on_after_a_function_is_told_as_one():
    stand = RealtimeStand()
    asked = stand.request("How is the weather?", verbatim=False)
    await settle()
    stand.model.report_response_started("r1", request=asked.number)
    stand.model.speaks("r1", 0.2)
    stand.model.report_response_done("r1", more=True)
    stand.model.report_response_started("r2", request=asked.number)
    stand.model.speaks("r2", 0.2)
    stand.model.report_response_done("r2")
    await stand.play(1)
    (following,) = stand.begun
    assert (asked.more, following.follows, following.more) == (True, asked.number, False)


async def test_a_request_that_is_still_on_its_way_is_not_sent_after_an_interruption():
    stand = RealtimeStand()
    stand.model.sending.clear()
    stand.request()
    await settle()
    stand.commit()
    stand.model.sending.set()
    await asyncio.sleep(1)
    assert stand.model.sent == []
    assert not others()
    # What the model says next is its own, and heard.
    stand.model.speaks("r1", 0.2)
    assert (await stand.play(0.2)).any()
    assert len(stand.begun) == 1


async def test_a_request_that_is_dropped_is_cancelled_at_the_model():
    stand = RealtimeStand()
    reply = stand.request()
    await settle()
    stand.voice.drop(reply.number, (0.0, ""))
    await settle()
    assert stand.model.cut == [[]]
    stand.voice.drop(reply.number, (0.0, ""))
    await settle()
    assert len(stand.model.cut) == 1


async def test_a_response_that_is_dropped_is_cut_at_what_was_heard_and_no_other_is():
    stand = RealtimeStand()
    stand.model.speaks("r1", 1.0)
    stand.model.speaks("r2", 0.2)
    await stand.play(0.5)
    first = stand.begun[0].number
    stand.playout.drop(first)
    stand.voice.drop(first, (0.5, "half"))
    await settle()
    assert stand.model.cut == [[("r1", 0.5, "half")]]
    stand.model.speaks("r1", 5.0)
    stand.model.speaks("r2", 0.2)
    stand.model.report_response_done("r2")
    played = await stand.play(1)
    assert np.count_nonzero(played) == pytest.approx(0.4 * 48_000, abs=600)


async def test_a_request_that_cannot_be_sent_is_a_failure_and_its_place_is_free():
    class Broken(HandModel):
        async def send_text(self, text, request=None):
            raise ConnectionError("the socket is closed")

    stand = RealtimeStand()
    stand.model = Broken()
    stand.voice = RealtimeVoice(stand.model, stand.playout, Conversation(), stand)
    stand.model.attach(Attachment(stand.epoch, output=stand.voice))
    reply = stand.request()
    await settle()
    assert [(number, component) for number, component, _ in stand.failures] == [(reply.number, "Broken")]
    stand.model.speaks("r1", 0.2)
    assert len(stand.begun) == 1


async def test_a_model_that_interrupts_itself_says_so_to_the_session():
    stand = RealtimeStand()
    stand.model.speaks("r1", 1.0)
    stand.model.report_interrupted()
    assert stand.interruptions == 1


async def test_audio_that_cannot_be_resampled_is_a_failure_and_the_reply_is_over(monkeypatch):
    class Refuses(realtime_module.Resampler):
        def push(self, audio):
            raise ValueError("no such rate")

    monkeypatch.setattr(realtime_module, "Resampler", Refuses)
    stand = RealtimeStand()
    stand.model.speaks("r1", 1.0)
    await settle()
    assert [(number, str(error)) for number, _, error in stand.failures] == [(stand.begun[0].number, "no such rate")]
    assert stand.drained == {stand.begun[0].number: 0}
    assert not others()


async def test_what_the_gate_cannot_take_yet_waits_up_to_a_bound(monkeypatch, caplog):
    monkeypatch.setattr(realtime_module, "BACKLOG_SECONDS", 10.0)
    stand = RealtimeStand()
    for _ in range(200):
        stand.model.speaks("r1", 0.1)
    await stand.play(30)
    (heard,) = stand.drained.values()
    assert heard <= 10.0 * 48_000
    assert "the rest of it is cut off" in caplog.text


async def test_only_so_many_responses_are_remembered_and_none_is_left_unfinished():
    stand = RealtimeStand()
    for number in range(100):
        stand.model.report_response_started(f"r{number}")
        await settle()
    stand.model.speaks("r99", 0.2)
    stand.model.report_response_done("r99")
    await stand.play(2.0)
    assert len(stand.drained) == 100 - realtime_module.RESPONSES_KEPT
    for number in range(100):
        stand.model.report_response_done(f"r{number}")
    assert (await stand.play(2.0)).any()
    assert len(stand.drained) == 100
    assert not others()


async def test_close_leaves_nothing_running():
    stand = RealtimeStand()
    stand.model.sending.clear()
    stand.request()
    stand.model.speaks("r1", 30.0)
    await settle()
    assert others()
    await stand.voice.close()
    assert not others()


async def test_what_follows_a_function_and_is_lost_is_a_part_of_what_was_said_before():
    stand = RealtimeStand()
    reply = stand.request()
    await settle()
    stand.model.report_response_started("r1", request=reply.number)
    stand.model.report_response_done("r1", more=True)
    stand.model.report_answer_lost(request=reply.number)
    assert stand.lost == [reply.number]
    stand.model.report_response_started("r2", request=reply.number)
    stand.model.report_response_done("r2", more=True)
    stand.model.report_answer_lost(request=reply.number)
    assert stand.lost == [reply.number, stand.begun[-1].number]
    stand.commit()
    stand.model.report_answer_lost(request=reply.number)
    assert len(stand.lost) == 2
