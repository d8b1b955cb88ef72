"""Cases: a state of the agent, a sound, and the decision that is right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

State = Literal["answering", "question", "thinking", "idle", "uninterruptible"]
Expected = Literal["yield", "ignore", "after"]
Primer = Literal["yes", "no", "both"]
Source = Literal["say", "clip", "make", "file"]
Hearing = Literal["", "corrects", "late", "foreign"]
Style = Literal["plain", "high", "whisper", "far"]

STATES: tuple[str, ...] = get_args(State)
EXPECTED: tuple[str, ...] = get_args(Expected)
STYLES: tuple[str, ...] = get_args(Style)
PRIMERS: tuple[str, ...] = get_args(Primer)

# Decibels of full scale of a sound where nothing else is said: 90th percentile of its 10 ms levels.
LEVEL = -20.0


class LabError(ValueError):
    """A suite, manifest, sound or result that cannot be used. The message says where, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Something to be heard.

    `source` and `name`: `say` a text, a `clip` of `testing.clips`, `make` a noise of `sounds.NOISES`, or a `file` by
    its path. `seconds`: its length where it is made, else the most of it that is taken. `level`: in dB of full scale;
    None leaves it as it is. `gain`: dB on top of that. `onset` and `end`: where in the sound it is heard, in seconds,
    measured if None.
    """

    source: Source
    name: str
    seconds: float | None = None
    level: float | None = LEVEL
    style: Style = "plain"
    gain: float = 0.0
    onset: float | None = None
    end: float | None = None


PRIMER = Sound("say", "Could you please tell me a story about the sea?")
"""What the caller asks first, the same in all cases that have a primer."""


@dataclass(frozen=True, slots=True)
class Bed:
    """A steady noise under the whole call, `snr` dB below the sound's level."""

    name: str
    snr: float


OTHERS = frozenset({"side_talk", "side_talk_equal", "noise", "music"})
"""Kinds whose sound is not the caller's."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One case.

    `expect`: the agent is to `yield` to the caller, to `ignore` the sound, or to finish what it says and to answer the
    caller `after` it.
    `at`: when the sound begins, in seconds: while the agent is `answering`, from the first word of its answer;
    `question`: from the end of a yes/no question that it asks; `thinking`: from what it was asked; `idle`: from the
    beginning of the call; `uninterruptible`: from the first word of a notice that may not be interrupted.

    `second`: what another caller says, `second_after` seconds later. `then`: what the same caller says, `then_after`
    seconds after the end of the sound. `resumed`: when, in seconds of the sound, its last part begins after a pause;
    the case is right only if that part was taken, too. `echo`: the level in dB at which the agent's own voice comes
    back in the caller's audio; `echo_cancellation`: the agent is given a canceller. `primer`: the agent answers what
    the caller has asked before, so it knows how the caller sounds. `primer_sounds`: that, in place of `PRIMER`.
    `hearing`: the flaw of the recogniser, see `recogniser`; `late`: seconds by which its final words are late.
    `origin`: "suite", or "audio" for a folder's clips; `source`: where a clip comes from.
    """

    id: str
    kind: str
    expect: Expected
    state: State
    at: float
    sound: Sound | None
    bed: Bed | None = None
    second: Sound | None = None
    second_after: float = 0.0
    then: Sound | None = None
    then_after: float = 0.0
    resumed: float | None = None
    echo: float | None = None
    echo_cancellation: bool = False
    primer: bool = False
    primer_sounds: tuple[Sound, ...] = ()
    hearing: Hearing = ""
    late: float = 0.0
    origin: str = "suite"
    source: str = ""
    language: str | None = None

    @property
    def may_be_later(self) -> bool:
        """True if it does no harm to answer it after what the agent says: a caller's own words, said over an answer.

        An interruption of it is to be yielded to all the same.
        """
        return self.state == "answering" and self.sound is not None and self.kind not in OTHERS

    @property
    def knows_voice(self) -> bool:
        """True if what was asked before was in the caller's voice: it is, where the sound is somebody else's.

        Elsewhere a recording's caller has asked in another voice than interrupts; no voiceprint is to judge that.
        """
        sound = self.sound
        own = sound is not None and (bool(self.primer_sounds) or (sound.source, sound.style) == ("say", "plain"))
        return self.primer and (own or self.kind in OTHERS)


def with_primer(scenarios: Iterable[Scenario], primer: Primer) -> list[Scenario]:
    """The cases with their primers ("yes"), without ("no"), or those that have one twice ("both")."""
    given = list(scenarios)
    if primer == "yes":
        return given
    if primer == "no":
        return [replace(scenario, primer=False) for scenario in given]
    without = [
        replace(scenario, primer=False, id=f"{scenario.id}/no-primer", origin=f"{scenario.origin}, no primer")
        for scenario in given
        if scenario.primer
    ]
    return given + without
