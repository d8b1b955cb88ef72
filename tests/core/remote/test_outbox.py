"""What waits to be sent, and how much of it may."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.audio import PcmData
from vision_agents.core.remote import Outbox
from vision_agents.core.remote.outbox import AUDIO_LIMIT, SPOKEN_LIMIT
from vision_agents.testing.contract import frames
from vision_agents.testing.parts import tone

pytestmark = pytest.mark.virtual_time

RATE = 1000

lengths = st.lists(st.integers(1, 300), min_size=1, max_size=30)


def pieces(sizes: list[int]) -> list[PcmData]:
    """Audio in pieces of so many samples, which count on from piece to piece."""
    samples = np.arange(sum(sizes), dtype=np.int16)
    return [PcmData(part, RATE) for part in np.split(samples, np.cumsum(sizes)[:-1])]


def taken(outbox: Outbox[str], limit: float) -> list[PcmData]:
    audio = []
    while outbox:
        audio.append(outbox.take_audio(limit))
    return audio


@given(sizes=lengths, limit=st.sampled_from([0.0, 0.1, 0.2]))
def test_audio_is_taken_in_order_and_in_pieces_of_bounded_length(sizes: list[int], limit: float) -> None:
    outbox: Outbox[str] = Outbox("the service")
    given_pieces = pieces(sizes)
    for piece in given_pieces:
        outbox.put_audio(piece)
    audio = taken(outbox, limit)
    assert np.array_equal(PcmData.concat(audio).samples, np.arange(sum(sizes)))
    longest = max(piece.duration for piece in given_pieces)
    assert all(piece.duration <= max(limit, longest) + 1e-9 for piece in audio)
    if not limit:
        assert [len(piece) for piece in audio] == sizes


@given(sizes=lengths, back=st.integers(0, 30))
def test_what_is_put_back_is_taken_first(sizes: list[int], back: int) -> None:
    outbox: Outbox[str] = Outbox("the service")
    for piece in pieces(sizes):
        outbox.put_audio(piece)
    first = [outbox.take_audio(0.0) for _ in range(min(back, len(sizes)))]
    outbox.put_back(first)
    assert [len(piece) for piece in taken(outbox, 0.0)] == sizes


async def test_audio_that_nobody_takes_is_bounded_and_the_oldest_silence_goes(caplog: pytest.LogCaptureFixture) -> None:
    outbox: Outbox[str] = Outbox("the service")
    quiet = list(frames(PcmData.silence(3 * AUDIO_LIMIT, 16_000)))
    for piece in quiet:
        outbox.put_audio(piece)
    left = taken(outbox, 0.0)
    assert AUDIO_LIMIT / 2 <= sum(piece.duration for piece in left) <= AUDIO_LIMIT
    assert all(one is other for one, other in zip(left, quiet[-len(left) :], strict=True))
    assert "the service takes no audio: what is older than 10 s is dropped, but speech" in caplog.text


async def test_what_was_said_while_nobody_takes_audio_is_kept_and_bounded(caplog: pytest.LogCaptureFixture) -> None:
    outbox: Outbox[str] = Outbox("the service")
    said, quiet = list(frames(tone(2.0, 16_000))), list(frames(PcmData.silence(40.0, 16_000)))
    for piece in [*said, *quiet]:
        outbox.put_audio(piece)
    assert taken(outbox, 0.0)[: len(said)] == said
    assert "are kept" not in caplog.text
    for _ in range(50):
        for piece in [*said, *quiet[:100]]:
            outbox.put_audio(piece)
    assert sum(piece.duration for piece in taken(outbox, 0.0)) <= AUDIO_LIMIT + SPOKEN_LIMIT
    assert "the service takes no audio: of what was said 60 s are kept" in caplog.text


@pytest.mark.parametrize("level", [400.0, 1500.0])
async def test_noise_does_not_displace_what_was_said(level: float) -> None:
    outbox: Outbox[str] = Outbox("the service")
    said, noise = list(frames(tone(2.0, 16_000))), list(frames(tone(600.0, 16_000, level=level / 23_170)))
    for piece in [*noise[:500], *said, *noise]:
        outbox.put_audio(piece)
    left = taken(outbox, 0.0)
    assert {id(piece) for piece in said} <= {id(piece) for piece in left}
    assert sum(piece.duration for piece in left) <= 2.5 * AUDIO_LIMIT


@pytest.mark.parametrize("waiting", [0, 5, round(AUDIO_LIMIT)])
async def test_what_is_put_back_displaces_nothing_and_is_displaced_by_nothing(
    caplog: pytest.LogCaptureFixture, waiting: int
) -> None:
    outbox: Outbox[str] = Outbox("the service")
    back, new = pieces([RATE] * 60), pieces([RATE] * waiting)
    for piece in new:
        outbox.put_audio(piece)
    outbox.put_back(back[30:])
    outbox.put_back(back[:30])
    left = taken(outbox, 0.0)
    assert all(one is other for one, other in zip(left, [*back, *new], strict=True))
    assert not caplog.text
    outbox.put_back(back)
    for piece in new:
        outbox.put_audio(piece)
    outbox.keep_latest(0.0)
    assert taken(outbox, 0.0) == back


async def test_what_was_said_is_set_aside_behind_what_was_put_back() -> None:
    outbox: Outbox[str] = Outbox("the service")
    said, quiet = list(frames(tone(2.0, 16_000))), list(frames(PcmData.silence(5.0, 16_000)))
    outbox.put_back(said)
    for _ in range(2):
        for piece in [*quiet, *said, *quiet]:
            outbox.put_audio(piece)
        outbox.set_aside()
    assert sum(piece.duration for piece in taken(outbox, 0.0)) == pytest.approx(2.0 + 3.0 + 3.0, abs=0.1)
    for piece in quiet:
        outbox.put_audio(piece)
    outbox.set_aside()
    assert not outbox


async def test_something_is_waited_for_no_longer_than_it_takes() -> None:
    loop = asyncio.get_running_loop()
    outbox: Outbox[str] = Outbox("the service")
    assert not await outbox.wait(2.0)
    assert loop.time() == pytest.approx(2.0)
    loop.call_later(1.0, outbox.put, "a message")
    assert await outbox.wait(None)
    assert await outbox.wait(0.5)
    assert loop.time() == pytest.approx(3.0)
    outbox.clear()
    assert not await outbox.wait(0.5)
