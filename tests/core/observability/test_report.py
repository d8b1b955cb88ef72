"""The report tells the truth: what is known of a made-up call is found again in its trace and its samples."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_agents.core.audio.files import AudioFileError, WavWriter
from vision_agents.core.floor import InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.evidence import Vote
from vision_agents.core.observability.acoustics import Recording
from vision_agents.core.observability.facts import distribution
from vision_agents.core.observability.reader import read_story
from vision_agents.core.observability.report import make_report, report_json
from vision_agents.core.trace import TraceError, encode_record, notes, replay

RATE = 48_000
HEAD = {"note": "SessionStarted", "version": 4, "policy": {}, "words": {}, "answers": True, "started": 0.0}
STEP = 0.0051  # how finely the user's channel is looked at


def report_of(call, recording=True):
    sides = Recording(call.recording[:, 0], call.recording[:, 1], RATE) if recording else None
    return make_report(read_story(call.records), sides)


def test_the_sound_of_a_cough_and_of_an_interruption(conversation):
    report = report_of(conversation)
    cough, interruption = report.interruptions
    assert (cough.decision, interruption.decision) == ("resume", "commit")
    assert cough.onset == pytest.approx(4.0, abs=STEP)
    assert interruption.onset == pytest.approx(5.5, abs=STEP)
    for facts in report.interruptions:
        assert facts.onset_detected == pytest.approx(facts.onset + 0.01, abs=STEP)
        assert facts.onset_to_hold == pytest.approx(0.06, abs=STEP)
        assert facts.hold_to_decision == pytest.approx(facts.decided - facts.hold)
        # The frame that was on its way when the hold came, and no more.
        assert 0.06 - STEP <= facts.onset_to_silence <= 0.06 + 0.02 + STEP
        assert facts.participant == "user"
    assert cough.resumed == pytest.approx(cough.decided, abs=0.021)
    assert cough.rewound == pytest.approx(0.05)
    assert interruption.resumed is None
    assert (cough.epoch, interruption.epoch) == (0, 1)


def test_the_words_at_each_decision(conversation):
    cough, interruption = report_of(conversation).interruptions
    last = [
        record for record in conversation.records if record.get("note") == "AgentTranscript" and record["interrupted"]
    ]
    assert [(facts["heard"], facts["unheard"]) for facts in last] == [(interruption.heard, interruption.unheard)]
    assert interruption.heard.startswith("The harbour bridge was opened")
    assert interruption.heard.startswith(cough.heard)
    assert len(cough.heard) < len(interruption.heard)
    assert interruption.unheard
    assert interruption.estimated
    assert (cough.said, interruption.said) == ("", "Wait, when was that?")
    assert (cough.stale_chunks, interruption.stale_chunks, interruption.stale_samples) == (0, 3, 4800)


def test_latency_is_from_the_last_sound_to_the_first(conversation):
    report = report_of(conversation)
    assert [response.reply for response in report.responses] == [1, 2]
    for response, end in zip(report.responses, (1.7, 6.6), strict=True):
        assert response.speech_end == pytest.approx(end, abs=STEP)
        first = np.flatnonzero(conversation.recording[round(end * RATE) :, 1])[0] / RATE
        assert response.latency == pytest.approx(first, abs=2 * STEP)
    assert report.response_latency.count == 2


def test_counts_and_the_frame(conversation):
    report = report_of(conversation)
    assert asdict(report.counts) == {
        "turns": 2,
        "discarded": 1,
        "replies": 2,
        "unheard_replies": 0,
        "interruptions": 2,
        "commits": 1,
        "resumes": 1,
        "undecided": 0,
        "stale_chunks": 3,
        "stale_samples": 4800,
        "errors": 0,
        "late_commits": 0,
        "recovered": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "typed": 0,
    }
    assert report.duration == 13.0
    assert report.worst_delay == 0.002
    assert report.policy["commit_speech"] == InterruptionPolicy().commit_speech


def test_an_agent_that_plays_on_is_found_out(make_call):
    turns = ((0.5, 1.7, "Tell me."), (4.0, 5.5, "Stop it now."))
    good = report_of(make_call(*turns, duration=9.0)).interruptions[0]
    assert good.onset_to_silence == pytest.approx(0.06, abs=0.02 + STEP)
    # Into the hold, and beyond the commit.
    for leak in (0.3, 0.8):
        bad = report_of(make_call(*turns, duration=9.0, leak=leak)).interruptions[0]
        assert bad.onset_to_silence == pytest.approx(0.06 + leak, abs=0.02 + STEP)
        assert (bad.hold, bad.decided) == (good.hold, good.decided)  # so it says; its samples say otherwise


def test_without_a_hold_the_silence_comes_with_the_commit(make_call):
    call = make_call(
        (0.5, 1.7, "Tell me."), (4.0, 5.5, "Stop it now."), duration=9.0, policy=InterruptionPolicy(hold=False)
    )
    (facts,) = report_of(call).interruptions
    assert facts.hold is facts.onset_to_hold is facts.hold_to_decision is None
    assert facts.silence == pytest.approx(facts.decided, abs=0.021)


@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_the_ear_is_not_fooled_by_a_noisy_line(make_call, noise):
    call = make_call((0.5, 1.7, "Tell me."), (4.0, 5.5, "Stop it now."), duration=9.0, noise=noise)
    (facts,) = report_of(call).interruptions
    assert facts.onset == pytest.approx(4.0, abs=2 * STEP)


def test_an_agent_that_paused_was_silent_at_once(make_call):
    call = make_call((0.5, 1.7, "Tell me."), (4.0, 5.5, "Stop it now."), duration=9.0)
    call.recording[round(3.8 * RATE) : round(4.5 * RATE), 1] = 0
    (facts,) = report_of(call).interruptions
    assert facts.silence == pytest.approx(3.8, abs=0.001)
    assert facts.onset_to_silence == 0.0


def test_a_reply_that_was_not_audible_yet_was_not_silenced(make_call):
    call = make_call((0.5, 1.2, "Tell me."), (2.0, 3.0, "Or rather not."), duration=9.0, think=3.0)
    call.recording[round(1.4 * RATE) : round(1.8 * RATE), 1] = 9000  # the end of another reply
    (facts,) = report_of(call).interruptions
    assert facts.decision == "commit"
    assert facts.silence is None
    assert facts.onset_to_silence is None


def test_only_the_first_reply_answers(conversation):
    records = [
        {"t": 0.0, **HEAD},
        {"t": 1.0, "event": "SpeechStarted", "at": 1.0, "participant": "user", "onset_delay": 0.0},
        {"t": 1.0, "effect": "BeginTurn", "participant": "user"},
        {"t": 2.0, "event": "SpeechEnded", "at": 2.0, "participant": "user", "voiced": 0.8, "trailing_silence": 0.2},
        {"t": 2.1, "effect": "RecordTurn", "participant": "user", "text": "what is it"},
        *(
            record
            for reply, begun, answer in ((1, 2.1, False), (2, 2.5, True), (3, 6.0, True))
            for record in (
                encode_record(begun, fx.BeginReply(reply, 0, answer)),
                encode_record(begun + 0.4, ev.AudioStarted(begun + 0.4, reply)),
            )
        ),
    ]
    (response,) = make_report(read_story(records)).responses
    assert (response.reply, response.latency) == (2, pytest.approx(1.1))


def test_without_a_recording_the_trace_s_own_times_are_used(conversation):
    report = report_of(conversation, recording=False)
    assert not report.recording
    _, interruption = report.interruptions
    assert interruption.onset is interruption.silence is None
    assert interruption.onset_to_hold == pytest.approx(0.05)
    assert report.onset_to_silence is None
    assert report.response_latency.p50 == pytest.approx(1.06, abs=0.02)


def test_a_clock_that_was_late_is_taken_into_account(make_call):
    """The machine stood still for 0.2 s before the resume: the frames due then were pulled after it."""
    call = make_call((0.5, 1.7, "Tell me."), (4.0, 4.2, ""), duration=9.0)
    (before,) = report_of(call).interruptions
    again = round((before.resumed - 0.2) * RATE)
    call.recording[again : again + round(0.2 * RATE), 1] = 9000
    (blamed,) = report_of(call).interruptions
    assert blamed.onset_to_silence > before.onset_to_silence + 0.2
    offset = next(record["t"] for record in call.records if record.get("note") == "RecordingStarted")
    start = before.decided - 0.2 + offset
    call.records.append({"t": start, "note": "ClockLate", "lasted": 0.2, "delay": 0.2})
    (facts,) = report_of(call).interruptions
    assert facts.onset_to_silence == before.onset_to_silence
    assert facts.resumed == pytest.approx(before.resumed - 0.2, abs=0.001)


def two_replies(late, frames):
    """A reply that is silent 0.1 s after the onset, and the next one 3 s later, whose first tick is so late."""
    user, agent = np.zeros(8 * RATE, np.int16), np.zeros(8 * RATE, np.int16)
    user[2 * RATE : 3 * RATE] = np.random.default_rng(0).normal(0, 5000, RATE).astype(np.int16)
    agent[RATE : round(2.1 * RATE)] = agent[5 * RATE : 6 * RATE] = 8000
    vote = Vote(1.0, "0.75 s of clear speech", "length")
    facts = [
        (0.0, notes.RecordingStarted("call.wav")),
        (0.5, fx.BeginReply(1, 0, True)),
        (1.0, ev.AudioStarted(1.0, 1)),
        (1.0, notes.VoiceStarted(1, 50)),
        (2.08, ev.SpeechStarted(2.08, "user", 0.9, 0.07)),
        (2.08, fx.BeginTurn("user")),
        (2.08, fx.Hold(1, "user")),
        (2.1, notes.VoiceStopped(104)),
        (2.6, fx.Commit(1, 1, "user", "0.75 s of clear speech", (vote,))),
        (3.2, ev.SpeechEnded(3.2, "user", 1.0, 0.2)),
        (4.0, fx.RecordTurn("user", "wait")),
        (4.0, fx.BeginReply(2, 1, True)),
        (5.0 + late, ev.AudioStarted(5.0 + late, 2)),
        (5.0 + late, notes.VoiceStarted(2, 250)),
        (6.0, ev.AudioDrained(6.0, 2)),
        (8.0, notes.RecordingEnded(late)),
    ]
    told = [fact for fact in facts if frames or not isinstance(fact[1], notes.VoiceStarted | notes.VoiceStopped)]
    records = [{"t": 0.0, **HEAD}, *(json.loads(json.dumps(encode_record(*fact))) for fact in told)]
    return make_report(read_story(records), Recording(user, agent, RATE))


@pytest.mark.parametrize(
    ("late", "frames"),
    [*((ms / 1000, frames) for ms in (0, 10, 19, 21, 30, 39) for frames in (True, False)), (2.5, True)],
)
def test_the_next_reply_is_not_the_old_one_however_late_a_tick_was(late, frames):
    report = two_replies(late, frames)
    assert report.onset_to_silence.p50 == pytest.approx(0.1, abs=0.01)
    (response,) = report.responses
    assert response.first_sample == pytest.approx(5.0, abs=0.001)


def test_code_that_interrupts_is_nobody_s_speech(conversation):
    records = [
        {"t": 0.0, **HEAD},
        {"t": 1.0, "effect": "BeginReply", "reply": 1, "epoch": 0, "answer": False},
        {"t": 1.1, "event": "AudioStarted", "at": 1.1, "reply": 1},
        {"t": 2.0, "effect": "Commit", "epoch": 1, "reply": 1, "participant": None, "reason": "asked for by code"},
        {"t": 3.0, "effect": "Commit", "epoch": 2, "reply": None, "participant": None, "reason": "asked for by code"},
    ]
    report = make_report(read_story(records))
    (facts,) = report.interruptions
    assert (facts.participant, facts.onset, facts.decision, facts.epoch) == (None, None, "commit", 1)
    assert report.responses == ()


def test_what_broke_is_in_the_report(conversation):
    records = [
        *conversation.records,
        {"t": 9.0, "note": "ComponentFailed", "component": "TTS", "error": "connection lost"},
        {"t": 9.5, "note": "CallEnded", "error": "the line is dead"},
        {"t": 9.5, "note": "something of a later version", "more": 1},
    ]
    report = make_report(read_story(records))
    assert report.counts.errors == 2
    assert report.errors == ("8.75 s: TTS: connection lost", "9.25 s: the call broke: the line is dead")


def test_the_json_is_plain_and_complete(conversation):
    facts = json.loads(report_json(report_of(conversation)))
    assert next(iter(facts)) == "version"
    assert facts["counts"]["commits"] == 1
    assert facts["interruptions"][1]["said"] == "Wait, when was that?"
    assert facts["onset_to_silence"]["p50"] > 0


def test_a_call_that_broke_off_anywhere_has_a_report(conversation):
    for end in range(1, len(conversation.records) + 1):
        story = read_story(conversation.records[:end])
        report = make_report(
            story, Recording(conversation.recording[: end * 999, 0], conversation.recording[: end * 999, 1], RATE)
        )
        counts = report.counts
        assert counts.interruptions == counts.commits + counts.resumes + counts.undecided
        report_json(report)


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        ([], "no session record"),
        ([{"t": 1.0, "note": "SessionStarted"}], "record 1"),
        (
            [
                {"t": 0.0, **HEAD},
                {"t": 1.0, "effect": "Hold"},
            ],
            "record 2",
        ),
    ],
)
def test_what_is_no_trace_is_refused(records, complaint):
    with pytest.raises(TraceError, match=complaint):
        read_story(records)


def test_a_distribution_of_nothing_and_of_what_is_known():
    assert distribution([None, None]) is None
    spread = distribution([0.1, None, 0.3])
    assert (spread.count, spread.p50, spread.longest) == (2, 0.2, 0.3)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_people_do_the_report_adds_up(make_call, data):
    at, turns = 0.3, []
    for _ in range(data.draw(st.integers(1, 5))):
        at += data.draw(st.floats(0.3, 3.0))
        end = at + data.draw(st.floats(0.1, 1.5))
        turns.append((at, end, data.draw(st.sampled_from(["", "Yes, and then?"]))))
        at = end
    call = make_call(*turns, duration=at + 6.0)
    assert list(replay(call.records)) == []
    report = report_of(call)
    counts = report.counts
    assert counts.interruptions == counts.commits + counts.resumes + counts.undecided
    epochs = [facts.epoch for facts in report.interruptions]
    assert epochs == sorted(epochs)
    for facts in report.interruptions:
        if facts.decided is not None:
            assert facts.hold <= facts.decided
        if facts.onset is not None:
            # The recording's own onset and the one that was played agree.
            assert min(abs(facts.onset - start) for start, _, _ in turns) < 0.02
        if facts.silence is not None and facts.decision == "commit":
            assert facts.onset_to_silence <= 0.06 + 0.02 + 2 * STEP


def test_one_channel_is_no_call(tmp_path):
    with WavWriter(tmp_path / "call.wav", RATE, channels=1) as writer:
        writer.write(np.zeros(100, dtype=np.int16))
    with pytest.raises(AudioFileError, match="is not stereo"):
        Recording.open(tmp_path / "call.wav")
