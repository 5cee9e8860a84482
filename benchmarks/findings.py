"""Every finding about returns: from nothing, and again after the newest files, on simulated lines.

    python benchmarks/findings.py --lines 40000

The home that got the newest day files later has to say the same as the one that got everything at
once, else no figure is printed. Times are processor seconds with wall seconds beside them; the
laps of the first home's way are its full rebuild.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from mining_clock import Clock

sys.path[0] = str(Path(__file__).resolve().parents[1])  # this folder has files named like layers
SHARE = 0.01
"""How much of the log's bytes the newest files may hold."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=40_000)
    lines = parser.parse_args().lines
    with tempfile.TemporaryDirectory(prefix="retrace-bench-") as folder:
        print(_measured(Path(folder), lines))


def _measured(folder: Path, lines: int) -> str:
    from ingestion.intake import ingest
    from ingestion.settings import Settings
    from ingestion.simulator import simulate

    simulate(folder / "log", lines=lines)
    sources = folder / "log" / "sources"
    newest = _newest(sources)
    files = [path for path in sorted(sources.rglob("*")) if path.is_file()]
    whole, grown = Settings.load(folder / "whole"), Settings.load(folder / "grown")
    clock = Clock()
    ingest(whole, [sources])
    clock.lap("read and store everything")
    at_once = _findings(whole.home, clock, "from nothing")
    ingest(grown, [path for path in files if path not in newest])
    _findings(grown.home, Clock(), "")
    clock.lap("(the home as it was before)")
    taken = ingest(grown, newest)
    clock.lap("read and store the newest files")
    later = _findings(grown.home, clock, "after them")
    for name, frame in at_once.items():
        pd.testing.assert_frame_equal(frame, later[name], obj=name)
    return "\n".join(_told(clock.laps, len(newest), taken.received))


def _newest(sources: Path) -> list[Path]:
    """Day files, the latest first, up to their share of all bytes."""
    sizes = {path: path.stat().st_size for path in sources.rglob("*") if path.is_file()}
    room = SHARE * sum(sizes.values())
    dated = [(found[0], path) for path in sizes if (found := re.findall(r"20\d{6}", path.name))]
    chosen = []
    for _, path in sorted(dated, reverse=True):
        room -= sizes[path]
        if room < 0:
            break
        chosen.append(path)
    return sorted(chosen)


def _findings(home: Path, clock: Clock, when: str) -> dict[str, pd.DataFrame]:
    import mining

    log = mining.load(home)
    clock.lap(f"derive, {when}")
    asked: dict[str, Callable[[], pd.DataFrame]] = {
        "maps and variants": lambda: _map(log),
        "KPIs": lambda: mining.kpis(log).frame,
        "rules": lambda: mining.conformance(log).rules,
        "bottlenecks": lambda: mining.bottlenecks(log).frame,
        "causes": lambda: mining.causes(log).frame,
        "change points": lambda: mining.changes(log).frame,
        "reconciliation": lambda: _breaks(home),
    }
    found = {}
    for name, ask in asked.items():
        found[name] = ask()
        clock.lap(f"{name}, {when}")
    return found


def _map(log: Any) -> pd.DataFrame:
    import mining

    mining.variants(log)
    return mining.directly_follows_graph(log).edges


def _breaks(home: Path) -> pd.DataFrame:
    import mining

    return mining.reconcile(home).frame[["break_id", "type", "delta_quantity", "delta_value"]]


def _told(laps: dict[str, tuple[float, float]], files: int, records: int) -> list[str]:
    full = ["read and store everything", *(name for name in laps if name.endswith("from nothing"))]
    part = ["read and store the newest files", *(name for name in laps if name.endswith("them"))]
    lines = [f"{files} newest files with {records:,} records; all answers equal.", ""]
    lines += ["| work | full rebuild | after the newest files | share |", "|---|---|---|---|"]
    for one, other in zip([*full, "all"], [*part, "all"], strict=True):
        names = (full, part) if one == "all" else ([one], [other])
        (wall, cpu), (wall_after, cpu_after) = (
            [sum(laps[name][unit] for name in group) for unit in (0, 1)] for group in names
        )
        lines.append(
            f"| {one.partition(',')[0]} | {cpu:.2f} s ({wall:.2f}) "
            f"| {cpu_after:.2f} s ({wall_after:.2f}) | {cpu_after / cpu:.0%} |"
        )
    return lines


if __name__ == "__main__":
    main()
