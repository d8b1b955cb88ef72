"""What of the audio that was sent is sent once more in the next session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.remote.sent_audio import LEAD, LIMIT, SentAudio
from vision_agents.core.remote.sound import LATELY
from vision_agents.testing.contract import frames
from vision_agents.testing.parts import tone

RATE = 16_000


def said(seconds: float) -> PcmData:
    return tone(seconds, RATE)


def talk(seconds: float) -> PcmData:
    """As of somebody who speaks for long: in an even tone nobody would hear a voice after a while."""
    return PcmData.concat([said(0.9), quiet(0.1)] * round(seconds))


def quiet(seconds: float) -> PcmData:
    return PcmData.silence(seconds, RATE)


def kept(*parts: PcmData | Callable[[SentAudio], None]) -> float:
    sent = SentAudio()
    for part in parts:
        if isinstance(part, PcmData):
            for frame in frames(part):
                sent.add(frame)
        else:
            part(sent)
    seconds = sum(piece.duration for piece in sent.take())
    assert not sent.take()
    return seconds


understood = SentAudio.understood


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([talk(LIMIT - 1.0)], False),
        ([talk(LIMIT + 1.0)], True),
        ([quiet(LIMIT), talk(LIMIT - 1.0)], False),
        ([talk(LIMIT + 1.0), quiet(1.0), understood, said(1.0)], False),
        ([talk(LIMIT + 1.0), quiet(1.0), said(1.0), understood], False),
        ([talk(LIMIT + 1.0), understood], True),
    ],
)
def test_it_is_told_that_somebody_has_spoken_for_too_long(
    parts: list[PcmData | Callable[[SentAudio], None]], told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    kept(*parts)
    assert ("what is older is not heard again" in caplog.text) is told


@pytest.mark.parametrize(
    ("parts", "seconds"),
    [
        pytest.param([quiet(8.0)], LEAD, id="silence"),
        pytest.param([quiet(8.0), said(2.0)], LEAD + 2.0, id="somebody speaks"),
        pytest.param([quiet(8.0), said(2.0), quiet(3.0)], LEAD + 5.0, id="somebody has spoken"),
        pytest.param([said(1.0), quiet(2.0), said(1.0)], 4.0, id="a pause"),
        pytest.param([said(2.0), quiet(LATELY + 0.1)], LEAD, id="long ago"),
        pytest.param([talk(LIMIT + 5.0)], LIMIT, id="no end"),
        pytest.param([said(2.0), quiet(1.0), understood], 0.0, id="answered"),
        pytest.param([said(2.0), quiet(1.0), understood, quiet(3.0)], LEAD, id="answered, and silence"),
        pytest.param([said(2.0), quiet(1.0), said(0.5), understood, said(0.5)], LEAD + 1.0, id="words are late"),
        pytest.param(
            [said(1.0), quiet(0.5), said(2.0), quiet(0.22), understood], LEAD + 2.22, id="words are late, in a pause"
        ),
    ],
)
def test_what_nobody_has_understood_is_kept(parts: list[PcmData | Callable[[SentAudio], None]], seconds: float) -> None:
    assert kept(*parts) == pytest.approx(seconds, abs=0.05)
