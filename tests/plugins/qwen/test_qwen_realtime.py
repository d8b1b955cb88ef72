"""The plugin against the service: sessions that end and go on, errors and what is said of them, what is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from dashscope.audio.qwen_omni import MultiModality, OmniRealtimeCallback, OmniRealtimeConversation

from vision_agents.core.llm import TokenUsageEvent
from vision_agents.core.usage import TokenUsage
from vision_agents.plugins import qwen
from vision_agents.plugins.qwen import session as session_module
from vision_agents.plugins.qwen.dialogue import _HANDLERS
from vision_agents.plugins.qwen.messages import Write
from vision_agents.testing.contract import Player, until

from ...standins.qwen.server import KEY, StandIn
from ..realtime.connections import ConnectionStories
from ..realtime.kit import ANNA, HISTORY, TEXT, Booking, Weather, answered, speak
from .test_contract import unexpected


class TestConnections(ConnectionStories):
    plugin = "qwen"
    package = "dashscope"
    service_name = "Qwen Realtime"
    error = qwen.QwenError
    wrong_key = r"Invalid API-key.*DASHSCOPE_API_KEY"
    unknown_model = "Check the model's name"
    nothing_left = "balance and quota"
    goodbye = (1001, "two hours are over")
    session_module = session_module

    def make(self, service: StandIn, **options: Any) -> qwen.Realtime:
        defaults: dict[str, Any] = {"api_key": KEY, "url": service.url}
        return qwen.Realtime(**defaults | options)

    def lonely(self) -> qwen.Realtime:
        return qwen.Realtime(api_key=KEY, url="ws://127.0.0.1:9")

    def unexpected(self, service: StandIn) -> object:
        return unexpected(service)

    def knows(self, service: StandIn) -> object:
        return "You: Yes, of course." in service.session.config["instructions"]

    def deafen(self, service: StandIn) -> None:
        service.deaf_for = 60.0


# Setting up.


async def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    monkeypatch.setattr("dashscope.api_key", None)
    with pytest.raises(ValueError, match="DASHSCOPE_API_KEY"):
        qwen.Realtime()


async def test_the_key_is_taken_from_the_environment(service: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    model = qwen.Realtime(url=service.url)
    await model.connect("")
    await model.close()


@pytest.mark.parametrize("arguments", [{"turn_detection_threshold": 2.0}, {"turn_detection_silence_duration_ms": 100}])
async def test_parameters_that_cannot_be(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="number from"):
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
    Weather(model)
    await model.connect("Be brief.")
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
    for message in HISTORY:
        model.conversation.add(message)
    await model.connect("Be brief.")
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


async def test_a_session_that_cannot_be_is_said_at_once(service: StandIn) -> None:
    model = qwen.Realtime(voice="Nobody", api_key=KEY, url=service.url)
    with pytest.raises(qwen.QwenError, match="Invalid voice: Nobody"):
        await model.connect("")
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


async def test_an_error_that_ends_the_session_is_reported_once(
    service: StandIn, connected: qwen.Realtime, player: Player
) -> None:
    await service.fail("error")
    await connected.send_text("Hello.")
    await until(lambda: len(service.sessions) == 2, "the next session")
    await answered(connected, player, service)
    (failure,) = player.failures
    assert "An internal error has occurred. (InternalError)" in str(failure)


# Interruption.


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
    weather = Weather(model)
    await weather.asked(service)
    player.interrupt()
    weather.go_on.set()
    await until(lambda: service.session.outputs, "the result")
    assert service.session.outputs == {"call_1": "rain in Ulm"}
    await answered(model, player, service)
    assert len(player.responses) == 1
    assert not unexpected(service)


async def test_what_was_taken_back_is_told_with_the_next_text(
    service: StandIn, model: qwen.Realtime, player: Player
) -> None:
    booking = Booking(model)
    await booking.confirmed(service, player)
    player.interrupt()
    await until(lambda: booking.undone, "that it is taken back")
    await service.release()
    await answered(model, player, service)
    assert service.session.outputs == {"call_1": "booked"}
    assert booking.note in (service.session.responses[-1].instructions or "")
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


async def test_audio_in_between_waits_for_the_next_session(
    service: StandIn, connected: qwen.Realtime, player: Player
) -> None:
    await service.disconnect()
    await speak(connected)
    await until(lambda: player.responses and player.last.done, "the answer")
    assert len(service.sessions) == 2


async def test_the_tokens_of_each_response_are_told(service: StandIn, connected: qwen.Realtime, player: Player) -> None:
    usages: list[TokenUsage] = []

    @connected.events.subscribe
    async def note(event: TokenUsageEvent) -> None:
        usages.append(event.usage)

    service.will_say("Yes, of course.")
    await connected.send_text("Say something.")
    await until(lambda: usages, "the tokens")
    [usage] = usages
    assert (usage.provider, usage.model) == ("alibaba_cloud.dashscope", "qwen3.5-omni-flash-realtime")
    assert (usage.output_tokens, usage.output_audio_tokens) == (3, 3)
    assert usage.input_tokens == len(["Be", "brief.", "Say", "something."])


async def test_settings_that_make_no_sense_end_nothing(
    service: StandIn, model: qwen.Realtime, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    def configure(*_: object) -> None:
        raise TypeError("that is no detection")

    monkeypatch.setitem(_HANDLERS, "session.updated", configure)
    await model.connect("")
    await answered(model, player, service)
    (failure,) = player.failures
    assert "that is no detection" in str(failure)
