"""The commands that find: mine and export; maps, reasons and reconcile have their own modules."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from ingestion.console import (
    AsJson,
    AsOf,
    Home,
    number,
    out,
    print_json,
    table,
)
from mining.map_commands import app as map_commands
from mining.options import From, Site, Source, To, read_log
from mining.reconciliation_commands import app as reconciliation_commands
from mining.why_commands import app as why_commands

app = typer.Typer()
mine_app = typer.Typer(no_args_is_help=True, help="Process maps, variants and KPIs.")
app.add_typer(mine_app, name="mine")
mine_app.add_typer(map_commands)
mine_app.add_typer(why_commands)
app.add_typer(reconciliation_commands)


@mine_app.command("kpis")
def mine_kpis(
    site: Site = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Compute the KPIs by site; open cases are censored, not dropped."""
    from mining import kpis

    log = read_log(home, source, as_of, "duckdb")
    answer = kpis(log, site=site, start=start, end=end).to_dict()
    if as_json:
        print_json(answer)
        return
    rows = [
        [
            k["id"],
            k["site"] or "all",
            number(k["value"]),
            k["unit"],
            k["n"],
            f"{k['open_share']:.1%}" if k["open_share"] is not None else "-",
            number(k["p50"]),
            number(k["p90"]),
        ]
        for k in answer["kpis"]
    ]
    table(
        f"KPIs as of {answer['as_of']}",
        ["kpi", "site", "value", "unit", "n", "open", "p50", "p90"],
        rows,
    )


@app.command()
def export(
    kind: Annotated[
        Literal["ocel", "xes", "csv"], typer.Argument(metavar="ocel|xes|csv", help="Format.")
    ],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="File to write.")],
    source: Source = None,
    as_of: AsOf = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Hand the log over as OCEL 2.0, XES or CSV.

    Example: `retrace export xes returns.xes`
    """
    from mining.export import export as run

    written = run(read_log(home, source, as_of, "duckdb"), kind, path)
    if as_json:
        print_json(asdict(written))
    else:
        out.print(f"Wrote {written.events:,} events of {written.cases:,} cases to {path}")
