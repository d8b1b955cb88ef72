"""Running many cases, in several processes."""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from .case import run_case
from .kept import keep
from .measure import failure, measure
from .result import CaseResult
from .scenario import LabError, Scenario
from .validation import under

Progress = Callable[[int, int], None]

Given = TypeVar("Given")
Made = TypeVar("Made")


def run_cases(
    scenarios: Sequence[Scenario],
    jobs: int = 2,
    policy: Mapping[str, str] | None = None,
    progress: Progress = lambda done, total: None,
    *,
    voiceprint: bool = False,
    keep_in: Path | None = None,
) -> tuple[CaseResult, ...]:
    """Run all cases, each once, and return their results in the same order. A case that fails is one with a reason.

    `voiceprint`: with one, where the agent knows the caller's voice. `keep_in`: the folder for the traces, see `kept`.

    Raises LabError if a process dies, or a trace cannot be written.
    """
    results: dict[str, CaseResult] = {}
    for result in in_processes(partial(_run, dict(policy or {}), voiceprint, keep_in), scenarios, jobs):
        results[result.id] = result
        progress(len(results), len(scenarios))
    return tuple(results[scenario.id] for scenario in scenarios)


def in_processes(make: Callable[[Given], Made], given: Sequence[Given], jobs: int) -> Iterator[Made]:
    """Yield what `make` makes of each, as it is done. Raises LabError if a process dies, and what `make` raises."""
    if jobs <= 1 or len(given) <= 1:
        yield from map(make, given)
        return
    # Not forked: onnxruntime's threads do not survive that.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(given)), mp_context=context, initializer=_quieten) as pool:
        futures = [pool.submit(make, each) for each in given]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise LabError(
                "a process of the lab died; is there memory enough? Each needs 400 MB: try --jobs 1"
            ) from None
        except BaseException:
            # Nobody wants what they make any more, and each would make two more cases before it looks.
            for process in list(pool._processes.values()):
                process.terminate()
            raise


def _run(policy: dict[str, str], voiceprint: bool, keep_in: Path | None, scenario: Scenario) -> CaseResult:
    try:
        recorded = run_case(scenario, policy, voiceprint=voiceprint)
        records = (*recorded.before, *recorded.records)
        case = measure(recorded)
        if scenario.source:
            case = replace(case, under=under(case, records))
    except Exception as error:
        return failure(scenario, error)
    if keep_in is not None:
        keep(keep_in, scenario.id, records)
    return case


def _quieten() -> None:
    # Ctrl-C is for all processes of a terminal; the one that began these ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.ERROR)
