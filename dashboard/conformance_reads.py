"""What the conformance page reads: rules broken, their lines, the money at stake."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

import mining
from dashboard.reads import Slice, State, open_log
from mining.rules import RULES


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """One rule with at least one violation; ``stake`` in the currency of the log."""

    id: str
    text: str
    formula: str
    group: str
    cases: int
    stake: float


@dataclass(frozen=True, slots=True)
class SiteDistance:
    """How far one site is from the agreed process."""

    site: str
    lines: int
    violating_lines: int
    clean_share: float
    fitness: float
    exposure: float
    worst_rules: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """Conformance of one slice; ``exposure`` counts a line once per exposure group."""

    rules: tuple[BrokenRule, ...]
    sites: tuple[SiteDistance, ...]
    lines: int
    violating_lines: int
    exposure: float
    violations: pd.DataFrame


@st.cache_data(max_entries=16, show_spinner="Checking the rules")
def read_conformance(state: State, chosen: Slice) -> Judgement:
    """Judge the lines of a slice; rules by stake, the costliest first."""
    with open_log(state) as log:
        found = mining.conformance(log, **chosen.bounds)
    formula_of = {rule.id: rule.stake for rule in RULES}
    broken = found.rules[found.rules["cases"] > 0]
    ranked = broken.sort_values(["stake", "cases", "rule"], ascending=[False, False, True])
    rules = tuple(
        BrokenRule(rule, text, formula_of[rule], group, int(cases), float(stake))
        for rule, text, group, cases, stake in ranked.itertuples(index=False, name=None)
    )
    columns = [
        *("site", "lines", "violating_lines", "clean_share"),
        *("fitness", "exposure", "worst_rules"),
    ]
    sites = tuple(
        SiteDistance(str(site), int(lines), int(hit), float(clean), float(fit), float(money), worst)
        for site, lines, hit, clean, fit, money, worst in found.sites[columns].itertuples(
            index=False, name=None
        )
    )
    return Judgement(
        rules,
        sites,
        lines=sum(site.lines for site in sites),
        violating_lines=found.violations["case_id"].nunique(),
        exposure=found.exposure,
        violations=found.violations,
    )
