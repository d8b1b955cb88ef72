"""Small worlds for `test_exhaustive`: what may happen in each, and what has happened in it already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from vision_agents.core.floor import Floor, InterruptionPolicy
from vision_agents.core.floor import events as ev

ANN, BOB = "ann", "bob"

# One of these is less than an interruption needs, two are more.
GROWTH = 0.3
SAID = "shall I go on?"
USUAL, FAINT = -20.0, -38.0

Move = Callable[[Floor, float], Iterator[ev.FloorEvent]]


def hearing(participant: str) -> list[Move]:
    """What may be heard of one participant."""

    def words_known(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
        turn = floor._turns.get(participant)
        if turn is not None:
            yield ev.TranscriptCompleted(now, participant, turn.words.request)
            yield ev.TranscriptCompleted(now, participant, turn.words.request - 1)

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


def found(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
    """A function returns that was wanted in this epoch, or in the one before."""
    yield from (ev.FunctionFound(now, epoch) for epoch in (floor.epoch, floor.epoch - 1))


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
            yield ev.TranscriptCompleted(now, participant, turn.words.request)

    heard = [("uh-huh", False), ("uh-huh stop", False), ("tell me", True), ("", True)]
    return [known, *(always(ev.TranscriptReceived, participant, text, final, 0.9) for text, final in heard)]


def earlier_words(participant: str) -> Move:
    """Words of a turn before all that is going on: a realtime model's transcripts are late."""
    return lambda floor, now: iter([ev.TranscriptReceived(now, participant, "tell me", final=True, began=-1.0)])


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
        [*speech(ANN), *words(ANN), earlier_words(ANN), of_a_reply(ev.AudioDrained), next_reply(ev.ReplyStarted)],
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
            found,
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
            earlier_words(ANN),
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
