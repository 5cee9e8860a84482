"""How far each site is from the standard process: what a phased roll-out is planned by."""

from typing import Any

import pandas as pd
import pyarrow as pa

from ingestion.errors import RetraceError
from ingestion.vocabulary import Activity
from mining.engine import fetch_frame
from mining.lines import Lines
from mining.log import EventLog
from mining.policy import Policy

WORST_RULES = 3


class UnknownActivity(RetraceError):
    """The standard order of a policy names an activity that does not exist."""

    def __init__(self, activity: str) -> None:
        self.activity = activity
        super().__init__(
            f"The policy's standard_order names {activity!r}, which is no activity. "
            "See mining/policy.yaml for their names."
        )


def order_fitness(log: EventLog, where: dict[str, int], policy: Policy) -> pd.Series:
    """Share of the standard order's pairs each line kept, of those that apply to it.

    Returns
    -------
    Series indexed by case_no, 0-1
        Only lines to which some pair applies.

    Raises
    ------
    UnknownActivity
    """
    known = {activity.value for activity in Activity}
    number = {name: no for no, name in log.activities.items()}
    pairs = [(one, other) for one, many in policy.standard_order.items() for other in many]
    for name in (name for pair in pairs for name in pair):
        if name not in known:
            raise UnknownActivity(name)
    seen = [(number[a], number[b]) for a, b in pairs if a in number and b in number]
    rows = pa.table(
        {
            "activity_no": pa.array([a for a, _ in seen], pa.int32()),
            "later_no": pa.array([b for _, b in seen], pa.int32()),
        }
    )
    log.engine.register("standard_order", rows)
    counts = fetch_frame(log.engine, "order_kept", **where).set_index("case_no")
    log.engine.drop("standard_order")
    share: pd.Series = counts["kept"] / counts["pairs"]
    return share


def site_distances(
    lines: Lines, violations: pd.DataFrame, exposure: pd.Series, fitness: pd.Series
) -> pd.DataFrame:
    """One row per site, the closest to the standard first.

    Parameters
    ----------
    violations : frame with columns rule, case_id, site, stake
    exposure : Series indexed by site
        Money at stake, a line counted once per exposure group.
    fitness : Series indexed by case_no

    Returns
    -------
    frame with columns site, rank, lines, violating_lines, violations, clean_share, fitness,
    exposure, exposure_per_line, worst_rules
        By ``clean_share``, then ``fitness``. ``worst_rules``: ids, the most money first.
    """
    by_site = violations.groupby("site")
    table = pd.DataFrame({"lines": lines.groupby("site")["case_id"].count()})
    table["violating_lines"] = by_site["case_id"].nunique()
    table["violations"] = by_site["case_id"].count()
    table = table.fillna(0).astype("int64")
    table["clean_share"] = 1 - table["violating_lines"] / table["lines"]
    table["fitness"] = fitness.groupby(lines["site"].reindex(fitness.index)).mean()
    table["exposure"] = exposure.reindex(table.index).fillna(0.0).round(2)
    table["exposure_per_line"] = (table["exposure"] / table["lines"]).round(2)
    worst = _worst_rules(violations)
    table["worst_rules"] = [worst.get(str(site), ()) for site in table.index]
    order = ["clean_share", "fitness", "site"]
    table = table.reset_index().sort_values(
        order, ascending=[False, False, True], ignore_index=True
    )
    table.insert(1, "rank", range(1, len(table) + 1))
    return table


def _worst_rules(violations: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    stakes = violations.groupby(["site", "rule"])["stake"].agg(["sum", "count"]).reset_index()
    ranked = stakes.sort_values(["sum", "count", "rule"], ascending=[False, False, True])
    return {
        str(site): tuple(rules.head(WORST_RULES)) for site, rules in ranked.groupby("site")["rule"]
    }


def to_records(sites: pd.DataFrame) -> list[dict[str, Any]]:
    """The ``sites`` of the JSON of ``retrace mine conformance``."""
    rows = sites.astype(object).where(sites.notna(), None)
    return [
        {str(key): list(value) if isinstance(value, tuple) else value for key, value in row.items()}
        for row in rows.to_dict("records")
    ]
