"""The commands that find: mine and export; reconcile has a module of its own."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ingestion.console import (
    AsJson,
    AsOf,
    Home,
    duration,
    number,
    out,
    print_json,
    progress_bar,
    table,
)
from ingestion.settings import Settings
from mining.reconciliation_commands import app as reconciliation_commands

app = typer.Typer()
mine_app = typer.Typer(no_args_is_help=True, help="Process maps, variants and KPIs.")
app.add_typer(mine_app, name="mine")
app.add_typer(reconciliation_commands)

Site = Annotated[str | None, typer.Option("--site", help="Only this site.")]
Source = Annotated[str | None, typer.Option("--source", help="Only events of this source.")]
From = Annotated[
    datetime | None, typer.Option("--from", help="Cases whose first event is on or after this.")
]
To = Annotated[
    datetime | None, typer.Option("--to", help="Cases whose first event is before this.")
]
Engine = Annotated[str, typer.Option("--engine", help="duckdb or spark.")]


def _log(home: Path | None, source: str | None, as_of: datetime | None, engine: str) -> Any:
    from mining import load

    with progress_bar() as bar:
        bar.add_task("Reading the lake", total=None)
        return load(Settings.load(home).home, source=source, as_of=as_of, engine=engine)


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

    log = _log(home, source, as_of, engine)
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

    log = _log(home, source, as_of, "duckdb")
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

    log = _log(home, source, as_of, "duckdb")
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


@mine_app.command("conformance")
def mine_conformance(
    site: Site = None,
    start: From = None,
    end: To = None,
    policy: Annotated[
        Path | None, typer.Option(help="Policy file (default: the shipped mining/policy.yaml).")
    ] = None,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Judge every return line by the 32 rules, with the money at stake."""
    from mining import conformance

    log = _log(home, source, as_of, "duckdb")
    found = conformance(log, site=site, start=start, end=end, policy=policy)
    if as_json:
        print_json(found.to_dict())
        return
    broken = found.rules[found.rules["cases"] > 0].sort_values("stake", ascending=False)
    rows = [
        [row["rule"], row["text"], row["cases"], f"{row['stake']:,.0f}"]
        for row in broken.to_dict("records")
    ]
    table(
        f"Rules broken, most money first (exposure {found.exposure:,.0f}: a line counts once "
        "per group)",
        ["rule", "what went wrong", "cases", "stake"],
        rows,
    )


@mine_app.command("bottlenecks")
def mine_bottlenecks(
    site: Site = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Rank waits by the money they lose per day: where, why, and whose they are."""
    from mining import bottlenecks

    log = _log(home, source, as_of, "duckdb")
    answer = bottlenecks(log, site=site, start=start, end=end).to_dict()
    if as_json:
        print_json(answer)
        return
    rows = [
        [
            b["site"] or "-",
            b["activity"],
            b["cause"],
            b["owner"],
            f"{b['wait_h']:,.1f}",
            f"{b['money_per_day']:,.2f}",
        ]
        for b in answer["bottlenecks"][:25]
    ]
    table(
        "Waits, most money per day first",
        ["site", "activity", "cause", "owner", "wait h", "money per day"],
        rows,
    )


@mine_app.command("causes")
def mine_causes(
    site: Site = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Find what explains delay: adjusted effect in days and money, confirmed on later weeks."""
    from mining import causes

    log = _log(home, source, as_of, "duckdb")
    answer = causes(log, site=site, start=start, end=end).to_dict()
    if as_json:
        print_json(answer)
        return
    rows = [
        [
            c["dimension"],
            c["value"],
            f"{c['effect_days']:+.2f}",
            f"[{c['low']:+.2f}, {c['high']:+.2f}]",
            f"{c['money']:,.2f}",
        ]
        for c in answer["causes"]
    ]
    table("Causes of delay", ["dimension", "value", "effect, days", "interval", "money"], rows)


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

    written = run(_log(home, source, as_of, "duckdb"), kind, path)
    if as_json:
        print_json(asdict(written))
    else:
        out.print(f"Wrote {written.events:,} events of {written.cases:,} cases to {path}")
