"""Running many cases, in several processes."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from .case import run_case
from .measure import failure, measure
from .result import CaseResult
from .scenario import LabError, Scenario
from .validation import under

Progress = Callable[[int, int], None]


def run_cases(
    scenarios: Sequence[Scenario],
    jobs: int = 2,
    policy: Mapping[str, str] | None = None,
    progress: Progress = lambda done, total: None,
    *,
    voiceprint: bool = False,
) -> tuple[CaseResult, ...]:
    """Run all cases, each once, and return their results in the same order. A case that fails is one with a reason.

    `voiceprint`: with one, where the agent knows the caller's voice.

    Raises LabError if a process dies.
    """
    results: dict[str, CaseResult] = {}
    for result in _results(scenarios, jobs, dict(policy or {}), voiceprint):
        results[result.id] = result
        progress(len(results), len(scenarios))
    return tuple(results[scenario.id] for scenario in scenarios)


def _results(
    scenarios: Sequence[Scenario], jobs: int, policy: dict[str, str], voiceprint: bool
) -> Iterator[CaseResult]:
    if jobs <= 1 or len(scenarios) <= 1:
        yield from (_run(scenario, policy, voiceprint) for scenario in scenarios)
        return
    # Not forked: onnxruntime's threads do not survive that.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(scenarios)), mp_context=context, initializer=_quieten) as pool:
        futures = [pool.submit(_run, scenario, policy, voiceprint) for scenario in scenarios]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise LabError(
                "a process of the lab died; is there memory enough? Each needs 400 MB: try --jobs 1"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _run(scenario: Scenario, policy: dict[str, str], voiceprint: bool) -> CaseResult:
    try:
        recorded = run_case(scenario, policy, voiceprint=voiceprint)
        return replace(measure(recorded), under=under(recorded) if scenario.source else {})
    except Exception as error:
        return failure(scenario, error)


def _quieten() -> None:
    logging.basicConfig(level=logging.ERROR)
