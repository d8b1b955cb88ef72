"""The plugin: how it loads, where it works, and what it says if it cannot."""

import asyncio
import threading

import numpy as np
import pytest

from vision_agents.core.models import MissingModelError, onnx, unload
from vision_agents.plugins import resemblyzer
from vision_agents.plugins.resemblyzer.model import GE2EModel

from .checkpoints import encoder_file

pytest.importorskip("onnxruntime")
HISS = np.random.default_rng(1).integers(-3000, 3000, 16_000).astype(np.int16)


@pytest.fixture
def model_path(tmp_path, monkeypatch):
    return encoder_file(tmp_path / "made-up.pt", monkeypatch)


async def test_voices_are_worked_out_in_one_thread_while_the_loop_goes_on(model_path, monkeypatch):
    threads, may_go_on = [], threading.Event()
    embed = GE2EModel.embed

    def slow(self, samples):
        threads.append(threading.current_thread())
        assert may_go_on.wait(10)
        return embed(self, samples)

    voiceprint = resemblyzer.Voiceprint(model_path)
    await voiceprint.start()
    await voiceprint.start()  # loads once
    monkeypatch.setattr(GE2EModel, "embed", slow)
    both = asyncio.gather(voiceprint.embed(HISS), voiceprint.embed(HISS))
    await asyncio.sleep(0)
    may_go_on.set()  # reached only if the loop was not blocked
    first, second = await both
    np.testing.assert_array_equal(first, second)
    assert len(set(threads)) == 1
    assert threading.current_thread() not in threads
    await voiceprint.close()


async def test_closing_gives_up_what_waits_and_does_not_wait_for_what_runs(model_path, monkeypatch):
    begun, may_go_on = threading.Event(), threading.Event()

    def hangs(self, samples):
        begun.set()
        may_go_on.wait(10)

    voiceprint = resemblyzer.Voiceprint(model_path)
    await voiceprint.start()
    monkeypatch.setattr(GE2EModel, "embed", hangs)
    running, waiting = (asyncio.ensure_future(voiceprint.embed(HISS)) for _ in range(2))
    await asyncio.to_thread(begun.wait, 10)
    await voiceprint.close()
    with pytest.raises(RuntimeError, match="closed"):
        await waiting
    assert not running.done()
    may_go_on.set()
    await running


async def test_before_start_it_says_so(model_path):
    with pytest.raises(RuntimeError, match="await start"):
        await resemblyzer.Voiceprint(model_path).embed(HISS)


async def test_a_model_that_is_not_here_says_what_to_run(tmp_path, monkeypatch):
    unload("ge2e")  # A network that is loaded needs no file any more.
    monkeypatch.setenv("VISION_AGENTS_MODELS", str(tmp_path))
    with pytest.raises(MissingModelError, match="models pull ge2e"):
        await resemblyzer.Voiceprint().start()


def test_without_onnxruntime_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(onnx, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"interruptible-agents\[resemblyzer\]"):
        resemblyzer.Voiceprint()
