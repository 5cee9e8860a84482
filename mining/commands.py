"""The commands that find: mine and export; reconcile has a module of its own."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from ingestion.console import (
    AsJson,
    AsOf,
    Home,
    duration,
    number,
    out,
    print_json,
    table,
)
from mining.options import Engine, From, Site, Source, To, read_log
from mining.reconciliation_commands import app as reconciliation_commands
from mining.why_commands import app as why_commands

app = typer.Typer()
mine_app = typer.Typer(no_args_is_help=True, help="Process maps, variants and KPIs.")
app.add_typer(mine_app, name="mine")
mine_app.add_typer(why_commands)
app.add_typer(reconciliation_commands)


@mine_app.command("dfg")
def mine_dfg(
    site: Site = None,
    start: From = None,
    end: To = None,
    object_type: Annotated[str, typer.Option("--object", help="What a case is.")] = "line",
    engine: Engine = "duckdb",
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Mine the directly-follows graph with exact p50, p90 and p95.

    Example: `retrace mine dfg --site DC4 --from 2026-05-01 --to 2026-06-01`
    """
    from mining import directly_follows_graph

    log = read_log(home, source, as_of, engine)
    graph = directly_follows_graph(log, site=site, start=start, end=end, object_type=object_type)
    answer = graph.to_dict()
    if as_json:
        print_json(answer)
        return
    rows = [
        [
            e["source"],
            e["target"],
            e["count"],
            duration(e["mean_s"]),
            duration(e["p50_s"]),
            duration(e["p90_s"]),
            duration(e["p95_s"]),
        ]
        for e in answer["edges"][:40]
    ]
    table(
        f"{answer['cases']:,} cases, {answer['events']:,} events, {len(answer['edges']):,} edges "
        f"({answer['cases_with_ties']:,} cases have events at the same time)",
        ["source", "target", "count", "mean", "p50", "p90", "p95"],
        rows,
    )


@mine_app.command("variants")
def mine_variants(
    top: Annotated[int, typer.Option(min=1, help="How many to show.")] = 10,
    site: Site = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the most frequent variants."""
    from mining import variants

    log = read_log(home, source, as_of, "duckdb")
    answer = variants(log, top=top, site=site, start=start, end=end).to_dict()
    if as_json:
        print_json(answer)
        return
    rows = [
        [v["count"], f"{v['count'] / max(answer['cases'], 1):.1%}", " > ".join(v["activities"])]
        for v in answer["top"]
    ]
    table(
        f"{answer['variants']:,} variants of {answer['cases']:,} cases",
        ["cases", "share", "activities"],
        rows,
    )


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
