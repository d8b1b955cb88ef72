"""Who says a whole sentence is answered, unless it is shown not to be the caller; and no final words are in no history.

The floor is told of a sentence over the agent's voice, window by window, as a detector and a recogniser report it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from tests.core.floor.laws import step

from vision_agents.core.floor import Floor, InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.strategies.loudness import FARTHEST
from vision_agents.core.floor.strategies.voice import OTHER, PER_SECOND

ANN = "ann"
WINDOW = 0.032
USUAL = -20.0
# Seconds of clear speech in a whole sentence: twice what an interruption takes.
WHOLE = 1.5


@dataclass(frozen=True, slots=True)
class Sentence:
    """Seconds of clear speech; dB under the usual level; the final words, None without a recogniser, and how sure."""

    seconds: float
    fainter: float
    words: str | None
    sure: float | None
    partials: bool
    # Every so many windows one is not clear.
    unclear_each: int
    asked_before: float
    # How like the caller's the voice is: never so little that it is shown to be another's.
    alike: float | None


SENTENCES = st.builds(
    Sentence,
    seconds=st.floats(WHOLE + 2 * WINDOW, 6.0),
    fainter=st.floats(-10.0, FARTHEST - 0.5),
    words=st.sampled_from(["tell me about the weather in Rome", "so what would that cost", "Tak mi o tom něco", None]),
    sure=st.one_of(st.none(), st.floats(0.0, 1.0)),
    partials=st.booleans(),
    unclear_each=st.integers(20, 60),
    asked_before=st.floats(3.0, 7.0),
    alike=st.one_of(st.none(), st.floats(OTHER + 0.5 * PER_SECOND, 1.0)),
)


class Call:
    """A floor, told of everything; all its laws are checked at each step."""

    def __init__(self, usual: float | None = USUAL) -> None:
        self.floor = Floor(InterruptionPolicy())
        self.effects: list[fx.Effect] = []
        self.now = 0.0
        self.speech(0.0, 1.0, usual, 0)
        self.over(1.2, 1.0, "tell me a story", 0.9)
        self.post(ev.AudioStarted(self.now, 1))
        self.post(ev.AudioProgressed(2.0, 1))

    def post(self, event: ev.FloorEvent) -> None:
        """One event, after all deadlines before it."""
        self.pass_until(event.at)
        self.now = event.at
        self.carry_out(step(self.floor, event))

    def pass_until(self, at: float) -> None:
        while self.floor.deadline is not None and self.floor.deadline <= at:
            self.now = max(self.now, self.floor.deadline)
            self.carry_out(step(self.floor, ev.TimePassed(self.now)))

    def carry_out(self, effects: list[fx.Effect]) -> None:
        self.effects += effects
        for effect in effects:
            if isinstance(effect, fx.FinishTurn):
                self.asked_for_words = effect.turn

    def speech(
        self, start: float, seconds: float, level: float | None, unclear_each: int, alike: float | None = None
    ) -> float:
        """Report speech of so many clear seconds; returns its end."""
        self.post(ev.SpeechStarted(start, ANN, 0.9, 0.04))
        clear, windows = 0.0, 0
        while clear < seconds:
            windows += 1
            sure = 0.6 if unclear_each and windows % unclear_each == 0 else 0.95
            clear += WINDOW if sure > 0.9 else 0.0
            self.post(ev.SpeechContinued(start + windows * WINDOW, ANN, sure, windows * WINDOW, level))
            if alike is not None and windows == 16:
                self.post(ev.VoiceCompared(self.now, ANN, alike, 0.5))
            if windows % 50 == 0:
                self.sounds(self.now)
        self.voiced = windows * WINDOW
        return start + self.voiced

    def sounds(self, at: float) -> None:
        if self.floor.reply is not None:
            self.post(ev.AudioProgressed(at, self.floor.reply))

    def over(self, at: float, voiced: float, words: str | None, sure: float | None) -> None:
        """Report the end of speech and of the turn, and its words when they are asked for."""
        self.post(ev.SpeechEnded(at, ANN, voiced, 0.2))
        self.post(ev.TurnEnded(at + 0.05, ANN, 0.9, None, 0.25))
        if words is not None:
            self.post(ev.TranscriptReceived(at + 0.1, ANN, words, True, sure))
        self.post(ev.TranscriptCompleted(at + 0.1, ANN, getattr(self, "asked_for_words", 0)))


def commits(call: Call) -> list[fx.Commit]:
    return [effect for effect in call.effects if isinstance(effect, fx.Commit)]


@given(SENTENCES)
def test_who_says_a_whole_sentence_is_answered(said: Sentence) -> None:
    call = Call()
    start = 2.0 + said.asked_before
    call.sounds(start - 1.0)
    end = call.speech(start, said.seconds, USUAL - said.fainter, said.unclear_each, said.alike)
    if said.partials and said.words is not None:
        call.post(ev.TranscriptReceived(call.now, ANN, said.words[:9], False, said.sure))
    call.over(end + 0.2, call.voiced, said.words, said.sure)
    call.pass_until(end + 2.0)
    assert [commit.participant for commit in commits(call)] == [ANN]
    assert not any(isinstance(effect, fx.RecordOverheard) for effect in call.effects)
    if said.words is not None:
        assert fx.RecordTurn(ANN, said.words) in call.effects


@given(
    words=st.sampled_from(["tell me about the weather in Rome", "so what would that cost", "no not that one"]),
    sure=st.floats(0.6, 1.0),
    fainter=st.floats(-10.0, FARTHEST - 0.5),
    windows=st.integers(8, 40),
    unclear_each=st.integers(1, 10),
    lasted=st.floats(0.3, 3.0),
    guessed=st.booleans(),
)
def test_a_sentence_that_is_understood_is_answered_now_or_later(
    words: str, sure: float, fainter: float, windows: int, unclear_each: int, lasted: float, guessed: bool
) -> None:
    """However little of it was detected, and though the recogniser tells its final words only when it is asked."""
    call = Call()
    call.sounds(4.0)
    call.post(ev.SpeechStarted(5.0, ANN, 0.9, 0.04))
    for n in range(1, windows + 1):
        clear = 0.95 if n % unclear_each else 0.6
        at = max(call.now, 5.0 + lasted * n / windows)
        call.post(ev.SpeechContinued(at, ANN, clear, n * WINDOW, USUAL - fainter))
    call.post(ev.SpeechEnded(call.now + 0.2, ANN, windows * WINDOW, 0.2))
    call.post(ev.TranscriptReceived(call.now + 0.1, ANN, words, not guessed, sure))
    before = len(call.effects)
    while call.floor.deadline is not None and call.floor.deadline < call.now + 3.0 and call.floor.reply == 1:
        call.pass_until(call.floor.deadline)
        asked = [effect for effect in call.effects[before:] if isinstance(effect, fx.FinishTurn)]
        if asked:
            call.post(ev.TranscriptReceived(call.now, ANN, words, True, sure))
            call.post(ev.TranscriptCompleted(call.now, ANN, asked[-1].turn))
            break
    if call.floor.reply == 1:
        call.post(ev.AudioDrained(call.now, 1))
    call.pass_until(call.now + 6.0)
    assert any(isinstance(effect, fx.RecordTurn) and words in effect.text for effect in call.effects)
    assert not any(isinstance(effect, fx.RecordOverheard) for effect in call.effects)


@given(SENTENCES, st.floats(FARTHEST + 0.5, 60.0))
def test_somebody_too_far_is_not_answered_and_yet_in_the_history(said: Sentence, fainter: float) -> None:
    call = Call()
    start = 2.0 + said.asked_before
    call.sounds(start - 1.0)
    end = call.speech(start, said.seconds, USUAL - fainter, said.unclear_each)
    call.over(end + 0.2, call.voiced, said.words, said.sure)
    call.pass_until(end + 3.0)
    assert commits(call) == []
    held = [effect for effect in call.effects if isinstance(effect, fx.Hold)]
    assert len(held) == 1, "the agent is silent once, and shortly"
    if said.words is not None and (said.sure is None or said.sure >= 0.6):
        assert fx.RecordOverheard(ANN, said.words) in call.effects


@given(SENTENCES)
def test_of_whom_nothing_is_known_nobody_is_too_far(said: Sentence) -> None:
    """Microphones differ: a caller's first words may be faint on theirs."""
    call = Call(usual=None)
    start = 2.0 + said.asked_before
    call.sounds(start - 1.0)
    end = call.speech(start, said.seconds, -75.0 + said.fainter, said.unclear_each)
    call.over(end + 0.2, call.voiced, said.words, said.sure)
    call.pass_until(end + 2.0)
    assert [commit.participant for commit in commits(call)] == [ANN]
