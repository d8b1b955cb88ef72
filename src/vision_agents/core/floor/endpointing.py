"""Endpointing: how many seconds of silence end a turn.

A pure function of what the detector makes of the pause, of what the words say, and of the pauses that this caller has
made inside turns so far. It waits until the chance to cut in, `h * P(pause > silence)`, is down to `risk`, where `h` is
how likely it is that the caller goes on, and for `least` in any case.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from .unfinished import Ending, ending, is_one_word

# A pause counts as one of these lengths, in seconds: shorter ones are no silence, longer ones nobody waits for.
SHORTEST, LONGEST = 0.1, 3.0

# The most pauses of a caller that are remembered: who was in doubt a while ago need not be so now.
MEMORY = 20.0

# Probabilities of a detector are not believed beyond this: no network is that sure.
SUREST = 0.001

# The buffer at which a pause is waited for as it is; with another one, patience is longer or shorter in proportion.
USUAL_BUFFER = 1.5


@dataclass(frozen=True, slots=True)
class Pauses:
    """The pauses that somebody made inside turns: how many are remembered, and the mean of their logs."""

    count: float = 0.0
    mean: float = 0.0

    def add(self, seconds: Iterable[float]) -> Pauses:
        """Return them with more pauses; the latest `MEMORY` count, older ones fade."""
        pauses = self
        for pause in seconds:
            count = min(pauses.count, MEMORY - 1.0)
            log = math.log(min(max(pause, SHORTEST), LONGEST))
            pauses = Pauses(count + 1.0, (pauses.mean * count + log) / (count + 1.0))
        return pauses


@dataclass(frozen=True, slots=True)
class Endpointing:
    """The rule by which the floor ends turns, with its numbers: `vision-agents lab endpointing` measures others.

    Pauses are taken for log-logistic: the part of them that is longer than `t` seconds is
    `1 / (1 + (t / median) ** (1 / spread))`.
    """

    risk: float = 0.07
    """The chance to cut in at which a turn is ended, above 0."""

    least: float = 0.3
    """Seconds of silence that no pause is too short for: so long are gaps between words, and a detector that is sure is
    none the less asked after 0.2."""

    trust: float = 0.6
    """What the log of the detector's odds weighs: on recordings that it does not know it is less sure than it says."""

    word_trust: float = 0.15
    """The same where all that it heard is one word: of so little Smart Turn cannot tell the end of a turn by ear."""

    word_length: float = 0.7
    """Seconds of speech, at most, of which one word is all. Of more the recogniser has not reported the rest yet, and
    Smart Turn is right more often than chance."""

    usual_pause: float = 0.4
    """The median in seconds of the pauses of callers of whom nothing is known."""

    prior: float = 4.0
    """How many pauses of a caller weigh as much as `usual_pause`."""

    spread: float = 0.4
    """The scale of the pauses' logs."""

    open: float = 2.0
    """Added to the log of the odds that the turn goes on where its words do ("and", "um", a comma)."""

    spelled: float = 0.25
    """The same after a letter or a digit."""

    short: float = 0.0
    """The same after a "yes", a "no" or an "okay" and no more: many go on to explain."""

    opener: float = 0.5
    """The same after a "so", a "hello", an "I" or a "can" and no more."""

    lone: float = -2.25
    """The same after any other single word: hardly anybody pauses after the first word of a sentence."""

    whole: float = -1.0
    """The same after a whole sentence, as the recogniser writes it. The detector hears how it is said."""

    def median(self, pauses: Pauses) -> float:
        """Return the median of a caller's pauses in seconds: their geometric mean, `usual_pause` among them."""
        known = self.prior * math.log(self.usual_pause) + pauses.count * pauses.mean
        return math.exp(known / (self.prior + pauses.count))

    def sign(self, words: str, speech: float) -> Ending:
        """Return what the words say about the end of a turn that has so many seconds of speech."""
        found = ending(words)
        return Ending.PLAIN if found is Ending.LONE and not self._is_short(speech) else found

    def goes_on(self, confidence: float, words: str, speech: float) -> float:
        """Return how likely it is that the turn with these words, in so many seconds of speech, goes on."""
        sure = min(max(SUREST, confidence), 1.0 - SUREST)  # SUREST, too, for what is no number
        trust = self.word_trust if self._is_short(speech) and is_one_word(words) else self.trust
        shift = {
            Ending.OPEN: self.open,
            Ending.SPELLED: self.spelled,
            Ending.SHORT: self.short,
            Ending.OPENER: self.opener,
            Ending.LONE: self.lone,
            Ending.WHOLE: self.whole,
        }.get(self.sign(words, speech), 0.0)
        return 1.0 / (1.0 + math.pow(sure / (1.0 - sure), trust) * math.exp(-shift))

    def patience(self, confidence: float, longest: float, words: str, speech: float, pauses: Pauses) -> float:
        """Return the seconds of silence that end a turn, from 0.0 to `longest`.

        Args:
            confidence: of the detector, that the turn is over, from 0 to 1.
            longest: the silence in seconds that ends any turn.
            words: the transcript of the turn so far.
            speech: the seconds of speech in it; 0.0 if that was not measured.
            pauses: those of this caller.

        With `c` as `confidence` within `SUREST` of 0 and 1, the odds that the turn goes on are `((1 - c) / c) ** trust`
        (`word_trust` for a single word) times `exp(…)` of `open`, `spelled`, `short`, `opener`, `lone` or `whole`, by
        how the words end (`unfinished.ending`); `h` is their probability. A single word counts as one for `word_length`
        seconds of speech. The patience is `longest / USUAL_BUFFER * median * (h / risk - 1) ** spread`, at least
        `longest / USUAL_BUFFER * least`, and at most `longest`. It never grows with the confidence, and never falls
        with `longest`.
        """
        odds = self.goes_on(confidence, words, speech) / self.risk - 1.0
        silence = self.median(pauses) * math.pow(max(0.0, odds), self.spread)
        return longest * min(1.0, max(self.least, silence) / USUAL_BUFFER)

    def _is_short(self, speech: float) -> bool:
        return 0.0 < speech <= self.word_length


DEFAULT = Endpointing()
