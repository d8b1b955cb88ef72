"""A folder of recordings with a `manifest.json`: every clip becomes a case.

The manifest is a list of tables. Each has `file` (beside the manifest), `kind`, `onset_s` and `end_s` (where in the
file the sound is, in seconds), and may have `id`, `language` and `expect`; other keys are ignored.
"""

from __future__ import annotations

import json
import math
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

# Into the answer, in seconds.
AT = 2.0

# The agent's answer is long enough for this.
LONGEST = 30.0


def read_folder(folder: Path) -> list[Scenario]:
    """A case for each clip, spoken over an agent in mid-answer. Raises LabError for a manifest that is none."""
    path = folder / "manifest.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LabError(f"there is no {path}; --audio takes a folder of recordings with a manifest.json") from None
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise LabError(f"{path} cannot be read: {error}") from None
    if not isinstance(content, list):
        raise LabError(f"{path} is not a list of clips")
    scenarios = [_scenario(folder, clip, f"{path}, clip {number}") for number, clip in enumerate(content, 1)]
    seen: set[str] = set()
    for scenario in scenarios:
        if scenario.id in seen:
            raise LabError(f"{path} has two clips {scenario.id.removeprefix('audio/')}")
        seen.add(scenario.id)
    return scenarios


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
