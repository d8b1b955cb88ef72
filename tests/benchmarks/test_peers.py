"""What the side-by-side benchmark sees in a call is what there was: places are read, and outcomes told apart."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Benchmarks are run from the repository's root, and are in no distribution.
sys.path.append(str(Path(__file__).parents[2]))

from benchmarks.peers.picture import draw
from benchmarks.peers.run import Line, judged
from benchmarks.peers.script import ANSWER_RATE, ANSWERS, FRAME, Ear, read, speech

# The sound is heard from the 300th frame on, its onset 0.1 s later; the answer runs since the 100th.
BEGAN, ANSWERED, ONSET, END = 300, 100, 0.1, 0.6


@pytest.mark.parametrize("answer", range(len(ANSWERS)))
def test_a_frame_tells_its_answer_and_its_place(answer: int) -> None:
    first, _, rest = ANSWERS[answer].partition(". ")
    spoken = np.concatenate([*speech(f"{first}."), *speech(rest)])
    size = round(FRAME * ANSWER_RATE)
    for start in range(0, len(spoken) - size, size):
        found = read(spoken[start : start + size])
        assert found is not None
        assert found == (answer, pytest.approx(start / ANSWER_RATE + FRAME / 2, abs=0.002))
    assert read(np.zeros(size, np.int16)) is None


def call(**changes: Any) -> dict[str, Any]:
    """What is told of a call: the first answer plays, but for the frames (after the onset) that are given."""
    frames: list[tuple[int, float] | None] = [None] * ANSWERED
    frames += [(0, at * FRAME) for at in range(450)]
    for span, heard in changes.items():
        start, end = (BEGAN + round(ONSET / FRAME) + int(at) for at in span.split("_")[1:])
        frames[start:end] = [None if heard is None else (heard[0], heard[1] + at * FRAME) for at in range(end - start)]
    sound = {"onset": ONSET, "end": END}
    line = Line(None, Ear(), {}, sound, 0, frames=frames, late=[0.0], began=BEGAN)
    return judged(line)


def test_an_answer_that_goes_on_was_not_stopped() -> None:
    assert call()["outcome"] == "went on"
    assert call(gap_5_10=None)["outcome"] == "went on"


def test_an_answer_that_is_taken_up_again_tells_how_long_and_from_where() -> None:
    # It was silent for 40 frames, and goes on 0.2 s before the place at which it stopped.
    place = (BEGAN - ANSWERED) * FRAME + ONSET + 10 * FRAME
    told = call(gap_10_50=None, then_50_250=(0, place - 0.2))
    assert told["outcome"] == "resumed"
    assert told["stop"] == pytest.approx(10 * FRAME)
    assert told["silent"] == pytest.approx(40 * FRAME)
    assert told["moved"] == pytest.approx(-0.2, abs=0.001)


def test_an_answer_that_gives_way_to_another_tells_when() -> None:
    told = call(gap_5_80=None, then_80_250=(1, 0.0))
    assert told["outcome"] == "yielded"
    assert told["answer"] == pytest.approx(80 * FRAME + ONSET - END)
    assert call(gap_5_250=None)["outcome"] == "fell silent"


def test_the_natural_end_of_an_answer_is_no_stop() -> None:
    near_the_end = (0, 14.35 - 40 * FRAME)
    assert call(last_0_40=near_the_end, gap_40_250=None)["outcome"] == "went on"


def test_words_are_known_as_the_audio_comes() -> None:
    ear = Ear()
    ear.will_hear("stop that now", 1.0, 1.9)
    heard = [(tick, word) for tick in range(150) for word in ear.hear(0.02)]
    assert [word for _, word in heard] == [("stop", False), ("stop that", False), ("stop that now", True)]
    assert [tick * 0.02 for tick, _ in heard] == pytest.approx([1.6, 1.9, 2.2], abs=0.03)


def test_the_picture_fills_the_best_of_each_figure() -> None:
    kept = dict.fromkeys(("backchannel", "vocal", "noise", "music", "side_talk"), (1, 2))
    row = {"setting": "default", "yield": (1, 2), "kept": kept, "silence": (0.1, 0.2), "answer": None, "pause": None}
    picture = draw([{**row, "name": "one", "cpu_ms": 10.0}, {**row, "name": "two", "cpu_ms": 30.0}])
    assert picture.count('class="best"') == 2 * 7 + 1
    assert picture.count(">never<") == 4


def test_the_picture_shows_who_wins_by_nothing_and_no_winner_where_nobody_does_it() -> None:
    kept = {**dict.fromkeys(("backchannel", "vocal", "noise", "music"), (1, 2)), "side_talk": (0, 2)}
    row = {"setting": "default", "yield": (1, 2), "kept": kept, "silence": None, "answer": None, "cpu_ms": 1.0}
    picture = draw([{**row, "name": "one", "pause": 0.5}, {**row, "name": "two", "pause": 0.0}])
    bars = dict(re.findall(r'class="(\w+)" x="168" y="\d+" width="([\d.]+)"', picture.partition(">silence that a")[2]))
    assert bars["bar"] == "230.0"
    assert 0 < float(bars["best"]) < 10, "it is to be seen"
    aside = picture.partition("… at talk aside")[2].partition('font-weight="600"')[0]
    assert 'class="best"' not in aside
