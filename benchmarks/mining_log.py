"""The log the mining benchmarks read: like returns, in time order, some rows delivered twice."""

import shutil
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

PART = 5_000_000
DAYS = 540
BEGIN_MS = 1_735_689_600_000
SITES = np.array(["DC1", "DC2", "DC3", "DC4", "DC5"])
SITE_SHARES = [0.28, 0.24, 0.2, 0.16, 0.12]


def generate(folder: Path, events: int) -> dict[str, Any]:
    """Write ``log.csv``, and the same without (``first.csv``) and only (``newest.csv``) its end.

    About 11 events a case, 26 activities, 5 sites, 18 months. Sixty ways through the process with
    Zipf frequencies; in one case in eight an activity is repeated, in one in twelve two change
    places. 0.5 % of the rows are delivered twice. A large log is made of consecutive periods, so
    that the memory needed does not grow with it.
    """
    random = np.random.default_rng(7)
    ways = [np.sort(random.choice(26, random.integers(6, 16), replace=False)) for _ in range(60)]
    parts = -(-events // PART)
    names = ("log", "first", "newest")
    for name in names:
        (folder / f"{name}.csv").unlink(missing_ok=True)
    rows = events_before = 0
    cases = round(events / 11 / parts)
    for part in range(parts):
        frame = _part(random, ways, cases, part, parts)
        frame["event_id"] += events_before
        events_before += len(frame)
        late = frame.iloc[np.sort(random.choice(len(frame), len(frame) // 200, replace=False))]
        oldest_new = f"R{round(cases * parts * 0.99):08d}:1"
        newest = frame["case_id"] >= oldest_new
        pieces = (pd.concat([frame, late]), frame[~newest], frame[newest])
        for name, piece in zip(names, pieces, strict=True):
            _append(piece, folder / f"{name}.csv")
        rows += len(frame) + len(late)
    return {"rows": rows}


def _part(
    random: np.random.Generator,
    ways: list[npt.NDArray[np.int64]],
    cases: int,
    part: int,
    parts: int,
) -> pd.DataFrame:
    weights = 1 / np.arange(1, 61)
    traces = [ways[way] for way in random.choice(60, cases, p=weights / weights.sum())]
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
    firsts = np.cumsum(lengths) - lengths
    waits[firsts] = 0
    elapsed = np.cumsum(waits)
    elapsed -= np.repeat(elapsed[firsts], lengths)
    day_ms = 86_400_000
    span = DAYS * day_ms / parts
    opened = np.sort(random.uniform(part * span, (part + 1) * span, cases)).astype("int64")
    moment = (np.repeat(opened, lengths) + elapsed).astype("int64") + BEGIN_MS
    activities = np.array([f"Activity {number:02d}" for number in range(26)])
    return pd.DataFrame(
        {
            "event_id": np.arange(len(case)),
            "case_id": pd.Series(case + part * cases).map(lambda number: f"R{number:08d}:1"),
            "activity": activities[np.concatenate(traces)],
            "timestamp": pd.to_datetime(moment, unit="ms", utc=True),
            "site": SITES[np.repeat(random.choice(5, cases, p=SITE_SHARES), lengths)],
        }
    ).sort_values("timestamp", kind="stable")


def _append(frame: pd.DataFrame, path: Path) -> None:
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    con.register("log", frame)
    new = not path.exists()
    piece = path if new else path.with_suffix(".part")
    con.execute(
        "copy (select event_id, case_id, activity, "
        "strftime(timestamp, '%Y-%m-%dT%H:%M:%S.%gZ') as timestamp, site from log) "
        f"to '{piece}' (header {str(new).lower()}, delimiter ',')"
    )
    if not new:
        with path.open("ab") as whole, piece.open("rb") as end:
            shutil.copyfileobj(end, whole)
        piece.unlink()
