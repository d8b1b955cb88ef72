"""The plugin against the service: sessions that end and go on, errors and what is said of them, what is sent."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import pytest
import pytest_asyncio
from dashscope.audio.qwen_omni import MultiModality, OmniRealtimeCallback, OmniRealtimeConversation

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Message, Role, ToolCall
from vision_agents.core.participants import Participant
from vision_agents.core.remote import outbox
from vision_agents.core.remote import realtime as link_module
from vision_agents.plugins import qwen
from vision_agents.plugins.qwen import session as session_module
from vision_agents.plugins.qwen.messages import Write
from vision_agents.testing.contract import Player, until
from vision_agents.testing.contract.harness import spoken

from ...standins.qwen.server import KEY, StandIn
from .test_contract import unexpected

ANNA = Participant("anna")
BEN = Participant("ben")

TEXT = "One two three four five six seven eight nine ten."


@pytest_asyncio.fixture
async def player(model: qwen.Realtime) -> Player:
    return Player(model)


@pytest_asyncio.fixture
async def connected(model: qwen.Realtime, player: Player) -> AsyncIterator[qwen.Realtime]:
    await model.connect("Be brief.", ())
    yield model


async def speak(model: qwen.Realtime, seconds: float = 0.6) -> None:
    for piece in spoken(seconds, 1.0, model.input_sample_rate):
        await model.send_audio(piece, ANNA)


async def answered(model: qwen.Realtime, player: Player, service: StandIn, text: str = "Yes, of course.") -> None:
    count = len(player.responses)
    service.will_say(text)
    await model.send_text("Say something.")
    await until(lambda: len(player.responses) > count and player.last.done, "the answer")
    assert player.last.text == text


# Setting up.


async def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    monkeypatch.setattr("dashscope.api_key", None)
    with pytest.raises(ValueError, match="DASHSCOPE_API_KEY"):
        qwen.Realtime()


async def test_the_key_is_taken_from_the_environment(service: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    model = qwen.Realtime(url=service.url)
    await model.connect("", ())
    await model.close()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("vision_agents.plugins.qwen")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "dashscope", None)
    with pytest.raises(ImportError, match=r'pip install "vision-agents\[qwen\]"'):
        import vision_agents.plugins.qwen  # noqa: F401


@pytest.mark.parametrize("arguments", [{"turn_detection_threshold": 2.0}, {"turn_detection_silence_duration_ms": 100}])
async def test_parameters_that_cannot_be(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="it must be from"):
        qwen.Realtime(api_key=KEY, **arguments)


async def test_a_session_is_set_up_as_it_was_asked_for(service: StandIn) -> None:
    model = qwen.Realtime(
        "qwen3-omni-flash-realtime",
        api_key=KEY,
        url=service.url,
        workspace="space",
        turn_detection_threshold=0.3,
        turn_detection_silence_duration_ms=400,
        session={"temperature": 0.5},
    )

    @model.register_function()
    async def weather(city: str, days: int = 1) -> str:
        """The weather in a city."""
        return "rain"

    await model.connect("Be brief.", ())
    await model.close()
    config = service.session.config
    assert (config["voice"], config["temperature"], config["instructions"]) == ("Cherry", 0.5, "Be brief.")
    detection = config["turn_detection"]
    assert (detection["type"], detection["threshold"], detection["silence_duration_ms"]) == ("server_vad", 0.3, 400)
    assert config["tools"][0]["function"]["name"] == "weather"
    assert config["tools"][0]["function"]["parameters"]["required"] == ["city"]
    assert config["modalities"] == ["audio", "text"]
    assert not service.refused


async def test_it_goes_on_from_a_history(service: StandIn, model: qwen.Realtime) -> None:
    history = (
        Message(Role.USER, "Count to three."),
        Message(Role.ASSISTANT, "One, two", interrupted=True),
        Message(Role.TOOL, "ignored", tool_call_id="1"),
    )
    await model.connect("Be brief.", history)
    told = service.session.config["instructions"]
    assert told == "Be brief.\n\nThe conversation so far:\n\nUser: Count to three.\nYou: One, two"


class Recorder(OmniRealtimeCallback):  # type: ignore[misc]
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def on_event(self, message: Any) -> None:
        self.events.append(message)


async def test_the_sdks_own_connection_understands_the_stand_in(service: StandIn) -> None:
    service.will_say("Hello you.")
    recorder = Recorder()
    conversation = OmniRealtimeConversation("qwen3-omni-flash-realtime", recorder, url=service.url, api_key=KEY)
    await asyncio.to_thread(conversation.connect)
    conversation.update_session(output_modalities=[MultiModality.AUDIO, MultiModality.TEXT], voice="Cherry")
    conversation.create_response(instructions="Say hello.")
    await until(lambda: [e for e in recorder.events if e["type"] == "response.done"], "the end of the answer")
    said = [event["delta"] for event in recorder.events if event["type"] == "response.audio_transcript.delta"]
    assert "".join(said) == "Hello you."
    assert not service.refused
    await service.disconnect()
    await asyncio.to_thread(conversation.thread.join, 5.0)


# Errors.


async def test_a_wrong_key_is_said_at_once(service: StandIn) -> None:
    model = qwen.Realtime(api_key="wrong", url=service.url)
    with pytest.raises(qwen.QwenError, match=r"Invalid API-key.*DASHSCOPE_API_KEY") as error:
        await model.connect("", ())
    assert (error.value.code, error.value.hopeless) == ("invalid_api_key", True)
    await model.close()


async def test_an_unknown_model_is_said_at_once(service: StandIn) -> None:
    model = qwen.Realtime("qwen0", api_key=KEY, url=service.url)
    with pytest.raises(qwen.QwenError, match="Check the model's name") as error:
        await model.connect("", ())
    assert error.value.code == "model"
    await model.close()


async def test_a_session_that_cannot_be_is_said_at_once(service: StandIn) -> None:
    model = qwen.Realtime(voice="Nobody", api_key=KEY, url=service.url)
    with pytest.raises(qwen.QwenError, match="Invalid voice: Nobody"):
        await model.connect("", ())
    await model.close()


async def test_nobody_there() -> None:
    model = qwen.Realtime(api_key=KEY, url="ws://127.0.0.1:9")
    with pytest.raises(qwen.QwenError, match="Qwen Realtime"):
        await model.connect("", ())
    with pytest.raises(qwen.QwenError, match="connect"):
        await model.send_text("Hello?")
    await model.close()


@pytest.mark.parametrize(
    ("text", "code", "hopeless"),
    [
        ("Allocated quota exceeded, please increase your quota limit.", "quota", True),
        ("Requests rate limit exceeded, please try again later. (Throttling.RateQuota)", "rate_limit", False),
        ("Access denied.", "permission", True),
        ("Something else.", "Odd", False),
    ],
)
def test_what_errors_mean(text: str, code: str, hopeless: bool) -> None:
    from vision_agents.plugins.qwen.client import refused

    error = refused({"code": "Odd", "message": text}, "here")
    assert (error.code, error.hopeless) == (code, hopeless)
    assert str(error).startswith(f"here: {text}")


async def test_an_empty_account_is_reported_once_and_not_tried_again(
    service: StandIn, connected: qwen.Realtime, player: Player
) -> None:
    await service.fail("quota")
    await connected.send_text("Hello.")
    await until(lambda: player.failures, "the report")
    await until(lambda: not service.open_connections, "the end of the session")
    await speak(connected)
    await asyncio.sleep(0.1)
    assert len(service.sessions) == 1
    (failure,) = player.failures
    assert "balance and quota" in str(failure)
    # Whoever wants something tries again.
    await answered(connected, player, service)


async def test_an_error_that_ends_the_session_is_reported_once(
    service: StandIn, connected: qwen.Realtime, player: Player
) -> None:
    await service.fail("error")
    await connected.send_text("Hello.")
    await until(lambda: len(service.sessions) == 2, "the next session")
    await answered(connected, player, service)
    (failure,) = player.failures
    assert "An internal error has occurred. (InternalError)" in str(failure)


async def test_a_service_that_stays_away_is_given_up(
    service: StandIn, connected: qwen.Realtime, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "BACKOFF", (0.0, 0.01, 0.01))
    service.refuses = HTTPStatus.SERVICE_UNAVAILABLE
    await service.disconnect()
    await until(lambda: player.failures, "the report")
    assert "HTTP 503" in str(player.failures[0])
    with pytest.raises(qwen.QwenError, match="HTTP 503"):
        await connected.send_text("Hello?")
    service.refuses = None
    await answered(connected, player, service)
    assert len(player.failures) == 1


async def test_a_break_while_nothing_is_said_is_nobodys_business(
    service: StandIn, connected: qwen.Realtime, player: Player
) -> None:
    await answered(connected, player, service)
    await service.session.close(1001, "two hours are over")
    await until(lambda: len(service.sessions) == 2 and service.session.config, "the next session")
    await answered(connected, player, service)
    assert "You: Yes, of course." in service.session.config["instructions"]
    assert not player.failures


async def test_closed_while_it_is_being_opened(
    service: StandIn, connected: qwen.Realtime, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "BACKOFF", (0.0,))
    service.refuses = HTTPStatus.SERVICE_UNAVAILABLE
    await service.disconnect()
    await until(lambda: player.failures, "the report")
    sending = asyncio.create_task(connected.send_text("Hello?"))
    await asyncio.sleep(0)
    await connected.close()
    with pytest.raises(qwen.QwenError):
        async with asyncio.timeout(5):
            await sending


# Interruption.


async def test_a_text_that_waits_for_a_connection_is_not_sent_after_an_interruption(
    service: StandIn, connected: qwen.Realtime, player: Player
) -> None:
    await service.disconnect()
    await until(lambda: not service.open_connections, "the end of the connection")
    await asyncio.sleep(0.01)
    sending = asyncio.create_task(connected.send_text("Talk."))
    await asyncio.sleep(0)
    player.interrupt()
    await sending
    await answered(connected, player, service)
    assert service.requests == 1


async def test_a_cancellation_that_is_not_confirmed_renews_the_session_and_asks_there(
    service: StandIn, connected: qwen.Realtime, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "CONFIRM_TIMEOUT", 0.2)
    service.deaf_for = 60.0
    await service.stall(after=3)
    service.will_say(TEXT)
    await connected.send_text("Talk.")
    await until(lambda: player.responses and len(player.last.audio) == 3, "the first audio")
    said = player.last
    player.interrupt()
    service.will_say("Something else.")
    await connected.send_text("Talk of something else.")
    await until(lambda: len(player.responses) == 2 and player.last.done, "the other answer")
    assert player.last.text == "Something else."
    assert len(said.audio) == 3
    assert len(service.sessions) == 2
    assert not player.failures
    assert not service.refused


async def test_a_cancellation_that_waited_too_long_hits_nothing_else(
    service: StandIn, connected: qwen.Realtime, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connected._session is not None
    waiting: list[Write] = []
    service.will_say(TEXT)
    await service.stall(after=3)
    await connected.send_text("Talk.")
    await until(lambda: player.responses and player.last.audio, "the first audio")
    with monkeypatch.context() as patch:
        patch.setattr(connected._session._link, "send", waiting.append)
        player.interrupt()
        await until(lambda: waiting, "the cancellation")
    (write,) = waiting
    assert len(connected._messages.written(write)) == 1
    await service.release()
    await until(lambda: connected._session._dialogue.active is None, "the end of the response")
    assert connected._messages.written(write) == []


async def test_an_empty_account_ends_the_session_if_the_service_does_not(
    service: StandIn, connected: qwen.Realtime, player: Player
) -> None:
    error = {"type": "server_error", "code": "Arrearage", "message": "Access denied.", "param": ""}
    await service.session.send("error", error=error)
    await until(lambda: not service.open_connections, "the end of the session")
    assert [failure.code for failure in player.failures if isinstance(failure, qwen.QwenError)] == ["quota"]
    assert len(service.sessions) == 1


async def test_functions_are_called_and_their_results_told_also_when_nobody_wants_them(
    service: StandIn, model: qwen.Realtime, player: Player
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @model.register_function()
    async def weather(city: str) -> str:
        """The weather in a city."""
        begun.set()
        await go_on.wait()
        return f"rain in {city}"

    await model.connect("", ())
    service.will_say(ToolCall("call_1", "weather", {"city": "Ulm"}))
    await model.send_text("How is the weather?")
    async with asyncio.timeout(10):
        await begun.wait()
    player.interrupt()
    go_on.set()
    await until(lambda: service.session.outputs, "the result")
    assert service.session.outputs == {"call_1": "rain in Ulm"}
    await answered(model, player, service)
    assert len(player.responses) == 1
    assert not unexpected(service)


async def test_what_was_taken_back_is_told_with_the_next_text(
    service: StandIn, model: qwen.Realtime, player: Player
) -> None:
    undone = asyncio.Event()

    async def unbook() -> None:
        undone.set()

    @model.register_function(on_interrupt="undo", undo=unbook)
    async def book() -> str:
        """Book a table."""
        return "booked"

    await model.connect("", ())
    service.will_say(ToolCall("call_1", "book", {}), "It is booked for you and for all of your friends.")
    await service.stall(after=5)
    await model.send_text("Book it.")
    await until(lambda: player.responses and player.last.audio, "the answer")
    player.interrupt()
    async with asyncio.timeout(10):
        await undone.wait()
    await service.release()
    await answered(model, player, service)
    assert service.session.outputs == {"call_1": "booked"}
    taken_back = "(taken back: the user interrupted, so nothing of it is in effect)"
    assert f"Note about the call book({{}}): {taken_back}" in (service.session.responses[-1].instructions or "")
    assert not unexpected(service)


@pytest.mark.parametrize("guesses", [False, True])
async def test_a_turn_that_is_announced_twice_is_one(
    service: StandIn, connected: qwen.Realtime, player: Player, guesses: bool
) -> None:
    service.repeats_itself, service.guesses = True, guesses
    service.will_hear("what is the time")
    await speak(connected)
    await until(lambda: player.responses and player.last.done, "the answer")
    assert [fact[:2] for fact in player.of("turn_started", "turn_ended")] == [
        ("turn_started", ANNA),
        ("turn_ended", ANNA),
    ]
    (ended,) = player.of("turn_ended")
    assert ended[3:] == (pytest.approx(0.6, abs=0.03), 0.8)
    assert player.final_words(ANNA) == ["what is the time"]
    assert bool(player.of("partial")) is guesses


async def test_two_people_are_one_stream(service: StandIn, connected: qwen.Realtime) -> None:
    for _ in range(50):
        for who in (ANNA, BEN):
            await connected.send_audio(PcmData.silence(0.02, 16_000), who)
    await until(lambda: service.session.heard >= 0.99, "the audio")
    assert service.session.heard == pytest.approx(1.0, abs=0.03)


async def test_audio_in_between_waits_for_the_next_session(
    service: StandIn, connected: qwen.Realtime, player: Player
) -> None:
    await service.disconnect()
    await speak(connected)
    await until(lambda: player.responses and player.last.done, "the answer")
    assert len(service.sessions) == 2


async def test_audio_that_nobody_takes_is_bounded(
    service: StandIn, connected: qwen.Realtime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(link_module, "BACKOFF", (0.0,) + (5.0,) * 9)
    service.refuses = HTTPStatus.SERVICE_UNAVAILABLE
    await service.disconnect()
    await asyncio.sleep(0.1)
    for _ in range(round(3 * outbox.AUDIO_LIMIT)):
        await connected.send_audio(PcmData.silence(1.0, 16_000), ANNA)
    assert connected._session is not None
    assert connected._session._link._outbox._seconds <= outbox.AUDIO_LIMIT
    assert "is dropped" in caplog.text


async def test_hundreds_of_interruptions_leave_nothing_behind(
    service: StandIn, connected: qwen.Realtime, player: Player
) -> None:
    await answered(connected, player, service)
    tasks, threads, objects = len(asyncio.all_tasks()), threading.active_count(), 0
    for number in range(300):
        service.will_say(TEXT)
        await connected.send_text("Talk.")
        if number % 3:
            await until(lambda: player.last.audio and player.last.epoch == connected.epoch, "audio")
        player.interrupt()
        if number == 100:
            gc.collect()
            objects = len(gc.get_objects())
        if number % 50 == 0:
            player.facts.clear()
    await answered(connected, player, service)
    player.facts.clear()
    gc.collect()
    assert len(asyncio.all_tasks()) <= tasks
    assert threading.active_count() <= threads
    assert service.open_connections == 1
    assert len(service.sessions) == 1
    assert not player.failures
    # The recording player and the stand-in keep what they saw, some objects a response; nothing else grows.
    assert len(gc.get_objects()) - objects < 200 * 100
    assert not unexpected(service)
