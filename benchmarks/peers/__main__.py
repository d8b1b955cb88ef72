"""Interruptions here and elsewhere, side by side: this framework, livekit-agents and pipecat-ai on the same sounds.

Each call is in real time. A caller asks, the agent answers, and three and a half seconds into the answer a sound is
heard: an interruption, a backchannel, a cough, a noise, music, or somebody farther away. Ears are real (what each
framework brings); recogniser, model and voice are scripted alike. The voice is a tone that tells its own place, so what
stopped, what went on and where is read from what was played, in the same way for all. All frameworks run at the same
time, each at its defaults and then at its documented best.

    python -m benchmarks.peers --audio FOLDER                 a folder of recordings with a manifest.json
    python -m benchmarks.peers --audio FOLDER --each 20 --json out.json --picture out.svg

asked     first questions that were answered at all; what follows is of those
yield     true interruptions that ended the answer, and got another
silence   from the onset of those to the end of the agent's sound: median and 95th percentile, in ms
answer    from the end of those to the next answer, in s
kinds     sounds that did not cost the answer
paused    sounds at which a kept answer was silent for a while, of those; pause: silence a kept answer cost, mean, in s
moved     by how much an answer that was taken up again was elsewhere (+ is lost, - repeated): median, in ms
CPU       of the process, for a second of one call; a core: 850 ms divided by it
late      how late 99 of 100 frames of a call were pulled, median over calls: load of the machine and its own

Peers are installed into environments of their own in the cache folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..sessions.environments import PEERS, ROOT, Environment, ours, peer

SETTINGS = ("default", "best")
IGNORED = ("backchannel", "vocal", "noise", "music", "side_talk")
# Outcomes that leave the caller with the answer.
KEPT = ("went on", "resumed")
# Milliseconds of a core that sessions may use.
ROOM = 850.0
HEAD = (
    f"{'':22}{'asked':>6} {'yield':>6} {'silence ms':>11} {'answer s':>9} "
    + " ".join(f"{kind[:10]:>10}" for kind in IGNORED)
    + f" {'paused':>6} {'pause s':>8} {'moved ms':>9} {'CPU ms/s':>9} {'a core':>6} {'RSS MB':>7} {'late ms':>8}"
)

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, required=True, help="recordings with a manifest.json")
    parser.add_argument("--each", type=int, default=10, help="clips of each kind")
    parser.add_argument("--calls", type=int, default=3, help="calls of each framework at a time")
    parser.add_argument("--peer", action="append", choices=sorted(PEERS), help="by default all")
    parser.add_argument("--json", type=Path, help="write the cases there")
    parser.add_argument("--picture", type=Path, help="draw the table there (SVG)")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "vision_agents" / "benchmarks")
    options = parser.parse_args()

    from .clips import choose, save  # deferred: --help needs no models
    from .picture import draw

    environments = [ours(), *(peer(name, options.cache) for name in options.peer or sorted(PEERS))]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        cases = Path(folder, "cases.npz")
        chosen = choose(options.audio, options.each)
        save(options.audio, chosen, cases)
        print(
            ", ".join(f"{sum(clip['kind'] == kind for clip in chosen)} {kind}" for kind in ("interruption", *IGNORED))
        )
        print(HEAD)
        for setting in SETTINGS:
            running = [(environment, begin(environment, cases, setting, options.calls)) for environment in environments]
            for environment, process in running:
                rows.append(figures(environment.name, setting, results(environment, process)))
                print(line(rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    if options.picture:
        options.picture.write_text(draw(rows))


def begin(environment: Environment, cases: Path, setting: str, calls: int) -> subprocess.Popen[str]:
    """Start the cases in a process of their own."""
    command = [str(environment.python), "-m", "benchmarks.peers.run", "--on", environment.on]
    command += ["--cases", str(cases), "--calls", str(calls), *(["--best"] if setting == "best" else [])]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**environment.variables(), "HF_HUB_OFFLINE": "1"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def results(environment: Environment, process: subprocess.Popen[str]) -> list[Row]:
    """What a process printed. Ends this program if it failed."""
    out, error = process.communicate()
    if process.returncode:
        sys.exit(f"{environment.name} failed:\n{error[-4000:]}")
    return [json.loads(text) for text in out.splitlines() if text.startswith("{")]


def figures(name: str, setting: str, told: list[Row]) -> Row:
    """The figures of one framework in one setting."""
    cases, process = [row for row in told if "outcome" in row], next(row for row in told if "cpu_ms" in row)
    true = [case for case in cases if case["kind"] == "interruption"]
    stopped = [case for case in true if "stop" in case]
    kept = [case for case in cases if case["kind"] in IGNORED and case["outcome"] in KEPT]
    paused = [case for case in kept if case["outcome"] == "resumed"]
    return {
        "name": name,
        "setting": setting,
        "asked": (sum(case["outcome"] != "no first answer" for case in cases), len(cases)),
        "yield": share(true, ("yielded",)),
        "kept": {kind: share([case for case in cases if case["kind"] == kind], KEPT) for kind in IGNORED},
        "silence": percentiles([case["stop"] for case in stopped]),
        "answer": percentiles([case["answer"] for case in true if "answer" in case]),
        "paused": (len(paused), len(kept)),
        "pause": float(np.mean([case["silent"] for case in kept])) if kept else None,
        "moved": float(np.median([case["moved"] for case in paused])) if paused else None,
        "late": float(np.median([case["late_ms"] for case in cases])),
        "cpu_ms": process["cpu_ms"],
        "rss_mb": process["rss_mb"],
        "cases": cases,
    }


def share(cases: Sequence[Row], outcomes: Sequence[str]) -> tuple[int, int]:
    """Cases with one of the outcomes, of all that had a first answer."""
    answered = [case for case in cases if case["outcome"] != "no first answer"]
    return sum(case["outcome"] in outcomes for case in answered), len(answered)


def percentiles(values: Sequence[float]) -> tuple[float, float] | None:
    """The median and the 95th percentile, if there is anything."""
    return (float(np.median(values)), float(np.percentile(values, 95))) if values else None


def line(row: Row) -> str:
    """A row of the table."""

    def pair(key: str, factor: float = 1.0, digits: int = 1) -> str:
        return "–" if row[key] is None else "/".join(f"{factor * value:.{digits}f}" for value in row[key])

    moved = "–" if row["moved"] is None else f"{1000 * row['moved']:+.0f}"
    pause = "–" if row["pause"] is None else f"{row['pause']:.2f}"
    kept = " ".join(f"{count(row['kept'][kind]):>10}" for kind in IGNORED)
    return (
        f"{row['name'] + ', ' + row['setting']:22}{count(row['asked']):>6} {count(row['yield']):>6} "
        f"{pair('silence', 1000, 0):>11} {pair('answer'):>9} {kept} {count(row['paused']):>6} {pause:>8} {moved:>9} "
        f"{row['cpu_ms']:>9.1f} {ROOM / row['cpu_ms']:>6.0f} {row['rss_mb']:>7.0f} {row['late']:>8.0f}"
    )


def count(pair: tuple[int, int]) -> str:
    """So many of so many."""
    return f"{pair[0]}/{pair[1]}"


if __name__ == "__main__":
    main()
