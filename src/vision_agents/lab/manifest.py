"""A folder of recordings with a `manifest.json`: every clip becomes a case.

The manifest is a list of tables. Each has `file` (beside the manifest), `kind`, `onset_s` and `end_s` (where in the
file the sound is, in seconds), and may have `id`, `language`, `expect`, `speaker` (a name for the voice), `source`
(where it comes from, up to the first "@" or space) and, for the kind `pause`, `pauses_s` (the gaps inside the turn:
[from, to]); other keys are ignored.

The level of a recording is taken for that of a caller close to the microphone. People who talk aside are farther away:
clips of a kind that is in `LEVELS` become a case for each of its distances below that level. What is as loud as the
caller, or nearly, is not told from a caller by loudness: such side talk is a kind of its own, `EQUAL`. A caller may
lean back: each interruption comes fainter, too, as a kind of its own, `FAINTER`. And a caller may go on: of a speaker
with two interruptions, one comes after the other, fainter and after a pause in which the agent may have begun to
answer, as the kind `SECOND`.

Recognisers differ: every English interruption and backchannel is heard once more by one with a flaw (`recogniser`). Its
final words correct its partial ones (`corrected`), or come 0.1 to 1.5 s late (`late_words`), or it knows another
language (`wrong_language`).

What the caller asked before is said in the caller's own voice where the manifest has other clips of that speaker; for
people who talk aside it is said in the voice of somebody else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from zlib import crc32

from vision_agents.core.failures import reason_of

from .scenario import EXPECTED, Expected, Hearing, LabError, Scenario, Sound

EXPECTED_OF = {
    "interruption": "yield",
    "speech": "yield",
    "pause": "yield",
    "backchannel": "ignore",
    "vocal": "ignore",
    "noise": "ignore",
    "music": "ignore",
    "side_talk": "ignore",
}

# In dB from the recording's own level. A speaker at four times the caller's distance is 12 dB fainter, at eight 18.
LEVELS: dict[str, tuple[float, ...]] = {"side_talk": (-12.0, -18.0)}
EQUAL = "side_talk_equal"
EQUAL_LEVELS = (-6.0,)
FAINTER = "fainter"
FAINTER_LEVELS = (-6.0, -9.0, -12.0)
SECOND = "second"
SECOND_LEVEL = -8.0
# From the end of the first sentence to the second, in seconds: each pair has one of them.
SECOND_AFTER = (0.4, 0.7, 1.0, 1.5)

# Each clip is one of these kinds.
HEARINGS: tuple[tuple[str, Hearing], ...] = (
    ("corrected", "corrects"),
    ("late_words", "late"),
    ("wrong_language", "foreign"),
)
LATE = (0.1, 0.5, 1.0, 1.5)

# Seconds of a speaker's other clips that are put together to the first question, and the least of them.
PRIMED, LEAST_PRIMED = 4.0, 1.2
# Kinds whose clips are speech of one person.
SPOKEN = frozenset({"interruption", "speech", "pause", "side_talk", "backchannel"})

# Into the answer, in seconds.
AT = 2.0

# The agent's answer is long enough for this.
LONGEST = 30.0


def read_folder(folder: Path, levels: Mapping[str, Sequence[float]] = LEVELS) -> list[Scenario]:
    """The clips' cases, each heard over an agent in mid-answer. `levels`: for a kind the levels of its cases, in dB.

    Raises LabError for a manifest that is none, or has no clip of a kind of which the level is to be another.
    """
    path = folder / "manifest.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LabError(f"there is no {path}; --audio takes a folder of recordings with a manifest.json") from None
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise LabError(f"{path} cannot be read: {reason_of(error)}") from None
    if not isinstance(content, list):
        raise LabError(f"{path} is not a list of clips")
    clips = [_clip(folder, clip, f"{path}, clip {number}") for number, clip in enumerate(content, 1)]
    seen: set[str] = set()
    for clip in clips:
        if clip.case.id in seen:
            raise LabError(f"{path} has two clips {clip.case.id.removeprefix('audio/')}")
        seen.add(clip.case.id)
    unknown = set(levels) - {clip.case.kind for clip in clips} - set(EXPECTED_OF)
    if unknown:
        raise LabError(f"{path} has no clips of the kind {', '.join(sorted(unknown))}, so they can have no other level")
    voices = _Voices(clips)
    return [case for clip in clips for case in _cases(clip, voices, levels)]


@dataclass(frozen=True, slots=True)
class _Clip:
    """A clip of the manifest, as a case of its own level."""

    case: Scenario
    sound: Sound
    speaker: str | None


class _Voices:
    """The speakers of a manifest, by their clips."""

    def __init__(self, clips: Sequence[_Clip]) -> None:
        self._clips: dict[str, list[_Clip]] = {}
        for clip in clips:
            if clip.speaker is not None and clip.case.kind in SPOKEN:
                self._clips.setdefault(clip.speaker, []).append(clip)

    def of(self, clip: _Clip) -> tuple[Sound, ...]:
        """Return the first question: other clips of the speaker, or of another one where nobody is spoken to."""
        if clip.case.kind in LEVELS:
            return self._anybody_but(clip)
        return self._said_by(clip.speaker, clip) if clip.speaker is not None else ()

    def next(self, clip: _Clip) -> _Clip | None:
        """Return the interruption of the same speaker that comes after this clip in the manifest."""
        said = [other for other in self._clips.get(clip.speaker or "", ()) if other.case.kind == "interruption"]
        if clip not in said or len(said) < 2:
            return None
        return said[(said.index(clip) + 1) % len(said)]

    def _said_by(self, speaker: str, but: _Clip | None) -> tuple[Sound, ...]:
        """The longest clips of a speaker but one, up to `PRIMED` seconds; none if there is too little."""
        others = sorted(
            (clip for clip in self._clips.get(speaker, ()) if clip is not but), key=_seconds_of, reverse=True
        )
        taken: list[_Clip] = []
        for clip in others:
            if sum(map(_seconds_of, taken)) < PRIMED:
                taken.append(clip)
        return tuple(clip.sound for clip in taken) if sum(map(_seconds_of, taken)) >= LEAST_PRIMED else ()

    def _anybody_but(self, clip: _Clip) -> tuple[Sound, ...]:
        if clip.speaker is None:
            return ()
        # Another source as well: speakers of one are perhaps the same person.
        others = {
            speaker: said
            for speaker in self._clips
            if not any(other.case.source == clip.case.source for other in self._clips[speaker])
            and (said := self._said_by(speaker, None))
        }
        names = sorted(others)
        return others[names[crc32(clip.case.id.encode()) % len(names)]] if names else ()


def _seconds_of(clip: _Clip) -> float:
    return (clip.sound.end or 0.0) - (clip.sound.onset or 0.0)


def _cases(clip: _Clip, voices: _Voices, levels: Mapping[str, Sequence[float]]) -> list[Scenario]:
    """All cases of a clip."""
    case = replace(clip.case, primer_sounds=voices.of(clip))
    cases = _at_levels(case, clip.sound, levels.get(case.kind, (0.0,)))
    if case.kind in ("interruption", "backchannel") and case.language == "en":
        cases.append(_misheard(case))
    if case.kind == "side_talk":
        equal = replace(case, kind=EQUAL)
        cases += [equal, *_at_levels(equal, clip.sound, EQUAL_LEVELS)]
    if case.kind == "interruption":
        # Not those that were asked for as the kind's own.
        fainter = [gain for gain in FAINTER_LEVELS if gain not in levels.get(case.kind, ())]
        cases += _at_levels(replace(case, kind=FAINTER), clip.sound, fainter)
        then = voices.next(clip)
        if then is not None:
            after = SECOND_AFTER[crc32(case.id.encode()) % len(SECOND_AFTER)]
            cases.append(
                replace(
                    case,
                    id=f"{case.id}+",
                    kind=SECOND,
                    then=replace(then.sound, gain=SECOND_LEVEL),
                    then_after=after,
                )
            )
    return cases


def _misheard(case: Scenario) -> Scenario:
    """The case, heard by a recogniser with a flaw."""
    drawn = crc32(case.id.encode())
    kind, hearing = HEARINGS[drawn % len(HEARINGS)]
    late = LATE[drawn // len(HEARINGS) % len(LATE)] if hearing == "late" else 0.0
    return replace(case, id=f"{case.id}~{hearing}", kind=kind, hearing=hearing, late=late)


def _at_levels(case: Scenario, sound: Sound, levels: Sequence[float]) -> list[Scenario]:
    if tuple(levels) == (0.0,):
        return [case]
    return [replace(case, id=f"{case.id}@{gain:+g}", sound=replace(sound, gain=gain)) for gain in levels]


def _clip(folder: Path, clip: Any, where: str) -> _Clip:
    if not isinstance(clip, dict):
        raise LabError(f"{where}: a clip is a table, not {clip!r}")
    file, kind = (_text(clip, key, where) for key in ("file", "kind"))
    if not (folder / file).is_file():
        raise LabError(f"{where}: there is no file {file} in {folder}")
    expect = clip.get("expect", EXPECTED_OF.get(kind))
    if expect not in EXPECTED:
        raise LabError(
            f"{where}: for the kind {kind!r} it is not known what to expect; give the clip "
            f'"expect": "yield" or "ignore", or one of the kinds {", ".join(EXPECTED_OF)}'
        )
    onset, end = (_seconds(clip, key, where) for key in ("onset_s", "end_s"))
    if not onset < end:
        raise LabError(f"{where}: the sound ends at {end} s, before it begins at {onset} s")
    sound = Sound("file", str(folder / file), LONGEST, None, onset=onset, end=min(end, LONGEST))
    name, language, speaker, source = (clip.get(key) for key in ("id", "language", "speaker", "source"))
    case = Scenario(
        id=f"audio/{name if isinstance(name, str) and name else Path(file).stem}",
        kind=kind,
        expect=cast(Expected, expect),
        state="answering",
        at=AT,
        sound=sound,
        resumed=_resumed(clip, where),
        primer=True,
        origin="audio",
        source=_origin(source) if isinstance(source, str) else "",
        language=language if isinstance(language, str) else None,
    )
    return _Clip(case, sound, speaker if isinstance(speaker, str) and speaker else None)


def _origin(source: str) -> str:
    """The repository or the package, without commit, version and path."""
    return source.partition("@")[0].partition(" ")[0]


def _resumed(clip: dict[str, Any], where: str) -> float | None:
    """Return the time at which the clip's last part begins, None without pauses."""
    pauses = clip.get("pauses_s") or []
    try:
        return max((float(end) for _, end in pauses), default=None)
    except (TypeError, ValueError):
        raise LabError(f"{where}: `pauses_s` is a list of [from, to] in seconds, not {pauses!r}") from None


def _text(clip: dict[str, Any], key: str, where: str) -> str:
    value = clip.get(key)
    if not isinstance(value, str) or not value:
        raise LabError(f"{where}: `{key}` is missing, or no text")
    return value


def _seconds(clip: dict[str, Any], key: str, where: str) -> float:
    value = clip.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise LabError(f"{where}: `{key}` is a time in seconds, not {value!r}")
    return float(value)
