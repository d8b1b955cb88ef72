"""The essence of a floor: two of the same essence are one state, for the same events have the same effects on them.

States that differ only in how long the clock has run, in numbers counted on, or in what only labels an effect are one.
"""

from __future__ import annotations

from collections.abc import Iterable

from vision_agents.core.floor import Floor
from vision_agents.core.floor.challenge import HOLDING, LINGERING, SETTLING, Challenge
from vision_agents.core.floor.challenger import LONGEST_WINDOW, Challenger
from vision_agents.core.floor.evidence import Vote
from vision_agents.core.floor.late_words import ECHO_DELAY
from vision_agents.core.floor.loudness import Loudness
from vision_agents.core.floor.reply import Attempt, Reply
from vision_agents.core.floor.strategies.loudness import GOES_ON
from vision_agents.core.floor.turn import Turn, TurnPhase

# Of speech; more of it makes no difference to anything.
ENOUGH = 2.0

Essence = tuple[object, ...]


def essence(floor: Floor, now: float) -> Essence:
    """Return what a floor's future depends on: times as ages, numbers as distances."""
    challenge, reply, queue = floor._judge.challenge, floor._replies.reply, floor._replies.queue
    people, owed, heard = floor._judge.people, floor._replies.owed, floor._replies.apologised
    said = None if floor.answers else floor._replies.said
    places = _places(floor)

    def age(when: float | None) -> float | None:
        return None if when is None else round(now - when, 6)

    def place(number: int | None) -> int | None:
        return None if number is None else places[number]

    def of_reply(reply: Reply) -> tuple[object, ...]:
        number, to, again = place(reply.number), _people(reply.to), of_attempt(reply.attempt)
        return (reply.interruptible, reply.answer, reply.news, reply.inner, reply.phase, number, to, again)

    def of_attempt(attempt: Attempt) -> tuple[object, ...]:
        covered = heard is not None and attempt.wanted <= heard
        return (attempt.stopped, attempt.failures, attempt.filler, attempt.is_apology, attempt.owed, covered)

    def since(when: float | None) -> float | None:
        return None if when is None else min(round(now - when, 6), GOES_ON + 1.0)

    def attempted(attempt: Attempt) -> float:
        # Later attempts have what the first one has left of its time.
        return min(round(now - attempt.begun, 6), floor.policy.reply_timeout)

    def of_turn(turn: Turn) -> tuple[object, ...]:
        quiet = turn.phase is TurnPhase.QUIET
        challenger = challenge.challengers.get(turn.participant) if challenge else None
        early = None if floor.answers else floor._taking._ended_early.get(turn.participant)
        return (
            turn.participant,
            turn.phase,
            turn.detection.lapsed,
            None if quiet else age(turn.since),
            None if quiet else age(turn.speech.began),
            min(round(turn.speech.voiced, 6), ENOUGH),
            _of_loudness(turn.speech.loudness),
            _of_challenger(challenger, turn, now) if challenger else None,
            turn.speech.windows,
            turn.speech.confidence >= floor.policy.clear_speech,
            turn.detection.claimed,
            turn.announced,
            turn.cut_off.unanswered,
            place(turn.cut_off.reply),
            turn.detection.done is not None,
            tuple(turn.words.final),
            turn.words.partial,
            turn.words.reported,
            turn.words.confidence,
            turn.detection.end_expected,
            turn.drafts,
            turn.words.awaited,
            # The pauses before this one matter by it alone; of later ones the world of `PauseJudged` sees most orders.
            None if (due := floor._taking._due(turn)) is None else age(due),
            (turn.closed.announced, turn.closed.text, turn.closed.guess) if turn.closed else None,
            (dismissed := floor._judge.late_words.dismissed.get(turn.participant)) is not None,
            of_votes(dismissed.given if dismissed is not None else ()),
            age(early),
            (turn.understood, turn.understood_from >= now, turn.taken <= owed.asked_from),
        )

    return (
        floor._over,
        tuple(of_turn(turn) for turn in floor._turns.values()),
        floor._taking._detected,
        (age(owed.since), owed.suspended, owed.overdue, owed.part, owed.understood),
        (tuple(sorted(owed.asked)), owed.asked_from >= now),
        floor._replies.calls_wait,
        (place(draft.number), draft.participant, draft.text) if (draft := floor._replies.draft) else None,
        tuple(sorted(floor._replies.addressees)),
        (*of_reply(reply), age(reply.since), age(reply.failed_at), tuple(reply.insertions.values())) if reply else None,
        attempted(reply.attempt) if reply and not (reply.attempt.filler or reply.inner) else None,
        # Only a realtime model says of what was heard to its end that it was not all.
        (place(said.number), said.interruptible, of_attempt(said.attempt), _people(said.to)) if said else None,
        _of_challenge(challenge, now) if challenge else None,
        tuple(
            (
                age(w.since),
                w.interruptible,
                w.started,
                place(w.number),
                w.news,
                w.later > 0,
                place(w.continues),
                w.inner,
                of_attempt(w.attempt),
                attempted(w.attempt) if w.attempt.failures else None,
            )
            for w in queue
        ),
        tuple((index, *of_reply(w.aside), age(w.aside.since)) for index, w in enumerate(queue) if w.aside is not None),
        (floor._presence.away, tuple(sorted(floor._presence.participants)), age(floor._presence.idle_since))
        if floor._presence.participants
        else None,
        tuple(sorted((who, turn.text != "", turn.guess) for who, turn in floor._presence.left.items())),
        tuple(
            (place(number), run.count, age(run.since), run.filler, age(run.filler_at), run.told)
            for number, run in floor._replies.functions.items()
        ),
        tuple((place(number), age(w.since), w.over) for number, w in floor._replies.waits.items()),
        (floor._replies.news, floor._replies.later > 0, floor._replies.silenced - floor.epoch),
        (floor._replies.known, floor._replies.learnt, floor._replies.shelved, *sorted(floor._replies.news_owed)),
        heard is not None and heard >= now,
        people.agent_words,
        min(round(now - people.agent_words_at, 6), ECHO_DELAY),
        tuple(
            sorted(
                (who, p.allowed, age(p.echoed_at), _of_loudness(p.usual), since(p.spoke_at))
                for who, p in people.known.items()
            ),
        ),
    )


def _places(floor: Floor) -> dict[int, int]:
    """Number anew the replies that a floor knows of: it only asks which of them are the same."""
    replies, turns = floor._replies, floor._turns.values()
    known = {*(turn.cut_off.reply for turn in turns), *replies.functions, *replies.waits}
    known |= {number for waiting in replies.queue for number in (waiting.number, waiting.continues)}
    made = (replies.reply, replies.draft, None if floor.answers else replies.said)
    known |= {reply.number for reply in made if reply is not None}
    # 0 is what a realtime model owes and has not begun.
    return {0: 0} | {number: place for place, number in enumerate(sorted(filter(None, known)), 1)}


def _people(to: frozenset[str] | None) -> tuple[str, ...] | None:
    return tuple(sorted(to)) if to is not None else None


def _of_challenge(challenge: Challenge, now: float) -> tuple[object, ...]:
    held, quiet = challenge.phase in HOLDING, challenge.phase in (SETTLING, LINGERING)
    return (
        challenge.phase,
        challenge.may_hold,
        challenge.contested,
        challenge.expired,
        round(now - challenge.opened, 6) if challenge.contested else None,
        challenge.releases,
        round(now - challenge.held_since, 6) if held or challenge.contested else None,
        round(now - challenge.quiet_since, 6) if quiet else None,
    )


def _of_challenger(challenger: Challenger, turn: Turn, now: float) -> tuple[object, ...]:
    speech, recognition = challenger.speech, challenger.recognition
    return (
        challenger.fresh,
        recognition.words_before,
        min(round(speech.voiced, 6), ENOUGH),
        round(speech.ungained(turn.speech), 6),
        round(speech.clear, 6),
        speech.certain,
        min(round(speech.elapsed, 6), ENOUGH),
        min(round(now - speech.observed_at, 6), LONGEST_WINDOW),
        _of_loudness(speech.loudness),
        recognition.transcribed,
        recognition.covers(turn.speech.last_sound),
        recognition.final,
        None if challenger.since_turn is None else challenger.since_turn <= GOES_ON,
        recognition.confidence,
        challenger.similarity,
        challenger.detector_confirmed,
        of_votes(challenger.votes.values()),
    )


def of_votes(votes: Iterable[Vote]) -> tuple[object, ...]:
    return tuple((vote.strategy, vote.weight) for vote in votes)


def _of_loudness(loudness: Loudness) -> tuple[object, ...]:
    return (round(loudness.power, 9), round(loudness.seconds, 6))
