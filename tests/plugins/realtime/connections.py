"""Stories of a realtime model and its service: connections that end and go on, errors and what is said of them."""

from __future__ import annotations

import abc
import asyncio
import gc
import importlib
import sys
import threading
from http import HTTPStatus
from typing import Any

import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.remote import outbox
from vision_agents.core.remote import realtime_link as link_module
from vision_agents.core.remote.realtime import RemoteRealtime
from vision_agents.core.remote.service import RemoteError
from vision_agents.testing.contract import Player, until

from .kit import ANNA, BEN, TEXT, answered, speak

GONE = HTTPStatus.SERVICE_UNAVAILABLE


class ConnectionStories(abc.ABC):
    """Derive from it, and say how the model is made, in which words it complains, and what its service knows."""

    # The plugin, a package that it cannot do without, and what it calls its service.
    plugin: str
    package: str
    service_name: str
    error: type[RemoteError]
    # Patterns of what is said of a wrong key, an unknown model, and an account that has nothing left.
    wrong_key: str
    unknown_model: str
    nothing_left: str
    # How the service ends a connection that has lasted long enough.
    goodbye: tuple[int, str]
    # The code of the error about an unknown model, and whether the service ends the connection of an empty account.
    unknown_model_code = "model"
    ends_when_empty = True
    # Seconds after which a cancellation that is not confirmed is given up: a constant of this module.
    session_module: Any
    # Objects that player and stand-in keep of a response.
    objects_kept = 100

    @abc.abstractmethod
    def make(self, service: Any, **options: Any) -> RemoteRealtime:
        """A model that finds the service, but for what the options say."""

    @abc.abstractmethod
    def lonely(self) -> RemoteRealtime:
        """A model whose service is not there."""

    @abc.abstractmethod
    def unexpected(self, service: Any) -> object:
        """What the service refused without need."""

    @abc.abstractmethod
    def knows(self, service: Any) -> object:
        """Whether the service's latest session knows that "Yes, of course." was said."""

    @abc.abstractmethod
    def deafen(self, service: Any) -> None:
        """Have the service see no cancellation of what it says now."""

    # Setting up.

    def test_a_missing_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plugin = f"vision_agents.plugins.{self.plugin}"
        for module in [name for name in sys.modules if name.startswith(plugin)]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, self.package, None)
        with pytest.raises(ImportError, match=rf'pip install "interruptible-agents\[{self.plugin}\]"'):
            importlib.import_module(plugin)

    # Errors.

    async def test_a_wrong_key_is_said_at_once(self, service: Any) -> None:
        model = self.make(service, api_key="wrong")
        with pytest.raises(self.error, match=self.wrong_key) as error:
            await model.connect("")
        assert (error.value.code, error.value.hopeless) == ("invalid_api_key", True)
        assert len(service.sessions) <= 1, "it was tried again"
        await model.close()

    async def test_an_unknown_model_is_said_at_once(self, service: Any) -> None:
        model = self.make(service, model="nothing-0")
        with pytest.raises(self.error, match=self.unknown_model) as error:
            await model.connect("")
        assert error.value.code == self.unknown_model_code
        await model.close()

    async def test_nobody_there(self) -> None:
        model = self.lonely()
        with pytest.raises(self.error, match=self.service_name):
            await model.connect("")
        with pytest.raises(self.error, match="connect"):
            await model.send_text("Hello?")
        await model.close()

    async def test_an_empty_account_is_reported_once_and_not_tried_again(
        self, service: Any, connected: RemoteRealtime, player: Player
    ) -> None:
        await service.fail("quota")
        await connected.send_text("Hello.")
        await until(lambda: player.failures, "the report")
        if self.ends_when_empty:
            await until(lambda: not service.open_connections, "the end of the connection")
        await speak(connected)
        await asyncio.sleep(0.1)
        assert len(service.sessions) == 1
        (failure,) = player.failures
        assert self.nothing_left in str(failure)
        # Whoever wants something tries again, and what was said in the meantime is heard too.
        service.will_say(*["Yes, of course."] * 2)
        await connected.send_text("Say something.")
        await until(lambda: "Yes, of course." in player.said, "the answer")

    async def test_a_service_that_stays_away_is_given_up(
        self, service: Any, connected: RemoteRealtime, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(link_module, "BACKOFF", (0.0, 0.01, 0.01))
        service.refuses = GONE
        await service.disconnect()
        await until(lambda: player.failures, "the report")
        assert "HTTP 503" in str(player.failures[0])
        with pytest.raises(self.error, match="HTTP 503"):
            await connected.send_text("Hello?")
        service.refuses = None
        await answered(connected, player, service)
        assert len(player.failures) == 1

    async def test_what_was_given_up_is_opened_again_for_the_callers_voice(
        self, service: Any, connected: RemoteRealtime, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(link_module, "BACKOFF", (0.0, 0.01, 0.01))
        monkeypatch.setattr(link_module, "REOPEN_PAUSE", 0.3)
        await answered(connected, player, service)
        service.refuses = GONE
        await service.disconnect()
        await until(lambda: player.failures, "the report")
        # It is still away: one attempt, which is told.
        await speak(connected)
        await until(lambda: len(player.failures) == 2, "the report of the attempt")
        assert "HTTP 503" in str(player.failures[1])
        sessions = len(service.sessions)
        service.refuses = None
        service.will_hear("are you back")
        service.will_say("Yes, I am.")
        await speak(connected)
        await until(lambda: player.last.done and player.last.text == "Yes, I am.", "the answer")
        assert len(service.sessions) == sessions + 1
        assert self.knows(service)
        assert len(player.failures) == 2
        assert not self.unexpected(service)

    async def test_closed_and_connected_again_after_it_was_given_up(
        self, service: Any, connected: RemoteRealtime, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(link_module, "BACKOFF", (0.0, 0.01, 0.01))
        service.refuses = GONE
        await service.disconnect()
        await until(lambda: player.failures, "the report")
        await connected.close()
        service.refuses = None
        await connected.connect("Be brief.")
        await answered(connected, player, service)

    async def test_a_break_while_nothing_is_said_is_nobodys_business(
        self, service: Any, connected: RemoteRealtime, player: Player
    ) -> None:
        await answered(connected, player, service)
        await service.session.close(*self.goodbye)
        await until(lambda: len(service.sessions) == 2, "the next connection")
        await answered(connected, player, service)
        assert self.knows(service)
        assert not player.failures

    async def test_an_answer_that_is_lost_with_its_connection_is_told(
        self, service: Any, connected: RemoteRealtime, player: Player
    ) -> None:
        await service.stall(after=3)
        service.will_say(TEXT, TEXT)
        await connected.send_text("Talk.")
        await until(lambda: player.responses and len(player.last.audio) == 3, "the first audio")
        await service.disconnect()
        await until(lambda: player.lost, "the report")
        assert player.last.done
        assert player.lost == list(player.responses)
        # What was interrupted is not wanted any more.
        await connected.send_text("Talk.")
        await until(lambda: len(player.last.audio) == 3 and not player.last.done, "more audio")
        player.interrupt()
        await service.disconnect()
        await until(lambda: player.last.done, "the end")
        assert len(player.lost) == 1
        await service.release()

    async def test_closed_while_it_is_being_opened(
        self, service: Any, connected: RemoteRealtime, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(link_module, "BACKOFF", (0.0,))
        service.refuses = GONE
        await service.disconnect()
        await until(lambda: player.failures, "the report")
        sending = asyncio.create_task(connected.send_text("Hello?"))
        await asyncio.sleep(0)
        await connected.close()
        with pytest.raises(self.error):
            async with asyncio.timeout(60):
                await sending

    # Interruption.

    async def test_a_text_that_waits_for_a_connection_is_not_sent_after_an_interruption(
        self, service: Any, connected: RemoteRealtime, player: Player
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
        self, service: Any, connected: RemoteRealtime, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(self.session_module, "CONFIRM_TIMEOUT", 0.2)
        await service.stall(after=3)
        service.will_say(TEXT)
        await connected.send_text("Talk.")
        await until(lambda: player.responses and len(player.last.audio) == 3, "the first audio")
        said = player.last
        self.deafen(service)
        player.interrupt()
        service.will_say("Something else.")
        await connected.send_text("Talk of something else.")
        await until(lambda: len(player.responses) == 2 and player.last.done, "the other answer")
        assert player.last.text == "Something else."
        assert len(said.audio) == 3
        assert len(service.sessions) == 2
        assert not player.failures
        assert not service.refused

    async def test_hundreds_of_interruptions_leave_nothing_behind(
        self, service: Any, connected: RemoteRealtime, player: Player
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
        assert len(gc.get_objects()) - objects < 200 * self.objects_kept
        assert not self.unexpected(service)

    # Audio.

    async def test_two_people_are_one_stream(self, service: Any, connected: RemoteRealtime) -> None:
        for _ in range(50):
            for who in (ANNA, BEN):
                await connected.send_audio(PcmData.silence(0.02, connected.input_sample_rate), who)
        await until(lambda: service.session.heard >= 0.99, "the audio")
        assert service.session.heard == pytest.approx(1.0, abs=0.03)

    async def test_audio_that_nobody_takes_is_bounded(
        self,
        service: Any,
        connected: RemoteRealtime,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(link_module, "BACKOFF", (0.0,) + (5.0,) * 9)
        service.refuses = GONE
        await service.disconnect()
        await asyncio.sleep(0.1)
        for _ in range(round(3 * outbox.AUDIO_LIMIT)):
            await connected.send_audio(PcmData.silence(1.0, connected.input_sample_rate), ANNA)
        assert connected._session is not None
        assert connected._session._link._outbox._seconds <= outbox.AUDIO_LIMIT
        assert "is dropped" in caplog.text

    # Another configuration.

    async def test_other_instructions_and_further_functions_hold_from_then_on(
        self, service: Any, connected: RemoteRealtime, player: Player
    ) -> None:
        await answered(connected, player, service)

        @connected.register_function()
        async def weather(city: str) -> str:
            """The weather in a city."""
            return "rain"

        connected.instruct("Be a pirate.")
        await until(lambda: "Be a pirate." in str(self.configured(service)), "the instructions")
        await until(lambda: "weather" in str(self.configured(service)), "the function")
        await answered(connected, player, service, "Aye, aye.")
        assert not player.failures

    def configured(self, service: Any) -> object:
        """The configuration that the service has."""
        return service.session.config
