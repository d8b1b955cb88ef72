"""Turns with pauses out of recordings, what rules make of them, and how that is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from vision_agents.core.floor.endpointing import DEFAULT, Pauses
from vision_agents.lab.endpointing import (
    BUFFER,
    GRID,
    JUDGING,
    READING,
    cross_validate,
    fixed,
    learned,
    livekit,
    rules,
    simulate,
    vad,
)
from vision_agents.lab.endpointing_page import endpointing_page, endpointing_table, try_rules
from vision_agents.lab.scenario import LabError
from vision_agents.lab.signals import Heard, Silence, Words, hear_all, read_signals, write_signals
from vision_agents.lab.turns import PAUSES, RATE, read_turns
from vision_agents.testing.clips import speech_clips

# Turns out of recordings.


def tone(seconds: float) -> np.ndarray[Any, Any]:
    return 0.2 * np.sin(np.arange(round(seconds * RATE)) / 5)


def quiet(seconds: float) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).normal(0, 1e-4, round(seconds * RATE))


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two sentences of one speaker, each with a gap of 0.2 s, and a cough; a pause of somebody else."""
    sentence = np.concatenate([quiet(0.2), tone(0.8), quiet(0.2), tone(0.7), quiet(0.3)])
    paused = np.concatenate([quiet(0.2), tone(0.8), quiet(0.9), tone(0.7), quiet(0.3)])
    clips = []
    for name, kind, sound, speaker in (
        ("one", "interruption", sentence, "ann"),
        ("two", "interruption", sentence, "ann"),
        ("cough", "vocal", sentence, "ann"),
        ("hm", "pause", paused, None),
    ):
        soundfile.write(tmp_path / f"{name}.wav", sound, RATE)
        clip = {"id": name, "file": f"{name}.wav", "kind": kind, "onset_s": 0.2, "source": f"{name}@1"}
        clip |= {"end_s": 2.6} | {"pauses_s": [[1.0, 1.9]]} if kind == "pause" else {"end_s": 1.9}
        clips.append(clip | ({"speaker": speaker} if speaker else {}))
    (tmp_path / "manifest.json").write_text(json.dumps(clips))
    return tmp_path


def test_recordings_become_turns_as_they_are_stretched_and_joined(recordings: Path) -> None:
    turns = {turn.id: turn for turn in read_turns(recordings)}
    assert sorted(turns) == ["hm", "one", "one+two", "one~", "two", "two~"]
    assert {turn.kind for turn in turns.values()} == {"clip", "joined", "stretched"}
    assert (turns["hm"].pauses, turns["hm"].ends) == (((1.0, 1.9),), False)
    assert (turns["one"].pauses, turns["one"].ends, turns["one"].source) == ((), True, "one")


def test_a_stretched_turn_is_silent_for_longer_and_otherwise_the_same(recordings: Path) -> None:
    turns = {turn.id: turn for turn in read_turns(recordings)}
    whole, stretched = turns["one"], turns["one~"]
    ((start, end),) = stretched.pauses
    assert start == pytest.approx(1.0, abs=0.02)
    assert end - start == pytest.approx(min(PAUSES, key=lambda pause: abs(pause - (end - start))), abs=0.02)
    added = len(stretched.samples) - len(whole.samples)
    assert stretched.end == pytest.approx(whole.end + added / RATE, abs=1e-3)
    assert np.abs(stretched.samples[round((start + 0.02) * RATE) : round((end - 0.02) * RATE)]).max() < 100
    assert np.array_equal(stretched.samples[-RATE:], whole.samples[-RATE:])


def test_two_sentences_of_a_speaker_are_one_turn(recordings: Path) -> None:
    (joined,) = [turn for turn in read_turns(recordings) if turn.kind == "joined"]
    ((start, end),) = joined.pauses
    assert start == 1.9
    assert end - start in [pytest.approx(pause) for pause in PAUSES]
    assert joined.end == pytest.approx(end + 1.7)
    levels = np.abs(joined.samples.astype(int))
    assert levels[round(1.92 * RATE) : round((end - 0.02) * RATE)].max() < 100
    assert levels[round((end + 0.05) * RATE) : round((end + 0.1) * RATE)].max() > 5000


def test_without_a_turn_there_is_nothing_to_judge(recordings: Path) -> None:
    clips = json.loads((recordings / "manifest.json").read_text())
    (recordings / "manifest.json").write_text(json.dumps([clip for clip in clips if clip["kind"] == "vocal"]))
    with pytest.raises(LabError, match="no clip of the kinds interruption, speech, pause"):
        read_turns(recordings)
    with pytest.raises(LabError, match="manifest"):
        read_turns(recordings / "nowhere")


# Rules.


def silence(probability: float | None, until: float | None = None, *words: tuple[float, str]) -> Silence:
    """A silence that began at 1.0 and was reported at 1.2."""
    return Silence(1.0, 1.2, until, 0.9, probability, tuple(Words(at, text) for at, text in words))


COMPLETE, UNFINISHED, UNJUDGED = silence(0.9), silence(0.1), silence(None)


def test_the_rules_do_what_their_authors_write() -> None:
    none = Pauses()
    assert fixed(1.5)(COMPLETE, none) == pytest.approx(0.2 + JUDGING)
    assert fixed(1.5)(UNFINISHED, none) == fixed(1.5)(UNJUDGED, none) == 1.5
    assert livekit(3.0)(COMPLETE, none) == 0.5
    assert livekit(3.0)(UNFINISHED, none) == livekit(3.0)(UNJUDGED, none) == 3.0
    assert [vad(0.8)(one, none) for one in (COMPLETE, UNFINISHED)] == [0.8, 0.8]
    assert vad(0.1)(COMPLETE, none) == pytest.approx(0.2)


def test_the_learned_rule_decides_anew_with_words_that_come_later() -> None:
    def waits(*words: tuple[float, str], probability: float = 0.02) -> float:
        return learned()(silence(probability, None, *words), Pauses())

    whole, open_ended = (DEFAULT.patience(0.02, BUFFER, text, 0.9, Pauses()) for text in ("Two teas.", "two and"))
    assert waits((1.0, "Two teas.")) == pytest.approx(whole)
    assert waits((1.0, "Two teas."), (1.5, "two and")) == pytest.approx(open_ended)
    # A sentence that is whole is known too late to be ended by then: it ends when that is known.
    assert waits((1.0, "two and"), (2.08 - READING, "Two teas.")) == pytest.approx(1.08)
    assert waits((1.0, "two and"), (2.5, "Two teas.")) == pytest.approx(open_ended)
    assert waits((1.0, "Two teas."), probability=0.999) == pytest.approx(DEFAULT.least)
    assert learned()(UNJUDGED, Pauses()) == BUFFER


def turn(name: str, *silences: Silence, speaker: str = "ann", source: str = "a", ends: bool = True) -> Heard:
    return Heard(name, "clip", speaker, source, (), 3.0, ends, silences)


LAST = Silence(3.1, 3.3, None, 1.8, 0.99, ())


def test_a_rule_is_judged_by_its_latency_and_by_what_it_cuts_off() -> None:
    pause = replace(UNFINISHED, until=1.9)
    outcome = simulate([turn("t", pause, replace(pause, until=1.15), LAST), turn("u", LAST, ends=False)], vad(0.8))
    assert outcome.latencies == [pytest.approx(0.9)]
    # The second silence is too short to be a pause; the first one is cut off, and nobody hears that.
    assert (outcome.pauses, outcome.cut_pauses, outcome.heard) == (1, 1, 0)
    assert (outcome.turns, outcome.cut_turns) == (2, 1)
    assert simulate([turn("t", pause)], vad(0.4)).heard == 1
    assert simulate([turn("t", pause)], vad(1.0)).cut_offs.value == 0.0
    assert simulate([], vad(1.0)).latency is None


def test_what_a_rule_learns_of_a_speaker_it_knows_in_the_next_turn_and_of_nobody_else() -> None:
    seen: list[float] = []

    def decide(silence: Silence, pauses: Pauses) -> float:
        seen.append(pauses.count)
        return 9.0

    pause = replace(UNFINISHED, until=1.9)
    simulate([turn("t", pause, LAST), turn("u", LAST), turn("v", LAST, speaker="bob")], decide)
    assert seen == [0.0, 1.0, 1.0, 0.0]


def heard(count: int = 12) -> list[Heard]:
    """Turns of three sources: a pause that sounds unfinished, and an end that does not."""
    kinds = ("clip", "joined", "stretched")
    turns = []
    for n in range(count):
        pause = Silence(1.0, 1.2, 1.5 + 0.1 * (n % 4), 0.9, 0.05, (Words(1.1, "two and"),))
        end = Silence(3.05, 3.25, None, 1.8, 0.3 if n % 2 else 0.97, (Words(3.1, "Two teas."),))
        one = turn(str(n), pause, end, speaker=f"s{n % 5}", source=f"source {n % 3}")
        turns.append(replace(one, kind=kinds[n % 3 if n < 6 else 0]))
    return turns


@pytest.mark.parametrize("name", GRID)
def test_no_number_of_the_floor_is_an_edge_of_what_is_tried(name: str) -> None:
    assert min(GRID[name]) < getattr(DEFAULT, name) < max(GRID[name])


def test_no_source_is_judged_by_numbers_that_were_chosen_on_it() -> None:
    made = cross_validate(heard())
    assert made.outcome.turns == 12
    assert sum(count for _, count in made.chosen) == 3
    assert made.outcome.heard <= simulate(heard(), fixed(BUFFER)).heard


def test_signals_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_signals(tmp_path / "signals.json", heard())
    assert read_signals(tmp_path / "signals.json") == heard()
    (tmp_path / "other.json").write_text('[{"id": 7}]')
    for name in ("other.json", "nowhere.json"):
        with pytest.raises(LabError, match="has no signals"):
            read_signals(tmp_path / name)


def test_the_table_and_the_page_have_every_rule_and_the_held_out_sources() -> None:
    tried = try_rules(heard())
    assert [one.kind for one in tried] == ["clip", "stretched", "joined", "all"]
    short, long, page = endpointing_table(tried), endpointing_table(tried, every=True), endpointing_page(tried)
    for rule in rules():
        assert rule.name in short
        assert rule.setting in long
        assert rule.name in page
    assert short.count("source held out") == 4
    assert page.count("<svg") == 4
    assert "a large dot is the setting that a rule comes with" in page
    assert sum(rule.default for rule in rules()) == len({rule.name for rule in rules()})
    assert len(long.splitlines()) > len(short.splitlines())


def test_turns_without_an_end_or_a_pause_are_shown_too() -> None:
    tried = try_rules([turn("t", LAST, ends=False)])
    assert "–" in endpointing_table(tried)
    assert "<svg" in endpointing_page(tried)


@pytest.mark.models
def test_the_real_ears_hear_a_pause_and_an_end(tmp_path: Path) -> None:
    clip = speech_clips()["en/quick_brown_fox"].resampled(RATE)
    sound = clip.samples[: 3 * RATE]
    soundfile.write(tmp_path / "fox.wav", np.concatenate([sound, np.zeros(RATE, np.int16)]), RATE)
    clips = [{"file": "fox.wav", "kind": "speech", "onset_s": 0.1, "end_s": len(sound) / RATE}]
    (tmp_path / "manifest.json").write_text(json.dumps(clips))
    told: list[int] = []
    turns = read_turns(tmp_path)
    (whole, *_) = hear_all(turns, 1, lambda done, total: told.append(done))
    assert told[-1] == len(turns)
    last = whole.silences[-1]
    assert last.until is None
    assert last.probability is not None
    assert abs(last.began - whole.end) < 0.5
    assert last.words_at(last.reported + 1.0)
    assert last.words_at(-1.0) == ""
