"""What is kept of a conversation: sound in its place, however long nobody was there."""

import asyncio
import json
import tracemalloc

import numpy as np
import pytest

from vision_agents.core.audio.files import map_wav
from vision_agents.plugins.local.kept_call import LONGEST, KeptCall

from .browser_kit import NotingSink

pytestmark = pytest.mark.virtual_time

FRAME = 960


@pytest.fixture
async def kept():
    kept = KeptCall()
    yield kept
    kept.discard()


async def pull(tape, frames):
    for _ in range(frames):
        tape.pull()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("absence", [600.0, 3000.0])
async def test_an_absence_is_silence_and_costs_no_memory(kept, absence):
    tape = kept.taped(NotingSink())
    await pull(tape, 10)
    await asyncio.sleep(absence)
    tracemalloc.start()
    tape.pull()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert tape.filled == pytest.approx(absence / 0.02, abs=2)
    filled = tape.filled
    await pull(tape, 10)
    assert tape.filled == filled, "once is enough"
    kept.observe({"note": "VoiceStarted", "frame": 11, "t": 0.0, "at": 0.0})
    kept.close()
    sound, _ = map_wav(await kept.file("call.wav", ""))
    assert len(sound) == min((21 + filled) * FRAME, round(LONGEST * 48_000))
    gap = sound[10 * FRAME : (10 + filled) * FRAME]
    assert not gap.any()
    assert np.abs(sound[: 10 * FRAME, 1]).max() > 1000
    if absence < LONGEST:
        assert np.abs(sound[(10 + filled) * FRAME :, 1]).max() > 1000
    assert json.loads((await kept.file("trace.jsonl", "")).read_text().splitlines()[-1])["frame"] == 11 + filled
    assert kept.size > sound.nbytes


async def test_a_short_stall_is_caught_up_without_silence(kept):
    tape = kept.taped(NotingSink())
    await pull(tape, 10)
    await asyncio.sleep(0.06)
    await pull(tape, 10)
    assert tape.filled == 0
