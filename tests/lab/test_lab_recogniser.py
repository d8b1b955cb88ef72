"""Recognisers with a flaw, and the cases that have them."""

import asyncio
import json

import pytest

from vision_agents.core.part import Attachment
from vision_agents.core.participants import Participant
from vision_agents.lab.manifest import HEARINGS, LATE, read_folder
from vision_agents.lab.recogniser import UNSURE, LabSTT, garbled, shortened

ANN = Participant("ann")


class Words:
    def __init__(self):
        self.heard = []

    def words(self, participant, text, final, confidence, alternative, place):
        self.heard.append((text, final, confidence, alternative))


def reported(hearing, *words):
    stt = LabSTT(hearing)
    listener = Words()
    stt.attach(Attachment(hearing=listener))
    for text, final in words:
        stt.report_words(ANN, text, final, 0.9, "Oh")
    return listener.heard


def test_final_words_correct_partial_ones():
    assert reported("corrects", ("Got it now", False), ("Got it now", True)) == [
        ("Got it", False, 0.9, "Oh"),
        ("Got it now", True, 0.9, "Oh"),
    ]
    assert [shortened(text) for text in ("", "Got", "Got it")] == ["", "Got", "Got"]


def test_another_language_is_read_as_words_that_nobody_said():
    ((text, final, confidence, alternative), nothing) = reported("foreign", ("Stop it", True), ("", False))
    assert (final, confidence, alternative) == (True, UNSURE, "")
    assert text == f"{garbled('stop')} {garbled('it')}"
    assert not set(text.split()) & {"stop", "it"}
    assert nothing == ("", False, 0.9, "Oh")


@pytest.mark.virtual_time
async def test_final_words_are_late():
    stt, loop = LabSTT("late", 1.5), asyncio.get_running_loop()
    before = loop.time()
    await stt.finish_turn(ANN)
    assert loop.time() - before == pytest.approx(1.5)


def test_each_english_interruption_and_backchannel_is_misheard_in_one_way(tmp_path):
    (tmp_path / "a.flac").write_bytes(b"")
    clip = {"file": "a.flac", "onset_s": 0.1, "end_s": 0.5, "language": "en"}
    clips = [{**clip, "id": f"{kind}{n}", "kind": kind} for kind in ("interruption", "backchannel") for n in range(40)]
    clips += [{**clip, "id": "nl", "kind": "backchannel", "language": "nl"}, {**clip, "id": "dog", "kind": "noise"}]
    (tmp_path / "manifest.json").write_text(json.dumps(clips))
    misheard = [case for case in read_folder(tmp_path) if case.hearing]
    assert len(misheard) == 80
    assert {(case.kind, case.hearing) for case in misheard} == set(HEARINGS)
    assert {case.late for case in misheard if case.hearing == "late"} == set(LATE)
    assert {case.late for case in misheard if case.hearing != "late"} == {0.0}
    assert {case.expect for case in misheard} == {"yield", "ignore"}
