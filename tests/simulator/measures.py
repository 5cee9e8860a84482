"""What a simulated folder shows, measured on its hidden truth; shared by the simulator's tests."""

from pathlib import Path

import duckdb
import numpy as np

SITES = ("DC1", "DC2", "DC3", "DC4", "DC5")
MODERN = SITES[:3]
AGEING_A_DAY = 0.05 / 30
"""Share of its value that returned stock loses a day, 5 % a month."""
A_TOUCH = 2.0
"""USD: handling a unit once. A line that loses less is not worth looking at."""


def truth(folder: Path) -> duckdb.DuckDBPyConnection:
    """The truth of a run as views: event, lines, faults, deviations, fraud, stations."""
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    con.execute(f"create view event as select * from '{folder}/truth/events.parquet'")
    for name in ("lines", "faults", "deviations", "fraud", "stations"):
        con.execute(
            f"create view {name} as select * from read_csv('{folder}/truth/{name}.csv',"
            " all_varchar=true)"
        )
    con.execute(
        f"""
        create view decision as
        select rma || ':' || line as case_id, arg_max(disposition, occurredAt) as disposition
        from read_json('{folder}/sources/workflow/*.jsonl.gz', columns={{rma: 'varchar',
            line: 'varchar', type: 'varchar', disposition: 'varchar', occurredAt: 'varchar'}})
        where type in ('disposition.decided', 'disposition.overridden')
          and disposition not in ('QUARANTINE', 'CUSTOMER_DISPUTE')
        group by 1
        """
    )
    con.execute(
        f"""
        create view eligible as
        select rma || ':' || line as case_id, any_value(warehouse) as site,
               min(eligibleUntil)::timestamptz as until
        from read_json('{folder}/sources/workflow/*.jsonl.gz', columns={{rma: 'varchar',
            line: 'varchar', type: 'varchar', warehouse: 'varchar', eligible: 'boolean',
            eligibleUntil: 'varchar'}})
        where type = 'supplier.eligibility_determined' and eligible
        group by 1
        """
    )
    return con


def days_between(con: duckdb.DuckDBPyConnection, start: str, end: str) -> dict[str, np.ndarray]:
    """Days from the first ``start`` to the first ``end`` of each case, by site."""
    rows = con.execute(
        f"""
        select site, epoch(b - a) / 86400 from (
            select case_id, any_value(site) site,
                   min(occurred_at) filter (activity = '{start}') a,
                   min(occurred_at) filter (activity = '{end}') b
            from event group by case_id)
        where b is not null and a is not null
        """
    ).fetchall()
    return {site: np.array([value for where, value in rows if where == site]) for site in SITES}


def days_to_post(con: duckdb.DuckDBPyConnection) -> dict[str, np.ndarray]:
    """Days from each stock move to its posting, by site.

    The n-th move of a case belongs to its n-th posting; a case whose numbers differ stays out.
    """
    rows = con.execute(
        """
        with pair as (
            select any_value(site) as site,
                   list_sort(list(occurred_at) filter (activity = 'A19')) as moved,
                   list_sort(list(occurred_at) filter (activity = 'E02')) as posted
            from event where activity in ('A19', 'E02') group by case_id)
        select site, epoch(unnest(posted) - unnest(moved)) / 86400
        from pair where len(moved) = len(posted)
        """
    ).fetchall()
    return {site: np.array([value for where, value in rows if where == site]) for site in SITES}


def midmean(values: np.ndarray) -> float:
    """Mean of the middle half."""
    ordered = np.sort(values)
    return float(ordered[len(ordered) // 4 : len(ordered) * 3 // 4].mean())


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean, 95 %; nightly jobs make medians jump by days."""
    rng = np.random.default_rng(0)
    draws = np.mean(rng.choice(values, (400, len(values))), axis=1)
    return float(np.quantile(draws, 0.025)), float(np.quantile(draws, 0.975))


def variety(con: duckdb.DuckDBPyConnection) -> tuple[int, float]:
    """Number of variants, and the share of lines the ten commonest hold.

    Messages and the reserve's period-end postings belong to no line's path and are left out.
    """
    counts = con.execute(
        """
        with trace as (
            select case_id, list(activity order by occurred_at, activity) v
            from event where activity not like 'M01%' and activity <> 'E07' group by 1)
        select count(*) n from trace group by v order by n desc
        """
    ).fetchall()
    numbers = np.array([row[0] for row in counts])
    return len(numbers), float(numbers[:10].sum() / numbers.sum())


def kaplan_meier_median(days: np.ndarray, closed: np.ndarray) -> float:
    """Median time to close; ``closed`` says which lines are closed and not merely seen so far."""
    survival, at_risk = 1.0, len(days)
    for i in np.argsort(days):
        if closed[i]:
            survival *= 1 - 1 / at_risk
        at_risk -= 1
        if survival <= 0.5:
            return float(days[i])
    return float("inf")


def understatement(con: duckdb.DuckDBPyConnection) -> float:
    """Kaplan-Meier median over the closed lines' median, ten days after the last arrival."""
    rows = con.execute(
        """
        with span as (
            select case_id, min(occurred_at) filter (activity = 'A01') a,
                   min(occurred_at) filter (activity = 'X03') x from event group by 1)
        select epoch(least(coalesce(x, timestamptz '2100-01-01'),
                           timestamptz '2026-07-10') - a) / 86400,
               coalesce(x < timestamptz '2026-07-10', false)
        from span where a between timestamptz '2026-06-10' and timestamptz '2026-07-10'
        """
    ).fetchall()
    days = np.array([row[0] for row in rows])
    closed = np.array([row[1] for row in rows])
    return kaplan_meier_median(days, closed) / float(np.median(days[closed]))


def leakage(con: duckdb.DuckDBPyConnection) -> np.ndarray:
    """Recovery value lost by each line, USD, descending: wrong decision and ageing until posted."""
    rows = con.execute(
        """
        with span as (
            select case_id, epoch(max(recorded_at) filter (activity = 'E02')
                                  - min(occurred_at) filter (activity = 'A08')) / 86400 as days
            from event group by 1)
        select l."values", d.disposition, l.quantity, days
        from lines l join decision d using (case_id) join span using (case_id)
        where days is not null
        """
    ).fetchall()
    lost = []
    for values, chosen, quantity, days in rows:
        options = {k: float(v) for k, v in (pair.split("=") for pair in values.split(";"))}
        got = options.get(chosen, min(options.values()))
        best = max(options.values())
        aged = max(0.0, best) * AGEING_A_DAY * days
        lost.append((max(best - got, 0.0) + aged) * float(quantity))
    return np.sort(np.array(lost))[::-1]


def concentration(con: duckdb.DuckDBPyConnection) -> float:
    """Share of the leakage held by the worst fifth of the lines that lose more than a touch."""
    lost = leakage(con)
    lost = lost[lost > A_TOUCH]
    return float(lost[: len(lost) // 5].sum() / lost.sum())


def break_shares(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """Open breaks of movements (B01, B02, B04 to B14) by movement, by site."""
    rows = con.execute(
        """
        with moved as (
            select site, count(*) as n from event where activity in ('A09', 'A19') group by 1),
        document as (
            select document_id, any_value(site) as site from event
            where activity in ('A09', 'A19', 'E01', 'E02', 'E08') group by 1),
        broken as (
            select fault_id, unnest(string_split(document_ids, ';')) as document_id from faults
            where regexp_matches(type, '^B[0-9]+$') and type not in ('B03', 'B15', 'B17'))
        select site, count(distinct fault_id) / any_value(n)
        from broken join document using (document_id) join moved using (site) group by 1
        """
    ).fetchall()
    return dict(rows)


def missed_windows(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """Claims decided ten weeks before the log ends, and how many missed their window, by site.

    A line is a claim if its supplier covers it and people decided to send it there, or filed one.
    Ten weeks are enough to file: waiting for windows to end would count short ones only.
    """
    rows = con.execute(
        """
        with filed as (
            select case_id, min(occurred_at) as filed_at
            from event where activity = 'S02' group by 1),
        known as (
            select case_id, min(occurred_at) as known_at
            from event where activity = 'S01' group by 1),
        log as (select max(occurred_at) as ends from event where activity = 'X03')
        select site, count(*),
               count(*) filter (filed_at > until or (filed_at is null and until < ends))
        from log, eligible join known using (case_id)
            left join filed using (case_id) left join decision using (case_id)
        where known_at < ends - interval 70 days
          and (filed_at is not null
               or disposition in ('SUPPLIER_RETURN', 'FIELD_DESTROY_FOR_CREDIT'))
        group by 1
        """
    ).fetchall()
    return {site: (claims, missed) for site, claims, missed in rows}
