"""The returns policy: limits, service levels, exemptions and money, in a file a leader can edit."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from ingestion.errors import RetraceError


class BadPolicy(RetraceError):
    """A policy file names something that does not exist, or is no mapping at all."""


@dataclass(frozen=True)
class Policy:
    """What conformance measures against; see ``mining/policy.yaml`` for every entry.

    Parameters
    ----------
    money, limits, service_levels_business_hours : mapping of name to number (or list)
    standard_order : activity to those that must not come before it
        What ``fitness`` of a site is measured by; whether a step is needed at all is for the rules.
    posted_status : disposition to the stock statuses the books may show
    exempt : rule to policy variants (P1 to P10) it does not apply to
    exempt_sites : rule to sites it does not apply to
    """

    money: Mapping[str, Any]
    limits: Mapping[str, Any]
    service_levels_business_hours: Mapping[str, float]
    posted_status: Mapping[str, list[str]]
    standard_order: Mapping[str, list[str]]
    exempt: Mapping[str, list[str]]
    exempt_sites: Mapping[str, list[str]]

    @property
    def ageing_per_day(self) -> float:
        """Share of value lost per day: cost of capital and ageing."""
        money = self.money
        return float(money["cost_of_capital_year"] / 365 + money["ageing_month"] / 30)


@cache
def shipped_policy() -> Policy:
    """The policy that comes with Retrace."""
    text = (files("mining") / "policy.yaml").read_text(encoding="utf-8")
    return Policy(**yaml.safe_load(text))


def read_policy(path: Path | str) -> Policy:
    """Read a policy file; what it does not name stays as shipped.

    Raises
    ------
    BadPolicy
    """
    said = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    if not isinstance(said, dict):
        raise BadPolicy(f"{path} is no mapping. Start from the shipped mining/policy.yaml.")
    shipped = shipped_policy()
    known = {field.name for field in fields(Policy)}
    unknown = sorted(set(said) - known)
    if unknown:
        raise BadPolicy(f"{path}: unknown section {unknown[0]!r}. Known: {', '.join(known)}.")
    merged = {}
    for name in known:
        default: Mapping[str, Any] = getattr(shipped, name)
        given = said.get(name) or {}
        strange = sorted(set(given) - set(default)) if name in _CLOSED else []
        if strange:
            raise BadPolicy(f"{path}: {name} has no entry {strange[0]!r}.")
        merged[name] = {**default, **given}
    return Policy(**merged)


_CLOSED = frozenset({"money", "limits", "service_levels_business_hours"})
