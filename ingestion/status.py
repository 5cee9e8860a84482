"""What arrived: counters per source, site and day, whether they balance, what is quarantined."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import duckdb

from ingestion.errors import RetraceError
from ingestion.lake import Lake
from ingestion.schema import EVENTS

_COUNTED = """
select d.source, c.site, c.day, sum(c.received)::bigint, sum(c.accepted)::bigint,
       sum(c.duplicate)::bigint, sum(c.quarantined)::bigint
from (select source, unnest(counts) as c from deliveries
      where repeat or delivery_id in (select delivery_id from active_deliveries)) d
group by 1, 2, 3
order by 1, 2 nulls first, 3 nulls first
"""

_STORED = """
with d as (select *, quarantined + len(replays) as refused from deliveries
           where not repeat and delivery_id in (select delivery_id from active_deliveries))
select d.name, d.source, d.events, coalesce(e.stored, 0), d.refused, coalesce(q.stored, 0)
from d
left join (select delivery_id, count(*) as stored from events group by 1) e using (delivery_id)
left join (select delivery_id, count(*) as stored from stored_quarantine group by 1) q
    using (delivery_id)
where d.events <> coalesce(e.stored, 0) or d.refused <> coalesce(q.stored, 0)
"""

_IDENTITY = ("event_id", "source_seq", "ingested_at", "delivery_id")
_TWINS = f"""
with told as (
    select any_value(source) as source, any_value(case_id) as case_id, count(*) as n from events
    group by hash({", ".join(name for name in EVENTS.names if name not in _IDENTITY)})
    having count(*) > 1
)
select source, sum(n - 1)::bigint, count(distinct case_id) from told group by 1 order by 1
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """Records of one source, site and day (when they occurred; None where unreadable)."""

    source: str
    site: str | None
    day: date | None
    received: int
    accepted: int
    duplicate: int
    quarantined: int

    @property
    def balances(self) -> bool:
        return self.received == self.accepted + self.duplicate + self.quarantined


@dataclass(frozen=True, slots=True)
class Status:
    """Counters of a home.

    Parameters
    ----------
    tallies : list of Tally
        One per source, site and day.
    unbalanced : list of str
        Sentences naming what does not add up; empty when all is well.
    """

    deliveries: int
    tallies: list[Tally]
    unbalanced: list[str]

    @property
    def balanced(self) -> bool:
        return not self.unbalanced

    def totals(self) -> dict[str, int]:
        names = ("received", "accepted", "duplicate", "quarantined")
        return {name: sum(getattr(tally, name) for tally in self.tallies) for name in names}

    def to_dict(self) -> dict[str, Any]:
        rows = [asdict(tally) for tally in self.tallies]
        for row in rows:
            row["day"] = row["day"].isoformat() if row["day"] else None
        return {
            "balanced": self.balanced,
            "deliveries": self.deliveries,
            **self.totals(),
            "unbalanced": self.unbalanced,
            "counters": rows,
        }


def tallies(lake: Lake) -> list[Tally]:
    """Count what arrived, without a look at the facts themselves."""
    return [Tally(*row) for row in lake.connect().execute(_COUNTED).fetchall()]


def status(lake: Lake) -> Status:
    """Count what arrived and check it against what is stored."""
    con = lake.connect()
    counted = [Tally(*row) for row in con.execute(_COUNTED).fetchall()]
    [[deliveries]] = con.execute("select count(*) from deliveries").fetchall()
    wrong = [
        f"{tally.source} {tally.site or '-'} {tally.day or '-'}: {tally.received} received but "
        f"{tally.accepted} + {tally.duplicate} + {tally.quarantined} accounted for"
        for tally in counted
        if not tally.balances
    ]
    wrong += [
        f"{name} ({source}): {said} events said, {stored} stored; "
        f"{refused} refused, {kept} in quarantine"
        for name, source, said, stored, refused, kept in _stored_otherwise(con)
    ]
    return Status(deliveries, counted, wrong)


def _stored_otherwise(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return list(con.execute(_STORED).fetchall())


@dataclass(frozen=True, slots=True)
class Twins:
    """Events of one source that say the same as another one of it, and the cases concerned.

    Whether such lines happened twice or were written twice, their source alone knows: they stay
    apart (each event beyond the first is counted here).
    """

    source: str
    events: int
    cases: int


def twins(lake: Lake) -> list[Twins]:
    """Count the twins of every source that has some."""
    return [Twins(*row) for row in lake.connect().execute(_TWINS).fetchall()]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One refused record."""

    quarantine_id: str
    source: str
    delivery: str
    pointer: str
    reason: str
    detail: str
    attempts: int


def quarantined(lake: Lake, *, limit: int | None = None) -> list[Quarantined]:
    """Refused records, newest delivery first."""
    rows = lake.connect().execute(
        "select q.quarantine_id, q.source, d.name, q.pointer, q.reason, q.detail, q.attempts "
        "from quarantine q left join (select delivery_id, any_value(name) as name, "
        "max(arrival_no) as arrival_no from deliveries where not repeat group by 1) d "
        "using (delivery_id) order by d.arrival_no desc, q.reason, q.pointer"
        + (f" limit {int(limit)}" if limit else "")
    )
    return [Quarantined(*row) for row in rows.fetchall()]


def quarantined_record(lake: Lake, quarantine_id: str) -> tuple[Quarantined, bytes]:
    """One refused record with its raw bytes; the id may be shortened.

    Raises
    ------
    RetraceError
        No record, or more than one, begins with that id.
    """
    found = (
        lake.connect()
        .execute(
            "select q.quarantine_id, q.source, any_value(d.name), q.pointer, q.reason, q.detail, "
            "q.attempts, q.raw from quarantine q left join deliveries d using (delivery_id) "
            "where starts_with(q.quarantine_id, ?) group by all limit 2",
            [quarantine_id],
        )
        .fetchall()
    )
    if len(found) != 1:
        how_many = "No" if not found else "More than one"
        raise RetraceError(
            f"{how_many} quarantined record has an id that begins with {quarantine_id!r}. "
            "See: retrace quarantine list"
        )
    return Quarantined(*found[0][:-1]), bytes(found[0][-1] or b"")
