"""Words without an interruption: of speech that was found to be none, before it is noticed, and answered later."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import effects as fx
from . import events as ev
from .evidence import Evidence, Vote
from .people import People
from .reply import Reply
from .strategies import BEST, total, votes
from .strategies.echo import repeats
from .strategies.loudness import KNOWN
from .strategies.words import is_sentence, mean_something, trusted
from .turn import Turn
from .vocabulary import Vocabulary, tokens

# Seconds after the agent's last words in which an echo of them may be transcribed.
ECHO_DELAY = 3.0


@dataclass(frozen=True, slots=True)
class Dismissed:
    """The evidence on speech that was found to be no turn, and the votes of users' strategies on it."""

    evidence: Evidence
    given: tuple[Vote, ...]

    def is_for_agent(self, strategies: tuple[str, ...]) -> bool:
        """Return True if it is to be answered for all that is known by now."""
        given = votes(self.evidence, strategies) + self.given
        return total(given) >= 1.0 or answered_later(self.evidence, given, strategies)

    def read_as(self, report: ev.TranscriptReceived) -> Dismissed:
        """Return it with the words that are reported late."""
        return replace(self, evidence=_with_words(self.evidence, report.text, report.confidence, report.alternative))


class LateWords:
    """Each participant's speech that was found to be no turn, until they speak again."""

    def __init__(self, vocabulary: Vocabulary, people: People) -> None:
        self._vocabulary = vocabulary
        self._people = people
        self.dismissed: dict[str, Dismissed] = {}

    def dismiss(self, dismissed: Dismissed) -> list[fx.Effect]:
        """Take speech that is no turn. Its words are kept as overheard, if they are somebody's."""
        evidence = dismissed.evidence
        self.dismissed[evidence.participant] = dismissed
        return [fx.RecordOverheard(evidence.participant, evidence.words)] if _overheard(evidence) else []

    def doubt(self, dismissed: Dismissed) -> None:
        """Take speech that is a turn if its final words say so: see `refused`."""
        self.dismissed[dismissed.evidence.participant] = dismissed

    def refused(self, turn: Turn, strategies: tuple[str, ...]) -> Dismissed | None:
        """Return what is to be dismissed after all, now that all words of a turn are known that was in doubt."""
        before = self.dismissed.get(turn.participant)
        if before is None:
            return None
        after = replace(before, evidence=_with_words(before.evidence, turn.words.text, turn.words.confidence))
        return None if after.is_for_agent(strategies) else after

    def forget(self, participant: str) -> None:
        """The participant speaks again, or left."""
        self.dismissed.pop(participant, None)

    def accepts(
        self, report: ev.TranscriptReceived, turn: Turn, reply: Reply | None, strategies: tuple[str, ...]
    ) -> bool:
        """Return True if final words that come after their turn belong into the history, and are to be answered.

        Speech that was dismissed is judged again by `strategies`, with its words. Speech of which nothing was known yet
        had these words. Where no speech was noticed, an echo of the agent and a backchannel to its reply are none.
        """
        dismissed = self.dismissed.get(turn.participant)
        if dismissed is not None:
            return dismissed.read_as(report).is_for_agent(strategies)
        if turn.closed is not None and not turn.closed.text:
            return True
        spoken = tokens(report.text)
        if self._agent_spoke(report) and repeats(spoken, tokens(self._people.agent_words)):
            return False
        return reply is None or not self._vocabulary.is_idle(spoken)

    def keep(self, report: ev.TranscriptReceived) -> list[fx.Effect]:
        """Keep late words of speech that was dismissed, and still is, as overheard."""
        before = self.dismissed.get(report.participant)
        if before is None:
            return []
        after = self.dismissed[report.participant] = before.read_as(report)
        # What had been overheard of it is in the history already.
        news = _overheard(after.evidence) and not _overheard(before.evidence)
        return [fx.RecordOverheard(report.participant, report.text)] if news else []

    def tell_of_speech(self, report: ev.TranscriptReceived, turn: Turn) -> bool:
        """Return True for words that somebody must be saying now: a guess that means something, and no echo.

        Final words are of speech that is over; and what was said before may still be transcribed.
        """
        spoken = tokens(report.text)
        if report.final or not spoken or report.participant in self.dismissed:
            return False
        if turn.closed is not None and set(spoken) <= set(tokens(turn.closed.text)):
            return False
        if report.confidence is not None and not trusted(report.confidence):
            return False
        echo = self._agent_spoke(report) and set(spoken) <= set(tokens(self._people.agent_words))
        return not echo and not self._vocabulary.is_idle(spoken)

    def _agent_spoke(self, report: ev.TranscriptReceived) -> bool:
        return report.at < self._people.agent_words_at + ECHO_DELAY


def _overheard(evidence: Evidence) -> bool:
    """Return True for words that are somebody's though not answered: no "uh-huh", and not the agent's own."""
    return mean_something(evidence) and not votes(evidence, ("echo",))


def answered_later(evidence: Evidence, given: tuple[Vote, ...], strategies: tuple[str, ...]) -> bool:
    """Return True for somebody's final words that interrupt nothing, and are answered after what the agent says.

    Of some the detector noticed nothing: how long they took is not known, so nothing is known against them. Of others
    it is only guessed that they are a listener's: "thank you so much, cancel" may be said to somebody by name. And a
    sentence that is understood is never lost, though it has more words than the detector heard speech for. Not so
    where all that the speech could be outweighs nothing of what else speaks against it, another's voice or a strategy
    of a user.
    """
    guessed = any(vote.strategy == "words" and vote.weight < 0.0 for vote in given)
    sentence = is_sentence(evidence) and evidence.voiced >= KNOWN
    return (guessed or sentence or evidence.voiced == 0.0) and _overheard(evidence) and best(given, strategies) >= 1.0


def best(given: tuple[Vote, ...], strategies: tuple[str, ...]) -> float:
    """Return what the votes can come to at best: with all that the speech may turn out to be, and all against it."""
    against = sum(vote.weight for vote in given if vote.strategy not in BEST and vote.weight < 0.0)
    return sum(weight for name, weight in BEST.items() if name in strategies) + against


def _with_words(evidence: Evidence, words: str, confidence: float | None, alternative: str = "") -> Evidence:
    return replace(
        evidence,
        speaking=False,
        transcribed=True,
        words=words,
        words_final=True,
        stt_confidence=confidence,
        alternative=alternative,
    )
