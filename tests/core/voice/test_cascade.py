"""Speaking by LLM and TTS: order, bounds, cancellation that reaches the providers, and failures of either."""

import asyncio
import contextlib

import numpy as np
import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Conversation, Message, Role, ToolCall
from vision_agents.core.llm.confirmation import Confirmation
from vision_agents.core.part import Attachment
from vision_agents.core.tts import SpeechChunk, Word
from vision_agents.core.voice import CascadeVoice, SpeechRequest
from vision_agents.core.voice.making import SENTENCES_AHEAD
from vision_agents.testing.parts import ScriptedLLM, ToneTTS

from .voice_kit import Stand, others, settle

pytestmark = pytest.mark.virtual_time


class Cascade(Stand):
    """A cascade voice with a gate."""

    def __init__(self, llm=None, tts=None):
        super().__init__()
        self.llm = llm or ScriptedLLM(["One two. Three four."])
        self.tts = tts or ToneTTS()
        for part in (self.llm, self.tts):
            part.attach(Attachment(self.epoch))
        self.conversation = Conversation()
        self.voice = CascadeVoice(self.llm, self.tts, self.playout, self.conversation, "Count.", self)

    def begin(self, request=None):
        reply = self.reply()
        self.voice.begin(reply, request)
        return reply

    def commit(self):
        heard = self.interrupt()
        self.voice.cancel({reply: (samples / 48_000, "") for reply, samples in heard.items()})


class HalfMuteTTS(ToneTTS):
    """Cannot say what has one of these words in it."""

    def __init__(self, *words):
        super().__init__()
        self.words = words

    async def stream_audio(self, text):
        if any(word in text for word in self.words):
            raise ConnectionError("refused")
        async for chunk in super().stream_audio(text):
            yield chunk


class Noting:
    """Notes when a generator is closed."""

    def __init__(self):
        self.open = 0

    def __enter__(self):
        self.open += 1

    def __exit__(self, *_):
        self.open -= 1


class EndlessLLM(ScriptedLLM):
    """Writes short sentences for ever, as fast as it is read."""

    def __init__(self):
        super().__init__()
        self.life = Noting()
        self.written = 0

    async def stream(self, request):
        self.requests.append(request)
        with self.life:
            while True:
                await asyncio.sleep(0)
                self.written += 1
                yield "Word after word. "


class EndlessTTS(ToneTTS):
    """Speaks for ever, as fast as it is taken."""

    def __init__(self):
        super().__init__()
        self.life = Noting()

    async def stream_audio(self, text):
        self.spoken.append(text)
        with self.life:
            while True:
                await asyncio.sleep(0)
                yield PcmData.from_array(np.full(4800, 0.3), 48_000)


class StubbornTTS(ToneTTS):
    """Ignores that it is cancelled: for `seconds`, or for ever, it sits in its clean-up."""

    def __init__(self, seconds=None):
        super().__init__()
        self.seconds = seconds

    async def stream_audio(self, text):
        self.spoken.append(text)
        try:
            while True:
                yield PcmData.from_array(np.full(4800, 0.3), 48_000)
                await asyncio.sleep(0.01)
        finally:
            await self.hang()

    async def hang(self):
        if self.seconds is None:
            await asyncio.Event().wait()
        end = asyncio.get_running_loop().time() + self.seconds
        while (left := end - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                continue

    async def stop_audio(self):
        self.stopped += 1
        await self.hang()


async def test_sentences_are_spoken_in_order_and_the_words_have_their_times():
    stand = Cascade()
    reply = stand.begin()
    await stand.play(2)
    assert stand.tts.spoken == ["One two.", "Three four."]
    assert stand.drained == {reply.number: round(4 * 0.3 * 48_000)}
    assert reply.transcript.text == "One two. Three four."
    assert reply.transcript.at(0.7).heard == "One two."
    assert reply.transcript.at(0.8).heard == "One two. Three"
    assert not reply.transcript.at(0.8).estimated
    assert not others()


async def test_a_request_to_say_something_asks_no_model_and_one_to_answer_is_remembered():
    stand = Cascade()
    stand.begin(SpeechRequest("Hello there. You.", verbatim=True))
    await stand.play(2)
    assert stand.tts.spoken == ["Hello there.", "You."]
    assert (stand.llm.requests, len(stand.conversation)) == ([], 0)
    stand.begin(SpeechRequest("Count.", verbatim=False))
    await settle()
    assert [m.text for m in stand.llm.requests[0].messages] == ["Count."]
    await stand.play(2)


@pytest.mark.parametrize("may_be_silent", [True, False])
async def test_an_empty_answer_is_over_at_once(may_be_silent):
    stand = Cascade(ScriptedLLM([""]))
    stand.llm.may_be_silent = may_be_silent
    reply = stand.begin()
    await settle()
    assert stand.drained == {reply.number: 0}
    assert bool(stand.failures) is not may_be_silent
    assert not others()


async def test_a_sentence_without_sound_is_passed_over():
    class Picky(ToneTTS):
        async def stream_audio(self, text):
            if "two" in text:
                async for piece in super().stream_audio(text):
                    yield piece

    stand = Cascade(ScriptedLLM(["… One two. …"]), Picky())
    reply = stand.begin()
    await stand.play(1)
    assert stand.drained == {reply.number: round(2 * 0.3 * 48_000)}
    assert reply.transcript.at(0.6).unheard == ""


async def test_both_providers_generators_are_closed_by_an_interruption():
    stand = Cascade(EndlessLLM(), EndlessTTS())
    stand.begin()
    await stand.play(1)
    assert (stand.llm.life.open, stand.tts.life.open) == (1, 1)
    stand.commit()
    await settle()
    assert (stand.llm.life.open, stand.tts.life.open) == (0, 0)
    assert not others()


async def test_dropping_a_reply_closes_its_generators_and_no_others():
    stand = Cascade(EndlessLLM(), EndlessTTS())
    first, second = stand.begin(), stand.begin()
    await settle()
    assert (stand.llm.life.open, stand.tts.life.open) == (2, 2)
    stand.playout.drop(first.number)
    stand.voice.drop(first.number, (0.0, ""))
    await settle()
    assert (stand.llm.life.open, stand.tts.life.open) == (1, 1)
    stand.playout.drop(second.number)
    stand.voice.drop(second.number, (0.0, ""))
    await settle()
    assert not others()


async def test_the_model_is_bounded_by_the_synthesis_and_the_synthesis_by_the_gate():
    stand = Cascade(EndlessLLM(), EndlessTTS())
    reply = stand.begin()
    await asyncio.sleep(60)
    assert stand.llm.written <= SENTENCES_AHEAD + 4
    assert stand.playout.written(reply.number) <= (5 + 1) * 48_000
    stand.commit()


async def test_a_model_that_is_cut_off_while_it_waits_for_the_synthesis_is_closed():
    class Deaf(ToneTTS):
        async def stream_audio(self, text):
            await asyncio.Event().wait()
            yield

    stand = Cascade(EndlessLLM(), Deaf())
    stand.begin()
    await asyncio.sleep(10)
    assert stand.llm.life.open == 1
    stand.commit()
    await settle()
    assert stand.llm.life.open == 0
    assert not others()


@pytest.mark.parametrize("seconds", [5.0, None])
async def test_a_synthesis_that_ignores_cancellation_holds_up_neither_the_model_nor_the_next_reply(seconds, caplog):
    stand = Cascade(EndlessLLM(), StubbornTTS(seconds))
    stand.begin()
    await stand.play(1)
    stand.commit()
    await settle()
    assert stand.llm.life.open == 0
    written = stand.llm.written
    reply = stand.begin()
    assert (await stand.play(1)).any()
    assert stand.playout.heard(reply.number) > 0.9 * 48_000
    assert stand.llm.written > written
    stand.commit()
    # Left to themselves, even those that hang are gone after a while: they are cancelled once more.
    await asyncio.sleep(20)
    assert not others()
    assert "cancelled once more" in caplog.text or seconds == 5.0


async def test_close_leaves_nothing_behind_and_does_not_wait_for_ever():
    stand = Cascade(EndlessLLM(), StubbornTTS())
    stand.begin()
    await stand.play(1)
    stand.commit()
    begin = asyncio.get_running_loop().time()
    await stand.voice.close()
    assert asyncio.get_running_loop().time() - begin <= 5.0
    await asyncio.sleep(5.0)
    assert not others()


async def test_a_synthesis_that_goes_on_sending_after_its_cancellation_is_not_heard():
    class Deafened(ToneTTS):
        """Swallows cancellations and sends on."""

        async def stream_audio(self, text):
            for _ in range(200):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)
                yield PcmData.from_array(np.full(960, 0.5), 48_000)

    stand = Cascade(EndlessLLM(), Deafened())
    stand.begin()
    assert (await stand.play(1)).any()
    stand.commit()
    assert not (await stand.play(5)).any()
    assert not others()


class Booking(ScriptedLLM):
    """Says something, books, which takes 5 s, and tells."""

    def __init__(self, on_interrupt):
        super().__init__(lambda r: ["Booked."] if r.messages[-1:] and r.messages[-1].role == "tool" else self.first)
        self.first = ["One moment. ", ToolCall("1", "book", {})]
        self.begun = self.undone = 0
        undo = self.unbook if on_interrupt == "undo" else None
        self.register_function("book", on_interrupt=on_interrupt, undo=undo)(self.book)

    async def book(self):
        self.begun += 1
        await asyncio.sleep(5)
        return "done"

    async def unbook(self):
        self.undone += 1


@pytest.mark.parametrize(
    ("on_interrupt", "at_once", "in_the_end"),
    [
        ("finish", "still running", "done"),
        ("cancel", "cancelled before it was done: the answer was given up", None),
        ("undo", "being taken back: the answer was given up", "taken back: the answer was given up"),
    ],
)
@pytest.mark.parametrize("how", ["dropped", "the voice fails", "closed"])
async def test_a_function_of_a_reply_that_is_given_up_ends_as_it_was_agreed(on_interrupt, at_once, in_the_end, how):
    class Mute(ToneTTS):
        async def stream_audio(self, text):
            await asyncio.sleep(1)
            if how == "the voice fails":
                raise ConnectionError("the voice is gone")
            yield PcmData.from_array(np.full(480, 0.3), 48_000)

    stand = Cascade(Booking(on_interrupt), Mute())
    reply = stand.begin()
    await asyncio.sleep(0.5)
    if how == "dropped":
        stand.voice.drop(reply.number, (0.0, ""))
    elif how == "closed":
        closing = asyncio.create_task(stand.voice.close())
        await asyncio.sleep(0)
    else:
        await asyncio.sleep(0.5)
    await asyncio.sleep(0)
    assert at_once in stand.conversation.messages[1].text
    await asyncio.sleep(10)
    assert (in_the_end or at_once) in stand.conversation.messages[1].text
    assert len(stand.conversation) == 2
    assert len(stand.llm.requests) == stand.llm.begun == 1
    assert stand.llm.undone == (on_interrupt == "undo")
    if how == "closed":
        await closing
    assert not others()


async def test_the_next_reply_makes_what_was_called_for_the_one_before_final():
    stand = Cascade(Booking("undo"))
    stand.begin()
    await stand.play(10)
    stand.begin(SpeechRequest("Hello there.", verbatim=True))
    await stand.play(0.1)
    stand.epoch.advance()
    stand.voice.cancel({1: (1.0, ""), 2: (0.1, "")})
    await settle()
    assert stand.conversation.messages[1].text == "done"
    assert stand.llm.undone == 0


async def test_a_model_that_fails_is_reported_and_what_it_wrote_is_spoken():
    class Broken(ScriptedLLM):
        async def stream(self, request):
            yield "One two. And "
            await asyncio.sleep(0.1)
            raise ConnectionError("the line is down")

    stand = Cascade(Broken())
    reply = stand.begin()
    await stand.play(1)
    assert [(number, component, str(error)) for number, component, error in stand.failures] == [
        (reply.number, "LLM", "the line is down")
    ]
    assert stand.drained == {reply.number: round(3 * 0.3 * 48_000)}
    assert not others()


async def test_a_synthesis_that_fails_is_reported_and_the_model_stopped():
    class Broken(ToneTTS):
        async def stream_audio(self, text):
            yield PcmData.from_array(np.full(4800, 0.3), 48_000)
            raise ConnectionError("the voice is gone")

    stand = Cascade(EndlessLLM(), Broken())
    reply = stand.begin()
    await stand.play(1)
    assert [(number, component) for number, component, _ in stand.failures] == [(reply.number, "TTS")]
    assert stand.drained == {reply.number: 4800}
    assert stand.llm.life.open == 0
    assert not others()


async def test_a_synthesiser_of_the_wrong_kind_is_a_reported_failure():
    class Wrong(ToneTTS):
        def stream_audio(self, text):
            return 42

    stand = Cascade(tts=Wrong())
    stand.begin()
    await settle()
    (failure,) = stand.failures
    assert "int" in str(failure[2])
    assert not others()


async def test_a_text_begun_before_an_interruption_is_never_spoken_after_it():
    class Slow(ScriptedLLM):
        """Swallows its cancellation and finishes the sentence."""

        async def stream(self, request):
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                await asyncio.sleep(1)
            yield "Too late. "
            yield "Much too late."

    stand = Cascade(Slow())
    stand.begin()
    await asyncio.sleep(0.5)
    stand.commit()
    assert not (await stand.play(3)).any()
    assert stand.tts.spoken == []
    assert not others()


async def test_the_length_of_a_word_is_known_before_it_sounds():
    class Timed(ToneTTS):
        async def stream_audio(self, text):
            yield SpeechChunk(PcmData.silence(1.0, 22_050), (Word("One", 0.0, 0.5),))
            yield SpeechChunk(PcmData.silence(1.0, 22_050), (Word("two.", 0.5, 2.0),))

    stand = Cascade(ScriptedLLM(["One two."]), Timed())
    reply = stand.begin()
    await settle()
    assert reply.transcript.at(0.6).heard == "One"
    assert not reply.transcript.at(0.6).estimated
    await stand.play(3)
    assert reply.transcript.at(stand.drained[reply.number] / 48_000).unheard == ""


async def test_if_one_part_cannot_start_the_other_is_not_left_starting():
    class Refuses(ToneTTS):
        async def start(self):
            raise ConnectionError("no such voice")

    class Slow(ScriptedLLM):
        async def start(self):
            await asyncio.sleep(60)

    stand = Cascade(Slow(), Refuses())
    with pytest.raises(ConnectionError, match="no such voice"):
        await stand.voice.start()
    assert not others()


async def said_for_a_function(stand, text):
    """A function has this said, whatever comes of it."""
    stand.begin(SpeechRequest(text, verbatim=True, caller=object()))
    await stand.play(3.0)


async def prepared_in_vain(stand, text):
    """An answer is prepared, all of it synthesised, and thrown away."""
    draft = stand.reply()
    draft.confirmation = Confirmation(certain=False)
    stand.voice.prepare(draft, (Message(Role.USER, text),))
    await stand.play(3.0)
    stand.playout.drop(draft.number)
    stand.voice.drop(draft.number, (0.0, ""))


@pytest.mark.parametrize("between", [said_for_a_function, prepared_in_vain])
@pytest.mark.parametrize("text", ["Just a moment.", "Seven."])
async def test_what_is_made_between_two_attempts_makes_neither_the_first(between, text):
    """The sentence at which the first one failed is left out of the second, and the rest of that is said."""
    answers = iter([["Three four. ", "Five six. "], *([["Five. "]] if between is prepared_in_vain else [])])
    stand = Cascade(ScriptedLLM(lambda _: next(answers, ["Three four. ", "Five six. "])), HalfMuteTTS("Three", "Seven"))
    stand.begin()
    await stand.play(3.0)
    assert [number for number, _, _ in stand.failures] == [1]
    await between(stand, text)
    again = stand.reply()
    again.again = True
    stand.voice.begin(again, None)
    await stand.play(5.0)
    assert again.number not in [number for number, _, _ in stand.failures]
    assert [component for component, _ in stand.left_out] == ["TTS"]
    assert stand.drained[again.number] > 0
    await stand.voice.close()


async def test_another_answer_is_a_first_attempt():
    stand = Cascade(ScriptedLLM(["Three four. Five six."]), HalfMuteTTS("Three"))
    for _ in range(2):
        stand.begin()
        await stand.play(3.0)
    assert [number for number, _, _ in stand.failures] == [1, 2]
    draft = stand.reply()
    draft.confirmation = Confirmation(certain=False)
    stand.voice.prepare(draft, (Message(Role.USER, "hello"),))
    stand.voice.confirm(draft.number)
    await stand.play(3.0)
    assert [number for number, _, _ in stand.failures] == [1, 2, 3]
    assert stand.left_out == []
    await stand.voice.close()
