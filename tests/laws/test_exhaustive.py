"""Every order of events up to a depth, on small alphabets: every law holds at every step, every state comes to rest.

States that differ only in how long the clock has run, in numbers counted on, or in what only labels an effect are one
state. Time passes in two ways: to the next deadline, and halfway there.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.core.floor.laws import STEPS_TO_REST, Facts, look, step

from vision_agents.core.floor import Floor, FloorState, InterruptionPolicy
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.challenge import HOLDING, LINGERING, SETTLING, Challenge
from vision_agents.core.floor.challenger import LONGEST_WINDOW, Challenger
from vision_agents.core.floor.evidence import Vote
from vision_agents.core.floor.late_words import ECHO_DELAY
from vision_agents.core.floor.loudness import Loudness
from vision_agents.core.floor.reply import Reply
from vision_agents.core.floor.strategies.loudness import GOES_ON
from vision_agents.core.floor.turn import Turn, TurnPhase
from vision_agents.core.floor.vocabulary import Vocabulary

ANN, BOB = "ann", "bob"

# One more takes some five times as long.
DEEPER = int(os.environ.get("FLOOR_DEEPER", "0"))

# One of these is less than an interruption needs, two are more.
GROWTH = 0.3
# Of speech; more of it makes no difference to anything.
ENOUGH = 2.0

WORDS = Vocabulary.of("en")

SAID = "shall I go on?"
USUAL, FAINT = -20.0, -38.0

Move = Callable[[Floor, float], Iterator[ev.FloorEvent]]


def hearing(participant: str) -> list[Move]:
    """What may be heard of one participant."""

    def words_known(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
        turn = floor._turns.get(participant)
        if turn is not None:
            yield ev.TranscriptCompleted(now, participant, turn.request)
            yield ev.TranscriptCompleted(now, participant, turn.request - 1)

    return [
        *speech(participant),
        always(ev.TurnEnded, participant, 1.0, None, 9.0),
        always(ev.TurnStarted, participant),
        always(ev.TranscriptReceived, participant, "yes", True),
        words_known,
        always(ev.ParticipantLeft, participant),
    ]


def of_a_reply(kind: Callable[[float, int], ev.ReplyEvent]) -> Move:
    """Something about each reply that there is, and one that there is not."""

    def happens(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
        numbers = {floor.reply, *(waiting.number for waiting in floor._replies.queue), 0}
        yield from (kind(now, number) for number in numbers if number is not None)

    return happens


def part_fails(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
    """A part fails at the reply that has the voice, of which there is something by then or not."""
    if floor.reply is not None:
        yield ev.ReplyFailed(now, floor.reply, again=True)
        yield ev.ReplyFailed(now, floor.reply, begun=True, again=True)


def of_a_draft(kind: type[ev.ReplyEvent]) -> Move:
    """Something about the reply that is prepared."""

    def happens(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
        if floor._replies.draft is not None:
            yield kind(now, floor._replies.draft.number)

    return happens


def next_reply(kind: type[ev.ReplyEvent], *facts: Any) -> Move:
    """A reply is wanted, or made."""
    return lambda floor, now: iter([kind(now, floor.last_reply + 1, *facts)])


def voice(*, realtime: bool = False) -> list[Move]:
    """What may become of the agent's voice."""
    moves: list[Move] = [of_a_reply(kind) for kind in (ev.AudioStarted, ev.AudioDrained, ev.ReplyFailed)]
    moves.append(next_reply(ev.ReplyRequested))
    moves.append(next_reply(ev.ReplyRequested, False))
    moves.append(next_reply(ev.ReplyRequested, True, True))
    moves.append(always(ev.InterruptRequested))
    if realtime:
        moves.append(next_reply(ev.ReplyStarted))
        moves.append(of_a_reply(ev.AnswerLost))
    return moves


def inside(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
    """A function wants something said: in the reply that waits for it, in one that is over, or of a realtime model."""
    number = floor.last_reply + 1
    if floor.reply is not None:
        yield ev.ReplyRequested(now, number, True, True, floor.reply)
        yield ev.ReplyRequested(now, number, False, True, floor.reply)
        yield from (ev.AudioDrained(now, inner) for inner in _insertions(floor))
        yield from (ev.ReplyFailed(now, inner) for inner in _insertions(floor))
    yield ev.ReplyRequested(now, number, True, True, 0)


def slow_functions(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
    """A function runs that has a filler, and one that was given up returns."""
    for number in {floor.reply, 0} - {None}:
        yield ev.FunctionStarted(now, number, "one moment", 1.0)
        yield ev.FunctionStarted(now, number, "one moment", 1.0, True)
    yield ev.FunctionFound(now, floor.epoch)


def _insertions(floor: Floor) -> list[int]:
    return list(floor._replies.reply.insertions) if floor._replies.reply is not None else []


def always(kind: type[ev.FloorEvent], *facts: Any) -> Move:
    """An event that may come whatever else is."""
    return lambda floor, now: iter([kind(now, *facts)])


def window(participant: str, confidence: float = 1.0, level: float | None = None) -> Move:
    """Another window of speech, of which the detector is more or less sure."""

    def grows(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
        turn = floor._turns.get(participant)
        counted = turn.speech.counted if turn else 0.0
        yield ev.SpeechContinued(now, participant, confidence, counted + GROWTH, level)

    return grows


def speech(participant: str) -> list[Move]:
    """What a detector reports."""
    kinds = (ev.SpeechStarted, ev.SpeechEnded, ev.TurnEnded)
    return [always(kind, participant) for kind in kinds] + [window(participant)]


def words(participant: str) -> list[Move]:
    """What a recogniser reports: an "uh-huh", a command, something else, nothing; and that this is all."""

    def known(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
        turn = floor._turns.get(participant)
        if turn is not None:
            yield ev.TranscriptCompleted(now, participant, turn.request)

    heard = [("uh-huh", False), ("uh-huh stop", False), ("tell me", True), ("", True)]
    return [known, *(always(ev.TranscriptReceived, participant, text, final, 0.9) for text, final in heard)]


def evidence(participant: str) -> list[Move]:
    """What else may be known of speech, and be voted on it from outside."""

    def votes(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
        number = floor._judge._last_number
        yield ev.Voted(now, participant, number, "mine", 0.5, "for it")
        yield ev.Voted(now, participant, number, "mine", -9.0, "against it")
        yield ev.Voted(now, participant, number - 1, "mine", 9.0, "too late")

    return [
        votes,
        always(ev.VoiceCompared, participant, 0.1),
        always(ev.InterruptingAllowed, participant, False),
        always(ev.InterruptingAllowed, participant, True),
        always(ev.AgentWordsPlayed, 1, SAID),
        always(ev.TranscriptReceived, participant, "okay", False),
        always(ev.TranscriptReceived, participant, "shall I go", False),
        window(participant, 0.5),
        window(participant, level=FAINT),
    ]


def audible(*, answers: bool = True) -> list[ev.FloorEvent]:
    """A reply sounds: of a model that makes it of its own accord, or as code wanted it."""
    begun = ev.ReplyRequested(0.0, 1) if answers else ev.ReplyStarted(0.0, 1)
    return [begun, ev.AudioStarted(0.0, 1)]


def answered(participant: str) -> list[ev.FloorEvent]:
    """The answer to what the participant said sounds."""
    return [
        ev.SpeechStarted(0.0, participant, 1.0),
        ev.SpeechContinued(0.0, participant, 1.0, 1.0, USUAL),
        ev.TurnEnded(0.0, participant),
        ev.TranscriptReceived(0.0, participant, "tell me", True),
        ev.TranscriptCompleted(0.0, participant, 1),
        ev.AudioStarted(0.0, 1),
    ]


@dataclass(frozen=True)
class World:
    """An alphabet, how deep to go, and the floor to begin with: what has happened to it."""

    name: str
    moves: list[Move]
    depth: int
    policy: InterruptionPolicy
    answers: bool = True
    before: list[ev.FloorEvent] = field(default_factory=list)
    apology: str = ""


# One waits beside the one that speaks: more of them add states but no behaviour.
POLICY = InterruptionPolicy(queue_limit=1)
UNHELD = InterruptionPolicy(queue_limit=1, hold=False)

WORLDS = [
    World("one person", hearing(ANN) + voice(), 6, POLICY),
    World("one person, no hold", hearing(ANN) + voice(), 5, UNHELD),
    World("two people", hearing(ANN) + hearing(BOB) + voice(), 4, POLICY),
    World("realtime", hearing(ANN) + voice(realtime=True), 5, POLICY, answers=False),
    World(
        "words over a reply",
        speech(ANN) + words(ANN) + [of_a_reply(ev.AudioStarted), of_a_reply(ev.AudioDrained)],
        6,
        POLICY,
        before=audible(),
    ),
    World(
        "words over a realtime reply",
        speech(ANN) + words(ANN) + [of_a_reply(ev.AudioDrained), next_reply(ev.ReplyStarted)],
        6,
        POLICY,
        answers=False,
        before=audible(answers=False),
    ),
    World(
        "functions and silence",
        speech(ANN)
        + words(ANN)
        + voice()
        + [of_a_reply(ev.FunctionStarted), of_a_reply(ev.FunctionEnded), always(ev.ParticipantLeft, ANN)],
        4,
        POLICY,
        before=[ev.ParticipantJoined(0.0, ANN), *audible()],
    ),
    World(
        "functions that speak",
        [
            *speech(ANN),
            inside,
            *map(of_a_reply, (ev.FunctionStarted, ev.FunctionEnded, ev.AudioStarted, ev.AudioDrained)),
            always(ev.InterruptRequested),
        ],
        5,
        POLICY,
        before=audible(),
    ),
    *(
        World(
            name,
            [
                *speech(ANN),
                slow_functions,
                always(ev.TranscriptReceived, ANN, "tell me", True),
                *map(of_a_reply, (ev.FunctionEnded, ev.AudioStarted, ev.AudioDrained, ev.ReplyFailed)),
                *map(next_reply, (ev.ReplyRequested, *started)),
                always(ev.InterruptRequested),
            ],
            4,
            POLICY,
            answers=not started,
            before=before,
        )
        for name, started, before in (
            ("slow functions", (), answered(ANN)[:-1]),
            ("slow functions of a realtime model", (ev.ReplyStarted,), []),
        )
    ),
    World(
        "functions of a realtime model that speak",
        [
            *speech(ANN),
            inside,
            *map(next_reply, (ev.ReplyStarted, ev.ReplyRequested)),
            *map(of_a_reply, (ev.AudioStarted, ev.AudioDrained)),
            always(ev.InterruptRequested),
        ],
        5,
        POLICY,
        answers=False,
        before=audible(answers=False),
    ),
    World(
        "functions of a realtime model that wait",
        [
            *hearing(ANN),
            always(ev.CallsWait, 1),
            always(ev.CallsWait, 0),
            next_reply(ev.ReplyStarted),
            of_a_reply(ev.AudioDrained),
            always(ev.InterruptingAllowed, ANN, False),
            always(ev.InterruptRequested),
        ],
        5,
        POLICY,
        answers=False,
    ),
    World(
        "coming and going",
        speech(ANN)
        + [always(kind, who) for kind in (ev.ParticipantJoined, ev.ParticipantLeft) for who in (ANN, BOB)]
        + [always(ev.TranscriptReceived, ANN, text, final) for text, final in (("bye", True), ("bye", False))]
        + [of_a_reply(ev.AudioDrained), next_reply(ev.ReplyRequested), always(ev.CallOver)],
        5,
        POLICY,
        before=[ev.ParticipantJoined(0.0, ANN), *answered(ANN)],
    ),
    World(
        "coming and going, realtime",
        speech(ANN)
        + [always(kind, who) for kind in (ev.ParticipantJoined, ev.ParticipantLeft) for who in (ANN, BOB)]
        + [always(ev.TranscriptReceived, ANN, "bye", True), of_a_reply(ev.AnswerLost)]
        + [next_reply(ev.ReplyStarted), next_reply(ev.ReplyRequested), always(ev.CallOver)],
        5,
        POLICY,
        answers=False,
        before=[ev.ParticipantJoined(0.0, ANN), *audible(answers=False)],
    ),
    World(
        "answers that are prepared",
        [
            *speech(ANN),
            *words(ANN),
            *(always(kind, ANN) for kind in (ev.TurnStarted, ev.TurnEndExpected, ev.TurnResumed, ev.ParticipantLeft)),
            always(ev.SpeechStarted, BOB),
            next_reply(ev.ReplyRequested),
            of_a_draft(ev.ReplyFailed),
            of_a_reply(ev.PreparedInVain),
            always(ev.InterruptRequested),
        ],
        4,
        InterruptionPolicy(queue_limit=1, prepare=True),
        before=[ev.TurnStarted(0.0, ANN)],
    ),
    World(
        "pauses that are judged",
        [
            *speech(ANN),
            *words(ANN),
            *(always(ev.PauseJudged, ANN, confidence) for confidence in (0.02, 0.999)),
            of_a_reply(ev.AudioStarted),
        ],
        5,
        POLICY,
    ),
    World(
        "parts that fail",
        [
            *speech(ANN),
            always(ev.TranscriptReceived, ANN, "tell me", True),
            part_fails,
            *map(of_a_reply, (ev.AudioStarted, ev.AudioDrained, ev.FunctionEnded)),
            of_a_reply(lambda at, number: ev.FunctionStarted(at, number, told=True)),
            *(next_reply(ev.ReplyRequested, interruptible) for interruptible in (True, False)),
            always(ev.FunctionFound, 0),
            always(ev.InterruptRequested),
        ],
        4,
        POLICY,
        before=answered(ANN)[:-1],
        apology="sorry",
    ),
    World(
        "parts that fail, realtime",
        [
            *speech(ANN),
            always(ev.TranscriptReceived, ANN, "tell me", True),
            part_fails,
            *map(of_a_reply, (ev.AudioStarted, ev.AudioDrained, ev.FunctionStarted, ev.FunctionEnded, ev.AnswerLost)),
            next_reply(ev.ReplyStarted),
            *(next_reply(ev.ReplyRequested, interruptible) for interruptible in (True, False)),
            always(ev.InterruptRequested),
        ],
        4,
        POLICY,
        answers=False,
        before=audible(answers=False),
        apology="sorry",
    ),
    World("evidence over an answer", speech(ANN) + evidence(ANN), 5, POLICY, before=answered(ANN)),
    World(
        "only the one spoken to",
        speech(ANN) + words(ANN) + speech(BOB) + words(BOB) + [always(ev.ParticipantLeft, BOB)],
        5,
        InterruptionPolicy(queue_limit=1, interruptible_by="spoken_to"),
        before=answered(ANN),
    ),
]


def essence(floor: Floor, now: float) -> tuple[object, ...]:
    """What a floor's future depends on: times as ages, numbers as distances."""
    challenge, reply, queue = floor._judge.challenge, floor._replies.reply, floor._replies.queue
    people = floor._judge.people
    last = floor.last_reply

    def age(when: float | None) -> float | None:
        return None if when is None else round(now - when, 6)

    def since(when: float | None) -> float | None:
        return None if when is None else min(round(now - when, 6), GOES_ON + 1.0)

    def of_turn(turn: Turn) -> tuple[object, ...]:
        quiet = turn.phase is TurnPhase.QUIET
        challenger = challenge.challengers.get(turn.participant) if challenge else None
        return (
            turn.participant,
            turn.phase,
            turn.lapsed,
            None if quiet else age(turn.since),
            None if quiet else age(turn.speech.began),
            min(round(turn.speech.voiced, 6), ENOUGH),
            _of_loudness(turn.speech.loudness),
            _of_challenger(challenger, turn, now) if challenger else None,
            turn.speech.windows,
            turn.speech.confidence >= floor.policy.clear_speech,
            turn.claimed,
            turn.announced,
            turn.unanswered,
            turn.cut is not None,
            turn.done is not None,
            tuple(turn.words.final),
            turn.words.partial,
            turn.words.reported,
            turn.words.confidence,
            turn.end_expected,
            turn.drafts,
            turn.words_awaited,
            # The pauses before this one matter by it alone; of later ones the world of `PauseJudged` sees most orders.
            None if (due := floor._taking._due(turn)) is None else age(due),
            (turn.closed.announced, turn.closed.text, turn.closed.guess) if turn.closed else None,
            (dismissed := floor._judge.late_words.dismissed.get(turn.participant)) is not None,
            of_votes(dismissed.given if dismissed is not None else ()),
        )

    return (
        floor._over,
        tuple(of_turn(turn) for turn in floor._turns.values()),
        floor._taking._detected,
        age(floor._replies.answer_due_since),
        floor._replies.calls_wait,
        (last - draft.number, draft.participant, draft.text) if (draft := floor._replies.draft) else None,
        tuple(sorted(floor._replies.addressees)),
        (*_of_reply(reply, last), age(reply.since), age(reply.failed_at), tuple(reply.insertions.values()))
        if reply
        else None,
        age(reply.wanted) if reply and reply.failures else None,
        (last - said.number, said.stopped) if (said := floor._replies.said) else None,
        _of_challenge(challenge, now) if challenge else None,
        tuple(
            (
                age(w.since),
                w.interruptible,
                w.started,
                w.number is None,
                w.news,
                w.later > 0,
                w.filler,
                w.continues is None,
                w.inner,
                w.stopped,
                w.failures,
                age(w.wanted) if w.failures else None,
            )
            for w in queue
        ),
        tuple(
            (place, *_of_reply(w.aside, last), age(w.aside.since))
            for place, w in enumerate(queue)
            if w.aside is not None
        ),
        (floor._presence.away, tuple(sorted(floor._presence.participants)), age(floor._presence.idle_since))
        if floor._presence.participants
        else None,
        tuple(sorted((who, turn.text != "", turn.guess) for who, turn in floor._presence.left.items())),
        tuple(
            (number and last - number, run.count, age(run.since), run.filler, age(run.filler_at), run.told)
            for number, run in floor._replies.functions.items()
        ),
        tuple((number and last - number, age(w.since), w.over) for number, w in floor._replies.waits.items()),
        (floor._replies.news, floor._replies.later > 0, floor._replies.silenced - floor.epoch),
        (floor._replies.known, floor._replies.learnt, floor._replies.understood, floor._replies.shelved),
        people.agent_words,
        now < people.agent_words_at + ECHO_DELAY,
        tuple(
            sorted(
                (who, p.allowed, age(p.echoed_at), _of_loudness(p.usual), since(p.spoke_at))
                for who, p in people.known.items()
            ),
        ),
    )


def _of_reply(reply: Reply, last: int) -> tuple[object, ...]:
    to = tuple(sorted(reply.to)) if reply.to is not None else None
    again = (reply.stopped, reply.failures, reply.filler)
    return (reply.interruptible, reply.answer, reply.news, reply.phase, last - reply.number, to, again)


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


def freeze(floor: Floor) -> bytes:
    """A copy of the state; not of the policy, which takes the longest and never changes."""
    policy, vocabulary = floor.policy, floor.vocabulary
    floor.__dict__.update(policy=None, vocabulary=None)
    floor._judge.__dict__.update(policy=None, vocabulary=None)
    floor._recovery.policy = None  # type: ignore[assignment]
    floor._judge.late_words.__dict__.update(_vocabulary=None)
    frozen = pickle.dumps(floor)
    equip(floor, policy, vocabulary)
    return frozen


def equip(floor: Floor, policy: InterruptionPolicy, vocabulary: Vocabulary) -> None:
    """Give a floor what `freeze` leaves out."""
    floor.policy = floor._judge.policy = floor._recovery.policy = policy
    floor.vocabulary = floor._judge.vocabulary = floor._judge.late_words._vocabulary = vocabulary


class Explorer:
    """Breadth first from a new floor."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.states = 0
        self.steps = 0
        # Deadlines from a state to rest, of the states where that is known.
        self._to_rest: dict[tuple[object, ...], int] = {}

    def explore(self) -> None:
        world = self.world
        floor = Floor(world.policy, answers=world.answers, vocabulary=WORDS, apology=world.apology)
        for event in self.world.before:
            step(floor, event)
        frontier = [(floor, 0.0)]
        seen = {essence(floor, 0.0)}
        for _ in range(self.world.depth + DEEPER):
            following: list[tuple[Floor, float]] = []
            for floor, now in frontier:
                for state in self._next(floor, now):
                    key = essence(*state)
                    if key not in seen:
                        seen.add(key)
                        self._rest(*state, key)
                        following.append(state)
            frontier = following
        self.states = len(seen)

    def _next(self, floor: Floor, now: float) -> Iterator[tuple[Floor, float]]:
        frozen, before = freeze(floor), look(floor)
        for move in self.world.moves:
            for event in move(floor, now):
                yield self._after(frozen, before, event)
        if floor.deadline is not None:
            yield self._after(frozen, before, ev.TimePassed(max(now, floor.deadline)))
            yield self._after(frozen, before, ev.TimePassed((now + max(now, floor.deadline)) / 2))

    def _after(self, frozen: bytes, before: Facts, event: ev.FloorEvent) -> tuple[Floor, float]:
        floor: Floor = pickle.loads(frozen)
        equip(floor, self.world.policy, WORDS)
        step(floor, event, before)
        self.steps += 1
        return floor, event.at

    def _rest(self, floor: Floor, now: float, key: tuple[object, ...]) -> None:
        """From here, deadlines alone lead to IDLE, in a bounded number of steps."""
        path = []
        while key not in self._to_rest:
            path.append(key)
            assert len(path) <= STEPS_TO_REST, f"the floor never rests: {floor.state}"
            if floor.deadline is None:
                assert floor.state is FloorState.IDLE
                break
            floor, now = self._after(freeze(floor), look(floor), ev.TimePassed(max(now, floor.deadline)))
            key = essence(floor, now)
        steps = self._to_rest.get(key, -1)
        for key in reversed(path):
            steps += 1
            self._to_rest[key] = steps

    @property
    def longest_way_to_rest(self) -> int:
        return max(self._to_rest.values())


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_every_order_of_events(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    explorer = Explorer(world)
    began = time.perf_counter()
    explorer.explore()
    with capsys.disabled():
        print(
            f"\n{world.name}, depth {world.depth + DEEPER}: {explorer.states:,} states, {explorer.steps:,} steps, "
            f"at most {explorer.longest_way_to_rest} deadlines to rest, {time.perf_counter() - began:.1f} s"
        )
    # Fewer would mean that the alphabet no longer reaches what it is here for.
    assert explorer.states > 1_000
