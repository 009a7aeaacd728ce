"""The figures of the whole server in Prometheus's text format, by its client library.

Only imported where `--status` asks for it: the library costs the master 60 ms and 14 MB.
"""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import HistogramMetricFamily as Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from carboy.figures import BUCKETS, resident
from carboy.overview import Overview

# https://prometheus.io/docs/instrumenting/exposition_formats/
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# name, name in the figures, help
_NOW = (
    ("requests_in_flight", "in_flight", "Requests that are being answered"),
    ("queue_depth", "queue", "Requests that wait for a thread"),
    ("busy_threads", "busy_threads", "Threads that answer a request"),
    ("threads", "threads", "Threads that may answer requests"),
    ("connections", "connections", "Open connections"),
)


class _Collected(Collector):
    """Collects from an overview; the figures are as fresh as the last survey."""

    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    def collect(self) -> Iterable[Metric]:
        """Yield every family, whether there are figures already or not."""
        figures = self._overview.survey.sum()
        yield _requests(figures.get("requests", {}))
        yield _durations(figures.get("seconds", []), figures.get("seconds_sum", 0.0))
        for name, key, text in _NOW:
            yield Gauge(f"carboy_{name}", text, value=figures.get(key, 0))
        yield _by("refused", "Requests and connections refused", "reason", figures.get("refused"))
        lost = Counter("carboy_log_lines_lost", "Lines of the access log that were not written")
        lost.add_metric([], figures.get("log_lost", 0))
        yield lost
        yield _memory(figures.get("memory", 0))
        yield from self._collect_master()

    def _collect_master(self) -> Iterator[Metric]:
        overview, succession = self._overview, self._overview.succession
        yield Gauge("carboy_generation", "Number of the serving generation", overview.generation)
        yield Gauge("carboy_workers_wanted", "Workers there should be", succession.count)
        workers = Gauge("carboy_workers", "Worker processes", labels=["state"])
        for state, count in overview.states().items():
            workers.add_metric([state], count)
        yield workers
        yield _by("worker_restarts", "Workers replaced", "reason", succession.restarts)
        yield _by("reloads", "Reloads asked for", "result", overview.reloads)
        yield Gauge("carboy_ready", "Whether /readyz agrees", int(not overview.why_not_ready()))
        yield Gauge("carboy_start_time_seconds", "Start, seconds since 1970", overview.started)


def render(overview: Overview) -> bytes:
    """Return all families as text."""
    # Without the default registry: its collectors know this process only.
    registry = CollectorRegistry()
    registry.register(_Collected(overview))
    return generate_latest(registry)


def _requests(counts: Mapping[str, int]) -> Metric:
    family = Counter("carboy_requests", "Requests answered", labels=["method", "status"])
    for key, count in sorted(counts.items()):
        method, _, status = key.rpartition(" ")
        family.add_metric([method, status], count)
    return family


def _durations(counts: list[int], seconds: float) -> Metric:
    limits = [*map(str, BUCKETS), "+Inf"]
    family = Histogram("carboy_request_duration_seconds", "Time to answer a request")
    below, buckets = 0, []
    for index, limit in enumerate(limits):
        below += counts[index] if index < len(counts) else 0
        buckets.append((limit, below))
    family.add_metric([], buckets, sum_value=seconds)
    return family


def _by(name: str, text: str, label: str, counts: Mapping[str, int] | None) -> Metric:
    family = Counter(f"carboy_{name}", text, labels=[label])
    for key, count in sorted((counts or {}).items()):
        family.add_metric([key], count)
    return family


def _memory(workers: int) -> Metric:
    family = Gauge("carboy_memory_bytes", "Resident memory", labels=["process"])
    family.add_metric(["master"], resident())
    family.add_metric(["workers"], workers)
    return family
