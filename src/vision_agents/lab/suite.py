"""The suite in YAML: tables of cases, each of which stands for the product of its lists.

    groups:
      - id: commands            the cases are commands-01, commands-02, …
        kind: interruption      under which they are reported
        expect: yield           or ignore, or after: once the agent is done
        sound:                  one of: say: [texts], clip: [names], make: [names], or a list of such entries
          say: ["stop", "wait, stop"]
          level: [-20, -32]     dB of full scale (-20)
          style: [plain, high]  also: whisper, far
          seconds: 2            length of what is made; the most that is taken of a clip
        state: [answering]      also: question, thinking, idle, uninterruptible
        at: [2.0, 4.1]          see `Scenario.at`
        bed: [none, white 20]   noise and its distance below the sound in dB
        echo: [-20]             dB of the agent's own voice in the caller's audio; then `sound` may be left out
        echo_cancellation: true the agent is given the echo canceller of `plugins.livekit`, if there is one (false)
        second: {say: "stop"}   another caller, `after` seconds later (0.5)
        primer: false           the caller has said nothing before, though the agent is answering (true)

Everything but id, kind, expect and sound has a default, and any value may be a list. Where the agent is answering, it
answers a question that the caller asked before: see `scenario.PRIMER`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any, cast

from vision_agents.core.failures import reason_of

from .scenario import EXPECTED, LEVEL, STATES, STYLES, Bed, Expected, LabError, Scenario, Sound, Source, State, Style
from .sounds import NOISES

_SOURCES = ("say", "clip", "make")
_SOUND_KEYS = {*_SOURCES, "level", "style", "seconds"}
_GROUP_KEYS = {
    "id",
    "kind",
    "expect",
    "sound",
    "state",
    "at",
    "bed",
    "echo",
    "second",
    "after",
    "language",
    "echo_cancellation",
    "primer",
}
_DEFAULT_AT = {"answering": 2.0, "question": 0.5, "thinking": 1.0, "idle": 1.0, "uninterruptible": 2.0}


def shipped_suite() -> list[Scenario]:
    """The suite of this package. Raises ImportError without PyYAML (the extra `lab`)."""
    folder = files(__package__).joinpath("suites")
    scenarios: list[Scenario] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".yaml"):
            scenarios += read_suite(entry.read_text(encoding="utf-8"), entry.name)
    return unique(scenarios)


def load_suite(path: Path) -> list[Scenario]:
    """The cases of a YAML file. Raises LabError if it is none, ImportError without PyYAML (the extra `lab`)."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LabError(f"there is no suite {path}; check --suite") from None
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"the suite {path} cannot be read: {reason_of(error)}") from None
    return unique(read_suite(text, path.name))


def read_suite(text: str, name: str) -> list[Scenario]:
    """The cases of a suite's text. Raises like `load_suite`; `name` says in errors where it came from."""
    try:
        import yaml  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise ImportError("the suite is YAML; run: pip install 'interruptible-agents[lab]'") from None
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise LabError(f"{name} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not isinstance(content.get("groups"), list):
        raise LabError(f"{name} has no list `groups`; see the documentation of vision_agents.lab.suite")
    scenarios: list[Scenario] = []
    for number, group in enumerate(content["groups"], 1):
        where = f"{name}, group {number}"
        if not isinstance(group, dict):
            raise LabError(f"{where}: a group is a table of keys, not {group!r}")
        where += f" ({group['id']})" if "id" in group else ""
        scenarios += _group(group, where)
    return scenarios


def unique(scenarios: list[Scenario]) -> list[Scenario]:
    """Return `scenarios`. Raises LabError if two have one id: results are compared by it."""
    seen: set[str] = set()
    for scenario in scenarios:
        if scenario.id in seen:
            raise LabError(f"there are two cases {scenario.id}: give each group and recording an id of its own")
        seen.add(scenario.id)
    return scenarios


def _group(group: Mapping[str, Any], where: str) -> Iterator[Scenario]:
    _check_keys(group, _GROUP_KEYS, where)
    for key in ("id", "kind", "expect"):
        if not isinstance(group.get(key), str) or not group[key]:
            raise LabError(f"{where}: `{key}` is missing, or no text")
    expect = cast(Expected, _one_of(group["expect"], EXPECTED, f"{where}: expect"))
    if "sound" not in group and "echo" not in group:
        raise LabError(f"{where}: there is no `sound`, and no `echo` either")
    sounds: list[Sound | None] = list(_sounds(group["sound"], f"{where}: sound")) if "sound" in group else [None]
    seconds = list(_sounds(group["second"], f"{where}: second")) if "second" in group else [None]
    axes = product(
        (cast(State, _one_of(state, STATES, f"{where}: state")) for state in _listed(group.get("state", "answering"))),
        sounds,
        [None if at is None else _number(at, f"{where}: at") for at in _listed(group.get("at"))],
        [_bed(bed, f"{where}: bed") for bed in _listed(group.get("bed"))],
        [None if echo is None else _number(echo, f"{where}: echo") for echo in _listed(group.get("echo"))],
        seconds,
        [_number(after, f"{where}: after") for after in _listed(group.get("after", 0.5))],
        [_truth(entry, f"{where}: echo_cancellation") for entry in _listed(group.get("echo_cancellation", False))],
    )
    primer = _truth(group.get("primer", True), f"{where}: primer")
    for number, (state, sound, at, bed, echo, second, after, cancelled) in enumerate(axes, 1):
        yield Scenario(
            id=f"{group['id']}-{number:02}",
            kind=group["kind"],
            expect=expect,
            state=state,
            at=_DEFAULT_AT[state] if at is None else at,
            sound=sound,
            bed=bed,
            second=second,
            second_after=after,
            echo=echo,
            echo_cancellation=cancelled,
            primer=state == "answering" and primer,
            language=group.get("language"),
        )


def _sounds(entry: Any, where: str) -> Iterator[Sound]:
    for part in _listed(entry):
        if not isinstance(part, dict):
            raise LabError(f"{where}: write `say: …`, `clip: …` or `make: …`, not {part!r}")
        _check_keys(part, _SOUND_KEYS, where)
        sources = [source for source in _SOURCES if source in part]
        if len(sources) != 1:
            raise LabError(f"{where}: exactly one of `say`, `clip` and `make` is needed, not {sources or 'none'}")
        source = sources[0]
        for name, level, style, seconds in product(
            (str(name) for name in _listed(part[source])),
            [_number(level, f"{where}: level") for level in _listed(part.get("level", LEVEL))],
            [_one_of(style, STYLES, f"{where}: style") for style in _listed(part.get("style", "plain"))],
            [None if s is None else _number(s, f"{where}: seconds") for s in _listed(part.get("seconds"))],
        ):
            if source == "make":
                _one_of(name, NOISES, f"{where}: make")
            if seconds is not None and not 0.02 <= seconds <= 30:
                raise LabError(f"{where}: seconds are 0.02 to 30, not {seconds:g}")
            yield Sound(cast(Source, source), name, seconds, level, cast(Style, style))


def _bed(entry: Any, where: str) -> Bed | None:
    if entry is None or entry == "none":
        return None
    name, _, snr = str(entry).partition(" ")
    _one_of(name, NOISES, where)
    try:
        return Bed(name, float(snr))
    except ValueError:
        raise LabError(
            f"{where}: write a noise and its distance below the sound in dB, as in `pink 15`, not {entry!r}"
        ) from None


def _listed(entry: Any) -> Iterable[Any]:
    if isinstance(entry, list):
        return entry or [None]
    return [entry]


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1000 < value < 1000:
        raise LabError(f"{where} is a number, not {value!r}")
    return float(value)


def _truth(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise LabError(f"{where} is true or false, not {value!r}")
    return value


def _one_of(value: Any, choices: tuple[str, ...], where: str) -> str:
    # YAML reads `yes` and `no` as truth values; none of the choices is one.
    if value not in choices:
        raise LabError(f"{where}: there is no {value!r}; known are {', '.join(choices)}")
    return str(value)


def _check_keys(table: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = [str(key) for key in table if key not in known]
    if unknown:
        raise LabError(f"{where}: there is no key {', '.join(unknown)}; known are {', '.join(sorted(known))}")
