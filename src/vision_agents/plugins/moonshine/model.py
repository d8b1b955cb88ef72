"""Moonshine tiny-en by onnxruntime: a stretch of English speech in, its words out.

An encoder reads the samples as they are (no spectrogram), 41.6 frames a second. A decoder then writes one token at a
time, each time the likeliest; what it computed for earlier tokens and for the audio is kept (keys and values).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_agents.core.models.onnx import open_session, to_float

from .pauses import pieces
from .tokenizer import END, START, Tokenizer

SAMPLE_RATE = 16_000
LONGEST = 20 * SAMPLE_RATE
"""Samples given to the encoder at once; the network was trained on up to 30 s and its cost grows faster than them."""

_TOKENS_PER_SECOND = 6.5  # nobody speaks faster; the figure is the Moonshine authors' own limit
_SHORTEST = 2 * SAMPLE_RATE  # shorter words are misheard (word error 79 % alone, 39 % with silence after them)
_SILENCE = 0.001  # full scale 1.0: nothing above -60 dB
_QUIET, _LOUD = 0.2, 0.5  # peaks: quieter audio than the one is brought to the other (half as many errors at -34 dB)
_SAMPLES_PER_FRAME = 384
_HEADS, _HEAD_SIZE = 8, 36
_LOOPS = ((1, 5), (2, 5), (3, 3), (4, 3), (5, 3), (6, 3), (7, 3), (8, 3), (9, 3), (10, 3), (12, 3))
"""How many times in a row so many tokens may come before they count as a loop: (tokens, times)."""

LISTENERS = {"M": "Mm", "Hmm": "Hmm", "U": "Uh", "Um": "Um", "Hu": "Huh", "Ah": "Ah", "Oh": "Oh"} | {
    word: word for word in ("Yeah", "Yes", "Okay", "Right", "Sure")
}
"""What people say who only listen, by the first token of it."""
HESITATION = 0.25
"""Probability of all of these together from which on a reading may as well be one of them."""
NOISE = "you"
"""What the network writes for doors, horns, coughs and laughter: alone, it is no word that anybody said."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A transcript: the words, and how sure the network is of them.

    `confidence`: the geometric mean of its tokens' probabilities, 0 to 1. English speech is read with 0.6 and more,
    other languages with 0.3 to 0.5, noise that passes for words with up to 0.6. `alternative`: one of `LISTENERS`, if
    the network was near to writing that. Half of the recorded backchannels that it reads with less than 0.6 have one,
    of other speech that it reads so one in seventeen.
    """

    text: str
    confidence: float
    alternative: str = ""


NOTHING = Reading("", 1.0)


class MoonshineModel:
    """The network. Loading blocks (0.2 s), and so does `transcribe`: use a thread.

    `files`: paths under "encoder", "decoder" and "tokenizer". Raises ImportError without onnxruntime,
    FileNotFoundError or RuntimeError for a missing or broken file.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._encoder = open_session(files["encoder"], extra="moonshine")
        self._decoder = open_session(files["decoder"], extra="moonshine")
        self._tokenizer = Tokenizer(files["tokenizer"])
        self._listeners = {self._tokenizer.first_token(begin): word for begin, word in LISTENERS.items()}
        self._past = [entry.name for entry in self._decoder.get_inputs() if entry.name.startswith("past_")]
        self._present = [name.replace("past_key_values", "present") for name in self._past]

    def transcribe(self, samples: NDArray[Any], stop: threading.Event | None = None) -> Reading:
        """The words in mono audio at 16 kHz, int16 or float in -1..1, of any length; none for silence.

        Longer audio than 20 s is cut at pauses. Setting `stop` ends the work within about 100 ms; what is returned
        then is of no use. The network finds words in noise too: give it speech only.
        """
        said: list[Reading] = []
        for piece in pieces(to_float(samples), LONGEST):
            if stop is not None and stop.is_set():
                break
            said.append(self._transcribe_piece(piece, stop))
        return joined(said)

    def _transcribe_piece(self, piece: NDArray[np.float32], stop: threading.Event | None) -> Reading:
        audio = _levelled(piece)
        if audio is None:
            return NOTHING
        audio = np.pad(audio, (0, max(0, _SHORTEST - audio.size)))[np.newaxis]
        limit = round(_TOKENS_PER_SECOND * audio.shape[1] / SAMPLE_RATE)
        mask = np.ones(audio.shape, dtype=np.int64)
        (states,) = self._encoder.run(None, {"input_values": audio, "attention_mask": mask})
        return self._decode(states, limit, stop)

    def _decode(self, states: NDArray[np.float32], limit: int, stop: threading.Event | None) -> Reading:
        feed: dict[str, Any] = {
            "encoder_hidden_states": states,
            # The decoder thins this mask itself, to every 384th sample.
            "encoder_attention_mask": np.ones((1, states.shape[1] * _SAMPLES_PER_FRAME), dtype=np.int64),
            "use_cache_branch": np.array([False]),
        }
        empty = np.zeros((1, _HEADS, 0, _HEAD_SIZE), dtype=np.float32)
        feed |= dict.fromkeys(self._past, empty)
        outputs = ["logits", *self._present]
        inputs = self._past
        tokens: list[int] = []
        token = START
        log_likelihood = 0.0  # of the tokens and of the end
        alternative = ""
        while len(tokens) < limit and not (stop is not None and stop.is_set()):
            feed["input_ids"] = np.array([[token]], dtype=np.int64)
            logits, *present = self._decoder.run(outputs, feed)
            feed |= dict(zip(inputs, present, strict=True))
            last = logits[0, -1]
            token = int(last.argmax())
            odds = np.exp(last - last[token])
            log_likelihood -= math.log(float(odds.sum()))
            if not tokens:
                alternative = self._alternative(odds / odds.sum())
            if token == END:
                break
            tokens.append(token)
            if unit := loop_at_end(tokens):
                del tokens[-unit[0] * (unit[1] - 1) :]
                break
            if len(tokens) == 1:
                # From the second token on the audio's keys and values stay as they are.
                feed["use_cache_branch"] = np.array([True])
                inputs = [name for name in self._past if ".decoder." in name]
                outputs = ["logits", *(name for name in self._present if ".decoder." in name)]
        confidence = math.exp(log_likelihood / (len(tokens) + 1))
        text = self._tokenizer.text(tokens)
        return NOTHING if text.strip(" .,!?").lower() == NOISE else Reading(text, confidence, alternative)

    def _alternative(self, first: NDArray[np.float32]) -> str:
        """The listener's words that it may have been, by the first token's probabilities; empty if not likely."""
        likely = {word: float(first[token]) for token, word in self._listeners.items()}
        return max(likely, key=likely.__getitem__) if sum(likely.values()) >= HESITATION else ""


def load(files: Mapping[str, Path]) -> MoonshineModel:
    """The network, after a first run: that of noise, since silence is not read at all."""
    model = MoonshineModel(files)
    model.transcribe(np.random.default_rng(1).normal(0, 0.01, _SHORTEST).astype(np.float32))
    return model


def joined(readings: Sequence[Reading]) -> Reading:
    """Readings of one piece after the other as one; as sure as the least sure of them."""
    said = [reading for reading in readings if reading.text]
    if len(said) < 2:
        return said[0] if said else NOTHING
    return Reading(" ".join(reading.text for reading in said), min(reading.confidence for reading in said))


def loop_at_end(tokens: Sequence[int]) -> tuple[int, int] | None:
    """If `tokens` end in a loop, its length in tokens and how often it came. Decoders of this kind fall into one
    when they hear no words, and stay in it."""
    for length, times in _LOOPS:
        if len(tokens) >= length * times:
            unit = tokens[-length:]
            if all(tokens[-length * (n + 1) : -length * n] == unit for n in range(1, times)):
                return length, times
    return None


def _levelled(piece: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Without offset, and loud enough; None if there is nothing to hear."""
    audio: NDArray[np.float32] = piece - piece.mean()
    peak = float(np.abs(audio).max())
    if peak < _SILENCE:
        return None
    if peak < _QUIET:
        audio *= np.float32(_LOUD / peak)
    return audio
