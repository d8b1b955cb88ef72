"""What is Nova Sonic's own: its two marks of interruption, its streams that end, and what it takes on them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Message, Role, ToolCall
from vision_agents.core.llm import TokenUsageEvent
from vision_agents.core.participants import Participant
from vision_agents.core.remote import realtime_link
from vision_agents.core.usage import TokenUsage
from vision_agents.plugins import aws
from vision_agents.plugins.aws import link
from vision_agents.plugins.aws import session as sessions
from vision_agents.plugins.aws.wire import OPENING
from vision_agents.testing.contract import Player, lifetime, until
from vision_agents.testing.contract.harness import spoken

if TYPE_CHECKING:
    from ...standins.aws.server import StandIn

ANNA = Participant("anna")
MARK = '{ "interrupted" : true }'
LONG = "One two three four five six seven eight."


@pytest_asyncio.fixture
async def model(provider: StandIn) -> AsyncIterator[aws.Realtime]:
    async with lifetime(aws.Realtime(), provider) as model:
        yield model
    assert not provider.refused, "the service had to refuse something"


@pytest_asyncio.fixture
async def player(model: aws.Realtime) -> Player:
    await model.connect("Be brief.")
    return Player(model)


async def hear(model: aws.Realtime, seconds: float, silence: float = 0.0) -> None:
    for piece in spoken(seconds, silence, model.input_sample_rate):
        await model.send_audio(piece, ANNA)


async def begin(model: aws.Realtime, player: Player, provider: StandIn) -> None:
    """An answer of which some has come. Somebody is there whose microphone is on."""
    await hear(model, 0.0, 0.1)
    provider.will_say(LONG)
    await provider.stall(after=3)
    model.conversation.user_said("Count.")
    await model.send_text("Count.")
    await until(lambda: player.responses and len(player.last.audio) == 3, "the first audio")


# Functions of an answer that was interrupted.


@pytest.mark.parametrize("on_interrupt", ["cancel", "finish"])
async def test_the_service_is_told_that_nothing_came_of_a_call_and_no_result(
    model: aws.Realtime, player: Player, provider: StandIn, on_interrupt: str
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @model.register_function(on_interrupt=on_interrupt)  # type: ignore[arg-type]
    async def pay() -> str:
        """Pay."""
        begun.set()
        await go_on.wait()
        return "paid"

    await model.connect("Be brief.")
    await hear(model, 0.0, 0.1)
    provider.will_say(ToolCall("call_1", "pay", {}), "Nothing was paid.")
    await model.send_text("Pay it.")
    await until(begun.is_set, "the call")
    session = provider.sessions[-1]
    player.interrupt()
    go_on.set()
    if on_interrupt == "cancel":
        await until(lambda: len(session.asked) == 2, "the output of the call")
        assert "(cancelled before it was done: the user interrupted)" in session.asked[1]
    else:
        await asyncio.sleep(0.3)
        assert session.asked == ["Pay it."]


# Interruption.


async def test_both_marks_of_an_interruption_are_one(model: aws.Realtime, player: Player, provider: StandIn) -> None:
    await begin(model, player, provider)
    await hear(model, 0.3)
    await until(lambda: player.interruptions, "the interruption")
    await hear(model, 0.0, 1.0)
    await provider.release()
    await until(lambda: player.final_words(ANNA) and player.last.text == "Yes.", "the next answer")
    assert player.interruptions == 1
    assert [fact[0] for fact in player.of("turn_started", "turn_ended", "final")] == [
        "turn_started",
        "turn_ended",
        "final",
    ]
    assert len(provider.sessions) == 1, "the service has stopped by itself: no new stream is needed"


@pytest.mark.parametrize("mark", ["text", "end"])
async def test_either_mark_alone_interrupts(model: aws.Realtime, player: Player, provider: StandIn, mark: str) -> None:
    await begin(model, player, provider)
    text, reason = (MARK, "END_TURN") if mark == "text" else ("One two", "INTERRUPTED")
    await provider.session.say_text("mark", "ASSISTANT", "FINAL", text, reason)
    await until(lambda: player.interruptions == 1, "the interruption")
    assert player.last.done
    assert MARK not in player.last.text


async def test_an_answer_that_is_still_playing_is_interrupted(
    model: aws.Realtime, player: Player, provider: StandIn
) -> None:
    await hear(model, 0.0, 0.1)
    provider.word_seconds = 1.0
    provider.will_say(LONG)
    await model.send_text("Count.")
    await until(lambda: player.responses and player.last.done, "all of the answer")
    await hear(model, 0.3)
    await until(lambda: player.interruptions == 1, "the interruption")


async def test_an_answer_in_text_alone_is_told_once(model: aws.Realtime, player: Player, provider: StandIn) -> None:
    await hear(model, 0.0, 0.1)
    for number in range(2):
        await provider.session.say_text(f"answer {number}", "ASSISTANT", "SPECULATIVE", "Hello.", "END_TURN")
    await until(lambda: len(player.responses) == 2, "the answers")
    [failure] = player.failures
    assert "text alone, which nobody hears" in str(failure)


async def test_an_empty_transcript_does_not_interrupt(model: aws.Realtime, player: Player, provider: StandIn) -> None:
    await begin(model, player, provider)
    await provider.session.say_text("empty", "USER", "FINAL", "", "PARTIAL_TURN")
    await provider.release()
    await until(lambda: player.last.done, "the whole answer")
    assert not player.interruptions
    assert player.last.text == LONG
    assert not player.of("turn_started", "final")


async def test_what_the_service_does_not_stop_is_left_with_its_stream(
    model: aws.Realtime, player: Player, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "STOP_TIMEOUT", 0.1)
    await begin(model, player, provider)
    player.interrupt()
    await until(lambda: len(provider.sessions) == 2, "the next stream")
    await until(lambda: not provider.active, "the end of the work at the provider")
    # Half of the audio was heard, and half of the text.
    told = [("USER", "Count."), ("ASSISTANT", LONG[: len(LONG) // 2].strip())]
    await until(lambda: provider.session.history == told, "what was heard")
    assert provider.sessions[0].ended == "sessionEnd"


# Streams.


async def test_a_stream_has_one_audio_content_and_is_closed_in_order(provider: StandIn) -> None:
    async with lifetime(aws.Realtime(endpointing_sensitivity="LOW"), provider) as model:
        player = Player(model)
        for message in (Message(Role.ASSISTANT, "Hi."), Message(Role.USER, "I am Anna.")):
            model.conversation.add(message)
        await model.connect("Be brief.")
        for _ in range(2):
            await hear(model, 0.3, 1.0)
        await until(lambda: len(player.responses) == 2 and player.last.done, "two answers")
        assert provider.session.start["turnDetectionConfiguration"] == {"endpointingSensitivity": "LOW"}
    assert provider.session.ended == "sessionEnd"
    assert provider.session.system == "Be brief."
    assert provider.session.history == [("USER", OPENING), ("ASSISTANT", "Hi."), ("USER", "I am Anna.")]
    assert not provider.refused


async def test_a_stream_is_renewed_in_a_pause_and_knows_what_was_said(
    provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "RENEW_AFTER", 0.2)
    monkeypatch.setattr(sessions, "PAUSE", 0.5)
    async with lifetime(aws.Realtime(), provider) as model:
        player = Player(model)
        await model.connect("Be brief.")
        await begin(model, player, provider)
        await hear(model, 0.0, 2.0)
        await asyncio.sleep(0.5)
        assert len(provider.sessions) == 1, "an answer is on its way"
        await provider.release()
        await until(lambda: len(provider.sessions) >= 2, "the next stream")
        assert player.last.text == LONG
        told = [("USER", "Count."), ("ASSISTANT", LONG)]
        await until(lambda: provider.sessions[1].history == told, "what was said")
        assert not player.failures
    assert not provider.refused


async def test_a_stream_is_renewed_before_it_ends_and_the_text_asked_again(
    provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "RENEW_AFTER", 0.1)
    monkeypatch.setattr(link, "RENEW_AT_LAST", 0.3)
    async with lifetime(aws.Realtime(), provider) as model:
        player = Player(model)
        await model.connect("Be brief.")
        await provider.stall()
        model.conversation.user_said("Count.")
        await model.send_text("Count.")
        await until(lambda: len(provider.sessions) == 2, "the next stream")
        monkeypatch.setattr(link, "RENEW_AT_LAST", 300.0)
        await until(lambda: provider.session.asked, "the text")
        await provider.release()
        await until(lambda: player.responses and player.last.done, "the answer")
        asked = [text for session in provider.sessions for text in session.asked]
        assert set(asked) == {"Count."}
        assert all(session.history == [] for session in provider.sessions), "it is asked, not told"
        assert len(player.responses) == 1
        assert not player.failures


@pytest.mark.parametrize("moment", [0.2, 0.8, 1.3], ids=["first sound", "speaking", "just silent"])
async def test_nothing_of_what_somebody_says_is_lost_when_a_stream_has_to_end_meanwhile(
    provider: StandIn, monkeypatch: pytest.MonkeyPatch, moment: float
) -> None:
    monkeypatch.setattr(link, "RENEW_AFTER", moment)
    monkeypatch.setattr(link, "RENEW_AT_LAST", moment)
    provider.will_hear(*["count for me"] * 2)
    provider.will_say(*["one two."] * 2)
    async with lifetime(aws.Realtime(), provider) as model:
        player = Player(model)
        await model.connect("Be brief.")
        monkeypatch.setattr(link, "RENEW_AT_LAST", 300.0)  # The next one lasts longer.
        for piece in spoken(1.2, 1.5, model.input_sample_rate):
            await model.send_audio(piece, ANNA)
            await asyncio.sleep(piece.duration)
        await until(lambda: player.responses and player.last.done, "the answer")
        assert len(provider.sessions) == 2
        assert provider.session._ear.voiced == pytest.approx(1.2, abs=0.03)
        assert player.final_words(ANNA) == ["count for me"]
        assert player.said == ["one two."]
        assert not player.failures
    assert not provider.refused


async def test_a_stream_that_the_service_ends_is_replaced(provider: StandIn) -> None:
    provider.lifetime = 0.3
    async with lifetime(aws.Realtime(), provider) as model:
        player = Player(model)
        model.conversation.user_said("I am Anna.")
        await model.connect("Be brief.")
        await until(lambda: len(provider.sessions) == 1, "the stream")
        provider.lifetime = 300.0
        await until(lambda: len(provider.sessions) == 2, "the next stream")
        await model.send_text("Who am I?")
        await until(lambda: player.responses and player.last.done, "the answer")
        assert provider.session.history == [("USER", "I am Anna.")]
        assert not player.failures, "nobody missed anything"


async def test_a_text_that_breaks_its_stream_is_lost_and_not_asked_again(
    model: aws.Realtime, player: Player, provider: StandIn
) -> None:
    await provider.fail("error")
    await model.send_text("Count.", 7)
    await until(lambda: player.lost, "the report that it is not answered")
    assert (player.lost, player.lost_requests, len(player.failures)) == ([None], [7], 1)


@pytest.mark.parametrize(("sound", "silence"), [(0.4, 0.0), (3.0, 0.0), (2.0, 0.4)])
async def test_what_was_said_before_a_stream_breaks_is_heard_again(
    model: aws.Realtime, player: Player, provider: StandIn, sound: float, silence: float
) -> None:
    await hear(model, 0.0, 0.1)
    await until(lambda: provider.session.heard_seconds > 0.05, "the audio")
    await hear(model, sound, silence)
    await until(lambda: provider.session.heard_seconds > sound + silence + 0.05, "the audio")
    provider.will_hear("wait")
    await provider.disconnect()
    await until(lambda: len(provider.sessions) == 2, "the next stream")
    await until(lambda: provider.session.heard_seconds > sound + silence, "the same again")
    provider.will_say("Yes?")
    await hear(model, 0.0, 1.0)
    await until(lambda: player.final_words(ANNA) == ["wait"], "the words")
    await until(lambda: player.responses and player.last.done, "the answer")
    assert player.last.text.strip() == "Yes?."


async def test_a_long_history_is_cut_to_what_the_service_takes(provider: StandIn) -> None:
    history = tuple(
        Message(role, f"{number} " + "grüße " * 150) for number in range(60) for role in (Role.USER, Role.ASSISTANT)
    )
    async with lifetime(aws.Realtime(), provider) as model:
        for message in history:
            model.conversation.add(message)
        await model.connect("x" * 5000)
        last = ("ASSISTANT", history[-1].text.strip())
        await until(lambda: last in provider.session.history, "the history")
        assert provider.session.system == "x" * 5000
        assert provider.session.history[0][0] == "USER"
    assert not provider.refused


# Functions.


async def test_a_function_is_declared_called_and_its_result_told(provider: StandIn) -> None:
    async with lifetime(aws.Realtime(), provider) as model:
        player = Player(model)

        @model.register_function()
        def weather(city: str) -> dict[str, str]:
            """The weather in a city."""
            return {city: "rain"}

        await model.connect("Be brief.")
        provider.will_say(ToolCall("call_1", "weather", {"city": "Ulm"}), LONG)
        await model.send_text("How is the weather?")
        await until(lambda: player.responses and player.last.done, "the answer")
        (tool,) = provider.session.prompt["toolConfiguration"]["tools"]
        assert tool["toolSpec"]["name"] == "weather"
        assert provider.session.asked == ["How is the weather?", '{"result": "{\\"Ulm\\": \\"rain\\"}"}']


# Trouble.


async def test_a_wrong_key_is_told_once_with_what_to_do(provider: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG")
    async with lifetime(aws.Realtime(), provider) as model:
        with pytest.raises(aws.AWSError, match="AWS_ACCESS_KEY_ID") as caught:
            await model.connect("Be brief.")
        assert caught.value.code == "credentials"
    assert len(provider.refused) == 1, "a wrong key stays wrong"


async def test_missing_credentials_and_region_name_their_variables(
    provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    async with lifetime(aws.Realtime(), provider) as model:
        with pytest.raises(aws.AWSError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
            await model.connect("Be brief.")
    monkeypatch.delenv("AWS_REGION")
    async with lifetime(aws.Realtime(), provider) as model:
        with pytest.raises(aws.AWSError, match="AWS_REGION"):
            await model.connect("Be brief.")


async def test_a_service_that_lets_nobody_in_is_left_alone(provider: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime_link, "BACKOFF", (0.0, 0.01, 0.01))
    async with lifetime(aws.Realtime(), provider) as model:
        player = Player(model)
        await model.connect("Be brief.")
        provider.refuses = [(503, "ServiceUnavailableException", "busy")] * 3
        await provider.disconnect()
        await until(lambda: player.failures, "the report")
        assert not provider.refuses
        assert len(player.failures) == 1
        # But whoever asks, it is tried for.
        await model.send_text("Hello?")
        await until(lambda: player.responses and player.last.done, "the answer")


async def test_what_was_given_up_is_opened_again_for_the_callers_voice(
    provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime_link, "BACKOFF", (0.0, 0.01, 0.01))
    monkeypatch.setattr(realtime_link, "REOPEN_PAUSE", 0.1)
    async with lifetime(aws.Realtime(), provider) as model:
        player = Player(model)
        await model.connect("Be brief.")
        provider.refuses = [(503, "ServiceUnavailableException", "busy")] * 3
        await provider.disconnect()
        await until(lambda: player.failures, "the report")
        provider.will_hear("are you back")
        provider.will_say("Yes, I am.")
        await hear(model, 0.6, 2.0)
        await until(lambda: player.responses and player.last.text == "Yes, I am.", "the answer")
        assert len(player.failures) == 1


def test_an_old_python_and_one_half_of_a_key_are_refused() -> None:
    if sys.version_info < (3, 12):
        with pytest.raises(RuntimeError, match=r"needs Python 3\.12 or newer"):
            aws.Realtime()
    else:
        with pytest.raises(ValueError, match="aws_secret_access_key"):
            aws.Realtime(aws_access_key_id="AKIA")


async def test_silence_is_sent_where_no_audio_comes(model: aws.Realtime, player: Player, provider: StandIn) -> None:
    await until(lambda: provider.session.heard_seconds >= 0.5, "silence")
    before = provider.session.heard_seconds
    await model.send_audio(PcmData.silence(0.02, 16_000), ANNA)
    await until(lambda: provider.session.heard_seconds > before, "more")


async def test_other_instructions_hold_from_the_next_pause_on(
    model: aws.Realtime, player: Player, provider: StandIn
) -> None:
    await hear(model, 0.0, 0.1)
    model.instruct("Be a pirate.")
    await until(lambda: provider.session.system == "Be a pirate.", "the instructions")
    assert len(provider.sessions) == 2
    provider.will_say("Aye, aye.")
    await model.send_text("Well?")
    await until(lambda: player.responses and player.last.done, "the answer")
    assert not player.failures


async def test_the_tokens_since_they_were_told_last(model: aws.Realtime, player: Player, provider: StandIn) -> None:
    usages: list[TokenUsage] = []

    @model.events.subscribe
    async def note(event: TokenUsageEvent) -> None:
        usages.append(event.usage)

    provider.will_say("Yes, of course. Why not.")
    await model.send_text("Say something.")
    await until(lambda: len(usages) == 2, "the tokens")
    assert usages == [
        TokenUsage("aws.bedrock", aws.realtime.DEFAULT_MODEL, 0, words, output_audio_tokens=words) for words in (3, 2)
    ]
