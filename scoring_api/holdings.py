"""What the home holds, for Prometheus: records, inbox, messages between systems, clocks.

Counting takes a look at the lake, so it is done at most once in ``every_seconds`` and only if
something was delivered since.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from threading import Lock

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from ingestion.channels import channels
from ingestion.clocks import clocks
from ingestion.errors import RetraceError
from ingestion.inbox import counts
from ingestion.lake import Lake
from ingestion.settings import Settings
from ingestion.status import tallies

logger = logging.getLogger("retrace.api")


class Holdings(Collector):
    """Gauges of one home, read when Prometheus asks."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        *,
        every_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lake = Lake(settings.home)
        self._engine = engine
        self._every_seconds = every_seconds
        self._clock = clock
        self._lock = Lock()
        self._version: int | None = None
        self._read_at = float("-inf")
        self._of_lake: list[GaugeMetricFamily] = []

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing ahead of time: registering must not read the lake."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All families; those that cannot be read now are left out."""
        try:
            yield _inbox(self._engine)
        except SQLAlchemyError as error:
            logger.warning("the inbox cannot be counted: %s", type(error).__name__)
        yield from self._lake_families()

    def _lake_families(self) -> list[GaugeMetricFamily]:
        with self._lock:
            now = self._clock()
            if now - self._read_at >= self._every_seconds:
                self._read_at = now
                version = self._lake.version("deliveries")
                if version != self._version:
                    try:
                        self._of_lake = [_records(self._lake), *_channels(self._lake)]
                        self._of_lake.append(_clocks(self._lake))
                        self._version = version
                    except (RetraceError, OSError) as error:
                        logger.warning("the lake cannot be counted: %s", error)
            return self._of_lake


def _inbox(engine: Engine) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "retrace_inbox_messages",
        "Messages by fate: stored once, repeated (duplicate), or stored and not yet in the lake.",
        labels=["source", "fate"],
    )
    for counted in counts(engine):
        for fate in ("stored", "duplicate", "waiting"):
            family.add_metric([counted.source, fate], getattr(counted, fate))
    return family


def _records(lake: Lake) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "retrace_records",
        "Records received by fate; accepted, duplicate and quarantined add up to received.",
        labels=["source", "site", "fate"],
    )
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for tally in tallies(lake):
        fates = sums.setdefault((tally.source, tally.site or ""), {})
        for fate in ("received", "accepted", "duplicate", "quarantined"):
            fates[fate] = fates.get(fate, 0) + getattr(tally, fate)
    for (source, site), fates in sums.items():
        for fate, count in fates.items():
            family.add_metric([source, site, fate], count)
    return family


def _channels(lake: Lake) -> list[GaugeMetricFamily]:
    """Messages between systems; a message may have several fates, so they do not add up."""
    where = ["interface", "site"]
    messages = GaugeMetricFamily(
        "retrace_channel_messages", "Messages between systems by fate.", labels=[*where, "fate"]
    )
    latency = GaugeMetricFamily(
        "retrace_channel_latency_seconds",
        "From produced to received.",
        labels=[*where, "quantile"],
    )
    repair = GaugeMetricFamily(
        "retrace_channel_repair_seconds", "Mean time from failure to repair.", labels=where
    )
    for found in channels(lake):
        place = [found.interface, found.site or ""]
        for fate in (
            *("messages", "failed", "retried", "duplicates", "dead_lettered", "posting_errors"),
            *("still_failed", "replayed", "replayed_well"),
        ):
            messages.add_metric([*place, fate], getattr(found, fate))
        for quantile, seconds in (
            ("0.5", found.latency_p50_s),
            ("0.95", found.latency_p95_s),
            ("0.99", found.latency_p99_s),
        ):
            if seconds is not None:
                latency.add_metric([*place, quantile], seconds)
        if found.repair_h is not None:
            repair.add_metric(place, found.repair_h * 3600)
    return [messages, latency, repair]


def _clocks(lake: Lake) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "retrace_clock_skew_seconds",
        "How far a source's clock is ahead of its records, at least.",
        labels=["source", "site"],
    )
    for clock in clocks(lake):
        if clock.skew_s is not None:
            family.add_metric([clock.source, clock.site or ""], clock.skew_s)
    return family
