"""Runs the properties of the suite with random seeds: `python -m tests.laws --runs 100`, from the repository's root.

Each run is the same tests with another seed, several go on at once, and each says when it is over. A run that fails
prints its seed, the command that repeats it, and what pytest said; the exit status is then 1. Paths may follow, of
parts of the suite.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the properties. Those in real time are left out: there, chance is the machine's."""
    chosen = ["-p", "no:cacheprovider", "-m", "hypothesis and not real_time", "--hypothesis-profile=random"]
    command = [sys.executable, "-m", "pytest", *chosen, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def files(arguments: list[str]) -> list[str]:
    """The files that have properties, so that not every run looks for them in all others."""
    listed = pytest("--collect-only", "-q", *arguments).stdout
    return re.findall(r"^(tests/\S+\.py): \d+$", listed, re.MULTILINE)


def run(seed: int, places: list[str]) -> tuple[int, int, str]:
    """Run once; returns the seed, pytest's exit status and its output."""
    done = pytest(f"--hypothesis-seed={seed}", *places)
    return seed, done.returncode, done.stdout + done.stderr


def chosen_seeds(runs: int | None, first: int | None) -> list[int]:
    """`runs` random seeds, or as many from the `first` on."""
    if first is None:
        return [secrets.randbits(32) for _ in range(10 if runs is None else runs)]
    return list(range(first, first + (1 if runs is None else runs)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.laws", description=__doc__)
    parser.add_argument("--runs", type=int, help="how many seeds (default: 10, or 1 if --seed is given)")
    parser.add_argument(
        "--jobs", type=int, default=len(os.sched_getaffinity(0)), help="how many runs at once (default: cores)"
    )
    parser.add_argument("--seed", type=int, help="the first seed, to repeat a failure; with --runs those after it too")
    options, arguments = parser.parse_known_args()
    seeds = chosen_seeds(options.runs, options.seed)
    if not (places := files(arguments)):
        parser.error(f"there are no properties in {' '.join(arguments) or 'the suite'}")
    began, failed = time.monotonic(), 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for number, (seed, status, output) in enumerate(pool.map(lambda seed: run(seed, places), seeds), 1):
            if status == 0:
                print(f"seed {seed} is green (run {number} of {len(seeds)})", flush=True)
                continue
            failed += 1
            print(f"seed {seed} failed (run {number}); again: python -m tests.laws --seed {seed} {' '.join(arguments)}")
            print(output, flush=True)
    print(f"{len(seeds) - failed} of {len(seeds)} runs are green, in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
