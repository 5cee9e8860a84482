"""Laps, memory and the slice that ours and the peers share."""

import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

SITE, START, END = "DC2", "2025-06-01", "2025-07-01"
REPEATS = 5


class Clock:
    """Laps of one process, from its first import on: wall and processor seconds."""

    def __init__(self) -> None:
        self.laps: dict[str, tuple[float, float]] = {}
        self._last = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        now = time.perf_counter(), time.process_time()
        self.laps[name] = now[0] - self._last[0], now[1] - self._last[1]
        self._last = now

    def result(self, **more: Any) -> dict[str, Any]:
        """The laps, their sum, processor seconds and peak resident megabytes of the process."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "laps": self.laps,
            "total": sum(wall for wall, _ in self.laps.values()),
            "cpu": used.ru_utime + used.ru_stime,
            "peak_mb": used.ru_maxrss / 1024,
            **more,
        }


def timed(*works: Callable[[], object]) -> float:
    """Median seconds of the works; of a single one, repeated."""
    laps = []
    for work in works * (REPEATS if len(works) == 1 else 1):
        begun = time.perf_counter()
        work()
        laps.append(time.perf_counter() - begun)
    return statistics.median(laps)


def edge_rows(edges: Any) -> list[list[Any]]:
    """Edges of a frame as sorted rows, to compare."""
    columns = ["source", "target", "count", "mean_s", "p50_s", "p90_s", "p95_s"]
    found: list[list[Any]] = sorted(edges[columns].values.tolist())
    return found
