"""A challenger: one participant who speaks over the agent's voice, by what was measured and what was recognised."""

from __future__ import annotations

from dataclasses import dataclass, field

from .events import TranscriptReceived, VoiceCompared
from .evidence import Vote
from .loudness import Loudness
from .turn_facts import Speech
from .vocabulary import Vocabulary, tokens

# The part of their length that windows of unsure speech take away from clear speech; and the longest that one of them
# counts for, in seconds.
DOUBT = 0.5
LONGEST_WINDOW = 0.1

# Seconds after the last sound in which a report may still be of a reading that began before it.
READING = 0.1

# So many times the speech in which words were read is the same sounds still: more of it may well be other words.
SAME_SOUNDS = 1.5

# The most strategies of users with a vote on one challenge: it bounds code that invents names.
MOST_VOTES = 16

# The limit of a vote's weight either way. Weights add up; beyond it the others would have nothing to say.
HEAVIEST = 3.0


@dataclass(slots=True)
class MeasuredSpeech:
    """The sound of a challenger's speech, from the beginning of the challenge on. Durations are in seconds."""

    # The speech of the turn when the challenge began.
    voiced_before: float
    began_at: float
    observed_at: float
    # All windows of speech; those that were clear; and the time from the beginning to the last of them.
    voiced: float = 0.0
    clear: float = 0.0
    elapsed: float = 0.0
    # The part of the clear ones that was there when the reply last went on.
    carried: float = 0.0
    # Some window was clear.
    certain: bool = False
    loudness: Loudness = field(default_factory=Loudness)

    def observe(self, at: float, speech: Speech, confidence: float, level: float | None, clear_from: float) -> None:
        """Add a window: speech if the turn has more of it than before, clear from a confidence of `clear_from`."""
        gained = self.ungained(speech)
        passed = min(max(at - self.observed_at, 0.0), LONGEST_WINDOW)
        self.observed_at = at
        if gained > 0.0:
            self.voiced += gained
            self.loudness.add(level, gained)
        self.elapsed = max(self.elapsed, self.voiced, at - self.began_at)
        if gained > 0.0 and confidence >= clear_from:
            self.clear += gained
            self.certain = True
        else:
            self.clear = max(0.0, self.clear - DOUBT * passed)

    def carry(self) -> None:
        """The reply goes on: of clear speech that was too little, the latest part still counts with what follows.

        Not the ones before it: else any noise would be an interruption if it comes again often enough.
        """
        self.clear = self.carried = max(0.0, self.clear - self.carried)

    def ungained(self, speech: Speech) -> float:
        """Return the seconds of the turn's speech since the challenge began that were not yet observed."""
        return speech.voiced - self.voiced_before - self.voiced


@dataclass(slots=True)
class Recognition:
    """The recogniser's reports on a challenger's speech."""

    # The words of the turn when the challenge began.
    words_before: int
    transcribed: bool = False
    final: bool = False
    # What has not come by now is not waited for.
    complete: bool = False
    reported_at: float = 0.0
    confidence: float | None = None
    alternative: str = ""
    # The words of the latest report, and the seconds of speech in which they were read; and the same of a backchannel
    # that a later report has in other words.
    reading: str = ""
    read_in: float = 0.0
    taken_back: str = ""
    taken_back_in: float = 0.0

    def observe(self, report: TranscriptReceived, transcript: str, voiced: float, vocabulary: Vocabulary) -> None:
        """Take a report. `transcript`: all words of the turn with it; `voiced`: the seconds of speech by then."""
        self.transcribed, self.final, self.complete, self.reported_at = True, report.final, False, report.at
        self.confidence, self.alternative = report.confidence, report.alternative
        reading = self.words(transcript)
        before, now = tokens(self.reading), tokens(reading)
        if now[: len(before)] != before and vocabulary.is_idle(before) and vocabulary.backchannel_count(before):
            self.taken_back, self.taken_back_in = self.reading, self.read_in
        self.reading, self.read_in = reading, voiced

    def reading_before(self, voiced: float) -> str:
        """Return the backchannel that was taken back, if it was read in nearly all of the `voiced` seconds of now."""
        return self.taken_back if voiced <= SAME_SOUNDS * self.taken_back_in else ""

    def covers(self, last_sound: float) -> bool:
        """Return True if the latest report was made when all of the speech had been heard, as far as can be known."""
        return self.final or self.complete or self.reported_at >= last_sound + READING

    def words(self, transcript: str) -> str:
        """Return the words of the turn's transcript that came after the challenge began."""
        return " ".join(transcript.split()[self.words_before :])


@dataclass(slots=True)
class Challenger:
    """One participant who challenges the reply. `fresh`: no turn of theirs was open before."""

    fresh: bool
    speech: MeasuredSpeech
    recognition: Recognition
    since_turn: float | None = None
    similarity: float | None = None
    compared_seconds: float = 1.0
    detector_confirmed: bool = False
    votes: dict[str, Vote] = field(default_factory=dict)

    def compare(self, report: VoiceCompared) -> None:
        """Take a comparison of the voice with the one in conversation; the latest counts."""
        self.similarity, self.compared_seconds = report.similarity, report.seconds

    def add_vote(self, vote: Vote) -> None:
        """Take a vote from outside; a second one of the same strategy replaces the first."""
        if vote.strategy in self.votes or len(self.votes) < MOST_VOTES:
            weight = min(max(vote.weight, -HEAVIEST), HEAVIEST)
            self.votes[vote.strategy] = Vote(weight, vote.reason, vote.strategy)
