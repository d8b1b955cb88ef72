"""How interruptions are judged: every number the floor uses."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal, Self


@dataclass(frozen=True, slots=True)
class InterruptionPolicy:
    """The floor's knobs. All durations are in seconds. Raises ValueError for a negative one."""

    hold: bool = True
    """Silence the agent at the first window of speech, before deciding. False waits for the evidence: a cough then
    costs nothing, and a real interruption is heard `commit_speech` later."""

    commit_speech: float = 0.36
    """Speech that makes an interruption, counted from the hold in windows the detector calls speech. Below 0.3
    coughs and "uh-huh" begin to pass; every further 0.1 is 0.1 later in throwing the old answer away (the silence is not
    later: the agent is held all the while)."""

    resume_after: float = 0.2
    """Silence after speech that was too short to interrupt before the agent goes on. The detector has by then waited
    about 0.16 itself; much less resumes into the gap between two words."""

    hold_limit: float = 2.0
    """The longest hold without a decision, then the agent goes on."""

    rewind: Literal["word", "exact"] = "word"
    """Where a held voice goes on: at the start of the word that was cut, or at the exact sample."""

    rewind_limit: float = 1.0
    """The furthest that `rewind="word"` goes back."""

    turn_timeout: float = 2.0
    """Silence after which a turn that no detector ended is over."""

    speech_gap: float = 1.0
    """A speaker of whom nothing is reported for so long has stopped: the microphone was muted or the line is gone.
    Detectors report every window of speech, every 32 ms or so."""

    claim_limit: float = 30.0
    """The same for a turn of which a detector reports only its start and end: they may be far apart."""

    words_timeout: float = 3.0
    """How long the final words of a turn may take; then the agent answers what it has of them."""

    reply_timeout: float = 20.0
    """How long the first sound of a reply may take; then the reply is given up."""

    stall_timeout: float = 8.0
    """How long a reply that has begun may get no further; then the rest of it is given up."""

    wait_limit: float = 12.0
    """How long the agent lets others talk on before it says what it has to say all the same."""

    queue_limit: int = 16
    """Replies asked for by code (`say`, `simple_response`) that may wait their turn; more are refused."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and value < 0:
                raise ValueError(f"{field.name} must not be negative, got {value}")
        if self.rewind not in ("word", "exact"):
            raise ValueError(f'rewind is "word" or "exact", not {self.rewind!r}')

    def override(self, settings: dict[str, str]) -> Self:
        """A copy with some knobs set from text, as a command line gives them. Raises ValueError for a wrong one."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        changes: dict[str, object] = {}
        for name, text in settings.items():
            if name not in known:
                raise ValueError(f"there is no policy setting {name!r}; known are: {', '.join(known)}")
            changes[name] = _parse(name, text, known[name])
        return replace(self, **changes)  # type: ignore[arg-type]


def _parse(name: str, text: str, like: object) -> object:
    if isinstance(like, bool):
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise ValueError(f"{name} is true or false, not {text!r}")
    try:
        return type(like)(text)  # type: ignore[call-arg]
    except ValueError:
        raise ValueError(f"{name} is a number, not {text!r}") from None
