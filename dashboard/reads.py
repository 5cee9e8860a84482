"""What the views read: facts and findings of one home, cached per state of its lake.

Every cached function takes a :class:`State`, which names the home and the versions of its
tables, so a new delivery is seen at the next rerun and nothing stale is ever shown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from threading import RLock
from typing import Any

import streamlit as st

import mining
from dashboard.charts.balance import Counters
from ingestion.lake import Lake
from ingestion.settings import Settings
from mining import EventLog

FRESH_S = 2.0


@dataclass(frozen=True, slots=True)
class State:
    """One state of the facts: a home and its table versions."""

    home: str
    versions: tuple[tuple[str, int], ...]

    @property
    def is_empty(self) -> bool:
        return "events" not in dict(self.versions)

    @property
    def label(self) -> str:
        return f"lake v{dict(self.versions).get('events', 0)}"


@dataclass(frozen=True, slots=True)
class Slice:
    """What a page looks at: a site (all where None) and cases that began in [start, end)."""

    site: str | None = None
    start: date | None = None
    end: date | None = None

    @property
    def bounds(self) -> dict[str, Any]:
        return {"site": self.site, "start": self.start, "end": self.end}


@dataclass(frozen=True, slots=True)
class Facts:
    """Size and span of the log."""

    cases: int
    events: int
    activities: int
    first: datetime | None
    as_of: datetime | None
    sites: tuple[str, ...]
    sources: tuple[str, ...]


def current_settings() -> Settings:
    """Read the home from the command line (``--home DIR``) or the environment."""
    arguments = sys.argv[1:]
    if "--home" in arguments[:-1]:
        return Settings.load(arguments[arguments.index("--home") + 1])
    return Settings.load(os.environ.get("RETRACE_HOME"))


def current_state(settings: Settings) -> State:
    """Read the table versions; asked at most every two seconds."""
    return _state(str(settings.home))


@st.cache_data(ttl=FRESH_S, show_spinner=False)
def _state(home: str) -> State:
    return State(home, tuple(sorted(Lake(home).versions().items())))


@st.cache_data(max_entries=8, show_spinner=False)
def read_facts(state: State) -> Facts:
    """Count what the lake holds."""
    con = Lake(state.home).connect()
    [[cases, events, activities, first, as_of, sites, sources]] = con.execute(
        """
        select count(distinct case_id), count(*), count(distinct activity), min(occurred_at),
               max(coalesce(recorded_at, occurred_at)),
               list(distinct site order by site) filter (where site is not null),
               list(distinct source order by source) filter (where source is not null)
        from events
        """
    ).fetchall()
    return Facts(cases, events, activities, first, as_of, tuple(sites or ()), tuple(sources or ()))


BALANCE = """
with counted as (select unnest(counts) as c from deliveries)
select coalesce(c.site, '') as site, sum(c.received)::bigint as received,
       sum(c.accepted)::bigint as accepted, sum(c.duplicate)::bigint as duplicate,
       sum(c.quarantined)::bigint as quarantined, max(c.day) as last_day
from counted group by 1 order by coalesce(c.site, '') = '', 1
"""


@st.cache_data(max_entries=8, show_spinner=False)
def read_balance(state: State) -> tuple[Counters, ...]:
    """Read the intake's counters per site: received, accepted, duplicate, quarantined."""
    rows = Lake(state.home).connect().execute(BALANCE).fetchall()
    return tuple(
        Counters(site, received, accepted, duplicate, quarantined, _day(last))
        for site, received, accepted, duplicate, quarantined, last in rows
    )


def _day(day: date | None) -> str:
    return f"{day.day} {day:%b %Y}" if day else ""


@st.cache_data(max_entries=8, show_spinner=False)
def read_example_sku(state: State) -> str:
    """Name an item that is really returned, to try things with."""
    rows = (
        Lake(state.home)
        .connect()
        .execute(
            "select sku from events where sku is not null group by sku "
            "order by count(*) desc, sku limit 1"
        )
        .fetchall()
    )
    return str(rows[0][0]) if rows else ""


@dataclass(frozen=True)
class _Opened:
    log: EventLog
    lock: RLock


@st.cache_resource(max_entries=4, show_spinner="Opening the log")
def _opened(state: State) -> _Opened:
    return _Opened(mining.load(state.home), RLock())


@contextmanager
def open_log(state: State) -> Iterator[EventLog]:
    """Lend the log of a state to one session at a time (mining keeps working tables in it)."""
    opened = _opened(state)
    with opened.lock:
        yield opened.log
