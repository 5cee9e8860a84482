"""Reading logs against pm4py's readers (and dlt where installed): events per second and memory.

    python benchmarks/ingestion.py --events 500000

The same log as CSV, JSON Lines and XES. Ours reads, gives every record an identity,
deduplicates and stores durably; pm4py reads and formats into memory (it has no JSON Lines reader:
pandas reads, pm4py formats); dlt (pip install "dlt[duckdb]") loads the CSV into DuckDB and merges
by event id. Each in a fresh process; ratios are theirs over ours: above 1 Retrace needs less.
A last row counts webhook events acknowledged by one server process.
"""

import argparse
import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

R4PM = "pm4py with r4pm"
COLUMNS = {"case": "case_id", "activity": "activity", "time": "timestamp"}
WEBHOOK_EVENTS = 40_000
FILES = {"csv": "log.csv", "jsonl": "log.jsonl", "xes": "log.xes"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--format", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        print(json.dumps(_measured(arguments.work, Path(arguments.folder), arguments.format)))
        return
    folder = Path(tempfile.mkdtemp(prefix="retrace-bench-"))
    try:
        generate(folder, arguments.events)
        report(folder, arguments.events)
    finally:
        shutil.rmtree(folder)


def generate(folder: Path, events: int) -> None:
    """Ten events a case, 25 activities, in time order, as CSV, JSON Lines and XES."""
    import duckdb

    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    con.execute(
        "create table log as select row_number() over (order by t, i) as event_id, "
        "'R' || lpad((i // 10)::varchar, 8, '0') as case_id, "
        "'Activity ' || lpad((hash(i) % 25)::varchar, 2, '0') as activity, "
        "strftime(t, '%Y-%m-%dT%H:%M:%S.%gZ') as timestamp, 'DC' || (i // 10 % 5 + 1) as site "
        "from (select i, timestamp '2025-01-01' + to_milliseconds(i // 10 * 31000 + "
        f"(i % 10) * 7200000 + hash(i + 7) % 3600000) as t from range({events}) t(i)) order by 1"
    )
    con.execute(f"copy log to '{folder / FILES['csv']}' (header)")
    con.execute(f"copy log to '{folder / FILES['jsonl']}' (format json)")
    rows = con.execute("select case_id, activity, timestamp, site from log order by 1, event_id")
    with (folder / FILES["xes"]).open("w", encoding="utf-8") as xes:
        xes.write('<?xml version="1.0"?>\n<log xes.version="1.0">\n')
        case = None
        while batch := rows.fetchmany(10_000):
            for case_id, activity, moment, site in batch:
                if case_id != case:
                    xes.write("</trace>\n" if case else "")
                    xes.write(f"<trace>{_string('concept:name', case_id)}\n")
                    case = case_id
                xes.write(
                    f"<event>{_string('concept:name', activity)}{_string('site', site)}"
                    f'<date key="time:timestamp" value="{moment}"/></event>\n'
                )
        xes.write("</trace>\n</log>\n")


def _string(key: str, value: str) -> str:
    return f"<string key={quoteattr(key)} value={quoteattr(value)}/>"


def _measured(work: str, folder: Path, form: str) -> dict[str, Any]:
    started = time.perf_counter()
    events = {"ours": ours, "pm4py": theirs, R4PM: with_r4pm, "dlt": with_dlt}[work](folder, form)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "events": events,
        "wall": time.perf_counter() - started,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }


def ours(folder: Path, form: str) -> int:
    from ingestion.intake import ingest
    from ingestion.settings import Settings

    how = {} if form == "xes" else COLUMNS
    home = Settings.load(folder / f"home-{form}")
    return ingest(home, [folder / FILES[form]], **how).accepted


def theirs(folder: Path, form: str) -> int:
    import pandas as pd
    import pm4py

    if form == "xes":  # what pm4py itself brings; it would pick r4pm by itself where installed
        return len(pm4py.read_xes(str(folder / FILES[form]), variant="chunk_regex"))
    read = pd.read_csv if form == "csv" else lambda path: pd.read_json(path, lines=True)
    frame = read(folder / FILES[form])
    return len(
        pm4py.format_dataframe(
            frame, case_id="case_id", activity_key="activity", timestamp_key="timestamp"
        )
    )


def with_r4pm(folder: Path, form: str) -> int:
    import pm4py

    return len(pm4py.read_xes(str(folder / FILES[form]), variant="r4pm"))


def with_dlt(folder: Path, form: str) -> int:
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(folder / "dlt")}
    import dlt
    import duckdb
    import pyarrow.csv

    table = dlt.resource(
        pyarrow.csv.open_csv(folder / FILES[form]),
        name="events",
        primary_key="event_id",
        write_disposition="merge",
    )
    database = folder / "dlt.duckdb"
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.duckdb(str(database)),
        dataset_name="raw",
        pipelines_dir=str(folder / "dlt"),
    )
    pipeline.run(table)
    return int(
        duckdb.connect(str(database)).execute("select count(*) from raw.events").fetchall()[0][0]
    )


def report(folder: Path, events: int) -> None:
    peers = [("csv", "pm4py"), ("jsonl", "pm4py"), ("xes", "pm4py")]
    if importlib.util.find_spec("r4pm"):
        peers.append(("xes", R4PM))
    if importlib.util.find_spec("dlt"):
        peers.insert(1, ("csv", "dlt"))
    mine: dict[str, dict[str, Any]] = {}
    print(f"{events:,} events; ratio = theirs / ours\n")
    print("| from | against | time | processor | memory | ours, events/s | ours, MB | theirs, MB |")
    print("|---|---|---|---|---|---|---|---|")
    for form, peer in peers:
        us = mine.setdefault(form, _child("ours", folder, form))
        them = _child(peer, folder, form)
        if us["events"] != events or them["events"] != events:
            raise SystemExit(f"{form}: {us['events']} and {them['events']} events, not {events}")
        ratios = [f"{them[key] / us[key]:.2f}x" for key in ("wall", "cpu", "peak_mb")]
        print(
            f"| {form} | {peer} | {' | '.join(ratios)} | {events / us['wall']:,.0f} | "
            f"{us['peak_mb']:,.0f} | {them['peak_mb']:,.0f} |",
            flush=True,
        )
    webhooks = str(Path(__file__).with_name("webhooks.py"))
    pushed = _answer([webhooks, str(folder), str(min(events, WEBHOOK_EVENTS))])
    print(
        f"| webhook, batches of 100 | | | | | "
        f"{pushed['events'] / pushed['wall']:,.0f} | {pushed['peak_mb']:,.0f} | |"
    )


def _child(work: str, folder: Path, form: str) -> dict[str, Any]:
    return _answer([__file__, "--work", work, "--folder", str(folder), "--format", form])


def _answer(command: list[str]) -> dict[str, Any]:
    """Run in a fresh interpreter (``-P``: files beside this one must not hide the packages)."""
    done = subprocess.run(
        [sys.executable, "-P", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
