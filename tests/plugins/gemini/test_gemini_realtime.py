"""The plugin against the service: sessions that end and go on, errors and what is said of them, what is sent."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import pytest
from google.genai import types

from vision_agents.core.audio import PcmData
from vision_agents.core.llm import OnInterrupt, TokenUsageEvent
from vision_agents.core.remote import realtime_link as link_module
from vision_agents.core.usage import TokenUsage
from vision_agents.plugins import gemini
from vision_agents.plugins.gemini import link as gemini_link
from vision_agents.plugins.gemini import responses as responses_module
from vision_agents.plugins.gemini import session as session_module
from vision_agents.testing.contract import Player, until
from vision_agents.testing.parts import tone

from ...standins.gemini.server import KEY, StandIn
from ...standins.gemini.wire import INTERNAL, INVALID_ARGUMENT
from ..realtime.connections import ConnectionStories
from ..realtime.kit import ANNA, HISTORY, TEXT, Weather, answered, speak

SAID = [("user", "Say something."), ("model", "Yes, of course.")]


class TestConnections(ConnectionStories):
    plugin = "gemini"
    package = "google.genai"
    service_name = "Gemini Live"
    error = gemini.GeminiError
    wrong_key = r"API key not valid.*GEMINI_API_KEY"
    unknown_model = "is it a Live model"
    nothing_left = "plan and billing"
    goodbye = (INTERNAL, "Internal error encountered.")
    session_module = session_module
    objects_kept = 60

    def configured(self, service: Any) -> object:
        return service.session.setup

    def make(self, service: StandIn, **options: Any) -> gemini.Realtime:
        defaults: dict[str, Any] = {"api_key": KEY, "http_options": service.http_options}
        return gemini.Realtime(**defaults | options)

    def lonely(self) -> gemini.Realtime:
        return gemini.Realtime(api_key=KEY, http_options=types.HttpOptions(base_url="https://localhost:9"))

    def unexpected(self, service: StandIn) -> object:
        return service.refused

    def knows(self, service: StandIn) -> object:
        return service.session.memory.turns[:2] == SAID

    def deafen(self, service: StandIn) -> None:
        service.session.last.cancel = lambda *_, **__: None  # type: ignore[method-assign]


# Setting up.


async def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="GEMINI_API_KEY or GOOGLE_API_KEY"):
        gemini.Realtime()


@pytest.mark.parametrize("name", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
async def test_the_key_is_taken_from_the_environment(
    service: StandIn, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.setenv(name, KEY)
    model = gemini.Realtime(http_options=service.http_options)
    await model.connect("")
    await model.close()
    assert not service.refused


async def test_parameters_that_exclude_each_other(service: StandIn) -> None:
    with pytest.raises(ValueError, match="not both"):
        gemini.Realtime(client=object(), api_key="key")  # type: ignore[arg-type]
    disabled = {"realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}
    with pytest.raises(ValueError, match="automatic_activity_detection"):
        gemini.Realtime(api_key=KEY, config=disabled)  # type: ignore[arg-type]


async def test_a_session_is_set_up_as_it_was_asked_for(service: StandIn) -> None:
    model = gemini.Realtime(
        "gemini-2.5-flash-native-audio-preview-12-2025",
        voice="Kore",
        config={"temperature": 0.5, "speech_config": {"language_code": "de-DE"}, "tools": [{"google_search": {}}]},
        api_key=KEY,
        http_options=service.http_options,
    )
    Weather(model)
    await model.connect("Be brief.")
    await model.close()
    setup = service.session.setup
    assert setup["model"] == "models/gemini-2.5-flash-native-audio-preview-12-2025"
    assert setup["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    generation = setup["generationConfig"]
    assert (generation["temperature"], generation["responseModalities"]) == (0.5, ["AUDIO"])
    assert generation["speechConfig"]["voiceConfig"] == {"prebuiltVoiceConfig": {"voiceName": "Kore"}}
    assert generation["speechConfig"]["languageCode"] == "de-DE"
    assert setup["tools"][0] == {"googleSearch": {}}
    (declared,) = setup["tools"][1]["functionDeclarations"]
    assert (declared["name"], declared["description"]) == ("weather", "The weather in a city.")
    assert declared["parametersJsonSchema"]["required"] == ["city"]
    assert {"inputAudioTranscription", "outputAudioTranscription", "sessionResumption"} <= set(setup)
    assert not service.refused


async def test_it_goes_on_from_a_history(service: StandIn, model: gemini.Realtime, player: Player) -> None:
    for message in HISTORY:
        model.conversation.add(message)
    await model.connect("")
    await answered(model, player, service)
    assert service.session.memory.turns[:2] == [("user", "Count to three."), ("model", "One, two")]


# Errors.


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (HTTPStatus.UNAUTHORIZED, "invalid_api_key"),
        (HTTPStatus.TOO_MANY_REQUESTS, "quota"),
        (HTTPStatus.BAD_GATEWAY, None),
    ],
)
async def test_a_refused_connection_says_why(
    service: StandIn, model: gemini.Realtime, status: HTTPStatus, code: str | None
) -> None:
    service.refuses = status
    with pytest.raises(gemini.GeminiError, match=f"HTTP {status.value}. not now") as error:
        await model.connect("")
    assert error.value.code == code


async def test_a_message_of_the_future_is_skipped(service: StandIn, connected: gemini.Realtime, player: Player) -> None:
    await service.session.send_raw(b'{"novelty": {}}')
    await service.session.send_raw(b'{"serverContent": {"novelty": 1}, "usageMetadata": {"novelty": 2}}')
    await answered(connected, player, service)
    assert len(service.sessions) == 1


# One conversation, many connections.


async def test_go_away_leads_to_another_connection_that_knows_everything(
    service: StandIn, connected: gemini.Realtime, player: Player
) -> None:
    await answered(connected, player, service)
    first = service.session
    leaving = asyncio.create_task(first.go_away(30.0))
    await until(lambda: len(service.sessions) == 2, "the next connection")
    await speak(connected)
    await until(lambda: len(player.responses) == 2 and player.last.done, "the next answer")
    assert service.session.setup["sessionResumption"]["handle"] in service.handles
    assert service.session.memory.turns[:2] == SAID
    assert not first.open
    leaving.cancel()
    assert not player.failures
    assert not service.refused


async def test_go_away_waits_for_the_end_of_the_answer(
    service: StandIn, connected: gemini.Realtime, player: Player
) -> None:
    service.will_say(TEXT)
    await service.stall(after=3)
    await connected.send_text("Talk.")
    await until(lambda: player.responses and player.last.audio, "the first audio")
    leaving = asyncio.create_task(service.session.go_away(30.0))
    await asyncio.sleep(0.1)
    assert len(service.sessions) == 1
    await service.release()
    await until(lambda: len(service.sessions) == 2, "the next connection")
    assert (player.last.text, player.last.done) == (TEXT, True)
    leaving.cancel()


async def test_go_away_does_not_wait_until_it_is_too_late(
    service: StandIn, connected: gemini.Realtime, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.will_say(TEXT)
    await service.stall(after=3)
    await connected.send_text("Talk.")
    await until(lambda: player.responses and player.last.audio, "the first audio")
    leaving = asyncio.create_task(service.session.go_away(session_module.GO_AWAY_MARGIN + 0.05))
    await until(lambda: player.last.done, "the end of what was said")
    await service.release()
    await answered(connected, player, service)
    assert len(service.sessions) == 2
    assert not player.failures
    leaving.cancel()


async def test_a_service_that_sends_everybody_away_is_given_up(
    service: StandIn, connected: gemini.Realtime, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "BACKOFF", (0.0, 0.01, 0.01))
    service.sends_away = True
    await service.session.go_away(0.05)
    await until(lambda: player.failures, "the report")
    assert len(service.sessions) <= 4
    service.sends_away = False
    await answered(connected, player, service)


async def test_audio_in_between_is_not_lost(service: StandIn, connected: gemini.Realtime, player: Player) -> None:
    await answered(connected, player, service)
    first = service.session
    leaving = asyncio.create_task(first.go_away(30.0))
    for _ in range(100):
        await connected.send_audio(PcmData.silence(0.02, 16_000), ANNA)
        await asyncio.sleep(0.002)
    await until(lambda: len(service.sessions) == 2, "the next connection")
    # What is on its way in the moment of the change may be lost: no more than a few frames.
    await until(lambda: first.heard + service.session.heard >= 1.8, "the audio")
    leaving.cancel()


async def test_an_expired_handle_leads_to_a_new_session_that_is_told(
    service: StandIn, connected: gemini.Realtime, player: Player
) -> None:
    await answered(connected, player, service)
    await until(lambda: service.handles, "the end of the turn")
    service.handles.clear()
    await service.disconnect()
    await until(lambda: len(service.sessions) == 3, "the third connection")
    await answered(connected, player, service)
    assert "handle" not in service.session.setup["sessionResumption"]
    assert service.session.memory.turns[:2] == SAID


async def test_what_was_invalid_is_not_tried_again(
    service: StandIn, connected: gemini.Realtime, player: Player
) -> None:
    await answered(connected, player, service)
    await service.session.close(INVALID_ARGUMENT, "Request contains an invalid argument.")
    await until(lambda: len(service.sessions) == 2, "the next connection")
    await answered(connected, player, service)
    # Not the context that the handle stands for, but what the agent knows itself.
    assert "handle" not in service.session.setup["sessionResumption"]
    assert service.session.memory.turns[:2] == SAID


async def test_an_invalid_history_is_left_out(
    service: StandIn, connected: gemini.Realtime, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "BACKOFF", (0.0, 0.01, 0.01, 0.01, 0.01))
    await answered(connected, player, service)
    for count in (2, 3):
        await service.session.close(INVALID_ARGUMENT, "Request contains an invalid argument.")
        await until(lambda count=count: len(service.sessions) == count, "the next connection")
    await answered(connected, player, service)
    assert service.session.memory.turns[0] == ("user", "Say something.")
    assert len(service.session.memory.turns) == 2


async def test_what_is_invalid_whatever_is_left_out_is_given_up(
    service: StandIn, connected: gemini.Realtime, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "BACKOFF", (0.0,) * 20)
    await answered(connected, player, service)
    for count in (2, 3, 4):
        await service.session.close(INVALID_ARGUMENT, "Request contains an invalid argument.")
        if count < 4:
            await until(lambda count=count: len(service.sessions) == count, "the next connection")
    await until(lambda: player.failures, "the report")
    assert len(service.sessions) == 3
    assert "invalid argument" in str(player.failures[0])


# Interruption.


@pytest.mark.parametrize("asked_at_once", [False, True])
async def test_the_model_is_told_what_was_heard(
    service: StandIn, connected: gemini.Realtime, player: Player, asked_at_once: bool
) -> None:
    service.will_say(TEXT)
    await service.stall(after=4)
    await connected.send_text("Talk.")
    await until(lambda: player.responses and len(player.last.audio) == 4, "four words")
    player.interrupt()
    if not asked_at_once:
        await asyncio.sleep(0.05)
    await service.release()
    await answered(connected, player, service)
    await answered(connected, player, service)
    half = "One two three four"[: len("One two three four") // 2]
    told = [text for _, text in service.session.memory.turns]
    assert (told[0], told[-2:]) == ("Talk.", ["Say something.", "Yes, of course."])
    # Where something else was asked at once, the note goes along with what is asked next.
    before, said = ("Say something.", "Say something.") if asked_at_once else ("One two three four", "Talk.")
    (note,) = [index for index, text in enumerate(told) if f"“{half}”" in text]
    assert before in told[:note]
    assert said in told[:note]


async def test_nothing_of_the_note_hits_what_was_asked_for_since(
    service: StandIn, connected: gemini.Realtime, player: Player
) -> None:
    for number in range(10):
        await service.stall(after=2)
        service.will_say(TEXT)
        await connected.send_text("Talk.")
        await until(lambda number=number: len(player.responses) > 2 * number, "a response")
        player.interrupt()
        await service.release()
        await answered(connected, player, service, f"Answer {number}.")
    assert [text for role, text in service.session.memory.turns if text.startswith("Answer")] == [
        f"Answer {number}." for number in range(10)
    ]


@pytest.mark.parametrize("on_interrupt", ["cancel", "finish"])
async def test_functions_that_the_service_cancels_are_not_answered(
    service: StandIn, connected: gemini.Realtime, player: Player, on_interrupt: OnInterrupt
) -> None:
    weather = Weather(connected, on_interrupt)
    await weather.asked(service)
    service.will_hear("never mind")
    await speak(connected)
    if on_interrupt == "cancel":
        await until(weather.ended.is_set, "the end of the function")
    await until(lambda: player.responses and player.last.done, "the next answer")
    assert not any("Note" in text for _, text in service.session.memory.turns)
    if on_interrupt == "finish":
        assert not weather.ended.is_set()
        weather.go_on.set()
        await until(lambda: weather.ended.is_set() and len(service.handles) == 2, "the end of both turns")
        # The call is over for the service: what it returned is told as a note, which is not answered, with the next
        # sound of a microphone, and these never end.
        while not any("Note" in text for _, text in service.session.memory.turns):
            await speak(connected, 0.0)
            await asyncio.sleep(0.005)
        told = '(Note about the call weather({"city": "Ulm"}): rain in Ulm)'
        assert [text for _, text in service.session.memory.turns if "Note" in text] == [told]
        assert len(player.responses) == 1
    assert not [body for kind, body in service.session.received if kind == "toolResponse"]
    assert not service.refused


async def test_results_that_nobody_wants_any_more_are_not_sent(
    service: StandIn, model: gemini.Realtime, player: Player
) -> None:
    weather = Weather(model)
    await weather.asked(service)
    # The service sees no cancellation, and cancels no call.
    service.session.last.cancel = lambda *_, **__: None  # type: ignore[method-assign]
    player.interrupt()
    weather.go_on.set()
    await until(weather.ended.is_set, "the end of the function")
    await asyncio.sleep(0.1)
    assert not [body for kind, body in service.session.received if kind == "toolResponse"]


async def test_a_function_that_fails_is_told_so(service: StandIn, model: gemini.Realtime, player: Player) -> None:
    @model.register_function()
    async def weather(city: str) -> str:
        """The weather in a city."""
        raise RuntimeError("no such city")

    await model.connect("")
    service.will_say(Weather.call, "I do not know.")
    await model.send_text("How is the weather?")
    await until(lambda: player.responses and player.last.done, "the answer")
    assert ("function", "error: RuntimeError: no such city") in service.session.memory.turns


@pytest.mark.parametrize("late", [False, True])
async def test_words_before_and_after_the_answer_begins(
    service: StandIn, connected: gemini.Realtime, player: Player, late: bool
) -> None:
    service.transcribes_late = late
    service.will_hear("what is the time")
    service.will_say("It is noon.")
    await speak(connected)
    await until(lambda: player.responses and player.last.done, "the answer")
    assert player.final_words(ANNA) == ["what is the time"]
    assert player.interruptions == 0
    assert [fact[:2] for fact in player.of("turn_started", "turn_ended")] == [
        ("turn_started", ANNA),
        ("turn_ended", ANNA),
    ]


async def test_a_microphone_that_is_off_is_said_once(
    service: StandIn, connected: gemini.Realtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gemini_link, "AUDIO_PAUSE", 0.05)
    for _ in range(2):
        for _ in range(5):
            await connected.send_audio(tone(0.02, 16_000), ANNA)
        ends = service.session.stream_ends
        await until(lambda ends=ends: service.session.stream_ends > ends, "the end of the stream")
        await asyncio.sleep(0.2)
    assert service.session.stream_ends == 2


async def test_the_tokens_of_each_turn_are_told(service: StandIn, connected: gemini.Realtime, player: Player) -> None:
    usages: list[TokenUsage] = []

    @connected.events.subscribe
    async def note(event: TokenUsageEvent) -> None:
        usages.append(event.usage)

    await answered(connected, player, service)
    await until(lambda: usages, "the tokens")
    # Two words were asked and three said; two tokens are thoughts, which are paid for like the rest.
    told = {"output_audio_tokens": 3, "reasoning_tokens": 2}
    assert usages == [TokenUsage("gcp.gemini", "gemini-3.8-live", 2, 5, **told)]


async def test_an_answer_is_over_when_it_is_silent_though_no_microphone_is_on(
    service: StandIn, connected: gemini.Realtime, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses_module, "PLAYED_OUT", 0.1)
    service.word_seconds = 0.05
    service.will_say(TEXT)
    await service.stall(after=3)
    await connected.send_text("Talk.")
    await until(lambda: player.responses and player.last.done, "the end")
    assert len(player.last.audio) == 3
    await service.release()
    await until(lambda: len(player.responses) == 2 and player.last.done, "the rest")
    assert not service.session.heard
