"""The figures of hosts as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from .admission import Calls
from .figures import Distribution, Figures
from .host import CallHost
from .load import Load

CONTENT_TYPE = CONTENT_TYPE_LATEST

# Before the name of each metric.
_NAME = "vision_agents"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The figures of one host at one moment."""

    calls: Calls
    capacity: int
    ready: bool
    draining: bool
    load: Load
    figures: Figures
    ended: Mapping[str, int]
    worst: float
    """Seconds of the latest frame since the start."""
    cost: float
    """The share of a processor that a session is taken to cost."""
    shed: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of starts and of sessions, whichever host they were for."""

    refused: Mapping[str, int]
    """Starts that were refused, by the reason that whoever asked was told."""
    lost: Mapping[str, int]
    """Sessions that ended by a fault: `failed` by that of an agent, `lost` with the process that held them."""
    moved: int = 0
    """Sessions that another host has gone on with, when theirs was dead."""


def snapshot(host: CallHost) -> Snapshot:
    """The figures of `host` now."""
    return Snapshot(
        calls=host.calls,
        capacity=host.capacity,
        ready=host.refusal() is None,
        draining=host.draining,
        load=host.load,
        figures=host.figures,
        ended=host.ended,
        worst=host.meter.lateness.worst,
        cost=host.admission.cost,
        shed=int(host.shedding.level),
    )


def exposition(snapshots: Mapping[str, Snapshot], totals: Totals) -> bytes:
    """The figures of hosts, by their names, in Prometheus's text format. One without a name has no label."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(snapshots, totals))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, snapshots: Mapping[str, Snapshot], totals: Totals) -> None:
        self._snapshots, self._totals = snapshots, totals

    def collect(self) -> Iterator[Metric]:
        gauge, counted, histogram = self._gauge, self._counted, self._histogram
        yield gauge("sessions", "Sessions that have a place", lambda at: at.calls.all)
        yield gauge("sessions_starting", "Sessions that are not in their call yet", lambda at: at.calls.starting)
        yield gauge("capacity", "Sessions that this process can have, those of now included", lambda at: at.capacity)
        yield gauge("ready", "1 if another call would be taken", lambda at: at.ready)
        yield gauge("draining", "1 if no more calls are taken", lambda at: at.draining)
        yield counted("sessions_ended", "Sessions that are over", "why", lambda at: at.ended)
        yield _total("refused", "Starts that were refused", self._totals.refused, "reason")
        yield _total("sessions_lost", "Sessions that ended by a fault", self._totals.lost, "why")
        yield _total("sessions_moved", "Sessions that go on elsewhere, for their host died", {"": self._totals.moved})
        yield gauge(
            "pull_lateness_p99_seconds", "How late frames are pulled, over ten seconds", lambda at: at.load.lateness
        )
        yield gauge("pull_lateness_worst_seconds", "The latest frame since the start", lambda at: at.worst)
        yield gauge(
            "loop_lag_seconds", "How late the event loop wakes up, over two seconds", lambda at: at.load.loop_lag
        )
        yield gauge("cpu_share", "Share of a processor in use", lambda at: at.load.cpu)
        yield gauge("others_share", "What others on the node use beyond theirs, under Ray", lambda at: at.load.others)
        yield gauge("session_cost", "Share of a processor that a session is taken to cost", lambda at: at.cost)
        yield gauge("memory_share", "Share of the memory in use", lambda at: at.load.memory)
        yield gauge("resident_memory_bytes", "Memory of the process and its workers", lambda at: at.load.rss)
        yield gauge("shed_level", "What is left out: 1 turn model, 2 partial transcripts too", lambda at: at.shed)
        yield histogram("time_to_silence_seconds", "From the onset of speech to silence", lambda at: at.figures.silence)
        yield histogram("answer_latency_seconds", "From the end of speech to the answer", lambda at: at.figures.answer)
        yield counted("interruptions", "Speech over the agent", "decision", lambda at: at.figures.decisions)
        yield counted("errors", "Errors of parts", "component", lambda at: at.figures.errors)

    def _gauge(self, name: str, text: str, value: Callable[[Snapshot], float]) -> Metric:
        family = GaugeMetricFamily(f"{_NAME}_{name}", text, labels=self._labels)
        for host, at in self._snapshots.items():
            family.add_metric(_values(host), float(value(at)))
        return family

    def _counted(self, name: str, text: str, label: str, counts: Callable[[Snapshot], Mapping[str, int]]) -> Metric:
        family = CounterMetricFamily(f"{_NAME}_{name}", text, labels=[*self._labels, label])
        for host, at in self._snapshots.items():
            for what, count in sorted(counts(at).items()):
                family.add_metric([*_values(host), what], count)
        return family

    def _histogram(self, name: str, text: str, numbers: Callable[[Snapshot], Distribution]) -> Metric:
        family = HistogramMetricFamily(f"{_NAME}_{name}", text, labels=self._labels)
        for host, at in self._snapshots.items():
            taken = numbers(at)
            ends = [*(str(end) for end in taken.classes), "+Inf"]
            buckets = list(zip(ends, map(float, accumulate(taken.counts)), strict=True))
            family.add_metric(_values(host), buckets, taken.sum)
        return family

    @property
    def _labels(self) -> list[str]:
        return ["host"] if any(self._snapshots) else []


def _total(name: str, text: str, counts: Mapping[str, int], label: str | None = None) -> Metric:
    family = CounterMetricFamily(f"{_NAME}_{name}", text, labels=[label] if label else [])
    for what, count in sorted(counts.items()):
        family.add_metric([what] if label else [], count)
    return family


def _values(host: str) -> list[str]:
    return [host] if host else []
