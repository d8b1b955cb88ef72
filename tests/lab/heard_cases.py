"""Cases of which the trace is written down here: no model is needed to decide them again."""

from dataclasses import asdict

from vision_agents.core.floor import Floor, InterruptionPolicy
from vision_agents.core.floor import events as ev
from vision_agents.core.trace.notes import VERSION, SessionStarted
from vision_agents.core.trace.records import Record
from vision_agents.lab.again import effects_of
from vision_agents.lab.decision import decided, expected
from vision_agents.lab.result import CaseResult

WINDOW = 0.032
STARTED = 100.0
BEGAN = 2.5


def heard(seconds, expect="yield", words=(), **settings):
    """A case in which the caller asks something, and then speaks clearly over the answer for so long, in `words`; and
    its trace, under these settings of the policy."""
    events = [
        *speech(0.5, 1.0),
        ev.TurnEnded(STARTED + 1.8, "ann", 0.9, None, 0.2),
        ev.TranscriptReceived(STARTED + 1.9, "ann", "tell me a story", True, 0.9),
        ev.TranscriptCompleted(STARTED + 1.9, "ann", 1),
        ev.AudioStarted(STARTED + 2.5, 1),
        *speech(4.0, seconds),
        *(ev.TranscriptReceived(STARTED + 4.2 + seconds, "ann", text, True, sure) for text, sure in words),
        ev.TimePassed(STARTED + 8.0),
    ]
    policy = InterruptionPolicy(**settings)
    session = SessionStarted(VERSION, asdict(policy), Floor(policy).vocabulary.phrases, True, 0.0)
    records = [Record(0.0, session), *(Record(event.at - STARTED, event) for event in events)]
    effects = effects_of(records, policy)
    records = sorted([*records, *(Record(at, effect) for at, effect in effects)], key=lambda record: record.t)
    course = [(at, effect) for at, effect in effects if at >= BEGAN]
    case = CaseResult(
        f"{expect}-{seconds}",
        "interruption" if expect == "yield" else "backchannel",
        "audio",
        "answering",
        expect,
        source="shop",
        began=BEGAN,
        since=BEGAN,
        may_be_later=True,
        decision=decided(course, "answering", BEGAN),
    )
    return CaseResult(**{**asdict(case), "right": expected(case, case.decision, course)}), tuple(records)


def speech(begin, seconds):
    begin += STARTED
    windows = round(seconds / WINDOW)
    return [
        ev.SpeechStarted(begin, "ann", 0.95, 0.03),
        *(ev.SpeechContinued(begin + n * WINDOW, "ann", 0.95, n * WINDOW, -20.0) for n in range(1, windows + 1)),
        ev.SpeechEnded(begin + seconds + 0.1, "ann", windows * WINDOW, 0.1),
    ]
