"""What became of a case, as it stands in lab.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from .scenario import LabError

VERSION = 1

Decision = Literal["yield", "ignore", "early", "failed"]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case. Times are in seconds; what could not be measured is None.

    id, kind, origin, state, expect, language, sound: what the case was; `origin`: "suite", or "audio" for a folder's
    onset, end      where in the call the sound was
    decision        "yield": the turn was given to the caller; "ignore": it was not; "early": the agent was interrupted
                    before the sound began; "failed": the case did not run to its end, `reason` says why
    right           whether that was expected
    reason          the floor's own words
    evidence        what it had to decide on: `voiced` seconds of speech, the highest `confidence`, `held` until the
                    decision, and the `words` with their times; what an agent's strategies add stands beside these
    held            whether the agent was silenced at all
    silence         from the sound's onset to the agent's last sample
    resume_gap      where it was ignored: from the end of the sound to the agent's next sample, 0 if it was speaking
    pause           where it was ignored: how long the agent was silent in all
    stuck           it was ignored, and the agent stayed silent all the same
    lost, repeated  samples (48 kHz) that were skipped; that were played again beyond the start of the cut word
    rewound         samples that were played again, in all
    recovered       after a commit the agent went on with what it had been saying
    reported_words, heard_words
                    of the reply that was cut off: what the agent says was heard, and what was
    response        from the end of the sound to the first sample of the answer; below 0: the agent did not wait
    """

    id: str
    kind: str
    origin: str
    state: str
    expect: str
    language: str | None = None
    sound: str = ""
    onset: float = 0.0
    end: float = 0.0
    decision: Decision = "failed"
    right: bool = False
    reason: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    held: bool = False
    silence: float | None = None
    resume_gap: float | None = None
    pause: float | None = None
    stuck: bool = False
    lost: int = 0
    repeated: int = 0
    rewound: int = 0
    recovered: bool = False
    reported_words: int | None = None
    heard_words: int | None = None
    response: float | None = None


@dataclass(frozen=True, slots=True)
class LabResult:
    """All cases of a run, and the settings of the policy that were not the usual ones."""

    cases: tuple[CaseResult, ...]
    policy: Mapping[str, str] = field(default_factory=dict)

    def write(self, path: Path, figures: Sequence[Mapping[str, Any]]) -> None:
        """Write lab.json; `figures` are for reading and are computed again from the cases. Raises OSError."""
        content = {
            "version": VERSION,
            "policy": dict(self.policy),
            "figures": list(figures),
            "cases": [_rounded(asdict(case)) for case in self.cases],
        }
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> LabResult:
        """Read what `write` wrote. Raises LabError for anything else."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
            raise LabError(f"{path} cannot be read: {error}") from None
        if not isinstance(content, dict) or not isinstance(content.get("cases"), list):
            raise LabError(f"{path} is not a result of `vision-agents lab run`: it has no cases")
        if content.get("version") != VERSION:
            raise LabError(f"{path} is of version {content.get('version')}, this program reads version {VERSION}")
        known = {fact.name for fact in fields(CaseResult)}
        needed = {"id", "kind", "origin", "state", "expect", "decision", "right"}
        for number, case in enumerate(content["cases"], 1):
            if not isinstance(case, dict) or needed - case.keys() or case.keys() - known:
                raise LabError(f"{path}: case {number} is not one of this version")
        policy = content.get("policy")
        return cls(
            tuple(CaseResult(**case) for case in content["cases"]),
            policy if isinstance(policy, dict) else {},
        )


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return value
