"""A folder of recordings with a `manifest.json`: every clip becomes a case.

The manifest is a list of tables. Each has `file` (beside the manifest), `kind`, `onset_s` and `end_s` (where in the
file the sound is, in seconds), and may have `id`, `language` and `expect`; other keys are ignored.

The level of a recording is taken for that of a caller close to the microphone. People who talk aside are farther away:
clips of a kind that is in `LEVELS` become a case for each of its distances below that level. What is as loud as the
caller is not told from a caller by loudness: such side talk is a kind of its own, `EQUAL`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from .scenario import EXPECTED, Expected, LabError, Scenario, Sound

EXPECTED_OF = {
    "interruption": "yield",
    "speech": "yield",
    "backchannel": "ignore",
    "vocal": "ignore",
    "noise": "ignore",
    "music": "ignore",
    "side_talk": "ignore",
}

# In dB from the recording's own level. A speaker at four times the caller's distance is 12 dB fainter, at eight 18.
LEVELS: dict[str, tuple[float, ...]] = {"side_talk": (-12.0, -18.0)}
EQUAL = "side_talk_equal"

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
        raise LabError(f"{path} cannot be read: {error}") from None
    if not isinstance(content, list):
        raise LabError(f"{path} is not a list of clips")
    clips = [_scenario(folder, clip, f"{path}, clip {number}") for number, clip in enumerate(content, 1)]
    seen: set[str] = set()
    for clip in clips:
        if clip.id in seen:
            raise LabError(f"{path} has two clips {clip.id.removeprefix('audio/')}")
        seen.add(clip.id)
    unknown = set(levels) - {clip.kind for clip in clips} - set(EXPECTED_OF)
    if unknown:
        raise LabError(f"{path} has no clips of the kind {', '.join(sorted(unknown))}, so they can have no other level")
    return [case for clip in clips for case in _at_levels(clip, levels.get(clip.kind, (0.0,)))]


def _at_levels(clip: Scenario, levels: Sequence[float]) -> list[Scenario]:
    if clip.sound is None or tuple(levels) == (0.0,):
        cases = [clip]
    else:
        gains = [(gain, replace(clip.sound, gain=gain)) for gain in levels]
        cases = [replace(clip, id=f"{clip.id}@{gain:+g}", sound=sound) for gain, sound in gains]
    return [*cases, replace(clip, kind=EQUAL)] if clip.kind == "side_talk" else cases


def _scenario(folder: Path, clip: Any, where: str) -> Scenario:
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
    name, language = clip.get("id"), clip.get("language")
    return Scenario(
        id=f"audio/{name if isinstance(name, str) and name else Path(file).stem}",
        kind=kind,
        expect=cast(Expected, expect),
        state="answering",
        at=AT,
        sound=sound,
        primer=True,
        origin="audio",
        language=language if isinstance(language, str) else None,
    )


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
