"""The figures of a host as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from .figures import Distribution
from .host import CallHost

CONTENT_TYPE = CONTENT_TYPE_LATEST

# Before the name of each metric.
_NAME = "vision_agents"


def exposition(host: CallHost) -> bytes:
    """The figures of now, in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(host))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, host: CallHost) -> None:
        self._host = host

    def collect(self) -> Iterator[Metric]:
        host, load, figures = self._host, self._host.load, self._host.figures
        yield _gauge("sessions", "Sessions that have a place", len(host.sessions))
        yield _gauge("sessions_starting", "Sessions that are not in their call yet", host.calls.starting)
        yield _gauge("capacity", "Sessions that this process can have, those of now included", host.capacity)
        yield _gauge("ready", "1 if another call would be taken", host.refusal() is None)
        yield _gauge("draining", "1 if no more calls are taken", host.draining)
        yield _counted("sessions_ended", "Sessions that are over", "why", host.ended)
        yield _counted("refused", "Starts that were refused", "reason", host.refused)
        yield _gauge("pull_lateness_p99_seconds", "How late frames are pulled, over ten seconds", load.lateness)
        yield _gauge("pull_lateness_worst_seconds", "The latest frame since the start", host.meter.lateness.worst)
        yield _gauge("loop_lag_seconds", "How late the event loop wakes up, over two seconds", load.loop_lag)
        yield _gauge("cpu_share", "Share of a processor in use", load.cpu)
        yield _gauge("session_cost", "Share of a processor that a session is taken to cost", host.admission.cost)
        yield _gauge("memory_share", "Share of the memory in use", load.memory)
        yield _gauge("resident_memory_bytes", "Memory of the process", load.rss)
        yield _gauge("shed_level", "What is left out: 1 turn model, 2 partial transcripts too", host.shedding.level)
        yield _histogram("time_to_silence_seconds", "From the onset of speech to silence", figures.silence)
        yield _histogram("answer_latency_seconds", "From the end of speech to the answer", figures.answer)
        yield _counted("interruptions", "Speech over the agent", "decision", figures.decisions)
        yield _counted("errors", "Errors of parts", "component", figures.errors)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_NAME}_{name}", text, value=float(value))


def _counted(name: str, text: str, label: str, counts: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"{_NAME}_{name}", text, labels=[label])
    for what, count in sorted(counts.items()):
        family.add_metric([what], count)
    return family


def _histogram(name: str, text: str, numbers: Distribution) -> HistogramMetricFamily:
    ends = [*(str(end) for end in numbers.classes), "+Inf"]
    buckets = list(zip(ends, map(float, accumulate(numbers.counts)), strict=True))
    return HistogramMetricFamily(f"{_NAME}_{name}", text, buckets=buckets, sum_value=numbers.sum)
