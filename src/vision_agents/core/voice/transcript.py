"""The words of a reply and their times: the way from samples pulled to words heard."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..tts import Word

# Words without known times are laid out by length over the utterance. While its own length is not known yet, they are
# laid out at the rate of the voice; of a voice that has not finished an utterance, at this one, in characters a second
# (English is spoken at about 150 words of 5.5 characters a minute).
CHARACTERS_PER_SECOND = 14.0
# Seconds of finished utterances from which on a voice's own rate is known, and how many utterances are remembered.
KNOWN_FROM = 1.0
REMEMBERED = 8
# An utterance that already lasts longer than this rate has it, is of a slower voice, or its text is late. Until the
# voice's own rate is known, so much of it, at least, is taken to be still to come as a multiple of what came.
OVERRUN = 1.5
# No voice is so many times as fast as its rate: where it would have to be, its text runs ahead of its audio.
FASTEST = 1.5

# In speech by Piper the words stand best (0.09 s off on the average, without these 0.14) if a pause counts for so many
# characters, the last word, which is drawn out, for so many more, and the silence at the end, in seconds, for none.
PAUSE = 4
DRAWN_OUT = 2
TRAIL = 0.1

# An utterance counts as played to its end when less than this is missing, in seconds: resampling rounds its length.
ROUNDING = 0.001


@dataclass(frozen=True, slots=True)
class HeardText:
    """A reply's text divided at what was heard. `estimated`: the division rests on estimated word times.

    `parts`: the same, heard and unheard, of each part of the reply; between two of them functions were called. `rest`:
    what is unheard, without the sentences that were left out.
    """

    heard: str
    unheard: str
    estimated: bool
    parts: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    rest: str = field(default="", compare=False)


class SpeakingRate:
    """The rate of one voice, from its latest finished utterances."""

    def __init__(self) -> None:
        self._said: deque[Utterance] = deque(maxlen=REMEMBERED)

    def learn(self, utterance: Utterance) -> None:
        """Take an utterance that was spoken to its end. Its text may still be on the way."""
        self._said.append(utterance)

    @property
    def known(self) -> float | None:
        """Characters a second, pauses included; None if too little was said."""
        said = [(utterance.text.split(), utterance.spoken) for utterance in self._said]
        seconds = sum(length for tokens, length in said if tokens)
        return sum(sum(_weights(tokens)) for tokens, _ in said if tokens) / seconds if seconds >= KNOWN_FROM else None


@dataclass(slots=True)
class Utterance:
    """A stretch of the reply's text, in seconds from the reply's first sample. `start` is None until it sounds.

    `rate`: of the voice, in characters a second, where it is known. `left_out`: the voice could not say it, and what is
    behind it is said all the same. `broken_off`: it is complete, but not all of its text has sound: the model lost it.
    """

    text: str
    start: float | None = None
    length: float = 0.0
    complete: bool = False
    words: list[Word] = field(default_factory=list)
    rate: float | None = None
    left_out: bool = False
    broken_off: bool = False
    # Its text comes before its audio; the words that were written when more text came last, and the audio by then.
    _ahead: bool = True
    _sounded: int = 0
    _sounded_length: float = 0.0

    def write(self, delta: str) -> None:
        """Add text that comes while it is spoken: before its audio, or behind it."""
        if not self.text.strip():
            self._ahead = not self.length
        if self.length > self._sounded_length:
            goes_on = bool(delta.strip()) and not (delta[0].isspace() or self.text[-1:].isspace())
            self._sounded = max(0, len(self.text.split()) - goes_on)
            self._sounded_length = self.length
        self.text += delta

    def leave_out(self) -> None:
        """The voice cannot say it: what was given of it has no sound."""
        self.start, self.left_out = None, True

    @property
    def spoken(self) -> float:
        """Seconds of it without the silence at its end."""
        return self.length - min(TRAIL, self.length / 2)

    @property
    def _whole(self) -> bool:
        return self.complete and not (self.broken_off and self._ahead)

    def timed_words(self) -> tuple[list[Word], bool]:
        """The words with their times within the utterance, and whether the times are estimated."""
        tokens = self.text.split()
        known = self.words
        if len(known) >= len(tokens) or (known and self._whole):
            return known, False
        at = known[-1].end if known else 0.0
        if self.broken_off and self._in_step and len(known) < self._sounded and at < self._sounded_length:
            known = known + self._estimate(tokens[len(known) : self._sounded], at, self._sounded_length - at)
            at = self._sounded_length
        rest = tokens[len(known) :]
        return known + self._estimate(rest, at, self._length_of(rest, at)), True

    def _length_of(self, tokens: list[str], at: float) -> float:
        return self.spoken - at if self._whole else self._expected(sum(_weights(tokens)), self.length - at)

    @staticmethod
    def _estimate(tokens: list[str], at: float, length: float) -> list[Word]:
        """Lay the tokens out over `length` seconds from `at` on."""
        weights = _weights(tokens)
        total = sum(weights)
        words: list[Word] = []
        for token, weight in zip(tokens, weights, strict=True):
            end = at + length * weight / total
            words.append(Word(token, at, end))
            at = end
        return words

    @property
    def _rate_so_far(self) -> float:
        """Characters a second, if all had sound that was written before the last text came; 0 if nothing was."""
        said = self.text.split()[: self._sounded]
        return sum(_weights(said)) / self._sounded_length if said else 0.0

    @property
    def _in_step(self) -> bool:
        """True if all may have had sound that was written before the last text came."""
        return 0.0 < self._rate_so_far <= FASTEST * (self.rate or CHARACTERS_PER_SECOND)

    def _expected(self, characters: int, came: float) -> float:
        """Return the seconds that so many characters take, of whose audio `came` seconds came already."""
        rate = self.rate or (self._rate_so_far if self.broken_off and self._in_step else None)
        expected = characters / (rate or CHARACTERS_PER_SECOND)
        return max(expected, came if rate or came <= expected else came * OVERRUN)


def _weights(tokens: Sequence[str]) -> list[int]:
    if not tokens:
        return []
    weights = [_weight(token) for token in tokens]
    weights[-1] += DRAWN_OUT - (PAUSE if _pauses(tokens[-1]) else 0)
    return weights


def _weight(token: str) -> int:
    """Characters that a word is worth, with the space and the pause after it."""
    return sum(character.isalnum() for character in token) + 1 + (PAUSE if _pauses(token) else 0)


def _pauses(token: str) -> bool:
    return not token[-1].isalnum()


class ReplyTranscript:
    """The text of one reply, in the order in which it is spoken."""

    def __init__(self) -> None:
        self._utterances: list[Utterance] = []
        # Where its parts begin, between which functions were called.
        self._starts = [0]

    @property
    def text(self) -> str:
        """All of it, heard or not."""
        return " ".join(utterance.text for utterance in self._utterances if utterance.text)

    @property
    def utterances(self) -> tuple[Utterance, ...]:
        """The utterances of the reply, in order; each may still grow."""
        return tuple(self._utterances)

    def add(self, text: str) -> Utterance:
        """Append an utterance that is yet to be spoken."""
        utterance = Utterance(text)
        self._utterances.append(utterance)
        return utterance

    @property
    def part(self) -> int:
        """The number of its part that what is added belongs to."""
        return len(self._starts) - 1

    def divide(self) -> int | None:
        """Begin another part: functions are called here. Return the number of the one before, None if it is empty."""
        if len(self._utterances) == self._starts[-1]:
            return None
        self._starts.append(len(self._utterances))
        return len(self._starts) - 2

    def at(self, seconds: float) -> HeardText:
        """Divide the text after `seconds` of the reply's audio. A word is heard when half of it was."""
        divided = [self._divide(utterance, seconds) for utterance in self._utterances]
        parts: list[tuple[str, str]] = []
        for start, end in zip(self._starts, [*self._starts[1:], len(divided)], strict=True):
            part = divided[start:end]
            if part:
                parts.append((_joined(heard for heard, _, _ in part), _joined(unheard for _, unheard, _ in part)))
        heard, unheard = (_joined(part[side] for part in parts) for side in (0, 1))
        said = zip(self._utterances, divided, strict=True)
        rest = _joined(unheard for utterance, (_, unheard, _) in said if not utterance.left_out)
        return HeardText(heard, unheard, any(estimated for _, _, estimated in divided), tuple(parts), rest)

    @staticmethod
    def _divide(utterance: Utterance, seconds: float) -> tuple[str, str, bool]:
        """Return what was heard of it, what was not, and whether that is estimated."""
        within = seconds - utterance.start if utterance.start is not None else -1.0
        text = " ".join(utterance.text.split())
        if utterance._whole and seconds > 0.0 and within >= utterance.length - ROUNDING:
            return text, "", False
        if within <= 0.0:
            return "", text, False
        words, guessed = utterance.timed_words()
        cut = next((i for i, word in enumerate(words) if (word.start + word.end) / 2 > within), len(words))
        # Where the end of an utterance was reached, no division within it was needed.
        return _joined(word.text for word in words[:cut]), _joined(word.text for word in words[cut:]), guessed

    def start_of_word_at(self, seconds: float) -> float:
        """The start of the word that sounds at `seconds`, or `seconds` itself between words."""
        for utterance in self._utterances:
            if utterance.start is None or not utterance.start <= seconds:
                continue
            within = seconds - utterance.start
            for word in utterance.timed_words()[0]:
                if word.start < within < word.end:
                    return utterance.start + word.start
        return seconds


def _joined(texts: Iterable[str]) -> str:
    return " ".join(filter(None, texts))
