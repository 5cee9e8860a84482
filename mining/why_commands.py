"""The mining commands that say why: rules, waits, causes."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ingestion.console import AsJson, AsOf, Home, print_json, table
from mining.batching import ASSUMPTION
from mining.options import From, Site, Source, To, read_log

app = typer.Typer()


@app.command("conformance")
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

    log = read_log(home, source, as_of, "duckdb")
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


@app.command("bottlenecks")
def mine_bottlenecks(
    what_if: Annotated[
        int | None,
        typer.Option(
            "--what-if",
            min=1,
            metavar="SIZE",
            help="Also: what would be saved if no batch were larger than this.",
        ),
    ] = None,
    site: Site = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Rank waits by the money they lose per day: where, why, and whose they are.

    Example: `retrace mine bottlenecks --site DC4 --what-if 8`
    """
    from mining import bottlenecks

    log = read_log(home, source, as_of, "duckdb")
    found = bottlenecks(log, site=site, start=start, end=end)
    answer = found.to_dict(what_if=what_if)
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
    if what_if is not None:
        _show_smaller_batches(answer["what_if"], what_if)


def _show_smaller_batches(cuts: list[dict[str, Any]], size: int) -> None:
    rows = [
        [
            cut["site"] or "-",
            cut["activity"],
            f"{cut['size']:g}",
            f"{cut['wait_h']:,.1f}",
            f"{cut['wait_h_then']:,.1f}",
            f"{cut['saved_per_day']:,.2f}",
        ]
        for cut in cuts
        if cut["saved_per_day"] > 0
    ]
    table(
        f"If no batch were larger than {size} ({ASSUMPTION})",
        ["site", "activity", "batch now", "wait h", "then", "saved per day"],
        rows,
    )


@app.command("causes")
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

    log = read_log(home, source, as_of, "duckdb")
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
