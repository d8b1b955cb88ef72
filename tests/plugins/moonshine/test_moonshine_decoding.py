"""Token by token, with stand-ins for the networks: what is kept between tokens, and what ends the row of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vision_agents.core.audio import Samples
from vision_agents.plugins.moonshine import model
from vision_agents.plugins.moonshine.model import HESITATION, LISTENERS, MoonshineModel

RATE = 16_000
END = 2
YOU = 40 + len(LISTENERS)
PARTS = ("decoder.key", "decoder.value", "encoder.key", "encoder.value")
PAST = [f"past_key_values.{layer}.{part}" for layer in (0, 1) for part in PARTS]


class Encoder:
    """One state for each 384 samples."""

    def __init__(self) -> None:
        self.heard: list[np.ndarray] = []

    def run(self, outputs: None, feed: dict[str, Any]) -> list[np.ndarray]:
        self.heard.append(feed["input_values"][0])
        return [np.zeros((1, feed["input_values"].shape[1] // 384, 288), dtype=np.float32)]


class Decoder:
    """Says `script`, and gives out keys and values that tell at which step they were made.

    `odds`: how much likelier the script's token is than each other one; `nearly`: of some others that are likelier.
    """

    def __init__(self, script: Iterator[int]) -> None:
        self.script = script
        self.feeds: list[dict[str, Any]] = []
        self.odds = 1e6
        self.nearly: dict[int, float] = {}

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name) for name in ("input_ids", *PAST, "use_cache_branch")]

    def run(self, outputs: list[str], feed: dict[str, Any]) -> list[np.ndarray]:
        self.feeds.append(dict(feed))
        logits = np.zeros((1, 1, YOU + 1), dtype=np.float32)
        for token, odds in self.nearly.items():
            logits[0, 0, token] = np.log(odds)
        logits[0, 0, next(self.script)] = np.log(self.odds)
        made = np.full((1, 8, len(self.feeds), 36), len(self.feeds), dtype=np.float32)
        return [logits, *(made for _ in outputs[1:])]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model over stand-ins. Its tokens 3 to 39 are the words "w3" to "w39", then come `LISTENERS`, and "You"."""
    words = [f"w{n}" for n in range(3, 40)] + [*LISTENERS, "You"]
    tokens = ["<unk>", "<s>", "</s>", *(f"\u2581{word}" for word in words)]
    path = tmp_path / "tokenizer.bin"
    path.write_bytes(b"".join(bytes([len(t.encode())]) + t.encode() for t in tokens))

    def make(*script: int, then: int = END) -> tuple[MoonshineModel, Encoder, Decoder]:
        encoder, decoder = Encoder(), Decoder(chain(script, repeat(then)))
        sessions = {"encoder": encoder, "decoder": decoder}
        monkeypatch.setattr(model, "open_session", lambda name, extra: sessions[name])
        return MoonshineModel({"encoder": "encoder", "decoder": "decoder", "tokenizer": path}), encoder, decoder  # type: ignore[dict-item]

    return make


def sound(seconds: float, level: float = 0.5) -> np.ndarray:
    tone = np.sin(2 * np.pi * 300 * np.arange(round(seconds * RATE)) / RATE) * level
    return np.asarray(tone, dtype=np.float32)


def test_each_token_follows_from_the_one_before_and_what_was_kept(build: Any) -> None:
    network, _, decoder = build(5, 6, 7)
    assert network.transcribe(sound(3)).text == "w5 w6 w7"
    first, second, third, _ = decoder.feeds
    assert [int(feed["input_ids"][0, 0]) for feed in decoder.feeds] == [1, 5, 6, 7]
    assert [bool(feed["use_cache_branch"][0]) for feed in decoder.feeds] == [False, True, True, True]
    for name in PAST:
        assert first[name].shape[2] == 0
        assert second[name].max() == 1
        # The audio's are those of the first step for ever, the words' are the latest.
        assert third[name].max() == (1 if ".encoder." in name else 2)


@pytest.mark.parametrize(("share", "expected"), [(HESITATION + 0.01, "Um"), (HESITATION - 0.01, "")])
def test_what_nearly_was_written_first_is_the_alternative(build: Any, share: float, expected: str) -> None:
    network, _, decoder = build(5, 6)
    places = [40 + place for place, word in enumerate(LISTENERS.values()) if word in ("Oh", "Um")]
    # The first token has what these two leave, and the others next to nothing.
    decoder.odds = 1e6 * (1 - share)
    decoder.nearly = dict(zip(places, (1e6 * share * 0.6, 1e6 * share * 0.4), strict=True))
    reading = network.transcribe(sound(3))
    assert (reading.text, reading.alternative) == ("w5 w6", expected)


def test_a_mere_you_is_what_the_network_writes_for_noise(build: Any) -> None:
    assert build(YOU)[0].transcribe(sound(3)).text == ""
    assert build(YOU, 5)[0].transcribe(sound(3)).text == "You w5"


def test_a_minute_has_as_many_encoders_and_masks_as_pieces(build: Any) -> None:
    network, encoder, decoder = build(5, END, 6, END, 7, END, 8)
    assert network.transcribe(sound(60)).text == "w5 w6 w7 w8"
    assert sum(len(heard) for heard in encoder.heard) == 60 * RATE
    assert max(len(heard) for heard in encoder.heard) <= 20 * RATE
    for feed in decoder.feeds:
        assert feed["encoder_attention_mask"].shape[1] == feed["encoder_hidden_states"].shape[1] * 384


def test_nobody_says_more_than_six_and_a_half_tokens_a_second(build: Any) -> None:
    words = list(range(3, 40)) * 2
    network, _, _ = build(*words)
    assert len(network.transcribe(sound(4)).text.split()) == 26


@pytest.mark.parametrize(
    ("script", "kept"),
    [
        ([5, 6, *[7, 8, 9] * 20], "w5 w6 w7 w8 w9"),
        ([5, *[6] * 40], "w5 w6"),
        ([5, 6, 6, 6, 7], "w5 w6 w6 w6 w7"),
    ],
)
def test_a_loop_is_cut_to_its_first_round(build: Any, script: list[int], kept: str) -> None:
    network, _, decoder = build(*script)
    assert network.transcribe(sound(10)).text == kept
    assert len(decoder.feeds) <= 18


def test_short_words_get_silence_after_them_and_quiet_ones_a_level(build: Any) -> None:
    network, encoder, _ = build(5)
    network.transcribe(sound(0.5, level=0.01) + np.float32(0.2))
    (heard,) = encoder.heard
    assert len(heard) == 2 * RATE
    assert np.abs(heard).max() == pytest.approx(0.5, abs=0.01)
    assert not heard[RATE:].any()


@pytest.mark.parametrize("samples", [np.zeros(0, np.int16), np.zeros(RATE, np.int16), np.full(RATE, 9000, np.int16)])
def test_silence_costs_nothing(build: Any, samples: Samples) -> None:
    network, encoder, _ = build(5)
    assert network.transcribe(samples).text == ""
    assert encoder.heard == []


def test_a_stop_is_seen_between_tokens_and_between_pieces(build: Any) -> None:
    stop = threading.Event()

    def script() -> Iterator[int]:
        yield from (5, 6)
        stop.set()
        yield from (7, 8, 9)

    network, encoder, decoder = build()
    decoder.script = script()
    network.transcribe(sound(60), stop)
    assert len(decoder.feeds) == 3
    assert len(encoder.heard) == 1
