"""The commands that show the books: unit ledger, reserves, vendor returns, what can be promised."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Any

import typer

from ingestion.console import AsJson, AsOf, Home, err, out, print_json, progress_bar, table
from ingestion.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help="Units and money followed from authorisation to credit, and the accounts they stand in.",
)


@app.command()
def ledger(as_of: AsOf = None, home: Home = None, as_json: AsJson = False) -> None:
    """Follow all units: authorised, received, graded, dispositioned, credited.

    Example: `retrace books ledger --as-of 2026-06-30`
    """
    from mining.reconciliation import unit_ledger

    with _busy("Following units"):
        found = unit_ledger(Settings.load(home).home, as_of=as_of)
    say_if_nothing(len(found.lines))
    if as_json:
        counts = {str(k): int(v) for k, v in found.lines["state"].value_counts().items()}
        print_json({"ties": found.ties, "lines": counts, "walk": _rows(found.walk)})
        return
    _show("Units from stage to stage", found.walk)
    _verdict(found.ties, "every stage follows from the one before")


@app.command()
def reserves(as_of: AsOf = None, home: Home = None, as_json: AsJson = False) -> None:
    """Roll refund liability and return asset forward, and classify write-offs.

    Example: `retrace books reserves --as-of 2026-06-30`
    """
    from mining.reconciliation import reserves as roll

    with _busy("Rolling forward"):
        found = roll(Settings.load(home).home, as_of=as_of)
    say_if_nothing(len(found.roll_forward) + len(found.write_offs))
    if as_json:
        told = {"roll_forward": _rows(found.roll_forward), "write_offs": _rows(found.write_offs)}
        print_json({"ties": found.ties} | told)
        return
    _show("Refund liability and return asset", found.roll_forward)
    _show("Write-offs", found.write_offs)
    _verdict(found.ties, "the closing balances are the sums of the open lines")


@app.command()
def vendors(as_of: AsOf = None, home: Home = None, as_json: AsJson = False) -> None:
    """Show vendor returns: unclaimed, open, and in discrepancy, tied to their control totals.

    Example: `retrace books vendors`
    """
    from mining.reconciliation import vendor_returns

    with _busy("Reading claims"):
        found = vendor_returns(Settings.load(home).home, as_of=as_of)
    say_if_nothing(int(found.control["documents"].sum()))
    if as_json:
        print_json({"ties": found.ties, "control": _rows(found.control)})
        return
    _show("Vendor returns", found.control)
    _verdict(found.ties, "claimed = open + credited + restocking share + discrepancies")


@app.command()
def promise(
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only this day (default: the last)."),
    ] = None,
    as_of: AsOf = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List what the warehouse could sell and the ERP does not show yet, per site and SKU.

    Example: `retrace books promise --day 2026-06-30`
    """
    from mining.reconciliation import promise_gap
    from mining.reconciliation import reconcile as run
    from mining.reconciliation.lakes import open_facts

    where = Settings.load(home).home
    with _busy("Reconciling"):
        found = run(where, as_of=as_of)
        gap = promise_gap(found, calendars=open_facts(where, as_of)[2])
    say_if_nothing(len(found.movements))
    asked: date = (day or found.as_of).date()
    rows = gap[gap["day"].dt.date == asked].sort_values(
        ["value", "site", "sku"], ascending=[False, True, True]
    )
    if as_json:
        print_json({"day": asked.isoformat(), "gaps": _rows(rows.drop(columns="day"))})
        return
    _show(
        f"{asked}: {rows['units'].sum():,.0f} units worth {rows['value'].sum():,.2f} cannot be "
        "promised yet",
        rows.drop(columns="day").head(50),
    )


def say_if_nothing(records: int) -> None:
    """Say on stderr why there is nothing to tell of a log without movements, credits or claims."""
    if not records:
        err.print(
            "Nothing to reconcile: the log has none of the steps this needs. Warehouse movements "
            "are Receive and Execute disposition, postings Post goods receipt and Post stock "
            "transfer, money Post credit memo and File supplier claim; a mapping can name the "
            "steps of a log so (retrace ingest --help). Any two tables of movements: "
            "mining.reconciliation.reconcile_frames."
        )


@app.command()
def lags(as_of: AsOf = None, home: Home = None, as_json: AsJson = False) -> None:
    """Show how long movements stay unposted and unmatched, per site, and how old breaks are.

    What is still open counts as lasting until now (Kaplan-Meier); site "" is all of them.

    Example: `retrace books lags --json`
    """
    from mining.reconciliation import ageing
    from mining.reconciliation import lags as measure
    from mining.reconciliation import reconcile as run
    from mining.reconciliation.lakes import open_facts

    where = Settings.load(home).home
    with _busy("Reconciling"):
        found = run(where, as_of=as_of)
        waits = measure(found, calendars=open_facts(where, as_of)[2])
    ages = ageing(found).astype({"age_bucket": "str"})
    waits = waits.astype(object).where(waits.notna(), None)
    say_if_nothing(len(found.movements))
    if as_json:
        told = {"lags": _rows(waits), "ages": _rows(ages)}
        print_json({"as_of": found.as_of.isoformat()} | told)
        return
    _show("Lags (hours)", waits)
    _show("Age of open breaks (days)", ages)


@contextmanager
def _busy(what: str) -> Iterator[None]:
    with progress_bar() as bar:
        bar.add_task(what, total=None)
        yield


def _rows(frame: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = frame.to_dict("records")
    return rows


def _show(title: str, frame: Any) -> None:
    columns = [str(name).replace("_", " ") for name in frame.columns]
    table(title, columns, [[_word(one) for one in row] for row in frame.itertuples(index=False)])


def _word(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,.2f}".removesuffix(".00") if isinstance(value, float) else str(value)


def _verdict(ties: bool, what: str) -> None:
    out.print(f"It ties: {what}." if ties else f"IT DOES NOT TIE: {what} does not hold.")
