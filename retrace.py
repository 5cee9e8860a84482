"""Retrace from the command line. Every command imports only the layer it needs."""

import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ingestion.errors import RetraceError
from ingestion.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Mine returns, reconcile them, and advise on the next one. AI advises; ERP decides.",
)
quarantine_app = typer.Typer(no_args_is_help=True, help="Look at refused records.")
mine_app = typer.Typer(no_args_is_help=True, help="Process maps, variants and KPIs.")
keys_app = typer.Typer(no_args_is_help=True, help="API keys of the scoring API.")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(mine_app, name="mine")
app.add_typer(keys_app, name="keys")

err = Console(stderr=True)
out = Console(width=None if sys.stdout.isatty() else 160)

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="RETRACE_HOME",
        help="Folder of this installation's data (default: .retrace).",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Site = Annotated[str | None, typer.Option("--site", help="Only this site.")]
Source = Annotated[str | None, typer.Option("--source", help="Only events of this source.")]
From = Annotated[
    datetime | None, typer.Option("--from", help="Cases whose first event is on or after this.")
]
To = Annotated[
    datetime | None, typer.Option("--to", help="Cases whose first event is before this.")
]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", help="Only what was recorded by then (default: the latest recorded)."),
]
Engine = Annotated[str, typer.Option("--engine", help="duckdb or spark.")]
DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z"]


def main() -> None:
    """Entry point: one clear line for every error, never a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except RetraceError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("Interrupted.", code=130)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        raise SystemExit(0) from None
    except Exception as error:
        if os.environ.get("RETRACE_DEBUG"):
            raise
        _fail(f"Unexpected {type(error).__name__}: {error}. Set RETRACE_DEBUG=1 for the details.")


def _fail(message: str, code: int = 1) -> NoReturn:
    print("Error: " + " ".join(message.split()), file=sys.stderr)
    raise SystemExit(code)


def _print_json(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, default=str) + "\n")


def _table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    table = Table(title=title, title_justify="left", header_style="bold")
    numbers = [
        all(isinstance(row[i], int | float) or row[i] in ("", "-") for row in rows) and bool(rows)
        for i in range(len(columns))
    ]
    for name, number in zip(columns, numbers, strict=True):
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    out.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def duration(seconds: float | None) -> str:
    """Seconds as people say them."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


@contextmanager
def _bar(*columns: Any) -> Iterator[Progress]:
    default = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        TimeElapsedColumn(),
    )
    with Progress(*default, console=err, transient=not err.is_terminal) as bar:
        yield bar


def _told(bar: Progress, task: Any) -> Callable[[str, int, int], None]:
    """Show a step by name, how far it is and how far it goes."""

    def tell(step: str, done: int, total: int) -> None:
        bar.update(task, description=step, completed=done, total=total or None)

    return tell


@contextmanager
def _step(title: str) -> Iterator[Callable[[float], None]]:
    """Progress of one step as a share from 0 to 1."""
    with _bar(TimeRemainingColumn()) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda share: bar.update(task, completed=min(share, 1.0))
        bar.update(task, completed=1.0)


# Facts


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write.")],
    lines: Annotated[int, typer.Option(min=1, help="Return lines after warm-up.")] = 40_000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    scenario: Annotated[str, typer.Option(help="baseline, peak, outage or drift.")] = "baseline",
    as_json: AsJson = False,
) -> None:
    """Write five simulated warehouses' native files, with the hidden truth apart.

    Example: `retrace simulate /tmp/returns --lines 2000`
    """
    from ingestion.simulator import simulate as run

    with _step(f"Simulating {lines:,} return lines") as progress:
        summary = run(folder, lines=lines, seed=seed, scenario=scenario, progress=progress)
    if as_json:
        _print_json(asdict(summary))
    else:
        out.print(
            f"Wrote {summary.lines:,} return lines from {summary.start:%Y-%m-%d} to "
            f"{summary.end:%Y-%m-%d} to {folder}: {summary.records:,} records in sources/, "
            "what really happened in truth/. Load them: retrace ingest "
            f"{folder / 'sources'}"
        )


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or folders.")],
    mapping: Annotated[
        str | None, typer.Option(help="Name of a mapping, or a YAML file (default: recognised).")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Who says so (default: the mapping).")] = None,
    case: Annotated[str | None, typer.Option(help="Column of the case id.")] = None,
    activity: Annotated[str | None, typer.Option(help="Column of the activity.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of the time.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Zone of times without offset (default: UTC).")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Load event logs and system exports into the lake.

    Examples:

    `retrace ingest log.xes.gz`

    `retrace ingest log.csv --case case_id --activity activity --time timestamp`

    `retrace ingest exports/`
    """
    counts = _ingest(
        Settings.load(home),
        paths,
        mapping=mapping,
        source=source,
        case=case,
        activity=activity,
        time=time,
        timezone=timezone,
    )
    if as_json:
        _print_json(counts.to_dict())
        return
    out.print(
        f"{counts.received:,} records received in {counts.deliveries:,} deliveries: "
        f"{counts.accepted:,} accepted, {counts.duplicate:,} duplicate, "
        f"{counts.quarantined:,} quarantined; {counts.unmapped_activities:,} activities without "
        "a mapping (kept under their own name)"
    )
    if counts.quarantined:
        out.print("See what was refused: retrace quarantine list")


def _ingest(settings: Settings, paths: list[Path], **how: Any) -> Any:
    from ingestion.intake import Progress as Silent
    from ingestion.intake import ingest as load

    with _bar(DownloadColumn()) as bar:
        task = bar.add_task("Loading", total=None)

        class Bar(Silent):
            def begin(self, total_bytes: int) -> None:
                bar.update(task, total=total_bytes)

            def file(self, name: str) -> None:
                bar.update(task, description=f"Loading {name[:40]}")

            def advance(self, n_bytes: int) -> None:
                bar.advance(task, n_bytes)

        return load(settings, paths, progress=Bar(), **how)


@app.command()
def status(home: Home = None, as_json: AsJson = False) -> None:
    """Show what arrived per source, site and day, and whether the counters balance."""
    from ingestion.channels import channels
    from ingestion.lake import Lake
    from ingestion.status import status as count

    lake = Lake(Settings.load(home).home)
    found = count(lake)
    if as_json:
        messages = [channel.to_dict() for channel in channels(lake, by_day=True)]
        _print_json(found.to_dict() | {"messages": messages})
        return
    by_site: dict[tuple[str, str | None], list[Any]] = {}
    for tally in found.tallies:
        by_site.setdefault((tally.source, tally.site), []).append(tally)
    rows = []
    for (source, site), tallies in by_site.items():
        days = [tally.day for tally in tallies if tally.day]
        numbers = [
            sum(getattr(tally, name) for tally in tallies)
            for name in ("received", "accepted", "duplicate", "quarantined")
        ]
        rows.append(
            [
                source,
                site or "-",
                len(days),
                str(min(days, default="-")),
                str(max(days, default="-")),
                *numbers,
            ]
        )
    columns = [
        "source",
        "site",
        "days",
        "first day",
        "last day",
        "received",
        "accepted",
        "duplicate",
        "quarantined",
    ]
    _table(f"{found.deliveries:,} deliveries", columns, rows)
    interfaces = channels(lake)
    if interfaces:
        rows = [
            [
                c.interface,
                c.site or "-",
                c.messages,
                c.failed,
                c.retried,
                c.duplicates,
                c.dead_lettered,
                f"{c.failure_rate:.2%}",
                duration(c.latency_p50_s),
                duration(c.latency_p95_s),
            ]
            for c in interfaces
        ]
        _table(
            "Messages between systems",
            [
                "interface",
                "site",
                "messages",
                "failed",
                "retried",
                "duplicate",
                "dead",
                "still failed",
                "latency p50",
                "p95",
            ],
            rows,
        )
    if found.balanced:
        out.print(
            "Balanced: received = accepted + duplicate + quarantined, and the lake holds "
            "what was accepted. Per day: --json"
        )
    else:
        raise RetraceError("Not balanced: " + "; ".join(found.unbalanced[:5]))


@quarantine_app.command("list")
def quarantine_list(
    limit: Annotated[int, typer.Option(help="At most this many.")] = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List refused records, newest delivery first."""
    from ingestion.lake import Lake
    from ingestion.status import quarantined

    records = quarantined(Lake(Settings.load(home).home))
    if as_json:
        _print_json({"quarantined": len(records), "records": [asdict(r) for r in records[:limit]]})
        return
    rows = [
        [r.quarantine_id[:8], r.source, r.delivery, r.pointer, r.reason, r.detail]
        for r in records[:limit]
    ]
    _table(
        f"{len(records):,} quarantined records",
        ["id", "source", "delivery", "where", "reason", "detail"],
        rows,
    )


@quarantine_app.command("show")
def quarantine_show(
    quarantine_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show one refused record whole."""
    from ingestion.lake import Lake
    from ingestion.status import quarantined_record

    record, raw = quarantined_record(Lake(Settings.load(home).home), quarantine_id)
    text = raw.decode("utf-8", errors="backslashreplace")
    if as_json:
        _print_json(asdict(record) | {"raw": text})
        return
    for name, value in asdict(record).items():
        out.print(f"{name}: {value}", highlight=False, markup=False)
    out.print(text, highlight=False, markup=False)


@quarantine_app.command("replay")
def quarantine_replay(
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", metavar="NAME=VALUE", help="source, site, reason, delivery or id."
        ),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Give a source column another value."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Repair refused records and read them again; what is done is not done twice.

    Example: `retrace quarantine replay --filter reason=missing_activity --set activity=Receive`
    """
    from ingestion.replay import replay

    done = replay(Settings.load(home), filters=_pairs(filters), changes=_pairs(changes))
    if as_json:
        _print_json(done.to_dict())
        return
    out.print(
        f"{done.replayed:,} records replayed: {done.accepted:,} accepted, {done.duplicate:,} "
        f"duplicate, {done.quarantined:,} still quarantined"
    )
    if done.left:
        out.print(f"{done.left:,} were never read as far as columns: correct the file and load it")


def _pairs(said: list[str] | None) -> dict[str, str]:
    for pair in said or []:
        if "=" not in pair:
            raise RetraceError(f"{pair!r} is not NAME=VALUE")
    return dict(pair.split("=", 1) for pair in said or [])


# Findings


def _log(home: Path | None, source: str | None, as_of: datetime | None, engine: str) -> Any:
    from mining import load

    with _bar() as bar:
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
        _print_json(answer)
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
    _table(
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
        _print_json(answer)
        return
    rows = [
        [v["count"], f"{v['count'] / max(answer['cases'], 1):.1%}", " > ".join(v["activities"])]
        for v in answer["top"]
    ]
    _table(
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
        _print_json(answer)
        return
    rows = [
        [
            k["id"],
            k["site"] or "all",
            _number(k["value"]),
            k["unit"],
            k["n"],
            f"{k['open_share']:.1%}" if k["open_share"] is not None else "-",
            _number(k["p50"]),
            _number(k["p90"]),
        ]
        for k in answer["kpis"]
    ]
    _table(
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
        _print_json(found.to_dict())
        return
    broken = found.rules[found.rules["cases"] > 0].sort_values("stake", ascending=False)
    rows = [
        [row["rule"], row["text"], row["cases"], f"{row['stake']:,.0f}"]
        for row in broken.to_dict("records")
    ]
    _table(
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
        _print_json(answer)
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
    _table(
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
        _print_json(answer)
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
    _table("Causes of delay", ["dimension", "value", "effect, days", "interval", "money"], rows)


@app.command()
def reconcile(
    as_of: AsOf = None,
    signoff: Annotated[
        Path | None, typer.Option(help="Also write the breaks for sign-off as CSV to this file.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Match every unit and cent between WMS, ERP, customer credit and supplier claim.

    Example: `retrace reconcile --as-of 2026-06-30`
    """
    from mining.reconciliation import NAMES
    from mining.reconciliation import reconcile as run

    with _bar() as bar:
        bar.add_task("Reconciling", total=None)
        found = run(Settings.load(home).home, as_of=as_of)
    answer = found.to_dict()
    if signoff:
        _write_breaks(answer["breaks"], signoff)
    if as_json:
        _print_json(answer)
        return
    at_risk: dict[str, float] = {}
    for one in answer["breaks"]:
        at_risk[one["type"]] = at_risk.get(one["type"], 0.0) + (one["value_at_risk"] or 0.0)
    rows = [
        [kind, NAMES.get(kind, kind), count, f"{at_risk.get(kind, 0.0):,.2f}"]
        for kind, count in answer["by_type"].items()
    ]
    _table(
        f"{answer['matched']:,} movements matched, {len(answer['breaks']):,} breaks",
        ["type", "what", "breaks", "value at risk"],
        rows,
    )
    for one in sorted(answer["breaks"], key=lambda one: -(one["value_at_risk"] or 0.0))[:5]:
        out.print(f"{one['type']} {one['explanation']}", highlight=False, markup=False)


def _write_breaks(breaks: list[dict[str, Any]], path: Path) -> None:
    """Write breaks as CSV; texts that a spreadsheet would run as a formula are quoted."""
    import csv

    def safe(value: Any) -> Any:
        text = ";".join(map(str, value)) if isinstance(value, list) else value
        risky = isinstance(text, str) and text.startswith(("=", "+", "-", "@", "\t", "\r"))
        return "'" + text if risky else text

    columns = [
        "break_id",
        "type",
        "members",
        "delta_quantity",
        "delta_value",
        "value_at_risk",
        "age_days",
        "confidence",
        "secondary",
        "explanation",
        "suggested_fix",
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([safe(one[column]) for column in columns] for one in breaks)


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
        _print_json(asdict(written))
    else:
        out.print(f"Wrote {written.events:,} events of {written.cases:,} cases to {path}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"


# Forecasts

Tasks = Annotated[list[str] | None, typer.Argument(metavar="[TASK]...", help="Default: all.")]


@app.command()
def train(tasks: Tasks = None, home: Home = None, as_json: AsJson = False) -> None:
    """Train the models on what was known in time; each becomes the challenger.

    Example: `retrace train reason disposition`
    """
    from models import train as run

    with _bar() as bar:
        task = bar.add_task("Training", total=None)
        reports = run(Settings.load(home), tasks or None, progress=_told(bar, task))
    _reports(reports, as_json)


@app.command()
def evaluate(tasks: Tasks = None, home: Home = None, as_json: AsJson = False) -> None:
    """Judge the challenger beside champion and naive baseline on the last time slice."""
    from models import evaluate as run

    with _bar() as bar:
        bar.add_task("Evaluating", total=None)
        reports = run(Settings.load(home), tasks or None)
    _reports(reports, as_json)


def _reports(reports: list[Any], as_json: bool) -> None:
    answers = [report.to_dict() for report in reports]
    if as_json:
        _print_json({"models": answers})
        return
    for answer in answers:
        task = answer.pop("task", answer.pop("name", "model"))
        rows = [
            [name, _cell(round(value, 4) if isinstance(value, float) else value)]
            for name, value in _flat(answer)
        ]
        _table(str(task), ["measure", "value"], rows)


def _flat(answer: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in answer.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, str | int | float | bool) or value is None:
            yield prefix + name, value


@app.command()
def promote(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Which model.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make the challenger champion if it deserves it, and write the serving bundle."""
    from models import promote as run

    decision = run(Settings.load(home), task).to_dict()
    if as_json:
        _print_json(decision)
        return
    verdict = "Promoted" if decision["promoted"] else "Held"
    out.print(f"{verdict} {task}: {decision['because']}", highlight=False, markup=False)


@app.command()
def score(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSONL or JSON of lines.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Give the API's answer for a file of return lines, offline."""
    from models import Scorer
    from models.lines import read_lines

    scorer = Scorer.load(Settings.load(home).models_dir / "champion")
    answers = [advice.to_dict() for advice in scorer.score(read_lines(file))]
    if as_json:
        _print_json({"results": answers})
        return
    rows = [
        [
            a["return_line_id"],
            a["reason"]["recommended"] or "abstained",
            a["disposition"]["recommended"] or "abstained",
            a["policy"]["route"],
        ]
        for a in answers
    ]
    _table(f"{len(rows):,} return lines", ["return line", "reason", "disposition", "route"], rows)


# Serving


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = 8000,
    home: Home = None,
) -> None:
    """Serve the scoring API. Docs: http://HOST:PORT/docs"""
    from scoring_api.server import serve as run

    run(Settings.load(home), host, port)


@app.command()
def dashboard(port: Annotated[int, typer.Option(help="Port.")] = 8501, home: Home = None) -> None:
    """Show the dashboard in a browser."""
    import subprocess

    from dashboard.launch import command

    raise SystemExit(subprocess.call(command(Settings.load(home), port)))


@app.command()
def consume(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="nats://HOST:PORT?stream=S or amqp://USER:PASSWORD@HOST/VHOST?queue=Q",
        ),
    ],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Consume a broker: stored first, acknowledged after the commit, sealed to the lake.

    Example: `retrace consume "nats://127.0.0.1:4222?stream=RETURNS"`
    """
    from ingestion.broker import consume as run

    done = run(Settings.load(home), url)
    answer = {"received": done.received, "stored": done.stored, "duplicate": done.duplicate}
    if as_json:
        _print_json(answer)
    else:
        out.print(", ".join(f"{count:,} {name}" for name, count in answer.items()))


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will use it.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key. It is shown once."""
    key_id, key = _create_key(Settings.load(home), name)
    if as_json:
        _print_json({"key_id": key_id, "key": key})
    else:
        out.print(f"{key_id}\n{key}", highlight=False)
        err.print("Keep the second line: it is shown only now.")


def _create_key(settings: Settings, name: str) -> tuple[str, str]:
    from ingestion.database import engine
    from scoring_api.keys import create_key

    return create_key(engine(settings), name)


@keys_app.command("list")
def keys_list(home: Home = None, as_json: AsJson = False) -> None:
    """List API keys (never the secrets)."""
    from ingestion.database import engine
    from scoring_api.keys import list_keys

    keys = [key.to_dict() for key in list_keys(engine(Settings.load(home)))]
    if as_json:
        _print_json({"keys": keys})
    else:
        _table(
            f"{len(keys)} API keys",
            ["id", "name", "created", "revoked"],
            [[k["key_id"], k["name"], k["created_at"], k["revoked_at"]] for k in keys],
        )


@keys_app.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID")], home: Home = None, as_json: AsJson = False
) -> None:
    """Revoke an API key."""
    from ingestion.database import engine
    from scoring_api.keys import revoke_key

    revoke_key(engine(Settings.load(home)), key_id)
    if as_json:
        _print_json({"key_id": key_id, "revoked": True})
    else:
        out.print(f"Revoked {key_id}.")


@app.command()
def doctor(home: Home = None, as_json: AsJson = False) -> None:
    """Check this set-up: versions, home, counters, models, optional helpers."""
    checks = [
        {"name": name, "ok": ok, "detail": detail}
        for name, ok, detail in _checks(Settings.load(home))
    ]
    healthy = all(check["ok"] is not False for check in checks)
    if as_json:
        _print_json({"ok": healthy, "checks": checks})
    else:
        marks: dict[Any, str] = {True: "ok", False: "PROBLEM", None: "absent"}
        _table(
            "Set-up",
            ["check", "state", "detail"],
            [[c["name"], marks[c["ok"]], c["detail"]] for c in checks],
        )
    if not healthy:
        raise SystemExit(1)


def _checks(settings: Settings) -> Iterator[tuple[str, bool | None, str]]:
    """Name, state (None: optional and absent) and detail of everything worth knowing."""
    import shutil
    from importlib.metadata import version

    from ingestion.lake import Lake
    from ingestion.status import status as count

    yield "python", sys.version_info >= (3, 11), sys.version.split()[0]
    for package in ("duckdb", "deltalake", "pandas", "pm4py", "lightgbm", "mlflow", "streamlit"):
        yield package, True, version(package)
    parent = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    yield "home", os.access(parent, os.W_OK), f"{settings.home} (writable: {parent})"
    free = shutil.disk_usage(parent).free / 1e9
    yield "disk", free > 1, f"{free:,.0f} GB free"
    lake = Lake(settings.home)
    if lake.version("deliveries") is None:
        yield "lake", None, "empty; load something: retrace ingest FILE"
    else:
        found = count(lake)
        yield "lake", found.balanced, f"{found.totals()['accepted']:,} records accepted, balanced"
    champion = settings.models_dir / "champion" / "manifest.json"
    yield "models", True if champion.exists() else None, str(champion.parent)
    java = shutil.which("java")
    yield "java", True if java else None, f"{java or 'only needed for --engine spark'}"


# The whole loop


@app.command()
def demo(
    lines: Annotated[int, typer.Option(min=500, help="Return lines to simulate.")] = 30_000,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the summary.")] = False,
    home: Home = None,
) -> None:
    """Simulate, ingest, mine, reconcile, train and promote, then serve API and dashboard.

    Example: `retrace demo --lines 5000`
    """
    settings = Settings.load(home)
    started = monotonic()
    _refuse_other_data(settings)
    folder = settings.home / "demo"
    _simulate_once(folder, lines)
    counts = _ingest(settings, [folder / "sources"])
    graph, measured = _mine_demo(settings)
    found = _reconcile_demo(settings)
    reports, decisions = _train_demo(settings)
    key_id, key = _create_key(settings, "demo")
    _demo_summary(counts, graph, measured, found, reports, decisions)
    out.print(f"\nDone in {monotonic() - started:.0f} s. API key {key_id} created.")
    if no_serve:
        out.print(
            f"Serve it: retrace serve --home {settings.home}; "
            f"retrace dashboard --home {settings.home}",
            soft_wrap=True,
        )
        return
    _serve_demo(settings, key)


def _refuse_other_data(settings: Settings) -> None:
    from ingestion.lake import Lake

    if Lake(settings.home).version("events") is not None and not (settings.home / "demo").exists():
        raise RetraceError(
            f"{settings.home} already holds other data, and simulated returns would be mixed into "
            "it. Give the demo a home of its own: retrace demo --home DIR"
        )


def _simulate_once(folder: Path, lines: int) -> None:
    """Simulate unless the same lines are already there; the same seed gives the same bytes."""
    import shutil

    from ingestion.simulator import simulate as run

    done = folder / "lines"
    if done.exists():
        if done.read_text() != str(lines):
            raise RetraceError(
                f"{folder} holds a demo of {done.read_text()} lines. Remove {folder.parent} or "
                "give another --home."
            )
        return
    shutil.rmtree(folder, ignore_errors=True)
    with _step(f"Simulating {lines:,} return lines") as progress:
        run(folder, lines=lines, seed=1, progress=progress)
    done.write_text(str(lines))


def _mine_demo(settings: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    from mining import directly_follows_graph, kpis, load

    with _bar() as bar:
        bar.add_task("Mining maps and KPIs", total=None)
        log = load(settings.home)
        return directly_follows_graph(log).to_dict(), kpis(log).to_dict()


def _reconcile_demo(settings: Settings) -> dict[str, Any]:
    from mining import reconcile as run

    with _bar() as bar:
        bar.add_task("Reconciling WMS, ERP, credits and claims", total=None)
        answer: dict[str, Any] = run(settings.home).to_dict()
        return answer


def _train_demo(settings: Settings) -> tuple[list[Any], list[dict[str, Any]]]:
    from models import promote as promote_one
    from models import train as train_all

    with _bar() as bar:
        task = bar.add_task("Training", total=None)
        reports = train_all(settings, progress=_told(bar, task))
        decisions = []
        for report in reports:
            bar.update(task, description=f"Promoting: {report.task}")
            decisions.append({"task": report.task, **promote_one(settings, report.task).to_dict()})
    return reports, decisions


def _demo_summary(
    counts: Any,
    graph: dict[str, Any],
    measured: dict[str, Any],
    found: dict[str, Any],
    reports: list[Any],
    decisions: list[dict[str, Any]],
) -> None:
    out.print(
        f"\n[bold]Received[/] {counts.received:,} records = {counts.accepted:,} accepted + "
        f"{counts.duplicate:,} duplicate + {counts.quarantined:,} quarantined (simulated data)"
    )
    out.print(
        f"[bold]Map[/] {graph['cases']:,} cases, {graph['events']:,} events, "
        f"{len(graph['activities'])} activities, {len(graph['edges']):,} edges"
    )
    at_risk = sum(one["value_at_risk"] or 0.0 for one in found["breaks"])
    out.print(
        f"[bold]Reconciled[/] {found['matched']:,} movements match, "
        f"{len(found['breaks']):,} breaks explained, {at_risk:,.0f} at risk "
        "(list them: retrace reconcile)"
    )
    wanted = ["return_cycle_time_controllable", "credit_issuance_time_from_receipt", "posting_lag"]
    rows = [
        [
            k["id"],
            k["site"] or "all",
            k["unit"],
            k["n"],
            f"{k['open_share']:.1%}",
            _number(k["p50"]),
            _number(k["p90"]),
        ]
        for k in measured["kpis"]
        if k["id"] in wanted
    ]
    _table(
        f"KPIs as of {measured['as_of']} (open lines censored)",
        ["kpi", "site", "unit", "n", "open", "p50", "p90"],
        rows,
    )
    for report in reports:
        out.print(f"[bold]Model[/] {escape(_in_words(report))}", highlight=False)
    for decision in decisions:
        verdict = "promoted" if decision["promoted"] else "held"
        because = escape(f"{decision['task']}: {verdict}, {decision['because']}")
        out.print(f"  {because}", highlight=False)


def _in_words(report: Any) -> str:
    """A model's scores beside its best naive baseline, on the last time slice."""
    measure, unit = ("mae", " days") if hasattr(report.scores, "mae") else ("macro_f1", "")
    pick = min if measure == "mae" else max
    name, best = pick(report.baselines.items(), key=lambda item: getattr(item[1], measure))
    said = (
        f"{report.task} {report.version}: {measure} {getattr(report.scores, measure):.3f}{unit} "
        f"(baseline {name} {getattr(best, measure):.3f}{unit}), predictions hold the truth for "
        f"{report.coverage:.1%} (promised {report.promised:.0%})"
    )
    return said if unit else f"{said}, calibration error {report.scores.ece:.3f}"


def _serve_demo(settings: Settings, key: str) -> None:
    """Serve API and dashboard as two processes until interrupted."""
    import subprocess

    from dashboard.launch import command

    api_port, board_port = _free_port(8000), _free_port(8501)
    log = settings.home / "demo" / "api.log"
    api = [sys.executable, "-m", "retrace", "serve", "--home", str(settings.home)]
    signal.signal(signal.SIGTERM, _stop)
    with log.open("w") as api_log:
        running = [
            subprocess.Popen([*api, "--port", str(api_port)], stdout=api_log, stderr=api_log),
            subprocess.Popen(command(settings, board_port), stdout=subprocess.DEVNULL),
        ]
        try:
            _wait_until_ready(f"http://127.0.0.1:{api_port}/readyz", running[0], log)
            _print_addresses(api_port, board_port, key, _any_sku(settings))
            for process in running:
                process.wait()
        except KeyboardInterrupt:
            out.print("Stopping.")
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(timeout=60)


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _print_addresses(api_port: int, board_port: int, key: str, sku: str) -> None:
    line = {
        "return_line_id": "R1:1",
        "site": "DC1",
        "sku": sku,
        "quantity": 1,
        "unit_price": 49.9,
        "condition": "NEW_OPENED",
        "reason_declared": "FULFIL.WRONG_ITEM",
        "note": "wrong item shipped, box opened, ok 2 restk",
    }
    out.print(f"\n[bold]API[/]        http://127.0.0.1:{api_port}/docs")
    out.print(f"[bold]Dashboard[/]  http://127.0.0.1:{board_port}")
    out.print("Ask for advice on a return line:")
    print(
        f"  curl -s -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' "
        f"http://127.0.0.1:{api_port}/v1/recommendations -d '{json.dumps(line)}'"
    )
    print("Ctrl-C ends both.", flush=True)


def _any_sku(settings: Settings) -> str:
    from ingestion.lake import Lake

    rows = Lake(settings.home).connect().execute("select min(sku) from items").fetchall()
    return str(rows[0][0])


def _free_port(wanted: int) -> int:
    """The port, or the next one nobody listens on."""
    import socket

    for port in range(wanted, wanted + 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise RetraceError(f"No free port between {wanted} and {wanted + 50}.")


def _wait_until_ready(url: str, process: Any, log: Path) -> None:
    from time import sleep
    from urllib.error import URLError
    from urllib.request import urlopen

    for _ in range(600):
        if process.poll() is not None:
            raise RetraceError(f"The API ended while starting: {log.read_text()[-300:]}")
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, ConnectionError, TimeoutError):
            sleep(0.2)
    raise RetraceError(f"The API was not ready within two minutes ({url}).")


if __name__ == "__main__":
    main()
