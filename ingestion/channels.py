"""How the middleware did: per interface, site and day, from the messages' own events."""

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from ingestion.lake import Lake

_MESSAGES = """
with step as (
    select message_id, coalesce(extras ->> '$.interface', source) as interface, site, activity,
           occurred_at, extras ->> '$.error' as error
    from events where starts_with(activity, 'Message ') and message_id is not null
),
message as (
    select message_id, any_value(interface) as interface, any_value(site) as site,
           min(occurred_at) as first_at,
           min(occurred_at) filter (where activity = 'Message produced') as produced_at,
           min(occurred_at) filter (where activity = 'Message received') as received_at,
           max(occurred_at) filter (where activity = 'Message received') as last_received_at,
           min(occurred_at) filter (where activity in ('Message failed', 'Message dead-lettered'))
               as failed_at,
           max(occurred_at) filter (where activity in ('Message failed', 'Message dead-lettered'))
               as last_failed_at,
           min(occurred_at) filter (where activity = 'Message replayed') as replayed_at,
           bool_or(activity = 'Message dead-lettered') as dead,
           max_by(error, occurred_at) filter (where error is not null
               and activity in ('Message failed', 'Message dead-lettered')) as error,
           count(*) filter (where activity = 'Message retried') as retries,
           count(*) filter (where activity = 'Message duplicate ignored') as duplicates
    from step group by message_id
),
fate as (
    select *, greatest(last_received_at, replayed_at) as settled_at,
           failed_at is not null and coalesce(greatest(last_received_at, replayed_at)
               < last_failed_at, true) as is_lost
    from message
)
select interface, site, cast(first_at as date) as day, count(*) as messages,
       count(*) filter (where failed_at is not null) as failed,
       sum(retries)::bigint as retried, sum(duplicates)::bigint as duplicates,
       count(*) filter (where dead) as dead_lettered,
       count(*) filter (where is_lost) as still_failed,
       count(*) filter (where replayed_at is not null) as replayed,
       count(*) filter (where replayed_at is not null and not is_lost) as replayed_well,
       quantile_cont(epoch(received_at - produced_at), 0.5) as latency_p50_s,
       quantile_cont(epoch(received_at - produced_at), 0.95) as latency_p95_s,
       avg(epoch(settled_at - failed_at)) filter (where not is_lost and failed_at is not null)
           / 3600 as repair_h,
       quantile_cont(epoch(received_at - produced_at), 0.99) as latency_p99_s,
       count(*) filter (where error is not null and not {transport}) as posting_errors,
       coalesce(histogram(error) filter (where error is not null), map([], [])) as errors
from fate group by {groups} order by interface, site nulls first, day
"""
_TRANSPORT = "regexp_matches(error, '(?i)time_?out|timed out|unreach|connect|network')"


@dataclass(frozen=True, slots=True)
class Channel:
    """One interface at one site on one day; counts are messages unless said otherwise.

    Parameters
    ----------
    retried, duplicates : int
        Attempts after the first, and copies the receiver ignored.
    still_failed : int
        Messages whose last word is a failure.
    latency_p50_s, latency_p95_s : float, seconds
        From produced to received.
    repair_h : float, hours
        Mean time from the first failure to delivery or replay, of those repaired.
    posting_errors : int
        Messages the receiver refused: failed for another reason than the transport.
    errors : dict
        Messages per error code of the last failure.
    """

    interface: str
    site: str | None
    day: date | None
    messages: int
    failed: int
    retried: int
    duplicates: int
    dead_lettered: int
    still_failed: int
    replayed: int
    replayed_well: int
    latency_p50_s: float | None
    latency_p95_s: float | None
    repair_h: float | None
    latency_p99_s: float | None = None
    posting_errors: int = 0
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def failure_rate(self) -> float:
        return self.still_failed / self.messages if self.messages else 0.0

    @property
    def replay_success(self) -> float | None:
        """Share of replayed messages that did not fail again."""
        return self.replayed_well / self.replayed if self.replayed else None

    def to_dict(self) -> dict[str, Any]:
        row = asdict(self) | {
            "failure_rate": self.failure_rate,
            "replay_success": self.replay_success,
        }
        return row | {"day": self.day.isoformat() if self.day else None}


def channels(lake: Lake, *, by_day: bool = False) -> list[Channel]:
    """Measure every interface, per site, and per day if asked."""
    query = _MESSAGES.format(
        groups="interface, site, day" if by_day else "interface, site", transport=_TRANSPORT
    )
    if not by_day:
        query = query.replace("cast(first_at as date) as day", "null::date as day")
    rows = lake.connect().execute(query).fetchall()
    return [Channel(*row) for row in rows]
