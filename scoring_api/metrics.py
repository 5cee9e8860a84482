"""What Prometheus scrapes: rate, errors, duration, and what the models said."""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The counters of one app, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters: dict[tuple[Counter, tuple[str, ...]], Counter] = {}
        self._timers: dict[str, Histogram] = {}
        self.requests = Counter(
            "retrace_http_requests",
            "Requests answered.",
            ["operation", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "retrace_http_request_seconds",
            "Time to answer, from the first byte of the head to the end of the answer.",
            ["operation"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "retrace_http_in_flight", "Requests being worked on.", registry=self.registry
        )
        self.predictions = Counter(
            "retrace_predictions",
            "Answers of a model in recommendations.",
            ["model", "version"],
            registry=self.registry,
        )
        self.abstained = Counter(
            "retrace_abstained",
            "Answers in which a model declined to recommend.",
            ["model", "version"],
            registry=self.registry,
        )
        self.reloads = Counter(
            "retrace_model_reloads", "Bundles loaded.", ["outcome"], registry=self.registry
        )
        self.replays = Counter(
            "retrace_idempotent_replays",
            "Answers given again for a repeated Idempotency-Key.",
            registry=self.registry,
        )

    def also(self, collector: Collector) -> None:
        """Expose what another collector has to say."""
        self.registry.register(collector)

    def count_answer(self, answer: Mapping[str, Any]) -> None:
        """Count each model that spoke in a recommendation, and whether it abstained."""
        for part in answer.values():
            if isinstance(part, Mapping) and "model" in part and "version" in part:
                labels = (str(part["model"]), str(part["version"]))
                self._counter(self.predictions, labels).inc()
                if part.get("abstained"):
                    self._counter(self.abstained, labels).inc()

    def count_request(self, operation: str, status: int, seconds: float) -> None:
        """Count one request that was answered."""
        self._counter(self.requests, (operation, str(status))).inc()
        timer = self._timers.get(operation)
        if timer is None:
            timer = self._timers[operation] = self.seconds.labels(operation)
        timer.observe(seconds)

    def _counter(self, family: Counter, labels: tuple[str, ...]) -> Counter:
        """The counter of some labels; looking it up anew costs more than counting."""
        found = self._counters.get((family, labels))
        if found is None:
            found = self._counters[family, labels] = family.labels(*labels)
        return found

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)
