"""The result of a case, as it stands in lab.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from .scenario import Expected, LabError

VERSION = 2

Decision = Literal["yield", "ignore", "after", "early", "failed"]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case. Times are in seconds; what could not be measured is None.

    id, kind, origin, state, expect, language, source, sound
                    what the case was; `origin`: "suite", or "audio" for a folder's;
                    `source`: where a clip comes from
    onset, end      where in the call the sound was
    began, since    when the case begins, after the caller's first question; and from when on what is decided is because
                    of the sound
    resumed         when the last part of what the caller says begins, if there is a pause in it
    may_be_later    as `Scenario.may_be_later`
    decision        "yield": the turn was given to the caller; "ignore": it was not; "after": it is, once the agent has
                    said all; "early": the agent was interrupted before the sound began; "failed": the case did not run
                    to its end, `reason` says why
    right           whether that was expected; of "after", also that nothing of either was lost. What is to be ignored
                    may be answered afterwards, if it is the caller's own; a true interruption may not
    reason          the floor's own words
    evidence        what it had to decide on: `voiced` seconds of speech, the highest `confidence`, `held` until the
                    decision, and the `words` with their times; what an agent's strategies add stands beside these
    decided_by      the strategy that weighed most for the decision; "none": there was too little for one
    held            whether the agent was silenced at all
    silence         from the sound's onset to the agent's last sample
    resume_gap      where it was ignored, or recovered: from the end of the sound to the next sample of what the agent
                    was saying, 0 if it was speaking
    resume_delay    from the decision to go on to the next sample; the longest, if there were several
    dead_air        where it was ignored: for each silence because of a hold, how much of it was after the sound's end
    pause           where it was ignored: how long the agent was silent in all
    stuck           it was ignored, and the agent stayed silent all the same
    under           for each setting of the policy that was tried on what was heard: whether it decides rightly
    lost, repeated  samples (48 kHz) that were skipped; that were played again beyond the start of the cut word
    rewound         samples that were played again, in all
    recovered       after a commit the agent went on with what it had been saying
    reported_words, heard_words
                    of the reply that was cut off: what the agent says was heard, and what was
    response        from the last speech in the sound to the first sample of the answer; below 0: the agent did not wait
    went_on         from that sample to what the caller said next, if that was not all
    """

    id: str
    kind: str
    origin: str
    state: str
    expect: Expected
    language: str | None = None
    source: str = ""
    sound: str = ""
    onset: float = 0.0
    end: float = 0.0
    decision: Decision = "failed"
    right: bool = False
    reason: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    decided_by: str | None = None
    held: bool = False
    silence: float | None = None
    resume_gap: float | None = None
    resume_delay: float | None = None
    pause: float | None = None
    dead_air: list[float] = field(default_factory=list)
    under: dict[str, bool] = field(default_factory=dict)
    stuck: bool = False
    lost: int = 0
    repeated: int = 0
    rewound: int = 0
    recovered: bool = False
    reported_words: int | None = None
    heard_words: int | None = None
    response: float | None = None
    went_on: float | None = None
    began: float = 0.0
    since: float = 0.0
    resumed: float | None = None
    may_be_later: bool = False

    @property
    def faulty(self) -> bool:
        """Return whether it was decided wrongly, or cost what it should not have."""
        return not self.right or self.stuck or bool(self.lost) or bool(self.repeated)


@dataclass(frozen=True, slots=True)
class Cut:
    """A reply that was cut off after `seconds`: how many words were `reported` as heard, and how many were.

    `source`: of the reported words: "provider" or "estimated" times; or the aligner's own check, "aligner: …".
    """

    source: str
    text: int
    seconds: float
    reported: int
    heard: int


@dataclass(frozen=True, slots=True)
class LabResult:
    """A run: all cases, and the settings of the policy that were not the usual ones.

    `conditions`: sentences that say under what conditions it was; `cuts`: of the heard words, see `heard`.
    """

    cases: tuple[CaseResult, ...]
    policy: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[str, ...] = ()
    cuts: tuple[Cut, ...] = ()

    def write(self, path: Path, figures: Sequence[Mapping[str, Any]]) -> None:
        """Write lab.json; `figures` are for reading and are computed again from the cases. Raises OSError."""
        content = {
            "version": VERSION,
            "policy": dict(self.policy),
            "conditions": list(self.conditions),
            "figures": list(figures),
            "cases": [_rounded(asdict(case)) for case in self.cases],
            "cuts": [_rounded(asdict(cut)) for cut in self.cuts],
        }
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> LabResult:
        """Read what `write` wrote. Raises LabError for anything else."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            why = error.strerror or str(error)
            raise LabError(f"{path} cannot be read ({why}): give a lab.json of `vision-agents lab run`") from None
        except (ValueError, RecursionError) as error:
            raise LabError(f"{path} cannot be read: {error}") from None
        whole = isinstance(content, dict) and isinstance(content.get("cases"), list)
        if not whole or not isinstance(content.get("cuts", []), list):
            raise LabError(f"{path} is not a result of `vision-agents lab run`: it has no cases")
        if content.get("version") != VERSION:
            version = content.get("version")
            raise LabError(f"{path} is of version {version}, this program reads version {VERSION}: run the lab again")
        policy, conditions = content.get("policy"), content.get("conditions")
        return cls(
            tuple(CaseResult(**case) for case in _tables(content, "cases", CaseResult, path)),
            {str(name): str(value) for name, value in policy.items()} if isinstance(policy, dict) else {},
            tuple(map(str, conditions)) if isinstance(conditions, list) else (),
            tuple(Cut(**cut) for cut in _tables(content, "cuts", Cut, path)),
        )


def _tables(content: Mapping[str, Any], key: str, kind: type[CaseResult] | type[Cut], path: Path) -> list[Any]:
    """The entries of a list, each of which has the facts of `kind`."""
    known = {fact.name for fact in fields(kind)}
    needed = {fact.name for fact in fields(kind) if fact.default is MISSING and fact.default_factory is MISSING}
    entries = content.get(key, [])
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or needed - entry.keys() or entry.keys() - known:
            raise LabError(f"{path}: number {number} of its {key} is not one of this version")
    return list(entries)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return value
