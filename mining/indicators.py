"""The KPIs: values of the metric registry by site, and their trend by week or month.

Rules common to all: the unit is the return line unless stated; a line counts in the period it was
*opened* in; durations are quantiles in which a line still open counts as open (Kaplan-Meier), and
a line that ended another way (cancelled, expired, rejected, no credit due) competes instead of
passing for a finished one (Aalen-Johansen); the open share stands beside every figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import pandas as pd

from mining.completeness import Reporting, completeness
from mining.log import EventLog, Moment
from mining.metrics import FIGURES, Metric, chosen_metrics
from mining.milestones import Milestones

_CONTRACT = ["id", "site", "value", "unit", "n", "open_share", "p50", "p90"]
_IMMATURE_US = 30 * 86_400_000_000
Period = Literal["W", "M"]


@dataclass(frozen=True, slots=True)
class Kpis:
    """Values of the metrics, overall (site null) and by site.

    Parameters
    ----------
    as_of : str
        ISO 8601, UTC.
    frame : frame with columns id, site, value, unit, n, open_share, p50, p90, low, high, p90_low,
        p90_high, ended_share, dated_share
        ``value`` is the median of a duration and the share itself of a share; null where nothing
        was measured or the curve does not reach the quantile yet. ``low`` to ``high`` is its 95 %
        band, ``ended_share`` how many ended another way, ``dated_share`` how many rest on a time
        known to the day only (the band covers what that leaves open).
    completeness : tuple of Reporting
        Who reports for which site, and who is late (see ``mining.completeness``).
    """

    as_of: str
    frame: pd.DataFrame = field(repr=False)
    completeness: tuple[Reporting, ...] = field(default=(), repr=False)

    @property
    def warnings(self) -> list[str]:
        """Sentences on sources that are late, which make the figures look other than they are."""
        return [row.message for row in self.completeness if row.message]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``retrace mine kpis``."""
        return {"as_of": self.as_of, "kpis": _records(self.frame[_CONTRACT])}

    def with_details(self) -> dict[str, Any]:
        """The same with bands, competing ends, and who is late."""
        return {
            "as_of": self.as_of,
            "kpis": _records(self.frame),
            "completeness": [row.to_dict() for row in self.completeness],
        }


def kpis(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    only: Sequence[str] = (),
) -> Kpis:
    """Measure every metric (or ``only`` some) on the lines of a site opened in [start, end).

    Raises
    ------
    UnknownSite, BadMoment, UnknownMetric
    """
    where = log.return_slice(site=site, start=start, end=end)
    frame = log.keep(
        ("kpis", where, tuple(only)),
        lambda: _measure(Milestones.of(log, where), _measurable(log, only), site),
    )
    return Kpis(log.as_of.isoformat(), frame, tuple(completeness(log, site=site)))


def _measure(facts: Milestones, metrics: Sequence[Metric], site: str | None) -> pd.DataFrame:
    """A row per metric and site, and without a site one per metric over all of them."""
    rows = []
    for metric in metrics:
        seen = metric.measure(facts)
        if site is None:
            rows.append({"id": metric.id, "site": None, **metric.figure(seen)})
        for name, part in seen.groupby("site", sort=True):
            if site is None or name == site:
                rows.append({"id": metric.id, "site": name, **metric.figure(part)})
    return pd.DataFrame(rows, columns=["id", "site", *FIGURES])


def kpi_trend(
    log: EventLog,
    id: str | Sequence[str] = (),
    *,
    freq: Period = "W",
    by_site: bool = False,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> pd.DataFrame:
    """Follow metrics (all where none is named) over the weeks or months in which lines opened.

    Weeks begin on Monday, UTC.

    Returns
    -------
    frame with columns id, period, site, those of ``Kpis.frame``, immature
        ``immature``: the period ended less than 30 days before the as-of moment.

    Raises
    ------
    UnknownSite, BadMoment, UnknownMetric
    """
    ids = (id,) if isinstance(id, str) else tuple(id)
    where = log.return_slice(site=site, start=start, end=end)
    return log.keep(
        ("kpi_trend", where, ids, freq, by_site),
        lambda: _follow(Milestones.of(log, where), _measurable(log, ids), freq, site, by_site),
    )


def _follow(
    facts: Milestones, metrics: Sequence[Metric], freq: Period, site: str | None, by_site: bool
) -> pd.DataFrame:
    """A row per metric and period, or per metric, period and site."""
    rows = []
    for metric in metrics:
        seen = metric.measure(facts)
        opened = pd.to_datetime(seen["opened_us"], unit="us")
        period = opened.dt.to_period("W-SUN" if freq == "W" else "M")
        for key, part in seen.groupby([period, "site"] if by_site else [period], sort=True):
            begun, *rest = cast(tuple[Any, ...], key)
            immature = facts.as_of_us - begun.end_time.value // 1000 < _IMMATURE_US
            said = {"id": metric.id, "period": begun.start_time, "site": rest[0] if rest else site}
            rows.append({**said, **metric.figure(part), "immature": immature})
    return pd.DataFrame(rows, columns=["id", "period", "site", *FIGURES, "immature"])


def trend_records(trend: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a trend as JSON: periods as dates, what is missing as None."""
    return _records(trend.assign(period=trend["period"].dt.date.astype(str)))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.astype(object)
    return cast(list[dict[str, Any]], rows.where(rows.notna(), None).to_dict("records"))


def _measurable(log: EventLog, ids: Sequence[str]) -> list[Metric]:
    """The metrics asked for, less those this engine cannot measure."""
    here = log.engine.name == "duckdb"
    return [metric for metric in chosen_metrics(ids) if metric.everywhere or here]
