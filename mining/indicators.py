"""The indicators: a registry that states each one's formula, and their values by site and trend.

Rules common to all: the unit is the return line unless stated; a line counts in the period it was
*opened* in; durations are Kaplan-Meier quantiles in which a line still open counts as open, and a
line that ended another way (cancelled, expired, rejected, no credit due) leaves the count at that
moment instead of passing for a finished one.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, cast

import pandas as pd

from ingestion.errors import RetraceError
from mining import measures
from mining.log import EventLog, Moment
from mining.survival import kaplan_meier

_UNIT_US = {"days": 86_400e6, "hours": 3_600e6}
_IMMATURE_US = 30 * 86_400_000_000
Unit = Literal["days", "hours", "share"]


@dataclass(frozen=True, slots=True)
class Indicator:
    """One entry of the metric registry.

    Parameters
    ----------
    id, name : str
    formula : str
        In words a controller can check.
    unit : "days", "hours" or "share"
        Shares are 0-1.
    grain : str
        What one observation is.
    censoring : str
        What happens to observations that are not complete.
    owner : str
        The role that answers for it.
    """

    id: str
    name: str
    formula: str
    unit: Unit
    grain: str
    censoring: str
    owner: str
    measure: measures.Measure = field(repr=False)


_OPEN_LINES = (
    "Lines still open are censored at the as-of moment; cancelled, expired and rejected lines are "
    "censored when that happened."
)
_NO_CREDIT = (
    "Lines not yet credited are censored at the as-of moment; lines that were refused a credit, "
    "cancelled, expired, rejected or closed without one are censored when that happened."
)
_CREDIT = "Days from {} to the first credit memo (Post credit memo). {}"
_WAIVED = "Credits before it are left out; see credit_before_receipt_share."


def _credit(anchor: str, words: str, column: str, note: str) -> Indicator:
    return Indicator(
        id=f"credit_issuance_time_from_{anchor}",
        name=f"Credit issuance time from {anchor}",
        formula=_CREDIT.format(words, note).strip(),
        unit="days",
        grain="return line",
        censoring=_NO_CREDIT,
        owner="finance",
        measure=measures.credit_issuance(column),
    )


INDICATORS: tuple[Indicator, ...] = (
    Indicator(
        id="return_cycle_time",
        name="Return cycle time",
        formula="Days from the request (a blind line: its arrival) until decision, stock transfer "
        "and credit memo are all final, which the closing of the line certifies; a reopened line "
        "counts until it is closed again.",
        unit="days",
        grain="return line",
        censoring=_OPEN_LINES,
        owner="returns operations",
        measure=measures.return_cycle,
    ),
    Indicator(
        id="return_cycle_time_controllable",
        name="Controllable cycle time",
        formula="As return_cycle_time, but from arrival at the warehouse: without the customer's "
        "and the carrier's time. Lines that never arrived have none.",
        unit="days",
        grain="return line",
        censoring=_OPEN_LINES,
        owner="site lead",
        measure=measures.controllable_cycle,
    ),
    _credit("request", "the request", "requested_us", ""),
    _credit("receipt", "the receipt", "received_us", _WAIVED),
    _credit("inspection", "the end of inspection", "inspected_us", _WAIVED),
    Indicator(
        id="credit_before_receipt_share",
        name="Credited before receipt",
        formula="Share of credited lines whose first credit memo precedes the receipt or that were "
        "never received (waivers of policies P3 to P7 and breaches alike).",
        unit="share",
        grain="credited return line",
        censoring="Only credited lines count.",
        owner="finance",
        measure=measures.credit_before_receipt,
    ),
    Indicator(
        id="disposition_accuracy",
        name="Disposition accuracy",
        formula="Share of executed lines whose first terminal decision is the terminal "
        "disposition last executed (interim fates, such as quarantine, are no decision).",
        unit="share",
        grain="return line with a terminal decision",
        censoring="Lines decided but not executed are open and do not count.",
        owner="returns operations",
        measure=measures.disposition_accuracy,
    ),
    Indicator(
        id="write_off_share",
        name="Write-off share (net)",
        formula="Carrying value transferred to scrap, donation, recycling, liquidation, field "
        "destruction or loss, less supplier credits for those lines, over carrying value received "
        "(quantity x standard cost; the posted amount where the item is unknown).",
        unit="share",
        grain="received return line, weighted by value",
        censoring="Lines without a final stock transfer count as received and are open.",
        owner="finance",
        measure=measures.write_off(net=True),
    ),
    Indicator(
        id="write_off_share_gross",
        name="Write-off share (gross)",
        formula="As write_off_share, without deducting supplier credits.",
        unit="share",
        grain="received return line, weighted by value",
        censoring="Lines without a final stock transfer count as received and are open.",
        owner="finance",
        measure=measures.write_off(net=False),
    ),
    Indicator(
        id="posting_lag",
        name="Posting lag",
        formula="Hours from a warehouse movement (Receive, Execute disposition) to the entry of "
        "its ERP posting (Post goods receipt, Post stock transfer), matched by exact key: the "
        "warehouse document the posting names, else the message that carried it, else (postings "
        "that name neither) the same line, movement, stock status and place in their order.",
        unit="hours",
        grain="warehouse movement",
        censoring="Movements without a posting are censored at the as-of moment.",
        owner="integration",
        measure=measures.posting_lag,
    ),
)


class UnknownIndicator(RetraceError):
    """A KPI id that is not in the registry."""

    def __init__(self, name: str) -> None:
        self.name = name
        known = ", ".join(indicator.id for indicator in INDICATORS)
        super().__init__(f"There is no KPI {name!r}. Known: {known}.")


@dataclass(frozen=True, slots=True)
class Kpis:
    """Values of the indicators, overall (site null) and by site.

    Parameters
    ----------
    as_of : str
        ISO 8601, UTC.
    frame : frame with columns id, site, value, unit, n, open_share, p50, p90
        ``value`` is the median of a duration and the share itself of a share; null where nothing
        was measured or the curve does not reach the quantile yet.
    """

    as_of: str
    frame: pd.DataFrame = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``retrace mine kpis``."""
        rows = self.frame.astype(object)
        return {"as_of": self.as_of, "kpis": rows.where(rows.notna(), None).to_dict("records")}


def kpis(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> Kpis:
    """Measure every indicator on the lines of a site opened in [start, end)."""
    where = log.slice(site=site, start=start, end=end)
    rows = []
    for indicator in INDICATORS:
        measured = indicator.measure(log, where)
        if site is None:
            rows.append({"id": indicator.id, "site": None, **_value(indicator, measured)})
        for name, part in measured.groupby("site", sort=True):
            if site is None or name == site:
                rows.append({"id": indicator.id, "site": name, **_value(indicator, part)})
    columns = ["id", "site", "value", "unit", "n", "open_share", "p50", "p90"]
    return Kpis(log.as_of.isoformat(), pd.DataFrame(rows, columns=columns))


def kpi_trend(
    log: EventLog,
    id: str,
    *,
    freq: Literal["W", "M"] = "W",
    by_site: bool = False,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> pd.DataFrame:
    """Follow one indicator over the weeks (from Monday, UTC) or months in which lines opened.

    Returns
    -------
    frame with columns period, site, value, unit, n, open_share, p50, p90, immature
        ``immature``: the period ended less than 30 days before the as-of moment.

    Raises
    ------
    UnknownIndicator
    """
    found = [indicator for indicator in INDICATORS if indicator.id == id]
    if not found:
        raise UnknownIndicator(id)
    measured = found[0].measure(log, log.slice(site=site, start=start, end=end))
    opened = pd.to_datetime(measured["opened_us"], unit="us")
    period = opened.dt.to_period("W-SUN" if freq == "W" else "M")
    rows = []
    for key, part in measured.groupby([period, "site"] if by_site else [period], sort=True):
        begun, *rest = cast(tuple[Any, ...], key)
        immature = log.as_of_us - begun.end_time.value // 1000 < _IMMATURE_US
        said = {"period": begun.start_time, "site": rest[0] if rest else site}
        rows.append({**said, **_value(found[0], part), "immature": immature})
    columns = ["period", "site", "value", "unit", "n", "open_share", "p50", "p90", "immature"]
    return pd.DataFrame(rows, columns=columns)


def _value(indicator: Indicator, measured: pd.DataFrame) -> dict[str, Any]:
    n = len(measured)
    open_share = float(measured["open"].mean()) if n else None
    said: dict[str, Any] = {"unit": indicator.unit, "n": n, "open_share": open_share}
    if indicator.unit == "share":
        whole = float(measured["whole"].sum())
        share = float(measured["part"].sum()) / whole if whole else None
        return {"value": share, **said, "p50": None, "p90": None}
    durations = measured["duration_us"].to_numpy(float) / _UNIT_US[indicator.unit]
    curve = kaplan_meier(durations, measured["finished"].to_numpy(bool))
    p50, p90 = curve.quantile(0.5), curve.quantile(0.9)
    return {"value": p50, **said, "p50": p50, "p90": p90}
