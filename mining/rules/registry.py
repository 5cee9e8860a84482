"""What a conformance rule is, what it is judged with, and the list of all of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from mining.lines import Lines
from mining.policy import Policy
from mining.worktime import SiteHours

DAY_US = 86_400e6
Group = Literal["credit", "stock", "supplier", "evidence"]


@dataclass(frozen=True, slots=True)
class Bench:
    """What a rule is judged with.

    Parameters
    ----------
    now_us : float
        The as-of moment, microseconds.
    hours : SiteHours
        Working time between two moments at each line's site.
    """

    lines: Lines
    policy: Policy
    now_us: float
    hours: SiteHours

    def until_now(self, ends: pd.Series) -> pd.Series:
        """A moment, or now where it has not come."""
        return ends.fillna(self.now_us)

    def days(self, begins: pd.Series, ends: pd.Series) -> pd.Series:
        """Calendar days between two moments."""
        return (ends - begins) / DAY_US

    def limit(self, name: str) -> float:
        return float(self.policy.limits[name])

    def money(self, name: str) -> float:
        return float(self.policy.money[name])


Judge = Callable[[Bench], tuple[pd.Series, pd.Series | float]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Parameters
    ----------
    id : str
        C01 to C32.
    text : str
        What a violation is.
    stake : str
        The money formula in words.
    group : "credit", "stock", "supplier" or "evidence"
        Exposure group: inside one, a line's stakes are not added, the largest counts.
    evidence : tuple of str
        Columns of ``Lines`` with the ids of the events to look at.
    judge : callable
        Which lines break it, and what is at stake for each.
    """

    id: str
    text: str
    stake: str
    group: Group
    evidence: tuple[str, ...]
    judge: Judge = field(repr=False)


_REGISTERED: dict[str, Rule] = {}


def rule(
    id: str, text: str, *, stake: str, group: Group, evidence: tuple[str, ...]
) -> Callable[[Judge], Judge]:
    """Register a judge as a rule."""

    def register(judge: Judge) -> Judge:
        _REGISTERED[id] = Rule(id, text, stake, group, evidence, judge)
        return judge

    return register


def registered() -> tuple[Rule, ...]:
    """Every rule registered so far, by id."""
    return tuple(_REGISTERED[id] for id in sorted(_REGISTERED))
