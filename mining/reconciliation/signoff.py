"""Month-end: what crosses the period, what is open, and a sheet to sign."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from pathlib import Path

import pandas as pd

from mining.reconciliation.findings import NAMES, Reconciliation
from mining.reconciliation.lags import ages_of
from mining.reconciliation.life import Life

_STYLE = """
body { font: 11pt/1.4 system-ui, sans-serif; margin: 2cm; color: #111; }
h1 { font-size: 16pt; } h2 { font-size: 12pt; margin-top: 1.5em; }
table { border-collapse: collapse; width: 100%; font-size: 9pt; }
th, td { border-bottom: 1px solid #bbb; padding: 3px 6px; text-align: left; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
thead { display: table-header-group; } tr { break-inside: avoid; }
.sign { display: flex; gap: 3cm; margin-top: 2cm; }
.sign div { border-top: 1px solid #111; flex: 1; padding-top: 4px; }
"""
_COLUMNS = (
    *("break_id", "type", "site", "sku", "line", "delta_quantity", "delta_value"),
    *("value_at_risk", "age_days", "owner", "status", "assignee", "confidence", "secondary"),
    *("explanation", "suggested_fix"),
)


@dataclass(frozen=True, slots=True)
class PeriodEnd:
    """The state of a reconciliation at the end of a month.

    ``breaks`` are those opened by then; ``cut_off`` those whose two sides lie in different
    periods; ``totals`` has one row per type: breaks, delta_value, value_at_risk; ``ages`` one per
    type and age bucket, of the same breaks.
    """

    period_end: date
    as_of: datetime
    matched: int
    breaks: pd.DataFrame
    cut_off: pd.DataFrame
    totals: pd.DataFrame
    ages: pd.DataFrame


def period_end(
    found: Reconciliation, *, end: date, lives: Mapping[str, Life] | None = None
) -> PeriodEnd:
    """What has to be judged before a period is closed.

    Parameters
    ----------
    end : date
        Last day of the period; breaks opened later are left out.
    lives : mapping of break id to Life, optional
        What was done about them: the columns status and assignee.
    """
    frame = found.frame
    known = lives or {}
    kept = [known.get(name) for name in frame["break_id"]]
    frame["status"] = ["open" if life is None else life.status for life in kept]
    frame["assignee"] = ["" if life is None else life.assignee or "" for life in kept]
    frame["members"] = frame["members"].map(" ".join)
    opened = pd.to_datetime(frame["opened_at"], utc=True)
    inside = frame[opened < pd.Timestamp(end, tz="UTC") + pd.Timedelta(days=1)]
    late = inside["secondary"].map(lambda codes: "B12" in codes) | (inside["type"] == "B12")
    totals = inside.groupby("type").agg(
        breaks=("break_id", "size"),
        delta_value=("delta_value", "sum"),
        value_at_risk=("value_at_risk", "sum"),
    )
    return PeriodEnd(
        period_end=end,
        as_of=found.as_of,
        matched=found.matched,
        breaks=inside.reset_index(drop=True),
        cut_off=inside[late].reset_index(drop=True),
        totals=totals.reset_index(),
        ages=ages_of(inside),
    )


def write_signoff(state: PeriodEnd, where: str | Path) -> tuple[Path, Path]:
    """Write every break as CSV and a printable ``.html`` beside it.

    Parameters
    ----------
    where : path
        The CSV file, or a folder to write ``signoff-<date>.csv`` into.
    """
    table = Path(where)
    if table.suffix != ".csv":
        table = table / f"signoff-{state.period_end}.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    sheet = table.with_suffix(".html")
    rows = state.breaks[["members", *_COLUMNS]]
    rows = rows.assign(secondary=rows["secondary"].map(" ".join)).map(_harmless)
    rows.to_csv(table, index=False, lineterminator="\n")
    sheet.write_text(to_html(state), encoding="utf-8")
    return table, sheet


def _harmless(value: object) -> object:
    """A text a spreadsheet would run as a formula is quoted."""
    risky = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if risky else value


def to_html(state: PeriodEnd) -> str:
    """The sheet: totals, ages, cut-off, the hundred largest breaks, and room for two names."""
    totals = state.totals.assign(name=state.totals["type"].map(NAMES))
    totals = pd.concat([totals, _sum_of(totals)], ignore_index=True)
    unsettled = state.breaks[state.breaks["status"] != "closed"]
    largest = unsettled.sort_values(["value_at_risk", "break_id"], ascending=[False, True])
    sections = [
        ("Totals by type", totals[["type", "name", "breaks", "delta_value", "value_at_risk"]]),
        ("Age by type, in days", state.ages),
        ("Cut-off: the two sides lie in different periods", _short(state.cut_off)),
        ("Largest breaks that nobody has closed", _short(largest.head(100))),
    ]
    body = "".join(f"<h2>{escape(title)}</h2>{_table(frame)}" for title, frame in sections)
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<title>Reconciliation {state.period_end}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Returns reconciliation, period ending {state.period_end}</h1>"
        f"<p>As of {state.as_of:%Y-%m-%d %H:%M} UTC. {state.matched:,} movements agree; "
        f"{len(state.breaks):,} breaks with "
        f"{state.breaks['value_at_risk'].sum():,.2f} at risk.</p>{body}"
        "<div class='sign'><div>Prepared by, date</div><div>Reviewed by, date</div></div>"
        "</body></html>"
    )


def _sum_of(totals: pd.DataFrame) -> pd.DataFrame:
    sums = totals[["breaks", "delta_value", "value_at_risk"]].sum().to_frame().T
    return sums.astype({"breaks": int}).assign(type="all", name="")


def _short(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["break_id", "type", "site", "value_at_risk", "age_days", "status", "explanation"]]


def _table(frame: pd.DataFrame) -> str:
    if frame.empty:
        return "<p>None.</p>"
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]
    head = "".join(
        f"<th{' class=n' if n else ''}>{escape(str(c).replace('_', ' '))}</th>"
        for c, n in zip(frame.columns, numeric, strict=True)
    )
    rows = "".join(
        "<tr>" + "".join(_cell(v, n) for v, n in zip(row, numeric, strict=True)) + "</tr>"
        for row in frame.itertuples(index=False)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(value: object, numeric: bool) -> str:
    if numeric:
        text = f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
        return f"<td class=n>{text}</td>"
    return f"<td>{escape('' if value is None else str(value))}</td>"
