"""What the KPIs are called on screen, which come first, and which way is better.

Names and formulas come from the metric registry of ``mining``.
"""

from __future__ import annotations

from dataclasses import dataclass

from mining.metrics import GROUPS, METRICS

HEADLINE = (
    "return_cycle_time",
    "return_cycle_time_controllable",
    "credit_issuance_time_from_request",
    "posting_lag",
    "disposition_accuracy",
    "write_off_share",
)
"""What an operations leader sees first; the rest of the registry follows below."""

SHORT = {
    "return_cycle_time": "Return cycle time",
    "return_cycle_time_controllable": "From arrival to close",
    "credit_issuance_time_from_request": "Request to credit",
    "credit_issuance_time_from_receipt": "Receipt to credit",
    "credit_issuance_time_from_inspection": "Inspection to credit",
    "credit_before_receipt_share": "Credited before receipt",
    "write_off_share": "Write-off share",
    "write_off_share_gross": "Write-off share, gross",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """Words for one KPI; ``less_is_better`` None where neither direction is good by itself."""

    label: str
    formula: str
    less_is_better: bool | None


def words_of(kpi: str) -> Wording:
    """Return the wording of a KPI of the registry."""
    metric = next((entry for entry in METRICS if entry.id == kpi), None)
    if metric is None:
        return Wording(kpi.replace("_", " ").capitalize(), "", None)
    formula = f"{metric.formula} {metric.censoring} Answers for it: {metric.owner}."
    less_is_better = {"less": True, "more": False, "neither": None}[metric.better]
    return Wording(SHORT.get(kpi, metric.name), formula, less_is_better)


def groups() -> dict[str, tuple[str, ...]]:
    """KPIs below the headline, by topic."""
    return {
        title: tuple(metric.id for metric in group if metric.id not in HEADLINE)
        for title, group in GROUPS.items()
    }
