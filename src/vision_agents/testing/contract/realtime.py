"""The contract of realtime models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from vision_agents.core.conversation import ToolCall
from vision_agents.core.llm import Realtime, RealtimeAudioOutputEvent
from vision_agents.core.part import Attachment, PartError
from vision_agents.core.participants import Participant

from .harness import FAILURES, PATIENCE, Contract, close, joined, lifetime, spoken, until
from .player import Player, Said
from .provider import Failure, Provider

ANNA = Participant("anna")


class RealtimeContract(Contract):
    """Subclass it, override the fixture `provider` and `make`.

    The user's speech is a tone and silence are zeros; what the provider recognises in it is told by
    `provider.will_hear`, what it answers by `provider.will_say`. `answering` counts responses.
    """

    text = "One two three four five six seven eight nine ten."
    other = "Something else is said now."

    # Seconds of silence after which the provider's turn has ended for certain.
    silence = 1.0
    # Whether the provider tells the words of the user, and whether the model can call functions; if not, why.
    no_transcripts: str | None = None
    no_functions: str | None = None

    def make(self, provider: Any) -> Realtime:
        """A model that talks to `provider`."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def model(self, provider: Provider) -> AsyncIterator[Realtime]:
        async with lifetime(self.make(provider), provider) as model:
            yield model

    @pytest.fixture
    def player(self, model: Realtime) -> Iterator[Player]:
        player = Player(model)
        yield player
        assert not player.faults

    async def connect(self, model: Realtime) -> None:
        async with asyncio.timeout(PATIENCE):
            await model.connect("Be brief.")

    async def speak(self, model: Realtime, seconds: float = 0.6, silence: float | None = None) -> None:
        """The user speaks, and stops."""
        quiet = self.silence if silence is None else silence
        for piece in spoken(seconds, quiet, model.input_sample_rate):
            await model.send_audio(piece, ANNA)
            await asyncio.sleep(0)

    async def begin(self, model: Realtime, player: Player, provider: Provider) -> Said:
        """A response of which some audio has come, and the rest has not."""
        provider.will_say(self.text)
        await provider.stall(after=3)
        count = len(player.responses)
        await model.send_text("Say something.")
        await until(lambda: len(player.responses) > count and player.last.audio, "the first audio")
        return player.last

    async def answers(self, model: Realtime, player: Player, provider: Provider) -> None:
        """The model is well: it answers `other`, aloud, and nothing else."""
        provider.will_say(self.other)
        await provider.release()
        count = len(player.responses)
        await model.send_text("Say something else.", request=count)
        await until(lambda: len(player.responses) > count and player.last.done, "the whole answer")
        assert len(player.responses) == count + 1, "something else is said too"
        assert (player.last.request, player.last.more) == (count, False), "the answer has not the key to what was asked"
        assert player.last.text.strip() == self.other
        assert joined(player.last.audio).any(), "the answer is silent"

    # Speaking and hearing.

    async def test_a_text_is_answered_aloud(self, model: Realtime, player: Player, provider: Provider) -> None:
        await self.connect(model)
        await self.answers(model, player, provider)
        assert not player.failures

    async def test_speech_streams_and_carries_its_epoch(
        self, model: Realtime, player: Player, provider: Provider
    ) -> None:
        provider.require("stall")
        epochs: list[int] = []

        @model.events.subscribe
        async def note(event: RealtimeAudioOutputEvent) -> None:
            epochs.append(event.epoch)

        await self.connect(model)
        said = await self.begin(model, player, provider)
        assert not said.done, "it waited for all of the speech"
        first = len(said.audio)
        player.interrupt()
        await self.answers(model, player, provider)
        await model.events.drain()
        assert epochs == [0] * first + [1] * len(player.last.audio)

    async def test_a_spoken_turn_is_answered_and_transcribed(
        self, model: Realtime, player: Player, provider: Provider
    ) -> None:
        await self.connect(model)
        provider.will_hear("what is the time")
        provider.will_say(self.text)
        await self.speak(model)
        await until(lambda: player.responses and player.last.done, "the answer")
        assert player.last.text.strip() == self.text
        assert player.last.request is None
        assert {fact[1] for fact in player.of("turn_started", "turn_ended", "final")} <= {ANNA}
        if self.no_transcripts is None:
            await until(lambda: player.final_words(ANNA) == ["what is the time"], "the user's words")

    async def test_much_audio_at_once_is_all_taken(self, model: Realtime, player: Player, provider: Provider) -> None:
        await self.connect(model)
        provider.will_say(" ".join([self.text] * 30))
        await model.send_text("Talk for long.")
        await until(lambda: player.responses and player.last.done, "the whole answer")
        long = player.last.seconds
        provider.will_say(self.text)
        await model.send_text("Talk.")
        await until(lambda: len(player.responses) == 2 and player.last.done, "the short answer")
        assert long == pytest.approx(30 * player.last.seconds, rel=0.05)

    # Functions.

    async def test_functions_are_called_and_their_results_answered(
        self, model: Realtime, player: Player, provider: Provider
    ) -> None:
        if self.no_functions:
            pytest.skip(self.no_functions)
        cities: list[str] = []

        @model.register_function()
        async def weather(city: str) -> str:
            """The weather in a city."""
            cities.append(city)
            return "rain"

        await self.connect(model)
        provider.will_say(ToolCall("call_1", "weather", {"city": "Ulm"}), self.text)
        await model.send_text("How is the weather?", request=7)
        await until(lambda: any(text.strip() == self.text for text in player.said), "the answer")
        assert cities == ["Ulm"]
        assert player.last.request == 7, "what is said after the function has not the key to what was asked"

    async def test_the_result_of_an_interrupted_call_is_not_answered(
        self, model: Realtime, player: Player, provider: Provider
    ) -> None:
        if self.no_functions:
            pytest.skip(self.no_functions)
        called, go_on = asyncio.Event(), asyncio.Event()

        @model.register_function()
        async def weather(city: str) -> str:
            """The weather in a city."""
            called.set()
            await go_on.wait()
            return "rain"

        await self.connect(model)
        provider.will_say(ToolCall("call_1", "weather", {"city": "Ulm"}), self.text)
        await model.send_text("How is the weather?")
        async with asyncio.timeout(PATIENCE):
            await called.wait()
        player.interrupt()
        go_on.set()
        await self.answers(model, player, provider)

    # Interruption.

    async def test_speaking_interrupts(self, model: Realtime, player: Player, provider: Provider) -> None:
        provider.require("stall")
        await self.connect(model)
        await self.begin(model, player, provider)
        provider.will_say(self.other)
        provider.will_hear("stop")
        speaking = asyncio.create_task(self.speak(model))
        await until(lambda: player.interruptions == 1, "the interruption")
        await provider.release()
        await speaking
        await until(lambda: len(player.responses) == 2 and player.last.done, "the next answer")
        assert player.last.text.strip() == self.other
        assert player.interruptions == 1

    async def test_speech_without_words_leaves_the_model_usable(
        self, model: Realtime, player: Player, provider: Provider
    ) -> None:
        await self.connect(model)
        provider.will_hear("")
        await self.speak(model, seconds=0.1)
        await provider.release()
        assert not [fact for fact in player.of("final") if fact[2]]

    async def test_interrupted_before_the_first_byte(self, model: Realtime, player: Player, provider: Provider) -> None:
        provider.require("stall")
        await self.connect(model)
        provider.will_say(self.text)
        await provider.stall()
        await model.send_text("Say something.")
        await until(lambda: provider.requests == 1, "the request")
        player.interrupt()
        await provider.release()
        await self.only_other_is_heard(model, player, provider)

    async def test_interrupted_in_midstream(self, model: Realtime, player: Player, provider: Provider) -> None:
        provider.require("stall")
        await self.connect(model)
        said = await self.begin(model, player, provider)
        heard = len(said.audio)
        player.interrupt()
        await provider.release()
        await self.only_other_is_heard(model, player, provider)
        assert len(said.audio) == heard

    async def test_interrupted_while_the_provider_stalls(
        self, model: Realtime, player: Player, provider: Provider
    ) -> None:
        provider.require("stall")
        await self.connect(model)
        await self.begin(model, player, provider)
        player.interrupt()
        if provider.can("cancel"):
            await until(lambda: not provider.active, "the end of the work at the provider")
        await self.answers(model, player, provider)

    async def test_interrupted_after_the_end_and_twice(
        self, model: Realtime, player: Player, provider: Provider
    ) -> None:
        await self.connect(model)
        await self.answers(model, player, provider)
        player.interrupt()
        player.interrupt()
        assert model.epoch == 2
        await self.answers(model, player, provider)
        assert not player.failures

    async def test_many_interruptions_leave_nothing_behind(
        self, model: Realtime, player: Player, provider: Provider
    ) -> None:
        provider.require("stall")
        await self.connect(model)
        await self.answers(model, player, provider)
        connections = provider.open_connections
        for number in range(self.rapid):
            if number % 3:
                await self.begin(model, player, provider)
            else:
                await model.send_text("Say something.")
            player.interrupt()
        await provider.release()
        await until(lambda: not provider.active, "the end of the work at the provider")
        await self.only_other_is_heard(model, player, provider)
        assert provider.open_connections <= connections
        assert not player.failures

    async def test_late_audio_is_never_heard(self, model: Realtime, player: Player, provider: Provider) -> None:
        provider.require("stall", "send_late")
        await self.connect(model)
        said = await self.begin(model, player, provider)
        heard = len(said.audio)
        player.interrupt()
        await provider.send_late()
        await provider.release()
        await provider.send_late()
        await self.only_other_is_heard(model, player, provider)
        assert len(said.audio) == heard

    async def only_other_is_heard(self, model: Realtime, player: Player, provider: Provider) -> None:
        """Ask again, and hear the answer to that and to nothing before."""
        provider.will_say(self.other)
        epoch = model.epoch
        await model.send_text("Say something else.")
        await until(lambda: any(r.done and r.epoch == epoch for r in player.responses.values()), "the answer")
        assert [text.strip() for text in player.said] == [self.other]

    # Trouble.

    @pytest.mark.parametrize("kind", FAILURES)
    async def test_a_failure_is_reported_and_the_next_text_answered(
        self, model: Realtime, player: Player, provider: Provider, kind: Failure
    ) -> None:
        provider.require(kind)
        await self.connect(model)
        await provider.fail(kind)
        try:
            await model.send_text("Say something.")
        except Exception as error:
            player.failures.append(error)  # The agent reports what `send_text` raises.
        await until(lambda: provider.requests == 1 and not provider.active, "the failure")
        if kind != "malformed":
            await until(lambda: player.failures, "the report of the failure")
        assert all(str(error) for error in player.failures), "an error must say what happened"
        await until(lambda: all(r.done for r in player.responses.values()), "the end of the response")
        await self.answers_soon(model, player, provider)

    async def test_a_broken_connection_is_replaced(self, model: Realtime, player: Player, provider: Provider) -> None:
        provider.require("stall", "disconnect")
        await self.connect(model)
        said = await self.begin(model, player, provider)
        await provider.disconnect()
        await until(lambda: said.done, "the end of the response that was cut off")
        await provider.release()
        await self.answers_soon(model, player, provider)

    async def answers_soon(self, model: Realtime, player: Player, provider: Provider) -> None:
        """The model is well again after a while; until then it raises instead of hanging."""
        async with asyncio.timeout(PATIENCE):
            while (error := await _error_of(self.answers(model, player, provider))) is not None:
                assert str(error), f"{error!r} does not say what happened"
                await asyncio.sleep(0.05)

    async def test_a_provider_that_stalls_holds_nobody_up(
        self, model: Realtime, player: Player, provider: Provider
    ) -> None:
        provider.require("stall")
        await self.connect(model)
        await self.begin(model, player, provider)
        async with asyncio.timeout(PATIENCE):
            await self.speak(model, seconds=0.0, silence=10.0)
        await provider.release()
        await until(lambda: player.last.done, "the rest of the response")

    async def test_closed_while_busy_and_twice(self, model: Realtime, player: Player, provider: Provider) -> None:
        provider.require("stall")
        await self.connect(model)
        await self.begin(model, player, provider)
        await close(model)
        await close(model)
        assert not player.failures

    async def test_it_serves_one_call_and_after_it_the_next(self, provider: Provider) -> None:
        async with lifetime(self.make(provider), provider) as model:
            for _ in range(2):
                player = Player(model)  # It attaches the model.
                with pytest.raises(PartError):
                    model.attach(Attachment())
                await self.connect(model)
                assert not model.history, "it remembers the call before"
                await self.answers(model, player, provider)
                async with asyncio.timeout(PATIENCE):
                    await model.close()
                model.detach(player.attachment)
                assert not player.failures
                assert not player.faults

    async def test_closed_before_it_was_connected(self, provider: Provider) -> None:
        async with lifetime(self.make(provider), provider):
            pass


async def _error_of(work: Awaitable[None]) -> Exception | None:
    """Return the error of `work`, if it had one. A case that failed fails."""
    try:
        await work
    except AssertionError:
        raise
    except Exception as error:
        return error
    return None
