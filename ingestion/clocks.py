"""How far the clocks of a source can be trusted, and which sources report by the day.

Three things show in ``recorded_at - occurred_at``: records older than what they tell of (one clock
is ahead), days on which every delay is off by the same amount (a clock that missed a change), and
sources whose events all bear one time of the day (an end-of-day file states dates, no times).
"""

from dataclasses import asdict, dataclass
from datetime import date, time
from typing import Any

from ingestion.lake import Lake

FEWEST = 20
"""Events from which a source or a day is judged."""

BATCH_SHARE = 0.5
OFF_SECONDS = 900.0

_EVENTS = """
create or replace temp table clock_events as
with zones as (select site, arg_max(time_zone, valid_from) as zone from sites group by site)
select e.source, e.site,
       timezone(coalesce(z.zone, 'UTC'), e.occurred_at) as local_at,
       epoch(e.recorded_at - e.occurred_at) as delay_s
from events e left join zones z on z.site = e.site
"""
_SOURCES = """
with moments as (
    select source, site, cast(local_at as time) as clock_time, count(*) as n
    from clock_events group by all
),
usual as (
    select source, site, sum(n)::bigint as events, count(*) as moments, max(n) as most,
           max_by(clock_time, n) as clock_time
    from moments group by source, site
),
delays as (
    select source, site, count(delay_s) as recorded,
           count(*) filter (where delay_s < 0) as before_the_fact,
           quantile_cont(delay_s, [0.01, 0.05, 0.5, 0.95]) as q
    from clock_events group by source, site
)
select u.source, u.site, u.events, u.most / u.events as share, u.clock_time, d.recorded,
       d.before_the_fact, d.q[1], d.q[2], d.q[3], d.q[4]
from usual u join delays d
    on d.source = u.source and d.site is not distinct from u.site
order by u.source, u.site nulls first
"""
_DAYS = """
with days as (
    select source, site, cast(local_at as date) as day, count(*) as n,
           quantile_cont(delay_s, 0.05) as floor_s
    from clock_events where delay_s is not null group by all having count(*) >= {fewest}
),
usual as (select source, site, median(floor_s) as floor_s from days group by source, site)
select d.source, d.site, d.day, d.floor_s - u.floor_s
from days d join usual u on u.source = d.source and u.site is not distinct from d.site
where abs(d.floor_s - u.floor_s) >= {off}
order by all
"""


@dataclass(frozen=True, slots=True)
class DayOff:
    """A day on which a source's clock seems to be off, and by how much.

    ``skew_s`` is how much longer even the shortest delays of the day were than usual: positive if
    events seem to have occurred earlier than they did.
    """

    day: date
    skew_s: float


@dataclass(frozen=True, slots=True)
class Clock:
    """The clocks of one source at one site.

    Parameters
    ----------
    batch_share : float, 0 to 1
        Events at the one time of the day, in the site's zone, that occurs most.
    batch_at : time, optional
        That time, if ``is_batch``: it stands for a whole day, not for a moment.
    before_the_fact : int
        Events recorded before they occurred.
    skew_s : float, seconds
        How far the clock of occurrence is ahead of the recording one, at least: minus the 1 %
        quantile of the delays where that is negative, else 0; None where nothing can be said.
    delay_p05_s, delay_p50_s, delay_p95_s : float, seconds
        From occurred to recorded.
    days_off : tuple of DayOff
    """

    source: str
    site: str | None
    events: int
    batch_share: float
    batch_at: time | None
    before_the_fact: int
    skew_s: float | None
    delay_p05_s: float | None
    delay_p50_s: float | None
    delay_p95_s: float | None
    days_off: tuple[DayOff, ...] = ()

    @property
    def is_batch(self) -> bool:
        return self.batch_at is not None

    def to_dict(self) -> dict[str, Any]:
        row = asdict(self) | {"is_batch": self.is_batch}
        row["batch_at"] = self.batch_at.isoformat() if self.batch_at else None
        row["days_off"] = [
            {"day": off.day.isoformat(), "skew_s": off.skew_s} for off in self.days_off
        ]
        return row


def clocks(lake: Lake) -> list[Clock]:
    """Judge the clocks of every source, per site."""
    con = lake.connect()
    con.execute(_EVENTS)
    off: dict[tuple[str, str | None], list[DayOff]] = {}
    for source, site, day, skew in con.execute(
        _DAYS.format(fewest=FEWEST, off=OFF_SECONDS)
    ).fetchall():
        off.setdefault((source, site), []).append(DayOff(day, skew))
    found = []
    for row in con.execute(_SOURCES).fetchall():
        source, site, events, share, at, recorded, early, p01, *delays = row
        batch = events >= FEWEST and share >= BATCH_SHARE
        known = recorded >= FEWEST and not batch
        found.append(
            Clock(
                source=source,
                site=site,
                events=events,
                batch_share=share,
                batch_at=at if batch else None,
                before_the_fact=early,
                skew_s=max(0.0, -p01) if known else None,
                delay_p05_s=delays[0],
                delay_p50_s=delays[1],
                delay_p95_s=delays[2],
                days_off=() if batch else tuple(off.get((source, site), ())),
            )
        )
    return found
