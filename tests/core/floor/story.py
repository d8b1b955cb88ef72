"""Stories about a floor: what happens when, and what the floor makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from vision_agents.core.floor import Floor, FloorState, InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.evidence import Evidence
from vision_agents.core.floor.vocabulary import Vocabulary

from .laws import come_to_rest, step

WINDOW = 0.032

ANN, BOB = "ann", "bob"

about: Any = pytest.approx

# Speech of which nothing is known yet.
NOTHING = Evidence(
    participant=ANN,
    challenge=1,
    speaking=True,
    clear_speech=0.0,
    required_speech=0.5,
    voiced=0.0,
    elapsed=0.0,
    transcribed=False,
    words="",
    stt_confidence=None,
    alternative="",
    level=None,
    usual_level=None,
    similarity=None,
    agent_words="",
    detector_confirmed=False,
    vocabulary=Vocabulary.of("en"),
)


def knobs(**changes: Any) -> InterruptionPolicy:
    """The policy of the stories: half a second of clear speech makes an interruption, a third of one that is over."""
    return InterruptionPolicy(**{"commit_speech": 0.5, **changes})


class Story:
    """A floor and the time. Each method returns the effects of what it tells; all laws are checked on the way."""

    def __init__(self, policy: InterruptionPolicy | None = None, *, answers: bool = True, apology: str = "") -> None:
        self.floor = Floor(policy or knobs(), answers=answers, apology=apology)
        self.now = 0.0

    def state(self) -> FloorState:
        return self.floor.state

    def at(self, when: float, kind: type[ev.FloorEvent], *facts: Any, **more: Any) -> list[fx.Effect]:
        """One event. No deadline may lie between: tell of it by `until`."""
        assert when >= self.now
        assert self.floor.deadline is None or self.floor.deadline >= when, f"a deadline at {self.floor.deadline}"
        self.now = when
        return step(self.floor, kind(when, *facts, **more))

    def until(self, when: float) -> list[fx.Effect]:
        """Nothing happens but the deadlines up to `when`."""
        effects: list[fx.Effect] = []
        while self.floor.deadline is not None and self.floor.deadline <= when:
            effects += step(self.floor, ev.TimePassed(max(self.now, self.floor.deadline)))
        self.now = when
        return effects

    def end(self) -> list[fx.Effect]:
        """Nothing happens any more: the floor comes to rest."""
        return come_to_rest(self.floor, self.now)

    def speaks(self, participant: str, start: float, length: float, *, level: float | None = None) -> list[fx.Effect]:
        """Windows of speech from `start` on, `length` seconds of them, as a voice activity detector reports them."""
        effects = self.at(start, ev.SpeechStarted, participant, 0.9, 0.04)
        voiced = WINDOW
        while voiced + 1e-9 < length:
            voiced += WINDOW
            effects += self.at(start + voiced, ev.SpeechContinued, participant, 0.9, voiced, level)
        return effects

    def stops(self, participant: str, when: float, length: float) -> list[fx.Effect]:
        """The end of such speech, 0.16 s after its last window."""
        return self.at(when, ev.SpeechEnded, participant, length, 0.16)

    def asks(self, participant: str, text: str, start: float = 0.0, *, level: float | None = None) -> None:
        """A question of a second, heard and understood by `start` + 1.5; the answer to it has begun to be made."""
        effects = self._says(participant, text, start, level)
        assert effects[0] == fx.RecordTurn(participant, text)
        assert isinstance(effects[1], fx.BeginReply)

    def asks_while_others_speak(self, participant: str, text: str, start: float) -> None:
        """A question that cannot be answered yet: known at `start` + 1.5."""
        assert self._says(participant, text, start) == [fx.RecordTurn(participant, text)]

    def _says(self, participant: str, text: str, start: float, level: float | None = None) -> list[fx.Effect]:
        self.speaks(participant, start, 0.96, level=level)
        self.stops(participant, start + 1.2, 0.96)
        self.at(start + 1.4, ev.TurnEnded, participant, 0.9, 1.0, 0.4)
        self.at(start + 1.5, ev.TranscriptReceived, participant, text, True)
        request = self.floor._turns[participant].words.request
        return self.at(start + 1.5, ev.TranscriptCompleted, participant, request)

    def finds_no_words(self, participant: str, when: float, request: int) -> list[fx.Effect]:
        """The recogniser reports that there are none in the turn, and that this is all."""
        effects = self.at(when, ev.TranscriptReceived, participant, "", True)
        effects += self.at(when, ev.TranscriptCompleted, participant, request)
        return [effect for effect in effects if not isinstance(effect, fx.AnnounceNoWords)]

    def challenge(self, participant: str) -> int:
        """The number of the challenge that the participant makes."""
        polled = self.floor.evidence(participant)
        assert polled is not None
        return polled[0].challenge

    def answers(self, start: float) -> int:
        """The reply in preparation becomes audible; returns its number."""
        reply = self.floor.reply
        assert reply is not None
        self.at(start, ev.AudioStarted, reply)
        return reply


def kinds(effects: list[fx.Effect]) -> list[type[fx.Effect]]:
    """Only what the effects are."""
    return [type(effect) for effect in effects]


def committed(effects: list[fx.Effect]) -> tuple[int, int | None, str | None, str]:
    """The epoch, reply, participant and reason of the one commit among the effects."""
    [commit] = [effect for effect in effects if isinstance(effect, fx.Commit)]
    return commit.epoch, commit.reply, commit.participant, commit.reason


def resumed(effects: list[fx.Effect]) -> tuple[int, str, str]:
    """The reply, rewind and reason of the one resume, which is all there is."""
    [resume] = effects
    assert isinstance(resume, fx.Resume)
    return resume.reply, resume.rewind, resume.reason


def speaking(policy: InterruptionPolicy | None = None, *, level: float | None = None) -> Story:
    """Ann asked at 0.0, at `level` dB; reply 1 answers her and sounds since 2.0."""
    story = Story(policy)
    story.asks(ANN, "how are you", level=level)
    story.answers(2.0)
    return story
