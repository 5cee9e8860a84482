"""``retrace mine kpis``: figures with their bands, their trend, and the registry behind them."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from ingestion.console import (
    AsJson,
    AsOf,
    Home,
    duration,
    err,
    number,
    print_json,
    table,
)
from mining.options import From, Site, Source, To, busy, read_log, say_if_no_returns

app = typer.Typer()
_SECONDS = {"days": 86_400.0, "hours": 3_600.0}


class By(StrEnum):
    """Length of the periods of a trend."""

    WEEK = "week"
    MONTH = "month"


@app.command("kpis")
def mine_kpis(
    only: Annotated[
        list[str] | None, typer.Argument(metavar="[KPI]...", help="Only these (default: all).")
    ] = None,
    registry: Annotated[
        bool, typer.Option("--list", help="Print what each KPI means instead of its value.")
    ] = False,
    by: Annotated[
        By | None, typer.Option(help="Follow them over the periods in which lines opened.")
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="With --json: bands, and which sources are late.")
    ] = False,
    site: Site = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Compute the KPIs by site with 95 % bands; open cases are censored, not dropped.

    Examples: `retrace mine kpis --site DC4`, `retrace mine kpis posting_lag --by week`,
    `retrace mine kpis --json --details`, `retrace mine kpis --list`
    """
    from mining import kpi_trend, kpis
    from mining.indicators import trend_records

    chosen = tuple(only or ())
    if registry:
        _show_registry(chosen, as_json)
        return
    log = read_log(home, source, as_of, "duckdb")
    say_if_no_returns(log)
    with busy("Measuring"):
        if by is not None:
            freq: Any = "W" if by is By.WEEK else "M"
            trend = kpi_trend(log, chosen, freq=freq, site=site, start=start, end=end)
            rows = trend_records(trend)
        else:
            found = kpis(log, site=site, start=start, end=end, only=chosen)
    if by is not None:
        answer = {"as_of": log.as_of.isoformat(), "by": by.value, "trend": rows}
        print_json(answer) if as_json else _show_trend(answer, by)
        return
    if as_json:
        print_json(found.with_details() if details else found.to_dict())
    else:
        _show(found.with_details(), site)
    for warning in found.warnings:
        err.print(f"Incomplete: {warning}", style="yellow")


def _show(answer: dict[str, Any], site: str | None) -> None:
    """A row per KPI with its band, and its value at each site."""
    rows = answer["kpis"]
    whole = [row for row in rows if row["site"] == site]
    sites = sorted({row["site"] for row in rows if row["site"]} - {site})
    values = {(row["id"], row["site"]): row for row in rows}
    lines = [
        [
            row["id"],
            written(row["value"], row["unit"]),
            _band(row["low"], row["high"], row["unit"]),
            row["n"],
            written(row["open_share"], "share"),
            written(row["p90"], row["unit"]),
            *(_at(values.get((row["id"], name))) for name in sites),
        ]
        for row in whole
    ]
    table(
        f"KPIs of {site or 'all sites'} as of {answer['as_of']} (band: 95 %)",
        ["kpi", "value", "band", "n", "open", "p90", *sites],
        lines,
    )


def _show_trend(answer: dict[str, Any], by: By) -> None:
    rows = [
        [
            row["id"],
            row["period"] + (" (filling up)" if row["immature"] else ""),
            written(row["value"], row["unit"]),
            _band(row["low"], row["high"], row["unit"]),
            row["n"],
            written(row["open_share"], "share"),
        ]
        for row in answer["trend"]
    ]
    title = f"KPIs by {by.value} opened, as of {answer['as_of']}"
    table(title, ["kpi", f"{by.value} of", "value", "band", "n", "open"], rows)


def _show_registry(only: tuple[str, ...], as_json: bool) -> None:
    from mining.metrics import METRICS, chosen_metrics

    metrics = chosen_metrics(only) if only else METRICS
    if as_json:
        print_json({"metrics": [metric.to_dict() for metric in metrics]})
        return
    rows = [[m.id, m.unit, m.grain, m.formula, m.censoring, m.owner] for m in metrics]
    table(f"{len(rows)} KPIs", ["kpi", "unit", "of", "formula", "open cases", "owner"], rows)


def written(value: float | None, unit: str) -> str:
    """A figure as people read it: shares in percent, durations with their unit."""
    if value is None:
        return "-"
    if unit == "share":
        return f"{100 * value:.3g} %"
    if unit in _SECONDS:
        return duration(value * _SECONDS[unit])
    return number(value)


def _band(low: float | None, high: float | None, unit: str) -> str:
    if low is None and high is None:
        return "-"
    return f"{written(low, unit)} to {written(high, unit)}"


def _at(row: dict[str, Any] | None) -> str:
    return written(row["value"], row["unit"]) if row else "-"
