"""Compares the speaker of the current turn with the participant's enrolled voice, for each participant.

A participant is a microphone, and more than one person may be near it. Whose turns are answered is the one in
conversation; a turn in another voice is perhaps meant for somebody else in the room.

What is speech is taken from the reports of the detector that decides about the turn: a detector of its own would cost
as much again, and might disagree. Only the sound between `begin_turn` and `speech_ended` is kept, pauses within a turn
are not.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from ..audio import PcmData, Resampler, Samples
from ..listeners import HearingListener
from ..participants import Participant
from ..tasks import GRACE, own_errors
from ..voiceprint import SAMPLE_RATE, Embedding, Voiceprint, similarity

MARKS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Seconds of speech in a turn after which its voice is compared (again). Windows of speech count, not their pauses. The
first ones lie close together: there it is decided whether the agent goes on."""

GROWN = 1.25
"""A turn that has so many times the speech that its voice was last worked out from is looked at once more when it is
taken: what is learnt of the one in conversation is then made of all of it."""

LONGEST = 6.0
"""Seconds of a turn's audio that are kept, the first ones: more tells nothing new about the voice."""

LEAD = 0.25
"""Seconds kept from before `begin_turn`: a detector hears speech 0.05 to 0.25 s after it began."""

MEMORY = 6.0
"""Seconds of speech that the voice in conversation weighs at most, against those of the next turn taken."""

TIMEOUT = 5.0
"""Seconds after which an embedding that does not come is given up."""


@dataclass(slots=True)
class _Turn:
    """The speech of a turn so far, and the latest that is known of its voice."""

    pieces: list[Samples] = field(default_factory=list)
    length: int = 0
    speaking: bool = True
    # Seconds of speech in all, and how much of the running segment is already in that sum.
    voiced: float = 0.0
    counted: float = 0.0
    # How many of MARKS the latest embedding knew of, whether one is being made, and what the last good one is made of.
    embedded: int = 0
    studied: bool = False
    voice: Embedding | None = None
    seconds: float = 0.0
    taken: bool = False

    @property
    def grown(self) -> bool:
        """Return True if there is clearly more speech than its voice was worked out from."""
        return self.speech >= max(MARKS[0], GROWN * self.seconds)

    def add(self, samples: Samples) -> None:
        new = samples[: round(LONGEST * SAMPLE_RATE) - self.length]
        if len(new):
            self.pieces.append(new)
            self.length += len(new)

    def grow(self, voiced: float) -> None:
        """There were `voiced` seconds of speech since the segment began. What is no amount of time is ignored."""
        if not 0 <= voiced < math.inf:
            return
        if voiced < self.counted:
            self.counted = 0.0  # another segment, whose beginning nobody told us
        self.voiced += voiced - self.counted
        self.counted = voiced

    @property
    def speech(self) -> float:
        """Seconds of speech that are in the audio."""
        return min(self.voiced, self.length / SAMPLE_RATE)

    @property
    def passed(self) -> int:
        """Count the MARKS that have been passed."""
        return sum(self.speech >= mark for mark in MARKS)


@dataclass(slots=True)
class _Voice:
    """The one in conversation: a running mean of the voices of the turns that were taken, weighed by their speech."""

    mean: Embedding | None = None
    weight: float = 0.0

    def learn(self, voice: Embedding | None, seconds: float) -> None:
        """Take a turn's voice in, if it is known."""
        if voice is None:
            return
        if self.mean is None:
            self.mean, self.weight = voice, seconds
        else:
            old = min(self.weight, MEMORY)
            self.mean = np.average([self.mean, voice], axis=0, weights=[old, seconds]).astype(np.float32)
            self.weight = old + seconds
        if not np.any(self.mean):  # nothing is like a voice that opposite ones have cancelled out
            self.mean, self.weight = None, 0.0

    def shared(self, seconds: float) -> float:
        """Return what `seconds` of another voice's speech are worth, compared with that of this one.

        How far a cosine is off falls with 1/a + 1/b of the speech that the two were worked out from: half a second is
        worth little, whoever it is compared with, and so is any speech beside a voice that has only said "yes".
        """
        return seconds * self.weight / (seconds + self.weight)

    def check(self, voice: Embedding) -> Embedding:
        """Raise ValueError for what is no voice, or not one of the same network."""
        shape = self.mean.shape if self.mean is not None else (np.size(voice),)
        if np.shape(voice) != shape or not np.isfinite(voice).all() or not np.any(voice):
            raise ValueError(f"a voice is a vector of finite numbers, of shape {shape}, that are not all zero")
        return voice


@dataclass(slots=True)
class _ParticipantState:
    """All that is kept for one participant: a quarter of a second of audio, or the first 6 s of a turn's speech."""

    participant: Participant
    voice: _Voice = field(default_factory=_Voice)
    resampler: Resampler = field(default_factory=lambda: Resampler(SAMPLE_RATE))
    recent: deque[PcmData] = field(default_factory=deque)
    waiting: float = 0.0
    turn: _Turn | None = None
    task: asyncio.Task[None] | None = None

    def keep(self, audio: PcmData) -> None:
        """Remember audio that is perhaps the beginning of speech."""
        if audio.duration > LEAD:
            audio = PcmData(audio.samples[-round(LEAD * audio.sample_rate) :], audio.sample_rate)
        self.recent.append(audio)
        self.waiting += audio.duration
        while self.waiting - self.recent[0].duration >= LEAD:
            self.waiting -= self.recent.popleft().duration

    def take_lead(self, turn: _Turn) -> None:
        """Put what was remembered into the turn; what comes now goes on from there."""
        self.resampler = Resampler(SAMPLE_RATE)
        for audio in self.recent:
            turn.add(self.resampler.push(audio))
        self.recent.clear()
        self.waiting = 0.0


class SpeakerMatcher:
    """Tells another voice from the one in conversation, in the background: nothing here waits.

    It is told of everything as it happens: `hear` each piece of audio, `begin_turn` as speech begins or goes on,
    `speech_continued` and `speech_ended` as the detector reports them, and how the turn ended: `accept_turn` or
    `discard_turn`. A turn's voice is worked out each time that it passes one of `MARKS`, once at a time for a
    participant; what was heard by the time one begins is what it is about, so a slow network skips marks and is never
    behind. Each result is reported by `voice_compared`, if the turn still runs and there is somebody to compare with.
    When a turn is taken, its voice is worked out from all of it.

    The one in conversation is the mean of the voices of turns that were taken, weighed by the seconds of speech that
    each was worked out from: those before a turn weigh 6 at most against it. The first turn taken enrols its voice: at
    once, or when it has been worked out from clearly more speech than before. Another voice whose turns are taken as
    well takes over without a jump: it has more than half of the mean after three turns of 2 s. A turn of less than half
    a second of speech enrols nobody.

    An embedding that fails, or takes more than 5 s, is reported to `failed`, once until one goes well again.
    """

    def __init__(self, listener: HearingListener, voiceprint: Voiceprint) -> None:
        self._listener = listener
        self._voiceprint = voiceprint
        self._ears: dict[str, _ParticipantState] = {}
        self._broken = False

    def hear(self, audio: PcmData, participant: Participant) -> None:
        """Take the next piece of a participant's audio, any rate."""
        ear = self._ears.get(participant.id)
        if ear is None:
            ear = self._ears[participant.id] = _ParticipantState(participant)
        if ear.turn is not None and ear.turn.speaking:
            ear.turn.add(ear.resampler.push(audio))
        else:
            ear.keep(audio)

    def begin_turn(self, participant: Participant) -> None:
        """Speech begins, or goes on after a pause."""
        ear = self._ears.get(participant.id)
        if ear is None:
            return
        if ear.turn is None:
            ear.turn = _Turn()
            ear.take_lead(ear.turn)
        elif not ear.turn.speaking:
            ear.turn.speaking, ear.turn.counted = True, 0.0
            ear.take_lead(ear.turn)

    def speech_continued(self, participant: Participant, voiced: float) -> None:
        """`voiced` seconds of windows judged speech since this stretch of speech began."""
        ear = self._ears.get(participant.id)
        if ear is None or ear.turn is None:
            return
        ear.turn.grow(voiced)
        self._attend(ear)

    def speech_ended(self, participant: Participant) -> None:
        """The sound stopped; the turn may go on."""
        ear = self._ears.get(participant.id)
        if ear is not None and ear.turn is not None:
            ear.turn.speaking = False

    def discard_turn(self, participant: Participant) -> None:
        """It was no turn: forget its voice."""
        ear = self._ears.get(participant.id)
        if ear is not None:
            ear.turn = None

    def accept_turn(self, participant: Participant) -> None:
        """The turn is answered: its voice is that of the one in conversation."""
        ear = self._ears.get(participant.id)
        if ear is None or ear.turn is None:
            return
        turn, ear.turn = ear.turn, None
        turn.taken = True
        if turn.studied:
            return  # A better voice of it is about to come, and is learned then.
        if turn.grown and ear.task is None:
            self._begin_study(ear, turn)
        else:
            ear.voice.learn(turn.voice, turn.seconds)

    def forget(self, participant: Participant) -> None:
        """The participant left, and the voice with it."""
        ear = self._ears.pop(participant.id, None)
        if ear is not None:
            ear.turn = None
            if ear.task is not None:
                ear.task.cancel()

    async def close(self) -> None:
        """Forget everyone."""
        ears = list(self._ears.values())
        tasks = [ear.task for ear in ears if ear.task is not None]
        for ear in ears:
            self.forget(ear.participant)
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)

    def _attend(self, ear: _ParticipantState) -> None:
        """Work out the voice of the running turn, unless that is being done or nothing new is known."""
        turn = ear.turn
        if ear.task is None and turn is not None and turn.passed > turn.embedded:
            self._begin_study(ear, turn)

    def _begin_study(self, ear: _ParticipantState, turn: _Turn) -> None:
        turn.studied = True
        ear.task = asyncio.create_task(self._study(ear, turn), name=f"voice of {ear.participant.id}")

    async def _study(self, ear: _ParticipantState, turn: _Turn) -> None:
        turn.embedded, seconds = turn.passed, turn.speech
        try:
            async with asyncio.timeout(TIMEOUT):
                voice = await own_errors(self._voiceprint.embed(np.concatenate(turn.pieces)), "embedding a voice")
            turn.voice = ear.voice.check(voice)
        except Exception as error:
            self._fail(error)
        else:
            turn.seconds, self._broken = seconds, False
            if ear.turn is turn and ear.voice.mean is not None:
                alike = similarity(turn.voice, ear.voice.mean)
                self._listener.voice_compared(ear.participant, alike, ear.voice.shared(seconds))
        ear.task, turn.studied = None, False
        if turn.taken:
            ear.voice.learn(turn.voice, turn.seconds)
        self._attend(ear)

    def _fail(self, error: Exception) -> None:
        if not self._broken:
            self._listener.failed(type(self._voiceprint).__name__, error)
        self._broken = True
