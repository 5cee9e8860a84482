"""Sorted durations of a log in memory, by month, site and arrow: exact figures of any slice.

A slice is a few sorted runs. Its quantiles need no sort of their own, only a merge of the runs of
the months and sites it spans; a month that is only partly inside is filtered first, which keeps
the order. ``edges.sql`` and its neighbours give the same figures (tested); this is the fast way
for whoever asks more than once.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import pyarrow as pa

from mining.engine import Engine
from mining.runs import NOTHING, Groups, Ints, Runs, integers, places

MOST_EVENTS_AT_ONCE = 2_000_000
MOST_BYTES = 1 << 30
FIRST_MONTH, LAST_MONTH = 101, 999_912
_TABLES = ("steps", "business", "visits")
_CASES = ("site_no", "first_us", "events", "ties", "start_no", "end_no")


@dataclass(frozen=True, slots=True)
class Month:
    """What is held of one month: the runs, and the figures of its cases by column."""

    runs: dict[str, Runs]
    cases: dict[str, Ints]

    @property
    def nbytes(self) -> int:
        columns = sum(column.nbytes for column in self.cases.values())
        return columns + sum(runs.nbytes for runs in self.runs.values())


@dataclass(frozen=True, slots=True)
class SliceCells:
    """A slice of a log.

    Parameters
    ----------
    steps, business : Groups
        Durations and working times, microseconds, by arrow (source * 65536 + target).
    visits : Groups
        How often each case had an activity, by activity * 65536.
    cases : columns of int64 arrays, a value per case
    """

    steps: Groups
    business: Groups
    visits: Groups
    cases: dict[str, Ints]


@dataclass(slots=True)
class Cells:
    """The months of one state of a log that were asked for again, the least used dropped first.

    Parameters
    ----------
    most_bytes : int
        How much to hold.
    most_events_at_once : int
        A slice that needs more events than this to be read is left to SQL.
    """

    most_bytes: int = MOST_BYTES
    most_events_at_once: int = MOST_EVENTS_AT_ONCE
    _held: OrderedDict[int, Month] = field(default_factory=OrderedDict, repr=False)
    _asked: set[int] = field(default_factory=set, repr=False)
    _events: dict[int, int] | None = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def slice(self, engine: Engine, where: dict[str, int]) -> SliceCells | None:
        """Figures of a slice; None where SQL is the better way.

        That is: without a beginning and end, with too much to read, or when one of its months is
        asked for the first time (a single question costs less than reading the month).
        """
        if where["from_month"] < FIRST_MONTH or where["to_month"] > LAST_MONTH:
            return None
        with self._lock:
            months = self._months_between(engine, where["from_month"], where["to_month"])
            missing = [month for month in months if month not in self._held]
            new = set(missing) - self._asked
            self._asked |= new
            if new or sum(map(self._size, missing)) > self.most_events_at_once:
                return None
            self._read(engine, missing)
            held = [self._held[month] for month in months]
            for month in months:
                self._held.move_to_end(month)
            self._drop_old()
        return _sliced(held, where)

    def hold(self, engine: Engine) -> None:
        """Read all months, one after the other (the latest stay where not all fit)."""
        with self._lock:
            for month in self._months_between(engine, FIRST_MONTH, LAST_MONTH):
                if month not in self._held:
                    self._read(engine, [month])
                    self._drop_old()

    def _months_between(self, engine: Engine, first: int, last: int) -> list[int]:
        if self._events is None:
            rows = engine.fetch("months")
            self._events = dict(
                zip(rows["month"].to_pylist(), rows["events"].to_pylist(), strict=True)
            )
        return [month for month in self._events if first <= month <= last]

    def _size(self, month: int) -> int:
        return 0 if self._events is None else int(self._events[month])

    def _read(self, engine: Engine, months: list[int]) -> None:
        if not months:
            return
        span = {"from_month": months[0], "to_month": months[-1]}
        tables = {name: engine.fetch(f"cell_{name}", **span) for name in (*_TABLES, "cases")}
        cuts = {name: _by_month(rows, months) for name, rows in tables.items()}
        for number, month in enumerate(months):
            self._held[month] = Month(
                {name: Runs.of(cuts[name][number]) for name in _TABLES},
                {name: integers(cuts["cases"][number], name) for name in _CASES},
            )

    def _drop_old(self) -> None:
        total = sum(month.nbytes for month in self._held.values())
        while total > self.most_bytes and len(self._held) > 1:
            _, dropped = self._held.popitem(last=False)
            total -= dropped.nbytes


def _by_month(rows: pa.Table, months: list[int]) -> list[pa.Table]:
    """Rows sorted by month, cut (a month between the asked ones may be among the rows)."""
    month = integers(rows, "month")
    starts = np.searchsorted(month, months)
    ends = np.searchsorted(month, months, side="right")
    return [rows.slice(a, b - a) for a, b in zip(starts, ends, strict=True)]


def _sliced(months: Sequence[Month], where: dict[str, int]) -> SliceCells:
    span = where["from_us"], where["to_us"]

    def merged(table: str) -> Groups:
        return Groups.merged(
            [month.runs[table].at(where["site"]).between(*span) for month in months]
        )

    return SliceCells(merged("steps"), merged("business"), merged("visits"), _cases(months, where))


def _cases(months: Sequence[Month], where: dict[str, int]) -> dict[str, Ints]:
    parts = [month.cases for month in months]
    inside = [places(part["first_us"], where["from_us"], where["to_us"]) for part in parts]
    if where["site"] >= 0:
        inside = [
            at[part["site_no"][at] == where["site"]] for part, at in zip(parts, inside, strict=True)
        ]
    return {
        name: np.concatenate(
            [NOTHING, *(part[name][at] for part, at in zip(parts, inside, strict=True))]
        )
        for name in _CASES
    }
