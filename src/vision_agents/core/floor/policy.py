"""How interruptions are judged: every number the floor uses."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Literal, Self

from .strategies import BUILT_IN

_CHOICES = {"rewind": ("word", "exact"), "interruptible_by": ("anyone", "spoken_to")}


@dataclass(frozen=True, slots=True)
class InterruptionPolicy:
    """The floor's knobs. All durations are in seconds. Raises ValueError for one that is negative or not finite."""

    hold: bool = True
    """Silence the agent at the first window of speech, before deciding. False waits for the evidence: a cough then
    costs nothing, and a real interruption is heard `commit_speech` later."""

    strategies: tuple[str, ...] = tuple(BUILT_IN)
    """What has a vote on whether speech is an interruption: names from `floor.strategies`, where all of them and their
    weights stand. Without "words" an "uh-huh" of half a second is one; "length" alone judges by nothing but speech."""

    commit_speech: float = 0.75
    """Clear speech that makes an interruption while it goes on, counted from the hold. When it is over two thirds are
    enough, and less with words that mean something. Below 0.45 coughs begin to pass; every further 0.1 is 0.1 later in
    throwing the old answer away (the silence is not later: the agent is held all the while). 0 takes the first window
    for an interruption."""

    clear_speech: float = 0.85
    """The detector's confidence from which a window counts as clear speech. Speech of all languages reaches 0.85 in two
    thirds of its windows or more, coughs and laughter seldom in a quarter."""

    interruptible_by: Literal["anyone", "spoken_to"] = "anyone"
    """Whose speech interrupts: anyone's, or only that of those whose words the agent is answering. What others say is
    kept and answered after. Code decides for each participant with `Agent(may_interrupt=…)`."""

    resume_after: float = 0.2
    """Silence after speech that was not enough to interrupt before the agent goes on. The detector has by then waited
    about 0.16 itself; much less resumes into the gap between two words. Three quarters of it, if something
    speaks against an interruption: an "uh-huh" is over sooner."""

    late_transcript: float = 1.0
    """Silence after such speech in which its words may still make it an interruption, though the agent has gone on.
    Recognisers over a network report them up to a second late."""

    hold_limit: float = 2.0
    """The longest hold without a decision; then the agent goes on, and evidence is gathered without a hold. Longer is
    felt as a broken agent, shorter resumes over a slow starter."""

    rewind: Literal["word", "exact"] = "word"
    """Where a held voice goes on: at the start of the word that was cut, because half a word is not understood, or at
    the exact sample."""

    rewind_limit: float = 1.0
    """The furthest that `rewind="word"` goes back. Hardly any word is longer; where the words' times are only estimated
    it bounds the error."""

    turn_timeout: float = 2.0
    """How long a pause may last before the turn is over without a detector that says so, counted from when the pause
    was noticed. A detector answers within 0.5; people seldom pause for 2 within a sentence."""

    speech_gap: float = 1.0
    """A speaker of whom nothing is reported for so long has stopped: the microphone was muted or the line is gone.
    Detectors report every window of speech, every 32 ms or so; recognisers, where nothing else listens, some words each
    second."""

    claim_limit: float = 30.0
    """The same for a turn of which a detector reports only its start and end: they may be far apart."""

    transcript_timeout: float = 3.0
    """How long the final words of a turn may take; then the agent answers what it has of them. Recognisers need less
    than 1; a caller who hears nothing for 3 asks whether anybody is there."""

    reply_timeout: float = 20.0
    """How long the first sound of a reply may take; then the reply is given up. Long enough for a slow model with a
    function call or two."""

    stall_timeout: float = 8.0
    """How long a reply that has begun may get no further; then the rest of it is given up. Beyond any gap between two
    sentences, function calls included that do not themselves hang."""

    wait_limit: float = 12.0
    """How long the agent lets others talk on before it says what it has to say all the same. That is a few turns of
    theirs; later an answer is no longer one."""

    queue_limit: int = 16
    """Replies that may wait their turn, at least 1; more are refused. Nobody listens to that many: it bounds code that
    asks in a loop."""

    def __post_init__(self) -> None:
        if isinstance(self.strategies, list):
            object.__setattr__(self, "strategies", tuple(self.strategies))  # as a trace brings them
        for knob in fields(self):
            value = getattr(self, knob.name)
            if not _fits(knob.name, value, knob.default):
                raise ValueError(f"{knob.name} is {_wanted(knob.name, knob.default)}, not {value!r}")
        if self.queue_limit < 1:
            raise ValueError(f"queue_limit must be at least 1, got {self.queue_limit}")

    def override(self, settings: dict[str, str]) -> Self:
        """A copy with some knobs set from text, as a command line gives them. Raises ValueError for a wrong one."""
        known = {knob.name: knob.default for knob in fields(self)}
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
    """A knob's value from text; what cannot be one stays text, for the policy to refuse."""
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(default, tuple):
        return tuple(name.strip() for name in text.split(",") if name.strip())
    try:
        return type(default)(text)  # type: ignore[call-arg]
    except ValueError:
        return text
