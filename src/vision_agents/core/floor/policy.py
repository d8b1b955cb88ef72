"""The policy: every number by which the floor judges interruptions and waits."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Literal, Self

from .strategies import BUILT_IN

_CHOICES = {
    "rewind": ("word", "exact"),
    "interruptible_by": ("anyone", "spoken_to"),
    "endpointing": ("learned", "fixed"),
}

# Settings that the floor does not read, and what they act on: no replay of its decisions shows them.
BEYOND = {"rewind_limit": "it acts on the sound, not on what the floor decides"}


@dataclass(frozen=True, slots=True)
class InterruptionPolicy:
    """The settings of the floor. Durations are in seconds.

    Raises ValueError for a setting that is negative, not finite, or none of the choices.
    """

    hold: bool = True
    """Silence the agent at the first window of speech, before deciding. With False it talks on until the decision: a
    cough then costs nothing, and a real interruption is acted on `commit_speech` later."""

    strategies: tuple[str, ...] = tuple(BUILT_IN)
    """Names of the built-in strategies (`core.floor.strategies`) that vote on whether speech is an interruption.
    Without "words" a backchannel of half a second is one; "length" alone judges by the amount of speech."""

    commit_speech: float = 0.75
    """Seconds of confident speech that commit an interruption while the user is still talking. Two thirds suffice once
    they stop, less with meaningful words. Below 0.45 coughs commit; above, the old answer is cancelled that much later
    (the agent is silent in any case). 0 commits at the first window."""

    clear_speech: float = 0.85
    """The VAD confidence from which a window counts as confident speech. Speech of all languages reaches 0.85 in two
    thirds of its windows or more, coughs and laughter seldom in a quarter."""

    prepare: bool = False
    """Begin to make the answer at each pause before which the words could be all (not "and", not a comma), before it is
    certain that the turn is over. Nothing of it is heard, put into the history or done before; what was made for other
    words is thrown away, up to three times a turn, and costs its tokens. Where a recogniser expects the end of a turn
    (Deepgram's eager end) this is done in any case."""

    endpointing: Literal["learned", "fixed"] = "learned"
    """Who decides that a pause ends a turn, where a detector judges pauses (Smart Turn). "learned": the floor, by that
    judgement, by how the words end and by this caller's earlier pauses. "fixed": the detector alone; what it does not
    find complete ends after its whole buffer."""

    interruptible_by: Literal["anyone", "spoken_to"] = "anyone"
    """Participants whose speech interrupts: all, or those whose words the agent is answering. Speech of the others is
    kept and answered after the reply. For a decision per participant see `Agent(may_interrupt=…)`."""

    resume_after: float = 0.2
    """Seconds of silence, after speech that did not commit, until the agent resumes. The VAD has by then waited about
    0.16 itself; much less resumes between two words. Three quarters of it if a strategy votes against an
    interruption: a backchannel is over sooner."""

    late_transcript: float = 1.0
    """Seconds of silence after such speech in which its transcript may still commit, though the agent has resumed.
    Recognisers over a network are up to a second late."""

    hold_limit: float = 2.0
    """The longest hold in seconds; after it the agent resumes, and evidence is gathered while it talks. Longer feels
    like a broken agent, shorter talks over people who start slowly."""

    rewind: Literal["word", "exact"] = "word"
    """The place where a held reply resumes: the start of the word that was cut, since half a word is not understood, or
    the exact sample."""

    rewind_limit: float = 1.0
    """The most seconds that `rewind="word"` goes back. Hardly any word is longer; where word times are estimated it
    bounds the error."""

    turn_timeout: float = 2.0
    """Seconds of pause that end a turn without a turn detector, counted from when the pause was detected. A detector
    answers within 0.5; people seldom pause for 2 within a sentence."""

    speech_gap: float = 1.0
    """Seconds without any report from the VAD after which a speaker counts as silent: muted, or the line is gone. VADs
    report every window, about 32 ms; recognisers without a VAD report some words each second."""

    claim_limit: float = 30.0
    """The same limit for a turn of which a detector reports only start and end: they may be far apart."""

    transcript_timeout: float = 3.0
    """Seconds to wait for the final transcript of a turn; then the agent answers the words it has. Recognisers need
    less than 1; callers who hear nothing for 3 ask whether anybody is there."""

    reply_timeout: float = 20.0
    """Seconds to wait for the first audio of a reply; then it is dropped. Enough for a slow model: while a function
    runs they do not count."""

    continue_after: float = 2.0
    """Seconds after the last sound of speech that stopped a realtime model, without words of it or an answer to it,
    until the model is asked to go on; and after its turn, without an answer, until it is asked to tell what a function
    found that nobody waited for. Models answer what they understood within 1."""

    stall_timeout: float = 8.0
    """Seconds without progress after which the rest of an audible reply is dropped. Longer than any gap between two
    sentences, function calls included unless they hang."""

    function_limit: float = 120.0
    """Seconds that the functions of a reply may take; then the reply is dropped. Each function has a timeout that comes
    first: this bounds one that ignores it."""

    retries: int = 1
    """How often what the agent says is made once more after a part failed at it, or was not in time: anew if nothing of
    it was heard, otherwise from where it was heard to. After the last attempt `Agent(apology=…)` is said."""

    retry_after: float = 0.5
    """Seconds from such a failure to the next attempt. Most services that refuse a request take it a moment later; a
    caller takes so short a silence for thinking."""

    retry_timeout: float = 5.0
    """Seconds to wait for the first audio of such an attempt, or what the first one has left of `reply_timeout`, if
    that is more. Services that work need less than 2, and who calls has waited for long: of one that hangs they know by
    the apology after 25.5 s (`reply_timeout` + `retry_after` + `retry_timeout`)."""

    continuations: int = 4
    """How often in a row a realtime model that breaks off what it says, though nobody is to be heard, is asked to go
    on; then `Agent(apology=…)` is said. Where noise stopped it, it is asked however often."""

    user_away: float = 15.0
    """Seconds in which neither a participant nor the agent said anything, and no function ran, until `UserAwayEvent`.
    Noise without words does not count."""

    wait_limit: float = 12.0
    """Seconds that a reply waits for others to stop talking; then the agent speaks all the same. A few turns of theirs:
    a later answer is none."""

    queue_limit: int = 16
    """The most replies that may wait, at least 1; further ones are dropped. Bounds code that requests in a loop."""

    def __post_init__(self) -> None:
        if isinstance(self.strategies, list):
            object.__setattr__(self, "strategies", tuple(self.strategies))  # as a trace brings them
        for setting in fields(self):
            value = getattr(self, setting.name)
            if not _fits(setting.name, value, setting.default):
                raise ValueError(f"{setting.name} is {_wanted(setting.name, setting.default)}, not {value!r}")
        if self.queue_limit < 1:
            raise ValueError(f"queue_limit must be at least 1, got {self.queue_limit}")

    def override(self, settings: dict[str, str]) -> Self:
        """Return a copy with some settings parsed from text. Raises ValueError for a wrong name or value."""
        known = {setting.name: setting.default for setting in fields(self)}
        changes: dict[str, object] = {}
        for name, text in settings.items():
            if name not in known:
                raise ValueError(f"there is no policy setting {name!r}; known are: {', '.join(known)}")
            changes[name] = _parse(text, known[name])
        return replace(self, **changes)  # type: ignore[arg-type]


def _fits(name: str, value: object, default: object) -> bool:
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, str):
        return value in _CHOICES[name]
    if isinstance(default, tuple):
        names = tuple(BUILT_IN)
        return isinstance(value, tuple) and all(name in names for name in value) and len(set(value)) == len(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < math.inf and isinstance(value, int | type(default))


def _wanted(name: str, default: object) -> str:
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, str):
        return " or ".join(f'"{choice}"' for choice in _CHOICES[name])
    if isinstance(default, tuple):
        return f"a tuple of different names out of {', '.join(BUILT_IN)}"
    return f"a {'whole ' if isinstance(default, int) else ''}number that is not negative"


def _parse(text: str, default: object) -> object:
    """Parse a setting's value; text that is no such value stays text, for the policy to refuse."""
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(default, tuple):
        return tuple(name.strip() for name in text.split(",") if name.strip())
    try:
        return type(default)(text)  # type: ignore[call-arg]
    except ValueError:
        return text
