"""What Retrace does in the mining benchmark, one function per process."""

import shutil
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from mining_clock import END, SITE, START, Clock, edge_rows, timed

NAMES = {"case": "case_id", "activity": "activity", "time": "timestamp"}


def cold(folder: Path, _: int) -> dict[str, Any]:
    """CSV to stored lake to all answers."""
    clock = Clock()
    from ingestion.intake import ingest
    from ingestion.settings import Settings
    from mining import load

    clock.lap("import")
    shutil.rmtree(folder / "home", ignore_errors=True)
    settings = Settings.load(folder / "home")
    ingest(settings, [folder / "log.csv"], **NAMES)
    clock.lap("read, deduplicate, store")
    log = load(settings.home)
    clock.lap("derive transitions, store")
    answers = _answers(log, clock)
    return clock.result(answers=answers)


def again(folder: Path, _: int) -> dict[str, Any]:
    """All answers from the lake in a new process, none of them kept from before; then slices."""
    shutil.rmtree(folder / "home" / "lake" / "answers", ignore_errors=True)
    return _from_the_lake(folder)


def kept(folder: Path, _: int) -> dict[str, Any]:
    """The same answers in another process: as kept by the one before."""
    return _from_the_lake(folder)


def _from_the_lake(folder: Path) -> dict[str, Any]:
    clock = Clock()
    from mining import directly_follows_graph, load

    clock.lap("import")
    log = load(folder / "home")
    clock.lap("open")
    answers = _answers(log, clock)
    done = clock.result()
    clock = Clock()
    found = directly_follows_graph(log, site=SITE, start=START, end=END)
    clock.lap("first slice of a month")
    directly_follows_graph(log, start=START, end=END)
    clock.lap("second slice, reads the month")
    new = [partial(directly_follows_graph, log, **where) for where in _never_asked()]
    return {
        **done,
        "first_slice": clock.laps["first slice of a month"][0],
        "second_slice": clock.laps["second slice, reads the month"][0],
        "slice": timed(*new),
        "peak_with_slices_mb": clock.result()["peak_mb"],
        "answers": {**answers, "slice": edge_rows(found.edges)},
    }


def _never_asked() -> list[dict[str, Any]]:
    """Slices of the month that was read, each by other bounds and sites: nothing is repeated."""
    begin = datetime.fromisoformat(START)
    return [
        {"site": site, "start": begin + timedelta(hours=hours), "end": END}
        for hours, site in enumerate(["DC1", "DC2", "DC3", "DC4", "DC5", None] * 3)
    ]


def _answers(log: Any, clock: Clock) -> dict[str, Any]:
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
        "edges": edge_rows(graph.edges),
        "counts": sorted(graph.edges[["source", "target", "count"]].values.tolist()),
        "start": graph.start,
        "end": graph.end,
        "variants": listed.variants,
        "top": [[entry["count"], entry["activities"]] for entry in listed.to_dict()["top"]],
        "durations": [len(durations), float(durations.sum()), float(durations.median())],
        "rework": dict(zip(rework["activity"], rework["rework_cases"].tolist(), strict=True)),
    }


def refresh(folder: Path, _: int) -> dict[str, Any]:
    """Append the newest 1 % of cases; refresh against deriving everything again."""
    from ingestion.intake import ingest
    from ingestion.lake import Lake
    from ingestion.settings import Settings
    from mining import directly_follows_graph, kpis, load, variants
    from mining.store import DerivedStore

    home = folder / "refreshed"
    shutil.rmtree(home, ignore_errors=True)
    settings = Settings.load(home)

    def findings() -> None:
        log = load(home)
        directly_follows_graph(log)
        variants(log)
        kpis(log)

    ingest(settings, [folder / "first.csv"], **NAMES)
    load(home)
    ingest(settings, [folder / "newest.csv"], **NAMES)
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
