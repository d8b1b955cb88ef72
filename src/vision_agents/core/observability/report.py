"""Making the report of a call from its trace and its recording."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ..trace.stages import STAGES
from .acoustics import Recording
from .facts import AnswerFacts, Counts, Distribution, InterruptionFacts, Report, ResponseFacts, distribution
from .story import Challenge, ReplyStory, Story
from .words import reply_facts, word_facts

# A recording's frame: what was pulled sounds for so long after, whatever is decided meanwhile.
FRAME = 0.02

# A tick of the recording's clock may be so late without a note of its own.
UNNOTED = 0.04

# How far from a reply's first pulled sample, or from a commit, its audible ones are looked for.
SEARCH = 10.0

# A voice that was last audible so long before the user spoke was not silenced by it.
PAUSE = 1.0


def make_report(story: Story, recording: Recording | None = None) -> Report:
    """Put together what the trace tells and what the recording shows."""
    interruptions = tuple(_interruption(challenge, story, recording) for challenge in story.challenges)
    responses = tuple(_responses(story, recording))
    answers = tuple(_answers(story))
    return Report(
        started=story.started,
        duration=_round(recording.duration if recording is not None else story.duration) or 0.0,
        recording=recording is not None,
        worst_delay=_round(story.worst_delay),
        counts=_count(story),
        onset_to_silence=distribution(interruption.onset_to_silence for interruption in interruptions),
        hold_to_decision=distribution(interruption.hold_to_decision for interruption in interruptions),
        response_latency=distribution(response.latency for response in responses),
        interruptions=interruptions,
        responses=responses,
        answers=answers,
        stages=_stages(answers),
        replies=tuple(reply_facts(reply) for reply in story.replies if reply.heard or reply.unheard),
        words=word_facts(story.replies),
        errors=tuple(f"{at:.2f} s: {text}" for at, text in story.errors),
        policy=story.policy,
    )


def report_json(report: Report) -> str:
    """The text of `report.json`."""
    facts: dict[str, Any] = {"version": report.version, **asdict(report)}
    return json.dumps(facts, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _interruption(challenge: Challenge, story: Story, recording: Recording | None) -> InterruptionFacts:
    stopped = challenge.hold if challenge.hold is not None else challenge.decided
    reply = _reply(story, challenge.reply)
    counted = challenge.counted
    rest = _reply(story, challenge.continued_by)
    onset, silence, resumed = None, None, None
    if recording is not None and stopped is not None:
        if challenge.participant is not None:
            onset = recording.speech_onset(stopped)
        until = _until(challenge, story, recording)
        if reply is not None and reply.started is not None and reply.started <= stopped:
            silence = recording.last_audible(min(stopped, onset or stopped) - PAUSE, until)
        if challenge.decision == "resume":
            resumed = recording.first_audible(until, until + SEARCH)
    start = onset if onset is not None else challenge.onset
    return InterruptionFacts(
        participant=challenge.participant,
        reply=challenge.reply,
        epoch=challenge.epoch,
        onset=_round(onset),
        onset_detected=_round(challenge.onset),
        hold=_round(challenge.hold),
        silence=_round(silence),
        decided=_round(challenge.decided),
        onset_to_hold=_between(start, challenge.hold),
        # Silent already when the user began: nothing had to be stopped.
        onset_to_silence=_between(start, None if silence is None or start is None else max(silence, start)),
        hold_to_decision=_between(challenge.hold, challenge.decided),
        decision=challenge.decision,
        reason=challenge.reason,
        resumed=_round(resumed),
        rewound=round(challenge.rewound, 4),
        said=challenge.said,
        heard=challenge.heard,
        unheard=challenge.unheard,
        estimated=reply.estimated if reply is not None else False,
        stale_chunks=challenge.stale_chunks,
        stale_samples=challenge.stale_samples,
        evidence=challenge.evidence,
        silence_told=_round(counted.silence) if counted is not None else None,
        time_to_silence=_round(counted.time_to_silence) if counted is not None else None,
        samples_dropped=counted.samples_dropped if counted is not None else None,
        refused_at=_round(challenge.before.decided) if challenge.before is not None else None,
        accepted_at=_round(challenge.after.decided) if challenge.after is not None else None,
        continued_by=challenge.continued_by,
        continued=_round(rest.started) if rest is not None else None,
    )


def _until(challenge: Challenge, story: Story, recording: Recording) -> float:
    """Up to when the agent should be silent: whatever is audible until then counts against it."""
    decided = challenge.decided if challenge.decided is not None else recording.duration
    if challenge.decision != "commit":
        return max(challenge.hold or 0.0, _voice_after(story, decided, decided, None))
    following = (reply.started for reply in story.replies if reply.started is not None and reply.started > decided)
    after = min(following, default=recording.duration)
    # After a commit nothing may come but the next reply.
    return min(_voice_after(story, decided, after, challenge.reply), decided + SEARCH)


def _voice_after(story: Story, decided: float, at: float, cut: int | None) -> float:
    """Find where in the recording the first voice after the decision begins that is not `cut`; it is noted at `at`.

    By the frames that were pulled; in traces without them, as far before `at` as its clock may have been late.
    """
    following = (stretch.start for stretch in story.voice if stretch.noted >= decided and stretch.reply != cut)
    return next(following, at) if story.voice else at - _margin(story, at)


def _margin(story: Story, at: float) -> float:
    """The time by which the trace may be behind the sample that was pulled: a clock that was late catches up."""
    usual = min(story.worst_delay or 0.0, UNNOTED)
    return max((late.delay for late in story.late if late.start <= at <= late.end + FRAME), default=usual)


def _responses(story: Story, recording: Recording | None) -> Iterable[ResponseFacts]:
    for reply in story.replies:
        end = reply.stages.speech_end if reply.stages is not None else None
        if end is None or reply.started is None:
            continue
        acoustic_end, first = None, None
        if recording is not None:
            start = _start_of(reply, story, reply.started)
            acoustic_end, first = recording.speech_end(end), recording.first_audible(start, reply.started + SEARCH)
        latency = (first if first is not None else reply.started) - (acoustic_end if acoustic_end is not None else end)
        yield ResponseFacts(
            reply=reply.number,
            epoch=reply.epoch,
            speech_end=_round(acoustic_end),
            speech_end_detected=round(end, 4),
            first_sample=_round(first),
            first_pulled=round(reply.started, 4),
            latency=round(latency, 4),
        )


def _answers(story: Story) -> Iterable[AnswerFacts]:
    for reply in story.replies:
        if reply.stages is not None:
            yield AnswerFacts(
                reply=reply.number,
                epoch=reply.epoch,
                participant=reply.to,
                stages=reply.stages.rounded(4),
                durations={stage: round(seconds, 4) for stage, seconds in reply.stages.durations.items()},
                total=_round(reply.stages.total),
                continues=reply.continues,
            )


def _stages(answers: Iterable[AnswerFacts]) -> dict[str, Distribution]:
    heard = [answer.durations for answer in answers if answer.total is not None]
    spreads = {stage: distribution(took.get(stage) for took in heard) for stage in STAGES}
    return {stage: spread for stage, spread in spreads.items() if spread is not None}


def _start_of(reply: ReplyStory, story: Story, started: float) -> float:
    """Find where in the recording a reply begins that was noted at `started`."""
    own = (stretch.start for stretch in story.voice if stretch.reply == reply.number)
    return next(own, started - _margin(story, started))


def _count(story: Story) -> Counts:
    decisions = [challenge.decision for challenge in story.challenges]
    return Counts(
        turns=sum(turn.taken for turn in story.turns),
        typed=sum(text.participant is not None for text in story.texts),
        discarded=sum(not turn.taken for turn in story.turns),
        replies=len(story.replies),
        unheard_replies=sum(reply.started is None for reply in story.replies),
        interruptions=len(decisions),
        commits=decisions.count("commit"),
        resumes=decisions.count("resume"),
        undecided=decisions.count("none"),
        stale_chunks=story.stale_chunks,
        input_tokens=story.input_tokens,
        output_tokens=story.output_tokens,
        stale_samples=story.stale_samples,
        errors=len(story.errors),
        late_commits=sum(challenge.before is not None for challenge in story.challenges),
        recovered=sum(_started(story, challenge.continued_by) for challenge in story.challenges),
    )


def _reply(story: Story, number: int | None) -> ReplyStory | None:
    return next((reply for reply in story.replies if reply.number == number), None)


def _started(story: Story, number: int | None) -> bool:
    reply = _reply(story, number)
    return reply is not None and reply.started is not None


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 4)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
