"""The handle every mining question starts from: a log, as it was known at one moment."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ingestion.errors import RetraceError
from ingestion.vocabulary import Activity
from mining.answers import Answers
from mining.cells import Cells, SliceCells
from mining.engine import Engine, sql
from mining.events import to_microseconds

Moment = datetime | date | str
MOST_SHARED = 8
"""Frames as large as the log's lines are few in memory."""
Shared = TypeVar("Shared")
_FOREVER = 9_200_000_000_000_000_000


class UnknownSite(RetraceError):
    """A slice asks for a site the log does not have."""

    def __init__(self, site: str, known: list[str]) -> None:
        self.site = site
        listed = ", ".join(known) if known else "none: its events name no site"
        super().__init__(f"The log has no site {site!r}. Known sites: {listed}.")


@dataclass(frozen=True, slots=True)
class EventLog:
    """A log ready to be mined; make one with ``load``.

    Parameters
    ----------
    engine : Engine
        Holds ``transitions``, ``cases`` and the dictionaries, and ``log_events``.
    as_of : datetime, UTC
        What was known then; the latest moment in the log by default.
    events_version : int or None
        Delta version of the events; None for a frame.
    warnings : tuple of str
        What a reader of its figures has to know.
    """

    engine: Engine = field(repr=False)
    as_of: datetime
    events_version: int | None
    source: str | None
    activities: dict[int, str] = field(repr=False)
    sites: dict[str, int] = field(repr=False)
    warnings: tuple[str, ...] = ()
    answers: Answers | None = field(default=None, repr=False, compare=False)
    _cells: Cells = field(default_factory=Cells, repr=False, compare=False)
    _shared: OrderedDict[tuple[Any, ...], Any] = field(
        default_factory=OrderedDict, repr=False, compare=False
    )

    def names(self, numbers: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
        """Names of activities by number."""
        return np.array([self.activities[number] for number in numbers.tolist()], object)

    def rank(self, numbers: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Places of activities in alphabetical order, for sorting by name."""
        names = sorted((name, number) for number, name in self.activities.items())
        places = {number: place for place, (_, number) in enumerate(names)}
        return np.array([places[number] for number in numbers.tolist()], np.int64)

    def hold(self) -> None:
        """Read the figures of all months into memory: every map is then a matter of milliseconds.

        Without it a month is read when a slice first asks for it.
        """
        if self.engine.name == "duckdb":
            self._cells.hold(self.engine)

    def cells(self, where: dict[str, int]) -> SliceCells | None:
        """Sorted figures of a slice; None where the engine's SQL is the better way."""
        return self._cells.slice(self.engine, where) if self.engine.name == "duckdb" else None

    def ask(self, query: str, **numbers: int) -> pa.Table:
        """Rows of a query over the derived tables, from the kept answers where they have it.

        Parameters
        ----------
        query : str
            A file of ``mining/sql`` that reads ``transitions`` and ``cases`` alone.
        """
        if self.answers is None:
            return self.engine.fetch(query, **numbers)
        return self.answers.answer(
            sql(query, **numbers), lambda: self.engine.fetch(query, **numbers)
        )

    def share(self, question: tuple[Any, ...], make: Callable[[], Shared]) -> Shared:
        """What several findings are made from: made for the first of them, held for the others.

        The ones asked for last stay; nobody may change what is shared. As with all that asks the
        engine, one thread at a time.
        """
        if question not in self._shared:
            self._shared[question] = make()
        self._shared.move_to_end(question)
        while len(self._shared) > MOST_SHARED:
            self._shared.popitem(last=False)
        found: Shared = self._shared[question]
        return found

    def keep(self, question: object, compute: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """A frame computed from the facts, from the kept answers where they have it.

        Parameters
        ----------
        question : anything with a telling repr
            All the frame depends on besides the facts and the code.
        """

        def answer() -> pa.Table:
            return pa.Table.from_pandas(compute(), preserve_index=False)

        found = answer() if self.answers is None else self.answers.frame(question, answer)
        frame: pd.DataFrame = found.to_pandas()
        return frame

    @property
    def as_of_us(self) -> int:
        return to_microseconds(self.as_of)

    def slice(
        self, *, site: str | None = None, start: Moment | None = None, end: Moment | None = None
    ) -> dict[str, int]:
        """Integers that select the cases of a site whose first event lies in [start, end).

        Raises
        ------
        UnknownSite, BadMoment
        """
        if site is not None and site not in self.sites:
            raise UnknownSite(site, sorted(self.sites))
        from_us = -_FOREVER if start is None else to_microseconds(start)
        to_us = _FOREVER if end is None else to_microseconds(end)
        return {
            "site": -1 if site is None else self.sites[site],
            "from_us": from_us,
            "to_us": to_us,
            "from_month": -(10**9) if start is None else _month(from_us),
            "to_month": 10**9 if end is None else _month(to_us),
        }

    def return_slice(
        self, *, site: str | None = None, start: Moment | None = None, end: Moment | None = None
    ) -> dict[str, int]:
        """The same for questions about returns: no case where nothing in the log is of a return."""
        where = self.slice(site=site, start=start, end=end)
        return where if self.holds_returns() else {**where, "from_us": _FOREVER}

    def holds_returns(self) -> bool:
        """Whether any event, messages included, is one a return may have."""
        found = self.engine.select("select distinct activity from log_events")["activity"]
        return not {activity.value for activity in Activity}.isdisjoint(found.to_pylist())


def _month(moment_us: int) -> int:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us)
    return moment.year * 100 + moment.month
