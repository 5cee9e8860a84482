"""Which lines left the agreed path, what is at stake, how far each site is from the standard."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mining.lines import return_lines
from mining.log import EventLog, Moment, calendars_of
from mining.policy import Policy, read_policy, shipped_policy
from mining.rules import RULES, Bench, Rule
from mining.standard import order_fitness, site_distances, to_records
from mining.worktime import SiteHours


@dataclass(frozen=True, slots=True)
class Conformance:
    """What breaks the rules.

    Parameters
    ----------
    rules : frame with columns rule, text, group, cases, stake
        One row per rule, broken or not; ``stake`` is the sum over its lines.
    violations : frame with columns rule, case_id, site, opened_us, stake, group, evidence
        ``evidence``: ids of the events to look at.
    sites : frame with columns site, rank, lines, violating_lines, violations, clean_share, fitness,
        exposure, exposure_per_line, worst_rules
        Distance of each site to the standard, the closest first; ``exposure`` counts a line once
        per exposure group, with its largest stake; ``fitness`` is the mean share of the standard
        order its lines kept.
    exposure : float
        The same over all sites: never more than the sum of stakes.
    """

    rules: pd.DataFrame = field(repr=False)
    violations: pd.DataFrame = field(repr=False)
    sites: pd.DataFrame = field(repr=False)
    exposure: float

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``retrace mine conformance``."""
        broken = self.rules[self.rules["cases"] > 0]
        return {"violations": broken[["rule", "cases", "stake"]].to_dict("records")}

    def with_details(self) -> dict[str, Any]:
        """The same with each site's distance to the standard."""
        return self.to_dict() | {"sites": to_records(self.sites)}


def conformance(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    policy: Policy | Path | str | None = None,
) -> Conformance:
    """Judge the lines of a site opened in [start, end) by the 32 rules.

    Parameters
    ----------
    policy : Policy or path, optional
        Limits, service levels and exemptions; the shipped ``mining/policy.yaml`` by default.

    Raises
    ------
    UnknownSite, BadMoment, BadPolicy, UnknownActivity
    """
    if policy is None:
        policy = shipped_policy()
    elif not isinstance(policy, Policy):
        policy = read_policy(policy)
    lines = return_lines(log, site=site, start=start, end=end)
    hours = SiteHours({c.site: c for c in calendars_of(log.engine)})
    bench = Bench(lines, policy, float(log.as_of_us), hours)
    found = [violations_of(rule, bench) for rule in RULES]
    violations = pd.concat(found, ignore_index=True)
    exposed = violations.groupby(["case_no", "site", "group"], dropna=False)["stake"].max()
    return Conformance(
        rules=_by_rule(violations),
        violations=violations.drop(columns="case_no"),
        sites=site_distances(
            lines,
            violations,
            exposed.groupby("site", dropna=False).sum(),
            order_fitness(log, log.return_slice(site=site, start=start, end=end), policy),
        ),
        exposure=float(exposed.sum()),
    )


def violations_of(rule: Rule, bench: Bench) -> pd.DataFrame:
    """Lines that break one rule, exemptions applied."""
    lines, policy = bench.lines, bench.policy
    broken, stake = rule.judge(bench)
    broken = broken.fillna(False).astype(bool)
    for column, exempt in (("policy", policy.exempt), ("site", policy.exempt_sites)):
        if rule.id in exempt:
            broken &= ~lines[column].isin(exempt[rule.id])
    hit = lines.loc[broken, ["case_id", "site", "opened_us", *rule.evidence]]
    money = stake[broken] if isinstance(stake, pd.Series) else pd.Series(stake, hit.index)
    return pd.DataFrame(
        {
            "rule": rule.id,
            "case_no": hit.index.to_numpy(),
            "case_id": hit["case_id"].to_numpy(),
            "site": hit["site"].to_numpy(),
            "opened_us": hit["opened_us"].to_numpy(),
            "stake": np.round(money.fillna(0.0).clip(lower=0).to_numpy(float), 2),
            "group": rule.group,
            "evidence": _evidence(hit, rule.evidence),
        }
    )


def _evidence(hit: pd.DataFrame, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    rows = zip(*(hit[column] for column in columns), strict=True)
    return [tuple(event for event in row if isinstance(event, str)) for row in rows]


def _by_rule(violations: pd.DataFrame) -> pd.DataFrame:
    sums = violations.groupby("rule").agg(cases=("case_id", "count"), stake=("stake", "sum"))
    rows = [
        {
            "rule": rule.id,
            "text": rule.text,
            "group": rule.group,
            "cases": int(sums["cases"].get(rule.id, 0)),
            "stake": round(float(sums["stake"].get(rule.id, 0.0)), 2),
        }
        for rule in RULES
    ]
    return pd.DataFrame(rows)
