"""The link of a realtime model: sessions that are opened, renewed, broken, given up and surely closed."""

from __future__ import annotations

import asyncio
import logging

import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.remote.realtime_link import (
    BACKOFF,
    BARRED,
    BRIEF,
    CLOSE_TIMEOUT,
    CONNECT_TIMEOUT,
    MESSAGE_LIMIT,
    PREROLL,
    REOPEN_PAUSE,
    SEND_TIMEOUT,
    STEADY,
    UNREADABLE_LIMIT,
)
from vision_agents.core.remote.voice_trigger import VOICE_SECONDS
from vision_agents.testing.contract import frames
from vision_agents.testing.parts import tone

from .made_link import RATE, Made, MadeUpError, Session, settle, silence, started

pytestmark = pytest.mark.virtual_time


# Opening and closing.


async def test_what_is_sent_when_it_opens_is_sent_first_and_nothing_is_left_when_it_is_closed() -> None:
    before = len(asyncio.all_tasks())
    link = await started()
    link.send_audio(silence(0.02))
    link.send("a message")
    await settle()
    assert link.session.got[:2] == ["hello", "a message"]
    assert link.session.seconds == 0.02
    await link.close()
    await link.close()
    assert not link.session.open
    assert len(asyncio.all_tasks()) == before
    with pytest.raises(MadeUpError, match=r"call connect\(\) first"):
        await link.ready()


async def test_the_first_refusal_is_raised_and_not_tried_again() -> None:
    link = Made(MadeUpError("wrong key", "wrong_key"))
    with pytest.raises(MadeUpError, match="wrong key"):
        await link.start()
    assert len(link.attempts) == 1
    assert link.facts == []


async def test_a_service_that_takes_too_long_is_not_waited_for() -> None:
    link = Made()
    link.opening_takes = 2 * CONNECT_TIMEOUT
    with pytest.raises(MadeUpError, match="TimeoutError"):
        await link.start()
    assert asyncio.get_running_loop().time() == pytest.approx(CONNECT_TIMEOUT)


async def test_closed_while_it_is_being_opened() -> None:
    link = Made()
    link.opening_takes = 1.0
    opening = asyncio.create_task(link.start())
    await settle()
    await link.close()
    with pytest.raises(MadeUpError, match="closed while it was being opened"):
        await opening
    assert link.sessions == []


async def test_whoever_gives_up_waiting_closes_it() -> None:
    before = len(asyncio.all_tasks())
    link = Made()
    link.opening_takes = 1.0
    opening = asyncio.create_task(link.start())
    await settle()
    opening.cancel()
    await asyncio.wait([opening])
    assert opening.cancelled()
    assert len(asyncio.all_tasks()) == before


async def test_closed_while_nothing_moves() -> None:
    link = await started()
    await settle()
    link.session.deaf = True
    for _ in range(50):
        link.send("a message")
    await settle()
    await link.close()
    assert not link.session.open
    assert asyncio.get_running_loop().time() < CLOSE_TIMEOUT


# Breaking.


async def test_a_steady_session_that_breaks_is_replaced_at_once() -> None:
    link = await started()
    link.session.coming.put_nowait("something")
    await asyncio.sleep(STEADY + 1.0)
    link.session.coming.put_nowait(OSError("gone"))
    await settle()
    assert len(link.sessions) == 2
    ((error, again),) = link.facts
    assert "gone" in str(error)
    assert again
    assert [session.open for session in link.sessions] == [False, True]
    await link.close()


async def test_one_that_never_said_anything_did_not_go_well() -> None:
    link = await started()
    await asyncio.sleep(STEADY + 1.0)
    link.session.coming.put_nowait(OSError("gone"))
    await settle()
    assert len(link.attempts) == 1
    await asyncio.sleep(BACKOFF[0])
    assert len(link.attempts) == 2
    await link.close()


async def test_attempts_are_bounded_and_come_ever_slower_and_who_asks_begins_anew() -> None:
    link = await started(None, *[OSError("nobody there")] * len(BACKOFF))
    link.session.coming.put_nowait(OSError("gone"))
    await asyncio.sleep(sum(BACKOFF) + 1.0)
    pauses = [later - earlier for earlier, later in zip(link.attempts, link.attempts[1:], strict=False)]
    assert pauses == [pytest.approx(pause, abs=0.01) for pause in BACKOFF]
    assert [again for _, again in link.facts] == [True] * len(BACKOFF) + [False]
    await asyncio.sleep(600.0)
    assert len(link.attempts) == 1 + len(BACKOFF)
    await link.ready()
    assert link.session.open
    await link.close()


async def test_an_error_that_stays_is_told_once_and_ends_it() -> None:
    link = await started()
    link.session.coming.put_nowait(MadeUpError("no credit", "wrong_key"))
    await asyncio.sleep(600.0)
    ((error, again),) = link.facts
    assert str(error) == "no credit"
    assert not again
    assert len(link.attempts) == 1
    for _ in range(500):
        link.send_audio(silence(0.02))
    await link.ready()
    await settle()
    assert link.session.seconds == pytest.approx(PREROLL, abs=0.05), "what was said to nobody is not told later"
    await link.close()


async def test_who_waits_for_a_session_waits_within_bounds() -> None:
    link = await started(None, *[OSError("nobody there")] * 20)
    link.session.coming.put_nowait(OSError("gone"))
    await asyncio.sleep(sum(BACKOFF[:4]) + 0.1)
    began = asyncio.get_running_loop().time()
    with pytest.raises(MadeUpError, match="not back yet"):
        await link.ready()
    assert asyncio.get_running_loop().time() - began == pytest.approx(CONNECT_TIMEOUT)
    await link.close()


async def test_an_error_that_should_not_be_is_logged_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    link = await started()
    link.session.coming.put_nowait(KeyError("a fault of ours"))
    await asyncio.sleep(BACKOFF[0] + 0.1)
    assert "an error that should not be" in caplog.text
    assert len(link.sessions) == 2
    await link.close()


async def test_messages_are_for_their_session_and_audio_for_the_next() -> None:
    link = await started()
    await settle()
    first = link.session
    first.deaf = True
    link.send("to be taken, never to arrive")
    await settle()
    link.send("of the first session")
    link.send_audio(silence(0.5))
    first.coming.put_nowait(OSError("gone"))
    await settle()
    assert not link.up
    link.send("of no session")
    link.send_audio(silence(0.25))
    await link.ready()
    await settle()
    assert [one for one in link.session.got if isinstance(one, str)] == ["hello"]
    assert link.session.seconds == 0.75
    await link.close()


@pytest.mark.parametrize("understood", [False, True])
async def test_what_was_said_and_not_understood_is_heard_again(understood: bool) -> None:
    link = await started()
    link.send_audio(tone(1.0, RATE))
    await settle()
    if understood:
        link.send_audio(silence(0.5))
        await settle()
        link.understood()
    for _ in range(2):
        link.renew()
        await link.ready()
        await settle()
        assert link.session.seconds == (0.0 if understood else 1.0)
    await link.close()


# Renewal.


async def test_a_renewed_session_is_deaf_at_once_and_replaced_as_often_as_it_is_asked_for() -> None:
    link = await started()
    for count in range(2, 3 * len(BACKOFF)):
        link.renew()
        link.renew()
        assert not link.up
        link.send("of no session")
        await link.ready()
        await settle()
        assert len(link.sessions) == count
        assert link.session.got == ["hello"]
    assert set(link.facts) == {(None, True)}
    assert asyncio.get_running_loop().time() < 0.1
    await link.close()


async def test_before_a_limit_it_is_renewed_in_a_pause() -> None:
    link = await started()
    pausing = False
    link.renew_in_a_pause(360.0, 450.0, lambda: pausing)
    pausing = True
    await asyncio.sleep(359.0)
    pausing = False
    await asyncio.sleep(60.0)
    assert len(link.sessions) == 1
    pausing = True
    await asyncio.sleep(0.2)
    assert len(link.sessions) == 2
    await asyncio.sleep(600.0)
    assert len(link.sessions) == 2, "that was about the first one"
    await link.close()


async def test_without_a_pause_it_is_renewed_at_last() -> None:
    link = await started()
    link.renew_in_a_pause(0.0, 8.0, lambda: False)
    link.renew_in_a_pause(0.0, 4.0, lambda: True)
    await asyncio.sleep(7.9)
    assert len(link.sessions) == 1
    await asyncio.sleep(0.2)
    assert len(link.sessions) == 2
    await link.close()


async def test_a_service_that_sends_everybody_away_is_given_up() -> None:
    link = await started()
    for _ in range(len(BACKOFF)):
        link.renew_in_a_pause(0.0, BRIEF / 2, lambda: True)
        await settle()
        await link.ready()
    link.renew_in_a_pause(0.0, BRIEF / 2, lambda: True)
    await asyncio.sleep(60.0)
    error, again = link.facts[-1]
    assert "has to be renewed at once" in str(error)
    assert not again
    assert len(link.sessions) == 1 + len(BACKOFF)


# What is sent and read.


async def test_a_message_that_nobody_takes_breaks_the_session() -> None:
    link = await started()
    await settle()
    link.session.deaf = True
    link.send("a message")
    await asyncio.sleep(SEND_TIMEOUT + 0.1)
    ((error, again),) = link.facts
    assert "takes nothing" in str(error)
    assert again
    await link.close()


async def test_more_messages_than_can_be_break_the_session() -> None:
    link = await started()
    await settle()
    for number in range(MESSAGE_LIMIT + 2):
        link.send(str(number))
    await settle()
    ((error, _),) = link.facts
    assert f"{MESSAGE_LIMIT} messages wait" in str(error)
    await link.close()


async def test_a_pause_is_told_each_time() -> None:
    link = Made()
    link.pause = 1.0
    await link.start()
    await asyncio.sleep(2.5)
    assert link.pauses == 2
    link.send_audio(silence(0.02))
    await asyncio.sleep(0.9)
    assert link.pauses == 2, "there was something"
    await asyncio.sleep(0.2)
    assert link.pauses == 3
    await link.close()


async def test_a_message_that_makes_no_sense_is_told_once_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    link = await started()
    for _ in range(UNREADABLE_LIMIT):
        link.session.coming.put_nowait(ValueError("nonsense"))
    link.session.coming.put_nowait("something")
    for _ in range(UNREADABLE_LIMIT):
        link.session.coming.put_nowait(ValueError("nonsense"))
    with caplog.at_level(logging.WARNING):
        await settle()
    (error,) = link.complaints
    assert str(error) == "the service, in a message: ValueError('nonsense')"
    assert len(caplog.records) == 2 * UNREADABLE_LIMIT - 1
    assert link.up
    link.session.coming.put_nowait(ValueError("nonsense"))
    await settle()
    assert not link.up
    await link.close()


# Given up, and opened again by a voice.


async def given_up(*answers: Exception | None) -> Made:
    """A link whose session failed in a way that trying again cannot mend; `answers` are those to further attempts."""
    link = await started(None, *answers)
    link.session.coming.put_nowait(MadeUpError("no credit", "wrong_key"))
    await settle()
    assert len(link.facts) == 1
    return link


async def say(link: Made, *pieces: PcmData) -> None:
    """Send pieces of audio at the pace at which they are spoken."""
    for piece in pieces:
        for frame in frames(piece):
            link.send_audio(frame)
            await asyncio.sleep(frame.duration)


async def test_a_voice_opens_what_was_given_up_and_is_heard_from_its_beginning() -> None:
    link = await given_up()
    await asyncio.sleep(BARRED)
    await say(link, silence(2.0))
    assert len(link.attempts) == 1, "nobody speaks"
    await say(link, tone(1.0, RATE), silence(0.5))
    assert len(link.attempts) == 2
    assert link.session.seconds == pytest.approx(1.5 + PREROLL - VOICE_SECONDS, abs=0.05)
    assert len(link.facts) == 1
    await link.close()


@pytest.mark.parametrize("understood", [False, True])
async def test_what_nobody_understood_before_it_was_given_up_is_heard_when_it_is_opened(understood: bool) -> None:
    link = await started(None, OSError("nobody there"), OSError("nobody there"))
    await say(link, tone(1.0, RATE), silence(0.5))
    if understood:
        link.understood()
    link.session.coming.put_nowait(MadeUpError("no credit", "wrong_key"))
    await settle()
    # What is said to attempts that fail is not lost either, and the silence in between is not kept.
    await say(link, silence(2 * BARRED), tone(1.0, RATE), silence(20.0))
    assert len(link.attempts) == 3
    await say(link, silence(300.0), tone(1.0, RATE), silence(0.5))
    assert len(link.attempts) == 4
    assert link.session.seconds == pytest.approx((0.0 if understood else 1.5) + 2.0 + 2.0, abs=0.5)
    await link.close()


class Choking(Made):
    """A link to a service that breaks when it is sent more than five seconds of audio in one."""

    async def _send_audio(self, session: Session, audio: PcmData) -> None:
        now = asyncio.get_running_loop().time()
        self.sent = [(at, seconds) for at, seconds in getattr(self, "sent", []) if at > now - 1.0]
        self.sent.append((now, audio.duration))
        await super()._send_audio(session, audio)
        if sum(seconds for _, seconds in self.sent) > 5.0:
            self.sent.clear()
            raise OSError("too much at once")


async def test_what_every_session_is_lost_with_is_not_heard_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    link = Choking()
    await link.start()
    await say(link, tone(8.0, RATE))
    link.session.coming.put_nowait(OSError("gone"))
    await say(link, silence(25.0), tone(1.0, RATE), silence(100.0))
    assert not link.up
    assert "it is forgotten" in caplog.text
    await say(link, tone(1.0, RATE), silence(1.0))
    assert link.up
    # What was said to none of them is no reason.
    assert link.session.seconds == pytest.approx(2.0 + 2.0 + PREROLL - VOICE_SECONDS, abs=0.05)
    await link.close()


async def test_what_was_said_is_forgotten_when_nobody_is_there_any_more() -> None:
    link = await started(None)
    await say(link, tone(1.0, RATE))
    link.session.coming.put_nowait(MadeUpError("no credit", "wrong_key"))
    await settle()
    await say(link, tone(1.0, RATE))
    link.forget_audio()
    await say(link, silence(BARRED))
    assert len(link.attempts) == 1, "nobody is there who speaks"
    await say(link, tone(1.0, RATE), silence(0.5))
    assert len(link.attempts) == 2
    assert link.session.seconds == pytest.approx(1.5 + PREROLL - VOICE_SECONDS, abs=0.05)
    await link.close()


async def test_a_voice_is_answered_by_one_attempt_in_a_while_and_each_failure_is_told() -> None:
    link = await given_up(*[OSError("nobody there")] * 3)
    # In an even tone nobody would hear a voice after a while.
    await say(link, *[tone(0.9, RATE), silence(0.1)] * 60)
    pauses = [later - earlier for earlier, later in zip(link.attempts, link.attempts[1:], strict=False)]
    assert pauses == pytest.approx([BARRED, REOPEN_PAUSE, REOPEN_PAUSE, REOPEN_PAUSE], abs=0.1)
    assert [again for _, again in link.facts] == [False] * 4
    assert link.session.seconds == pytest.approx(60.0, abs=0.1)
    await link.close()


async def test_a_voice_that_comes_too_early_is_not_forgotten() -> None:
    link = await given_up()
    await say(link, tone(1.0, RATE), silence(0.1))
    assert len(link.attempts) == 1
    await asyncio.sleep(BARRED)
    assert len(link.attempts) == 2
    assert link.session.seconds == pytest.approx(1.1, abs=0.05)
    await link.close()


async def test_closed_while_a_voice_waits_for_its_attempt() -> None:
    link = await given_up()
    await say(link, tone(1.0, RATE))
    await link.close()
    await say(link, tone(1.0, RATE))
    await asyncio.sleep(2 * BARRED)
    assert len(link.attempts) == 1
    assert not link._outbox


async def test_who_wants_something_at_the_same_time_is_told_the_same() -> None:
    link = await given_up(OSError("nobody there"))
    failures = await asyncio.gather(link.ready(), link.ready(), return_exceptions=True)
    assert [str(failure) for failure in failures] == ["the service: OSError('nobody there')"] * 2
    assert len(link.attempts) == 2
    assert len(link.facts) == 1, "who asked was told, and nobody else"


async def test_who_stops_waiting_leaves_it_to_the_others() -> None:
    link = await given_up()
    link.opening_takes = 1.0
    first, second = (asyncio.create_task(link.ready()) for _ in range(2))
    await settle()
    first.cancel()
    await second
    assert link.up
    await link.close()
