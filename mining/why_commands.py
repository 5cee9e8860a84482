"""The mining commands that say why: rules, waits, causes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ingestion.console import AsJson, AsOf, Home, err, print_json, step, table
from mining.batching import ASSUMPTION
from mining.options import Details, From, Site, Source, To, busy, read_log, say_if_no_returns

app = typer.Typer()


@app.command("conformance")
def mine_conformance(
    site: Site = None,
    start: From = None,
    end: To = None,
    policy: Annotated[
        Path | None, typer.Option(help="Policy file (default: the shipped mining/policy.yaml).")
    ] = None,
    details: Details = False,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Judge every return line by the 32 rules; rank the sites by distance to the standard.

    Example: `retrace mine conformance --policy our-policy.yaml`
    """
    from mining import conformance

    log = read_log(home, source, as_of, "duckdb")
    say_if_no_returns(log)
    with busy("Judging every line by the rules"):
        found = conformance(log, site=site, start=start, end=end, policy=policy)
    if as_json:
        print_json(found.with_details() if details else found.to_dict())
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
    sites = [
        [
            row["rank"],
            row["site"],
            row["lines"],
            f"{row['clean_share']:.1%}",
            "-" if row["fitness"] is None else f"{row['fitness']:.1%}",
            f"{row['exposure_per_line']:,.2f}",
            ", ".join(row["worst_rules"]),
        ]
        for row in found.with_details()["sites"]
    ]
    table(
        "Distance to the standard, the closest site first",
        ["", "site", "lines", "keep every rule", "in order", "exposed per line", "dearest rules"],
        sites,
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
    with busy("Splitting every wait by cause"):
        found = bottlenecks(log, site=site, start=start, end=end)
        answer = found.to_dict(what_if=what_if)
    if not any(b["money_per_day"] for b in answer["bottlenecks"]):
        err.print("No line has a known value, so no wait costs money: ranked by hours in all.")
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
    of: Annotated[
        Literal["delay", "leakage", "reporting"],
        typer.Option(
            help="Days from arrival on, money at stake through broken rules, or hours until a step "
            "is recorded."
        ),
    ] = "delay",
    false_discovery_rate: Annotated[
        float, typer.Option("--rate", min=0.001, max=0.5, help="False-discovery rate held.")
    ] = 0.05,
    site: Site = None,
    start: From = None,
    end: To = None,
    details: Details = False,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Find what explains delay, leakage or late news: adjusted effect, confirmed on later weeks.

    Example: `retrace mine causes --of leakage --site DC5`
    """
    from mining import causes

    log = read_log(home, source, as_of, "duckdb")
    rate = false_discovery_rate
    say_if_no_returns(log)
    with busy("Searching values and pairs of values"):
        found = causes(log, of=of, site=site, start=start, end=end, false_discovery_rate=rate)
    if as_json:
        print_json(found.with_details() if details else found.to_dict())
        return
    rows = [
        [
            c["dimension"],
            c["value"],
            f"{c['effect']:+.2f}",
            f"[{c['low']:+.2f}, {c['high']:+.2f}]",
            c["lines"],
            f"{c['money']:,.2f}",
        ]
        for c in found.frame.to_dict("records")
    ]
    unit = {"delay": "days", "leakage": "money per line", "reporting": "hours per step"}[of]
    table(
        f"Causes of {of}: confirmed of {found.candidates:,} tried, false-discovery rate {rate:.0%}",
        ["dimension", "value", f"effect, {unit}", "interval", "lines", "money"],
        rows,
    )


@app.command("changes")
def mine_changes(
    false_discovery_rate: Annotated[
        float, typer.Option("--rate", min=0.001, max=0.5, help="False-discovery rate held.")
    ] = 0.05,
    site: Site = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Find the days on which a site changed, and what changed: stages, mix of goods, volume.

    Example: `retrace mine changes --site DC3`
    """
    from mining.changepoints import changes

    log = read_log(home, source, as_of, "duckdb")
    rate = false_discovery_rate
    say_if_no_returns(log)
    with busy("Searching daily series for shifts"):
        found = changes(log, site=site, start=start, end=end, false_discovery_rate=rate)
    answer = found.to_dict()
    if as_json:
        print_json(answer)
        return
    rows = [
        [
            change["site"],
            said["day"],
            said["measure"],
            _level(said["before"], said["unit"]),
            _level(said["after"], said["unit"]),
            "-" if said["money_per_day"] is None else f"{said['money_per_day']:+,.2f}",
        ]
        for change in answer["changes"]
        for said in change["measures"]
    ]
    table(
        f"{len(answer['changes'])} changes in {found.tried} daily series, "
        f"false-discovery rate {rate:.0%}",
        ["site", "from", "what", "before", "after", "money per day"],
        rows,
    )


def _level(value: float, unit: str) -> str:
    return f"{value:.1%}" if unit == "share" else f"{value:,.1f} {unit}"


@app.command("simulate")
def mine_simulate(
    staff: Annotated[
        list[str] | None,
        typer.Option(
            "--add",
            metavar="[SITE:]ACTIVITY=N",
            help="N people more for this activity; without a site: a shared office.",
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="No batch larger than this.")
    ] = None,
    approval_limit: Annotated[
        float | None, typer.Option(min=0, help="Credits up to this need no person's approval.")
    ] = None,
    replications: Annotated[int, typer.Option(min=2, help="Runs with chance drawn anew.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the chance.")] = 1,
    site: Site = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Simulate the mined process with more people, smaller batches, a higher approval limit.

    Example: `retrace mine simulate --add "DC2:Execute disposition=1" --batch-size 8`
    """
    from mining.simulation import ASSUMPTION, WhatIf, simulate_what_if

    change = WhatIf(dict(_posts(staff or [])), batch_size, approval_limit)
    if change == WhatIf():
        raise typer.BadParameter("Say what to change: --add, --batch-size or --approval-limit.")
    log = read_log(home, source, as_of, "duckdb")
    with step("Simulating") as told:
        found = simulate_what_if(
            log,
            change,
            site=site,
            start=start,
            end=end,
            replications=replications,
            seed=seed,
            told=told,
        )
    if as_json:
        print_json(found.to_dict())
        return
    rows = [
        [
            r["site"],
            r["lines"],
            f"{r['now_h']:,.1f}",
            f"{r['then_h']:,.1f}",
            f"{r['change_h']:+,.1f}",
            f"[{r['low_h']:+,.1f}, {r['high_h']:+,.1f}]",
            f"{r['saved_per_day']:,.2f}",
        ]
        for r in found.to_dict()["sites"]
    ]
    table(
        f"Hours from arrival to close ({ASSUMPTION})",
        ["site", "lines", "now", "then", "change", "95 % interval", "saved per day"],
        rows,
    )
    checks = [
        [
            r["site"],
            r["lines"],
            f"{r['observed_h']:,.1f}",
            f"{r['simulated_h']:,.1f}",
            f"[{r['low_h']:,.1f}, {r['high_h']:,.1f}]",
            "yes" if r["inside"] else "no",
        ]
        for r in found.to_dict()["check"]
    ]
    table(
        "Can it be trusted? The process as it is, on the later lines",
        ["site", "lines", "observed", "simulated", "95 % interval", "inside"],
        checks,
    )


def _posts(said: list[str]) -> Iterator[tuple[tuple[str | None, str], int]]:
    for post in said:
        place, _, more = post.rpartition("=")
        site, colon, activity = place.partition(":")
        if not place or not more.isdigit():
            raise typer.BadParameter(
                f"{post!r} is not of the form [SITE:]ACTIVITY=N, such as 'DC5:Finish inspection=1'."
            )
        yield ((site, activity) if colon else (None, place)), int(more)
