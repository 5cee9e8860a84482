"""The commands that draw: maps, variants, rework and differences."""

from datetime import datetime
from typing import Annotated, Any

import typer

from ingestion.console import AsJson, AsOf, Home, duration, err, print_json, table
from mining.options import Engine, From, Site, Source, To, read_log

app = typer.Typer()
Object = Annotated[
    str, typer.Option("--object", help="What a case is: line, rma, unit, order, ...")
]
_MOST_ROWS = 40


@app.command("dfg")
def mine_dfg(
    site: Site = None,
    start: From = None,
    end: To = None,
    object_type: Object = "line",
    eventually: Annotated[
        bool, typer.Option("--eventually", help="What came some time later, not only directly.")
    ] = False,
    money: Annotated[
        bool, typer.Option("--money", help="The money that waited on each edge.")
    ] = False,
    spread: Annotated[
        bool,
        typer.Option("--spread", help="Estimate the times of sites that report days, not times."),
    ] = False,
    engine: Engine = "duckdb",
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Mine the directly-follows graph with exact p50, p90 and p95.

    Example: `retrace mine dfg --site DC4 --from 2026-05-01 --to 2026-06-01`

    Example: `retrace mine dfg --money`, `retrace mine dfg --eventually --json`
    """
    from mining import directly_follows_graph, eventually_follows, money_waiting
    from mining.debatching import count_day_only, debatched

    if money and object_type != "line":
        raise typer.BadParameter("Money waits on return lines: --money goes with --object line.")
    log = read_log(home, source, as_of, engine)
    where: dict[str, Any] = {"site": site, "start": start, "end": end}
    if spread:
        log = debatched(log)
    elif not as_json:
        _warn_of_days(count_day_only(log), site)
    graph = directly_follows_graph(log, **where, object_type=object_type)
    for warning in graph.warnings:
        err.print(warning)
    answer = graph.to_dict()
    if eventually:
        pairs = eventually_follows(log, **where, object_type=object_type)
        answer["eventually"] = pairs.to_dict("records")
    if money:
        answer["money"] = money_waiting(log, **where).to_dict("records")
    if as_json:
        print_json(answer)
        return
    _show_edges(answer)
    if eventually:
        _show_pairs(answer["eventually"])
    if money:
        _show_money(answer["money"])


def _warn_of_days(day_only: dict[str, int], site: str | None) -> None:
    """Say where the map rests on days instead of times."""
    named = {name: count for name, count in day_only.items() if site in (None, name)}
    if named:
        told = ", ".join(f"{count:,} of {name or 'no site'}" for name, count in named.items())
        err.print(
            f"Known to the day only: {told} events. Their steps look instantaneous or whole days "
            "long; --spread estimates the times."
        )


def _show_edges(answer: dict[str, Any]) -> None:
    times = ("mean_s", "p50_s", "p90_s", "p95_s")
    rows = [
        [e["source"], e["target"], e["count"], *(duration(e[time]) for time in times)]
        for e in answer["edges"][:_MOST_ROWS]
    ]
    table(
        f"{answer['cases']:,} cases, {answer['events']:,} events, {len(answer['edges']):,} edges "
        f"({answer['cases_with_ties']:,} cases have events at the same time)",
        ["source", "target", "count", "mean", "p50", "p90", "p95"],
        rows,
    )


def _show_pairs(pairs: list[dict[str, Any]]) -> None:
    rows = [[p["source"], p["target"], p["count"], p["cases"]] for p in pairs[:_MOST_ROWS]]
    table("Eventually follows", ["source", "target", "pairs", "cases"], rows)


def _show_money(edges: list[dict[str, Any]]) -> None:
    rows = [
        [e["source"], e["target"], e["count"], f"{e['value_days']:,.0f}", f"{e['money']:,.2f}"]
        for e in edges[:_MOST_ROWS]
    ]
    table(
        f"Money that waited: {sum(e['money'] for e in edges):,.2f} in all "
        "(value x days x (cost of capital + ageing))",
        ["source", "target", "count", "value days", "money"],
        rows,
    )


@app.command("variants")
def mine_variants(
    top: Annotated[int, typer.Option(min=1, help="How many to show.")] = 10,
    site: Site = None,
    start: From = None,
    end: To = None,
    object_type: Object = "line",
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the most frequent variants.

    Example: `retrace mine variants --top 5 --site DC4`
    """
    from mining import variants

    log = read_log(home, source, as_of, "duckdb")
    found = variants(log, top=top, site=site, start=start, end=end, object_type=object_type)
    answer = found.to_dict()
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


@app.command("rework")
def mine_rework(
    site: Site = None,
    start: From = None,
    end: To = None,
    object_type: Object = "line",
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Find work done twice, loops, and steps of the happy path that were skipped.

    Example: `retrace mine rework --site DC5`
    """
    from mining import rework

    log = read_log(home, source, as_of, "duckdb")
    found = rework(log, site=site, start=start, end=end, object_type=object_type)
    answer = found.to_dict()
    if as_json:
        print_json(answer)
        return
    columns = ["activity", "cases", "rework_cases", "repeats", "self_loops", "returns"]
    rows = [
        [row[name] for name in (*columns, "skipped_cases")]
        for row in answer["activities"]
        if row["repeats"] or row["skipped_cases"]
    ]
    table(
        f"{answer['cases_with_rework']:,} of {answer['cases']:,} cases did some step twice",
        ["activity", "cases", "of them twice", "repeats", "at once", "after others", "skipped by"],
        rows,
    )


@app.command("compare")
def mine_compare(
    site: Site = None,
    against: Annotated[
        str | None, typer.Option("--against", help="Site to compare with (default: the same).")
    ] = None,
    start: From = None,
    end: To = None,
    against_start: Annotated[
        datetime | None, typer.Option("--against-from", help="Begin of the period compared with.")
    ] = None,
    against_end: Annotated[
        datetime | None, typer.Option("--against-to", help="End of the period compared with.")
    ] = None,
    object_type: Object = "line",
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show where two sites, or two periods, take other ways or longer.

    Without --against, --from and --to are compared with the period before (for whole months: as
    many months before).

    Example: `retrace mine compare --site DC5 --against DC1`

    Example: `retrace mine compare --from 2026-05-01 --to 2026-06-01`
    """
    from mining import compare, directly_follows_graph
    from mining.comparison import period_before

    if against is None and against_start is None and against_end is None:
        if start is None or end is None:
            raise typer.BadParameter(
                "Say what to compare with: --against SITE, --against-from and --against-to, or "
                "a period by --from and --to, which is compared with the one before."
            )
        against_start, against_end = period_before(start, end)
    elif against_start is None and against_end is None:
        against_start, against_end = start, end
    log = read_log(home, source, as_of, "duckdb")
    here = directly_follows_graph(log, site=site, start=start, end=end, object_type=object_type)
    there = directly_follows_graph(
        log,
        site=against or site,
        start=against_start,
        end=against_end,
        object_type=object_type,
    )
    for warning in here.warnings:
        err.print(warning)
    answer = compare(here, there).to_dict()
    if as_json:
        print_json(answer)
        return
    rows = [
        [
            e["source"],
            e["target"],
            e["count"],
            e["against_count"],
            f"{e['share_change']:+.1%}",
            duration(e["p50_s"]),
            duration(e["p50_change_s"]),
            duration(e["p90_change_s"]),
        ]
        for e in answer["edges"][:_MOST_ROWS]
    ]
    table(
        f"{answer['cases']:,} cases against {answer['against_cases']:,}, largest change in walks "
        "per case first",
        ["source", "target", "count", "against", "per case", "p50", "p50 change", "p90 change"],
        rows,
    )
