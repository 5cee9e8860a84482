"""The mining commands that say what any log keeps to: DECLARE constraints, usual times apart."""

from typing import Annotated

import typer

from ingestion.console import AsJson, AsOf, Home, duration, print_json, table
from mining.options import From, Site, Source, To, busy, read_log

app = typer.Typer()


@app.command("declare")
def mine_declare(
    min_support: Annotated[
        float, typer.Option(min=0, max=1, help="Least share of cases that activate it.")
    ] = 0.1,
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Least share of those that keep it.")
    ] = 0.9,
    negative: Annotated[
        bool, typer.Option("--negative", help="Also what must not happen (long lists).")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(metavar="SITE", help="Take the constraints of this site as the measure."),
    ] = None,
    site: Site = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the DECLARE constraints most cases of any log keep; or check another site's here.

    Example: `retrace mine declare --site DC5 --against DC1`
    """
    from mining.constraints import check_constraints, declare

    log = read_log(home, source, as_of, "duckdb")
    with busy("Counting pairs of steps"):
        found = declare(
            log,
            min_support=min_support,
            min_confidence=min_confidence,
            negative=negative,
            site=against or site,
            start=start,
            end=end,
        )
        if against is not None:
            found = check_constraints(log, found, site=site, start=start, end=end)
    answer = found.to_dict()
    if as_json:
        print_json(answer)
        return
    rows = [
        [
            c["template"],
            c["first"],
            c["second"] or "-",
            f"{c['support']:.1%}",
            "-" if c["confidence"] is None else f"{c['confidence']:.1%}",
            c["violated"],
        ]
        for c in answer["constraints"][:40]
    ]
    held = f"of {against}, the most violated here first" if against else "that most cases keep"
    table(
        f"{len(answer['constraints']):,} constraints {held} ({answer['cases']:,} cases)",
        ["template", "first", "second", "support", "confidence", "violated"],
        rows,
    )


@app.command("temporal-profile")
def mine_temporal_profile(
    zeta: Annotated[
        float, typer.Option(min=0.1, help="Allowed distance from the mean, standard deviations.")
    ] = 6.0,
    against: Annotated[
        str | None, typer.Option(metavar="SITE", help="Take the profile of this site as measure.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many to show.")] = 25,
    site: Site = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    source: Source = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Measure how long steps usually are apart, and list what strays furthest from it.

    Example: `retrace mine temporal-profile --site DC5 --against DC1 --zeta 4`
    """
    from mining.temporal import temporal_deviations, temporal_profile

    log = read_log(home, source, as_of, "duckdb")
    with busy("Measuring pairs of steps"):
        profile = temporal_profile(log, site=against or site, start=start, end=end)
        found = temporal_deviations(log, profile, zeta=zeta, site=site, start=start, end=end)
    listed = found.head(top).astype(object)
    furthest = listed.where(listed.notna(), None).to_dict("records")
    if as_json:
        print_json({**profile.to_dict(), "deviations": len(found), "furthest": furthest})
        return
    usual = [
        [p["source"], p["target"], p["n"], duration(p["mean_s"]), duration(p["stdev_s"])]
        for p in profile.to_dict()["profile"][:top]
    ]
    table("Usual time apart", ["from", "to", "pairs", "mean", "standard deviation"], usual)
    strays = [
        [
            f["case_id"],
            f["source"],
            f["target"],
            duration(f["seconds"]),
            duration(f["mean_s"]),
            f"{f['zeta']:,.1f}",
        ]
        for f in furthest
    ]
    table(
        f"{len(found):,} pairs stray by more than {zeta:g} standard deviations, furthest first",
        ["case", "from", "to", "apart", "usual", "deviations"],
        strays,
    )
