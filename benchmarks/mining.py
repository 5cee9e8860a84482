"""Mining against pm4py on pandas: the same CSV, the same answers, each engine in its own process.

    python benchmarks/mining.py --events 1000000 --against pm4py

Times are wall seconds inside the process, imports included, with the processor time beside them
(the fairer figure on a machine that has other work); memory is the peak resident size of the
process (``getrusage``). Answers are compared before anything is printed: a wrong answer is not a
fast one. Ratios are theirs over ours.
"""

import argparse
import json
import math
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SITE, START, END = "DC2", "2025-06-01", "2025-07-01"
SLICES = 5


def main() -> None:
    arguments = _arguments()
    if arguments.work:
        print(json.dumps(_WORK[arguments.work](Path(arguments.folder), arguments.events)))
        return
    folder = Path(arguments.folder or tempfile.mkdtemp(prefix="retrace-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if not (folder / "log.csv").exists():
            _child("generate", folder, arguments.events)
        ours = _child("ours_cold", folder, arguments.events)
        again = _child("ours_again", folder, arguments.events)
        theirs = _child("pm4py", folder, arguments.events)
        refresh = _child("ours_refresh", folder, arguments.events)
        for name, answers in (("cold", ours), ("again", again)):
            _compare(answers["answers"], theirs["answers"], name)
        print(_report(arguments.events, ours, again, theirs, refresh))
    finally:
        if not arguments.folder:
            shutil.rmtree(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--against", choices=["pm4py"], default="pm4py")
    parser.add_argument("--folder", help="keep the CSV and the home here (default: temporary)")
    parser.add_argument("--work", choices=list(_WORK), help=argparse.SUPPRESS)
    return parser.parse_args()


def _child(work: str, folder: Path, events: int) -> dict[str, Any]:
    """Run one piece of work in a fresh interpreter (``-P``: this file must not hide ``mining``)."""
    command = [sys.executable, "-P", __file__, "--work", work, "--folder", str(folder)]
    command += ["--events", str(events)]
    print(f"{work} ...", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


class Clock:
    """Laps of one process, from its first import on: wall and processor seconds."""

    def __init__(self) -> None:
        self.laps: dict[str, tuple[float, float]] = {}
        self._last = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        now = time.perf_counter(), time.process_time()
        self.laps[name] = now[0] - self._last[0], now[1] - self._last[1]
        self._last = now

    def result(self, **more: Any) -> dict[str, Any]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "laps": self.laps,
            "total": sum(wall for wall, _ in self.laps.values()),
            "cpu": used.ru_utime + used.ru_stime,
            "peak_mb": used.ru_maxrss / 1024,
            **more,
        }


def generate(folder: Path, events: int) -> dict[str, Any]:
    """A log like returns: about 11 events a case, 26 activities, 5 sites, 18 months, in time order.

    Sixty ways through the process with Zipf frequencies; in one case in eight an activity is
    repeated, in one in twelve two change places. 0.5 % of the rows are delivered twice.
    """
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(7)
    names = np.array([f"Activity {number:02d}" for number in range(26)])
    ways = [np.sort(random.choice(26, random.integers(6, 16), replace=False)) for _ in range(60)]
    cases = round(events / 11)
    chosen = random.choice(60, cases, p=(w := 1 / np.arange(1, 61)) / w.sum())
    traces = [ways[way] for way in chosen]
    for case in np.flatnonzero(random.random(cases) < 1 / 8):
        at = random.integers(len(traces[case]))
        traces[case] = np.insert(traces[case], at, traces[case][at])
    for case in np.flatnonzero(random.random(cases) < 1 / 12):
        at = random.integers(len(traces[case]) - 1)
        traces[case] = traces[case].copy()
        traces[case][[at, at + 1]] = traces[case][[at + 1, at]]
    lengths = np.array([len(trace) for trace in traces])
    case = np.repeat(np.arange(cases), lengths)
    waits = random.lognormal(9.5, 1.6, len(case)).clip(max=20 * 86_400) * 1000
    waits[np.cumsum(lengths) - lengths] = 0
    elapsed = np.cumsum(waits)
    elapsed -= np.repeat(elapsed[np.cumsum(lengths) - lengths], lengths)
    opened = np.sort(random.uniform(0, 540 * 86_400_000, cases)).astype("int64")
    moment = (np.repeat(opened, lengths) + elapsed).astype("int64") + 1_735_689_600_000
    frame = pd.DataFrame(
        {
            "event_id": np.arange(len(case)),
            "case_id": pd.Series(case).map(lambda number: f"R{number:08d}:1"),
            "activity": names[np.concatenate(traces)],
            "timestamp": pd.to_datetime(moment, unit="ms", utc=True),
            "site": np.array(["DC1", "DC2", "DC3", "DC4", "DC5"])[
                np.repeat(random.choice(5, cases, p=[0.28, 0.24, 0.2, 0.16, 0.12]), lengths)
            ],
        }
    ).sort_values("timestamp", kind="stable")
    late = frame.iloc[np.sort(random.choice(len(frame), len(frame) // 200, replace=False))]
    newest = frame["case_id"] >= f"R{round(cases * 0.99):08d}:1"
    _write(pd.concat([frame, late]), folder / "log.csv")
    _write(frame[~newest], folder / "first.csv")
    _write(frame[newest], folder / "newest.csv")
    return {"rows": len(frame) + len(late)}


def _write(frame: Any, path: Path) -> None:
    import duckdb

    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    con.register("log", frame)
    con.execute(
        "copy (select event_id, case_id, activity, "
        "strftime(timestamp, '%Y-%m-%dT%H:%M:%S.%gZ') as timestamp, site from log) "
        f"to '{path}' (header, delimiter ',')"
    )


def ours_cold(folder: Path, _: int) -> dict[str, Any]:
    """CSV to stored lake to all answers."""
    clock = Clock()
    from ingestion.intake import ingest
    from ingestion.settings import Settings
    from mining import load

    clock.lap("import")
    shutil.rmtree(folder / "home", ignore_errors=True)
    settings = Settings.load(folder / "home")
    ingest(settings, [folder / "log.csv"], case="case_id", activity="activity", time="timestamp")
    clock.lap("read, deduplicate, store")
    log = load(settings.home)
    clock.lap("derive transitions, store")
    answers = _our_answers(log, clock)
    return clock.result(answers=answers)


def ours_again(folder: Path, _: int) -> dict[str, Any]:
    """All answers from the lake in a new process, then slices."""
    clock = Clock()
    from mining import directly_follows_graph, load

    clock.lap("import")
    log = load(folder / "home")
    clock.lap("open")
    answers = _our_answers(log, clock)
    done = clock.result()
    slices = _timed(lambda: directly_follows_graph(log, site=SITE, start=START, end=END))
    found = directly_follows_graph(log, site=SITE, start=START, end=END)
    return {**done, "slice": slices, "answers": {**answers, "slice": _edges(found.edges)}}


def _our_answers(log: Any, clock: Clock) -> dict[str, Any]:
    from mining import case_durations, directly_follows_graph, variants

    graph = directly_follows_graph(log)
    clock.lap("DFG with p50/p90/p95, rework")
    listed = variants(log)
    clock.lap("variants")
    durations = case_durations(log)["duration_s"]
    clock.lap("case durations")
    rework = graph.activities[graph.activities["rework_cases"] > 0]
    return {
        "events": graph.events,
        "cases": graph.cases,
        "edges": _edges(graph.edges),
        "start": graph.start,
        "end": graph.end,
        "variants": listed.variants,
        "top": [[entry["count"], entry["activities"]] for entry in listed.to_dict()["top"]],
        "durations": [len(durations), float(durations.sum()), float(durations.median())],
        "rework": dict(zip(rework["activity"], rework["rework_cases"].tolist(), strict=True)),
    }


def _edges(edges: Any) -> list[list[Any]]:
    columns = ["source", "target", "count", "mean_s", "p50_s", "p90_s", "p95_s"]
    found: list[list[Any]] = sorted(edges[columns].values.tolist())
    return found


def _timed(work: Callable[[], object]) -> float:
    laps = []
    for _ in range(SLICES):
        begun = time.perf_counter()
        work()
        laps.append(time.perf_counter() - begun)
    return statistics.median(laps)


def ours_refresh(folder: Path, _: int) -> dict[str, Any]:
    """Append the newest 1 % of cases; refresh against deriving everything again."""
    from ingestion.intake import ingest
    from ingestion.lake import Lake
    from ingestion.settings import Settings
    from mining import directly_follows_graph, kpis, load, variants
    from mining.store import DerivedStore

    home = folder / "refreshed"
    shutil.rmtree(home, ignore_errors=True)
    settings = Settings.load(home)
    names = {"case": "case_id", "activity": "activity", "time": "timestamp"}

    def findings() -> None:
        log = load(home)
        directly_follows_graph(log)
        variants(log)
        kpis(log)

    ingest(settings, [folder / "first.csv"], **names)
    load(home)
    ingest(settings, [folder / "newest.csv"], **names)
    clock = Clock()
    load(home)
    clock.lap("refresh 1 %")
    findings()
    clock.lap("findings")
    lake = Lake(home)
    with lake.writing():
        DerivedStore(lake).forget()
    clock.lap("forget")
    load(home)
    clock.lap("rebuild")
    shutil.rmtree(home)
    return clock.result()


def pm4py(folder: Path, _: int) -> dict[str, Any]:
    """As a good user does it: Arrow CSV reader, typed columns, one sort, pm4py's own functions.

    pm4py has no p90 or p95, so the edge statistics are one pandas group-by on the sorted frame
    (faster than ``discover_performance_dfg``, which has the mean and the median only).
    """
    clock = Clock()
    import pandas as pd
    import pm4py as pm

    clock.lap("import")
    frame = pd.read_csv(folder / "log.csv", engine="pyarrow", dtype={"event_id": "int64"})
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True, format="ISO8601")
    frame = frame.drop_duplicates("event_id")
    clock.lap("read, deduplicate")
    frame = pm.format_dataframe(
        frame, case_id="case_id", activity_key="activity", timestamp_key="timestamp"
    )
    clock.lap("format and sort")
    dfg, start, end = pm.discover_dfg(frame)
    edges = _pandas_edges(frame)
    clock.lap("DFG with p50/p90/p95")
    traces = pm.get_variants(frame)
    ranked = sorted(((n, list(names)) for names, n in traces.items()), key=lambda v: (-v[0], v[1]))
    clock.lap("variants")
    durations = pd.Series(pm.get_all_case_durations(frame))
    clock.lap("case durations")
    rework = pm.get_rework_cases_per_activity(frame)
    clock.lap("rework")
    done = clock.result()
    assert {(a, b): n for a, b, n, *_ in _edges(edges)} == dfg
    answers = {
        "events": len(frame),
        "cases": len(durations),
        "edges": _edges(edges),
        "start": {key: int(n) for key, n in start.items()},
        "end": {key: int(n) for key, n in end.items()},
        "variants": len(traces),
        "top": [[int(n), names] for n, names in ranked[:20]],
        "durations": [len(durations), float(durations.sum()), float(durations.median())],
        "rework": {key: int(n) for key, n in rework.items()},
    }
    from_, to = pd.Timestamp(START, tz="UTC"), pd.Timestamp(END, tz="UTC")

    def sliced() -> Any:
        first = frame.groupby("case:concept:name")["time:timestamp"].transform("min")
        part = frame[(frame["site"] == SITE) & (first >= from_) & (first < to)]
        pm.discover_dfg(part)
        return _pandas_edges(part)

    answers["slice"] = _edges(sliced())
    return {**done, "slice": _timed(sliced), "answers": answers}


def _pandas_edges(frame: Any) -> Any:
    case, activity = frame["case:concept:name"], frame["concept:name"].astype("category")
    moment = frame["time:timestamp"]
    pairs = frame.assign(
        source=activity,
        target=activity.shift(-1),
        seconds=(moment.shift(-1) - moment).dt.total_seconds(),
    )[case.eq(case.shift(-1)).fillna(False).to_numpy(bool)]
    groups = pairs.groupby(["source", "target"], observed=True)["seconds"]
    quantiles = groups.quantile([0.5, 0.9, 0.95]).unstack()
    quantiles.columns = ["p50_s", "p90_s", "p95_s"]
    found = groups.agg(["count", "mean"]).rename(columns={"mean": "mean_s"}).join(quantiles)
    return found.reset_index().astype({"source": object, "target": object})


def _compare(ours: Any, theirs: Any, where: str) -> None:
    """Equal to the last count; doubles to 1e-9.

    Raises
    ------
    SystemExit
        Two answers differ.
    """
    for key, said in ours.items():
        if not _same(said, theirs[key]):
            raise SystemExit(f"{where}: the answers to {key!r} differ; no figures to report")


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
    return bool(ours == theirs)


def _report(events: int, ours: Any, again: Any, theirs: Any, refresh: Any) -> str:
    rows = [
        ("first time: CSV to all answers", theirs["total"], ours["total"], "s"),
        ("  processor time (both cores)", theirs["cpu"], ours["cpu"], "s"),
        ("  peak memory", theirs["peak_mb"], ours["peak_mb"], "MB"),
        ("again from the lake, all answers", theirs["total"], again["total"], "s"),
        ("  processor time (both cores)", theirs["cpu"], again["cpu"], "s"),
        ("  peak memory", theirs["peak_mb"], again["peak_mb"], "MB"),
        ("one site, one month: DFG with p50/p90/p95", theirs["slice"], again["slice"], "s"),
    ]
    lines = [
        f"{events:,} events asked for; {ours['answers']['events']:,} after deduplication, "
        f"{ours['answers']['cases']:,} cases, {ours['answers']['variants']:,} variants, "
        f"{len(ours['answers']['edges'])} edges; all answers equal.",
        "",
        "| work | pm4py on pandas | Retrace | ratio |",
        "|---|---|---|---|",
    ]
    for name, they, we, unit in rows:
        digits = 3 if we < 1 else 1 if unit == "s" else 0
        lines.append(
            f"| {name} | {they:,.{digits}f} {unit} | {we:,.{digits}f} {unit} | {they / we:,.1f}x |"
        )
    rebuild, part = refresh["laps"]["rebuild"][1], refresh["laps"]["refresh 1 %"][1]
    lines.append(
        f"| newest 1 % of cases: own rebuild, own refresh (processor time) | {rebuild:.2f} s | "
        f"{part:.2f} s | {part / rebuild:.0%} |"
    )
    lines += ["", "Where the time goes (wall / processor seconds):", ""]
    for name, done in (("pm4py", theirs), ("Retrace, first", ours), ("Retrace, again", again)):
        laps = ", ".join(f"{lap} {w:.2f}/{cpu:.2f}" for lap, (w, cpu) in done["laps"].items())
        lines.append(f"- {name}: {laps}")
    return "\n".join(lines)


_WORK: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "generate": generate,
    "ours_cold": ours_cold,
    "ours_again": ours_again,
    "ours_refresh": ours_refresh,
    "pm4py": pm4py,
}

if __name__ == "__main__":
    main()
