"""What a session costs: many agents in one process on one core, with real Silero and Smart Turn.

Each caller speaks for 40 % of the time, interrupts the agent each ten seconds, and hears it for about 45 %; recogniser,
model and voice are scripted. For each number of sessions a fresh process joins them, lets ten seconds pass, and
measures:

    CPU          milliseconds of the core for a second of one session, all threads
    pull late    how late the edge's timer pulled a frame, over all frames, and the share later than 20 ms
    silence      from the onset of the caller's speech to the agent's last sound, by voice activity alone: p50, p95
    of           how many interruptions brought silence within 2 s, of those that met a speaking agent
    loop         lag of the event loop
    RSS          of the process, and of each session beyond the first (if one session was measured too)
    join         how long joining took

    python -m benchmarks.sessions                                   this working tree
    python -m benchmarks.sessions --peer livekit --peer pipecat     and others, in the same run
    python -m benchmarks.sessions --baseline REVISION -n 50         before and after, in turns

Peers are installed into environments of their own in the cache folder. Wants an idle machine: run it alone. A core that
is full shows as lateness; its CPU figure is then no cost any more, but what the core gave, divided by the sessions.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .environments import PEERS, ROOT, Environment, baseline, ours, peer

SESSIONS = (1, 10, 20, 50, 75, 100, 125)
HEAD = (
    f"{'':16}{'N':>4} {'CPU ms/s':>9}  {'pull late ms p50/p95/p99/max':>29} {'>20 ms':>7}  "
    f"{'silence ms':>11} {'of':>5}  {'loop ms p99/max':>15}  {'RSS MB':>7} {'each':>6}  {'join ms p50/p95':>15}"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--sessions", type=int, nargs="+", default=SESSIONS)
    parser.add_argument("--seconds", type=float, default=20.0, help="measured in each row")
    parser.add_argument("--rounds", type=int, default=1, help="how often each row is measured, in turns")
    parser.add_argument("--peer", action="append", choices=sorted(PEERS), default=[])
    parser.add_argument("--baseline", metavar="REVISION", action="append", default=[])
    parser.add_argument("--audio", type=Path, help="a folder of recordings in place of synthesised speech")
    parser.add_argument("--digital", action="store_true", help="callers' silence is exact zeros, not a quiet room")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=Path, help="write the rows there too")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "vision_agents" / "benchmarks")
    options = parser.parse_args()

    environments = [
        *(baseline(revision, options.cache) for revision in options.baseline),
        ours(),
        *(peer(name, options.cache) for name in options.peer),
    ]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        load = Path(folder, "load.npz")
        from .speech import build  # deferred: --help needs no models

        build(options.audio, options.digital).save(load)
        print(HEAD)
        for sessions in options.sessions:
            for _ in range(options.rounds):
                for environment in environments:
                    row = run(environment, load, sessions, options.seconds, options.core)
                    rows.append(row)
                    print(line(row, rows), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def run(environment: Environment, load: Path, sessions: int, seconds: float, core: int) -> dict[str, Any]:
    """One row, measured in a process of its own. Ends this program if that fails."""
    arguments = {"--on": environment.on, "--load": load, "--sessions": sessions, "--seconds": seconds, "--core": core}
    command = [
        environment.python,
        "-m",
        "benchmarks.sessions.run",
        *(str(a) for pair in arguments.items() for a in pair),
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment.variables(), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{environment.name} with {sessions} sessions failed:\n{done.stderr[-4000:]}")
    return {"name": environment.name, "sessions": sessions, **json.loads(done.stdout.splitlines()[-1])}


def line(row: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """A row of the table."""
    alone = [other["rss_mb"] for other in rows if other["name"] == row["name"] and other["sessions"] == 1]
    each = f"{(row['rss_mb'] - alone[0]) / (row['sessions'] - 1):.2f}" if alone and row["sessions"] > 1 else "–"
    late, stop, lag, join = (row[key] for key in ("late_ms", "stop_ms", "lag_ms", "join_ms"))
    return (
        f"{row['name']:16}{row['sessions']:>4} {row['cpu_ms']:>9.1f}  "
        f"{'/'.join(f'{value:.1f}' for value in late):>29} {100 * row['missed']:>6.2f}%  "
        f"{f'{stop[0]:.0f}/{stop[1]:.0f}':>11} {row['stops'] - row['unheard']:>2}/{row['stops']:<2}  "
        f"{f'{lag[2]:.1f}/{lag[3]:.1f}':>15}  {row['rss_mb']:>7.0f} {each:>6}  {f'{join[0]:.0f}/{join[1]:.0f}':>15}"
    )


if __name__ == "__main__":
    main()
