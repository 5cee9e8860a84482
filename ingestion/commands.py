"""The commands that load facts: simulate, ingest, compact, quarantine and consume."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import DownloadColumn

from ingestion.console import AsJson, Home, out, print_json, progress_bar, step, table
from ingestion.errors import RetraceError
from ingestion.settings import Settings
from ingestion.status_commands import app as status_commands

app = typer.Typer()
quarantine_app = typer.Typer(no_args_is_help=True, help="Look at refused records.")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(status_commands)


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

    with step(f"Simulating {lines:,} return lines") as progress:
        summary = run(folder, lines=lines, seed=seed, scenario=scenario, progress=progress)
    if as_json:
        print_json(asdict(summary))
    else:
        out.print(
            f"Wrote {summary.lines:,} return lines from {summary.start:%Y-%m-%d} to "
            f"{summary.end:%Y-%m-%d} to {folder}: {summary.records:,} records in sources/, "
            "what really happened in truth/. Load them: retrace ingest "
            f"{folder / 'sources'}"
        )


@app.command()
def ingest(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Files, folders, imaps:// or a database's URL."),
    ],
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
    query: Annotated[str | None, typer.Option(help="SELECT to run on a database.")] = None,
    watermark: Annotated[
        str | None, typer.Option(help="Column of its result that grows: read only what is new.")
    ] = None,
    overlap: Annotated[
        float, typer.Option(help="Go back this far behind it (seconds, or its own unit).")
    ] = 0.0,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Load event logs and system exports into the lake.

    Examples:

    `retrace ingest log.xes.gz`

    `retrace ingest log.csv --case case_id --activity activity --time timestamp`

    `retrace ingest exports/`

    `retrace ingest imaps://returns%40example.com@mail.example.com/Inspections`

    `retrace ingest postgresql://reader@erp.example.com/erp --query "select * from rma_log"
    --watermark changed_at --mapping erp.yaml`
    """
    from ingestion.sql_source import Query

    if query is None and (watermark or overlap):
        raise RetraceError("--watermark and --overlap belong to --query.")
    counts = load_paths(
        Settings.load(home),
        paths,
        mapping=mapping,
        source=source,
        case=case,
        activity=activity,
        time=time,
        timezone=timezone,
        query=Query(query, watermark, overlap) if query else None,
    )
    if as_json:
        print_json(counts.to_dict())
        return
    out.print(
        f"{counts.received:,} records received in {counts.deliveries:,} deliveries: "
        f"{counts.accepted:,} accepted, {counts.duplicate:,} duplicate, "
        f"{counts.quarantined:,} quarantined; {counts.unmapped_activities:,} activities without "
        "a mapping (kept under their own name)"
    )
    if counts.quarantined:
        out.print("See what was refused: retrace quarantine list")


def load_paths(settings: Settings, paths: Sequence[Path | str], **how: Any) -> Any:
    from ingestion.intake import Progress as Silent
    from ingestion.intake import ingest as load

    with progress_bar(DownloadColumn()) as bar:
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
def compact(
    keep_hours: Annotated[
        float, typer.Option(min=0, help="Replaced files stay this long for whoever reads them.")
    ] = 24.0,
    keep_days: Annotated[
        float,
        typer.Option(min=0, help="Bodies of sealed messages and pulled files stay this long."),
    ] = 90.0,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Join the lake's small files and forget what nobody needs; no fact changes.

    Example, every night: `retrace compact --keep-days 30`
    """
    from ingestion.compaction import compact as run

    with step("Compacting") as progress:
        done = run(
            Settings.load(home), keep_hours=keep_hours, keep_days=keep_days, progress=progress
        )
    if as_json:
        print_json(done.to_dict())
        return
    out.print(
        f"{done.files_joined:,} files fewer to read, {done.files_deleted:,} deleted, "
        f"{done.messages_pruned:,} message bodies and {done.pulled_deleted:,} pulled files "
        "forgotten"
    )


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
        print_json({"quarantined": len(records), "records": [asdict(r) for r in records[:limit]]})
        return
    rows = [
        [r.quarantine_id[:8], r.source, r.delivery, r.pointer, r.reason, r.detail]
        for r in records[:limit]
    ]
    table(
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
        print_json(asdict(record) | {"raw": text})
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
        print_json(done.to_dict())
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


@app.command()
def consume(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="nats://HOST:PORT?stream=S, amqp://USER:PASSWORD@HOST/VHOST?queue=Q or "
            "kafka://HOST:PORT/TOPIC",
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
        print_json(answer)
    else:
        out.print(", ".join(f"{count:,} {name}" for name, count in answer.items()))
