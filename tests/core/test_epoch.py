"""Epochs, and interrupting what has one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.epoch import Epoch
from vision_agents.core.interruptible import Interruptible
from vision_agents.core.part import Attachment


class Provider(Interruptible):
    """Cancels its work in the way it is given."""

    def __init__(self, cancel: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._cancel = cancel
        self.cancelled = 0

    async def cancel_work(self) -> None:
        await self._cancel()
        self.cancelled += 1


async def at_once() -> None:
    pass


class TestEpoch:
    @given(st.lists(st.one_of(st.none(), st.integers(-3, 12))))
    def test_it_never_goes_back_and_tells_of_each_advance(self, targets: list[int | None]) -> None:
        epoch = Epoch()
        told: list[int] = []
        epoch.observe(told.append)
        value = 0
        for target in targets:
            assert epoch.advance(target) == epoch.value
            assert epoch.value == (value + 1 if target is None else max(value, target))
            value = epoch.value
        assert told == sorted(set(told))
        assert not told or told[-1] == value

    def test_observers_are_told_before_advance_returns(self) -> None:
        epoch = Epoch()
        seen: list[tuple[int, int]] = []
        epoch.observe(lambda value: seen.append((value, epoch.value)))
        epoch.advance()
        assert seen == [(1, 1)]

    def test_whoever_drops_late_audio_says_so(self) -> None:
        epoch = Epoch()
        dropped: list[tuple[int, float]] = []
        epoch.observe_dropped(lambda born, seconds: dropped.append((born, seconds)))
        epoch.advance()
        epoch.dropped(0, 0.02)
        assert dropped == [(0, 0.02)]


@pytest.mark.virtual_time
class TestInterrupt:
    async def test_the_epoch_advances_before_anyone_is_asked_to_cancel(self) -> None:
        provider = Provider(at_once)
        waiting = provider.interrupt()
        assert provider.epoch == 1
        assert provider.cancelled == 0
        await waiting
        assert provider.cancelled == 1

    async def test_nobody_has_to_wait(self) -> None:
        provider = Provider(at_once)
        _ = provider.interrupt()
        await asyncio.sleep(0.1)
        assert provider.cancelled == 1

    async def test_cancelling_leaves_the_epoch(self) -> None:
        provider = Provider(at_once)
        await provider.cancel()
        assert (provider.epoch, provider.cancelled) == (0, 1)

    async def test_a_provider_that_hangs_is_left_alone(self, caplog: pytest.LogCaptureFixture) -> None:
        provider = Provider(lambda: asyncio.sleep(1000.0))
        await provider.interrupt()
        assert asyncio.get_running_loop().time() == Provider.cancel_timeout
        assert "Provider did not confirm a cancellation within 5.0 s" in caplog.text
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_hanging_cancellations_do_not_pile_up(self) -> None:
        provider = Provider(lambda: asyncio.sleep(1000.0))
        for _ in range(50):
            _ = provider.interrupt()
            await asyncio.sleep(0.5)
            assert len(provider._cancellations) <= Provider.cancel_timeout / 0.5 + 1
        await asyncio.sleep(10.0)
        assert not provider._cancellations
        assert provider.epoch == 50

    async def test_a_provider_that_raises_is_logged_and_not_raised(self, caplog: pytest.LogCaptureFixture) -> None:
        async def fails() -> None:
            raise ConnectionError("the socket is gone")

        provider = Provider(fails)
        await provider.interrupt()
        assert "cancelling Provider failed: " in caplog.text
        assert "the socket is gone" in caplog.text

    async def test_a_provider_that_awaits_the_task_it_cancels(self) -> None:
        """The cancellation of its work is not one of whoever interrupts it."""

        async def cancels() -> None:
            work = asyncio.create_task(asyncio.sleep(1000.0))
            await asyncio.sleep(0.0)
            work.cancel()
            await work

        await Provider(cancels).interrupt()

    async def test_the_end_of_the_program_cancels_a_cancellation(self) -> None:
        provider = Provider(lambda: asyncio.sleep(1000.0))
        waiting = asyncio.ensure_future(provider.interrupt())
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


def test_without_an_event_loop_the_epoch_advances_all_the_same() -> None:
    provider = Provider(at_once)
    waiting = provider.interrupt()
    assert provider.epoch == 1

    async def wait() -> None:
        await waiting

    asyncio.run(wait())
    assert provider.cancelled == 0


class TestSharing:
    def test_one_interruption_is_everybodys(self) -> None:
        shared, one, two = Epoch(), Provider(at_once), Provider(at_once)
        one.attach(Attachment(shared))
        two.attach(Attachment(shared))
        one.interrupt()
        assert one.epoch == two.epoch == shared.value == 1

    def test_nobodys_epoch_goes_back(self) -> None:
        used, new, shared = Provider(at_once), Provider(at_once), Epoch()
        used.interrupt()
        used.interrupt()
        new.attach(Attachment(shared))
        used.attach(Attachment(shared))
        assert used.epoch == new.epoch == 2
