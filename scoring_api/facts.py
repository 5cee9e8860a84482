"""What the API tells from the lake: the events of a case, and KPIs.

Everything heavy is imported on first use and computed in a thread, once per state of the lake.
"""

import asyncio
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

_REMEMBERED = 64
_EVENTS_SHOWN = 10_000
_HIDDEN = "ingested_at, delivery_id"


class Facts:
    """Reads of one home's lake.

    Parameters
    ----------
    home : Path
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._opened: tuple[int | None, duckdb.DuckDBPyConnection] | None = None
        self._answers: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._asking = asyncio.Lock()

    async def case(self, case_id: str, sites: frozenset[str] | None) -> dict[str, Any] | None:
        """Find the events of a case that happened at the given sites (all when None), in order."""
        return await asyncio.to_thread(self._case, case_id, sites)

    async def kpis(self, *, site: str | None, start: str | None, end: str | None) -> dict[str, Any]:
        """Compute the KPIs of a slice, or remember them while the lake stays the same.

        Raises
        ------
        RetraceError
            The lake is empty, the site unknown, or a moment unreadable.
        """
        from mining import kpis, load

        def compute() -> dict[str, Any]:
            answer: dict[str, Any] = kpis(
                load(self._home), site=site, start=start, end=end
            ).with_details()
            return answer

        return await self._remembered(("kpis", site, start, end), compute)

    async def _remembered(
        self, question: tuple[object, ...], compute: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        async with self._asking:  # the second to ask waits for the first one's answer
            key = (await asyncio.to_thread(self._version), *question)
            if key not in self._answers:
                self._answers[key] = await asyncio.to_thread(compute)
                if len(self._answers) > _REMEMBERED:
                    self._answers.popitem(last=False)
            self._answers.move_to_end(key)
            answer: dict[str, Any] = self._answers[key]
            return answer

    def _version(self) -> int | None:
        from ingestion.lake import Lake

        return Lake(self._home).version("deliveries")

    def _connection(self) -> "tuple[int | None, duckdb.DuckDBPyConnection]":
        from ingestion.lake import Lake

        version = self._version()
        if self._opened is None or self._opened[0] != version:
            self._opened = (version, Lake(self._home).connect())
        return self._opened

    def _case(self, case_id: str, sites: frozenset[str] | None) -> dict[str, Any] | None:
        restriction = "" if sites is None else "and list_contains($sites, site)"
        values: dict[str, Any] = {"case_id": case_id}
        if sites is not None:
            values["sites"] = sorted(sites)
        with self._lock:  # a connection serves one thread at a time
            version, connection = self._connection()
            found = connection.execute(
                f"select * exclude ({_HIDDEN}) from events where case_id = $case_id {restriction} "
                f"order by occurred_at, source_seq nulls last, event_id limit {_EVENTS_SHOWN}",
                values,
            )
            names = [column[0] for column in found.description]
            rows = found.fetchall()
        if not rows:
            return None
        events = [_to_event(dict(zip(names, row, strict=True))) for row in rows]
        return {"case_id": case_id, "data_version": version, "events": events}


def _to_event(row: dict[str, Any]) -> dict[str, Any]:
    row.pop("case_id")
    event = {name: value for name, value in row.items() if value is not None}
    for name in ("quantity", "quantity_original", "amount"):
        if name in event:
            event[name] = float(event[name])
    if "extras" in event:
        event["extras"] = json.loads(event["extras"])
    return event
