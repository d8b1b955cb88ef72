"""Where the words' times come from, and how wrong an estimate would be."""

import json
import re
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.cli.summary import summary
from vision_agents.core.observability.explain import LAB
from vision_agents.core.observability.page import report_page
from vision_agents.core.observability.reader import read_story
from vision_agents.core.observability.report import make_report
from vision_agents.core.observability.words import timing_of
from vision_agents.core.trace import TraceError, encode_record, notes, read_record
from vision_agents.core.tts import Word
from vision_agents.core.voice.transcript import Utterance
from vision_agents.testing import virtual_time
from vision_agents.testing.parts import ToneTTS

from .spoken_call import UntimedTTS, hold_call, user_wav
from .test_page import Page

TEXT = "a bridge, opened late"


def spoken(*ends, text=TEXT, complete=True, length=None):
    """The text with its words ending at these times, the last one with the utterance if no `length` is given."""
    starts = (0.0, *ends)
    words = [Word(word, start, end) for word, start, end in zip(text.split(), starts, ends, strict=False)]
    return Utterance(text, 0.0, length or (ends[-1] if ends else 2.1), complete, words)


def estimated(length):
    """Where an estimate from the text alone has the words end."""
    words, guessed = Utterance(TEXT, 0.0, length, True).timed_words()
    assert guessed
    return [word.end for word in words]


def test_a_voice_that_speaks_as_it_is_estimated_leaves_no_error():
    timing = timing_of([spoken(*estimated(2.1), length=2.1)])
    assert (timing.given, timing.estimated) == (4, 0)
    assert timing.errors == pytest.approx((0.0, 0.0, 0.0))
    assert timing.off == (0, 0, 0)


def test_a_voice_that_lingers_on_a_word_is_misjudged_by_as_much():
    ends = (0.1, 0.2, 0.3, 4.0)
    timing = timing_of([spoken(*ends)])
    assert timing.errors == pytest.approx([guess - end for guess, end in zip(estimated(4.0), ends[:-1], strict=False)])
    assert all(error > 0.0 for error in timing.errors)
    # After 0.3 s three words were heard; an estimate that is evenly spread has hardly begun.
    assert timing.off[-1] < -1


def test_words_are_counted_by_where_their_times_come_from():
    timing = timing_of([spoken(0.5, 1.0, 1.5, 2.0), spoken(), spoken(0.5, 1.0, complete=False)])
    assert (timing.given, timing.estimated) == (6, 6)
    # Only the utterance that is timed throughout is compared.
    assert len(timing.errors) == len(timing.off) == 3


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=12), st.booleans())
def test_whatever_the_times_the_counts_add_up(lengths, complete):
    text = " ".join(f"w{n}" for n in range(len(lengths)))
    ends = [sum(lengths[: n + 1]) for n in range(len(lengths))]
    timing = timing_of([spoken(*ends, text=text, complete=complete)])
    assert timing.given + timing.estimated == len(lengths)
    assert len(timing.errors) == (len(lengths) - 1 if complete else 0)
    assert all(abs(error) <= ends[-1] for error in timing.errors)
    assert all(abs(off) < len(lengths) for off in timing.off)


def test_an_utterance_comes_through_the_trace_unchanged():
    utterance = spoken(0.5, 1.0, 1.5, 2.0)
    played = notes.ReplyPlayed(1, 2.0, TEXT, False, utterances=(utterance,))
    assert read_record(json.loads(json.dumps(encode_record(0.0, played)))).fact == played


def report_with(call, *utterances):
    """The report of the call, each of whose replies was made of these utterances."""
    for record in call.records:
        if record.get("note") == "ReplyPlayed":
            record["utterances"] = [asdict(utterance) for utterance in utterances]
    story = read_story(call.records)
    report = make_report(story)
    return report, summary(report), Page(report_page(report, story, None)).text


@pytest.mark.parametrize(
    ("utterances", "source", "counts"),
    [
        ([spoken(0.5, 1.0, 1.5, 2.0)], "provider", (4, 0)),
        ([spoken()], "estimated", (0, 4)),
        ([spoken(0.5, 1.0, 1.5, 2.0), spoken()], "mixed", (4, 4)),
        ([], "none", (0, 0)),
    ],
)
def test_each_reply_and_the_call_say_where_the_times_come_from(conversation, utterances, source, counts):
    report, _, _ = report_with(conversation, *utterances)
    assert [reply.source for reply in report.replies] == [source] * 2
    assert [(reply.given, reply.estimated) for reply in report.replies] == [counts] * 2
    assert (report.words.source, report.words.given, report.words.estimated) == (source, *(2 * n for n in counts))


def test_the_error_is_printed_where_it_is_known(conversation):
    report, printed, page = report_with(conversation, spoken(0.5, 1.0, 1.5, 2.0))
    error, words = report.words.error, report.words.error_words
    assert error.count == words.count == 6
    for text in (printed, page):
        assert f"{error.p50 * 1000:.0f} ms (median), {error.p95 * 1000:.0f} ms (p95)" in text
        assert re.search(rf"{words.p50:g} words? \(median\), {words.p95:g} \(p95\)", text)
    assert "word times: from the synthesiser (8 words)" in printed
    assert "word times from the synthesiser" in page


def test_where_there_are_only_estimates_the_lab_is_quoted(conversation):
    report, printed, page = report_with(conversation, spoken())
    assert report.words.error is None
    for text in (printed, page):
        assert f"error of the estimate is not known in this call; {LAB}" in text
    assert "word times: estimated (8 words)" in printed


def test_replies_of_two_kinds_make_a_mixed_call(conversation):
    notes = [record for record in conversation.records if record.get("note") == "ReplyPlayed"]
    for record, utterance in zip(notes, (spoken(0.5, 1.0, 1.5, 2.0), spoken()), strict=True):
        record["utterances"] = [asdict(utterance)]
    report = make_report(read_story(conversation.records))
    assert [reply.source for reply in report.replies] == ["provider", "estimated"]
    assert report.words.source == "mixed"
    assert "(4 of 8 words)" in summary(report)


def test_an_older_trace_tells_only_of_replies_that_were_cut(conversation):
    report = make_report(read_story(conversation.records))
    assert [(reply.source, reply.rests_on_estimate) for reply in report.replies] == [("estimated", True)] * 2
    assert report.replies[0].given is None
    for record in conversation.records:
        if record.get("note") == "ReplyPlayed":
            record["estimated"] = False
    report = make_report(read_story(conversation.records))
    assert [reply.source for reply in report.replies] == ["provider", "unknown"]
    assert report.words.source == "provider"


def test_a_silent_agent_has_no_word_times(make_call):
    report = make_report(read_story(make_call(duration=1.0).records))
    assert report.words is None
    assert "word times" not in summary(report)


def test_utterances_that_are_none_are_refused(conversation):
    note = next(record for record in conversation.records if record.get("note") == "ReplyPlayed")
    note["utterances"] = [{"text": 7}]
    with pytest.raises(TraceError, match="cannot be understood"):
        read_story(conversation.records)


@pytest.mark.parametrize(("tts", "source"), [(ToneTTS, "provider"), (UntimedTTS, "estimated")])
def test_a_real_call_tells_it(tmp_path, tts, source):
    records = []
    wav = user_wav(tmp_path / "user.wav")
    virtual_time.run(hold_call(wav, tmp_path / "call.wav", records.append, tts=tts()), timeout=300.0)
    report = make_report(read_story(records))
    assert [reply.source for reply in report.replies] == [source] * 3
    assert report.words.source == source
    assert (report.words.error is not None) is (source == "provider")
