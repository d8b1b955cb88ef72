"""The real network: its words, its limits, and what is done against its weaknesses."""

import re
import threading
from pathlib import Path

import numpy as np
import pytest

from vision_agents.core.audio import Samples
from vision_agents.core.models import ModelStore
from vision_agents.plugins.moonshine.model import MoonshineModel

from ..hearing_kit import Speak

pytestmark = pytest.mark.models

RATE = 16_000
SENTENCES = (
    "I would like to book a table for two people tonight.",
    "The weather in the mountains was better than we expected.",
    "Please send the letter to my sister before the end of the week.",
)


@pytest.fixture(scope="module")
def network() -> MoonshineModel:
    return MoonshineModel(ModelStore().files("moonshine-tiny-en"))


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def errors(said: str, heard: str) -> int:
    """Words to insert, delete or replace."""
    a, b = words(said), words(heard)
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def test_sentences_are_understood(network: MoonshineModel, speak: Speak) -> None:
    wrong = sum(errors(text, network.transcribe(speak(text)).text) for text in SENTENCES)
    assert wrong <= 0.1 * sum(len(words(text)) for text in SENTENCES)


@pytest.mark.parametrize("dirt", ["quiet", "offset", "float"])
def test_sentences_are_understood_through_dirt(network: MoonshineModel, speak: Speak, dirt: str) -> None:
    text = SENTENCES[0]
    clean = speak(text).astype(np.float64)
    sound = {"quiet": clean / 60, "offset": clean / 2 + 12_000, "float": clean}[dirt]
    samples = (sound / 32_768).astype(np.float32) if dirt == "float" else sound.astype(np.int16)
    assert errors(text, network.transcribe(samples).text) <= 2


def test_a_minute_is_cut_at_pauses_and_nothing_is_lost(network: MoonshineModel, speak: Speak) -> None:
    pause = np.zeros(RATE // 2, dtype=np.int16)
    said = SENTENCES * 7
    sound = np.concatenate([part for text in said for part in (speak(text), pause)])
    assert len(sound) > 55 * RATE
    total = sum(len(words(text)) for text in said)
    assert errors(" ".join(said), network.transcribe(sound).text) <= 0.1 * total


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(0, dtype=np.int16),
        np.zeros(1, dtype=np.int16),
        np.zeros(3 * RATE, dtype=np.int16),
        np.full(RATE, 20_000, dtype=np.int16),
        np.full(RATE, np.nan, dtype=np.float32),
    ],
    ids=["none", "one sample", "zeros", "offset", "not a number"],
)
def test_silence_has_no_words(network: MoonshineModel, sound: Samples) -> None:
    assert network.transcribe(sound).text == ""


@pytest.mark.parametrize("samples", [2, 100, 900, 5000])
def test_scraps_do_no_harm(network: MoonshineModel, samples: int) -> None:
    scrap = np.random.default_rng(4).normal(0, 3000, samples).astype(np.int16)
    assert len(words(network.transcribe(scrap).text)) <= 13


def test_stopping_ends_the_work(network: MoonshineModel, speak: Speak) -> None:
    class AfterTwoTokens(threading.Event):
        asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            return self.asked > 3

    stop = AfterTwoTokens()
    assert len(words(network.transcribe(speak(SENTENCES[0]), stop).text)) < 4
    assert stop.asked <= 5


def test_what_a_listener_may_have_said_is_an_alternative(network: MoonshineModel, speak: Speak) -> None:
    assert network.transcribe(speak("Yeah.")).alternative == "Yeah"
    assert network.transcribe(speak("Um.")).alternative == "Um"
    assert not any(network.transcribe(speak(text)).alternative for text in (*SENTENCES, "Stop.", "What is that?"))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    files = ModelStore().files("moonshine-tiny-en")
    broken = tmp_path / "decoder_model_merged.ort"
    broken.write_bytes(files["decoder"].read_bytes()[:100_000])
    with pytest.raises(RuntimeError, match=r"decoder_model_merged\.ort.*models verify"):
        MoonshineModel({**files, "decoder": broken})
