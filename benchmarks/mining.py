"""Mining against pm4py on pandas, polars by hand and r4pm: the same CSV, the same answers.

    python benchmarks/mining.py --events 1000000
    python benchmarks/mining.py --events 11000000 --folder /data/bench   # resumes
    python benchmarks/mining.py --growth 1 5 11 25 50                    # millions of events

    python benchmarks/mining.py --objects 1600000                          # links: OC-DFG
    python benchmarks/mining.py --business 1000000                         # pairs: business time

Every piece of work runs in its own process. Times are wall seconds, imports included, with the
processor time beside them (the fairer figure on a machine that has other work); memory is the peak
resident size of the process. Answers are compared before anything is printed: a wrong answer is
not a fast one. Ratios are theirs over ours.

What is kept between runs, and so what "again" means: the lake and the derived transitions always;
the row "kept" also finds the answers of the same questions to the same version of the lake. The
slices are never asked twice: the first of a month is answered by SQL, with the second its
durations are read into memory, sorted.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PEERS = ("pm4py", "polars", "r4pm")
CHILD = Path(__file__).resolve().parent / "mining_child.py"
MILLION = 1_000_000


def main() -> None:
    arguments = _arguments()
    folder = Path(arguments.folder or tempfile.mkdtemp(prefix="retrace-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if arguments.growth:
            print(_growth(folder, arguments.growth, arguments.fresh))
        elif arguments.objects or arguments.business:
            for topic in ("objects", "business"):
                if size := getattr(arguments, topic):
                    print(_pair(folder, topic, size, arguments.fresh))
        else:
            print(_duel(folder, arguments.events, arguments.against, arguments.fresh))
    finally:
        if not arguments.folder:
            shutil.rmtree(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=MILLION)
    parser.add_argument("--against", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--folder", help="keep files and results here, and resume from them")
    parser.add_argument("--fresh", action="store_true", help="measure again what is already there")
    parser.add_argument(
        "--growth", nargs="+", type=float, metavar="MILLIONS", help="ours alone, at these sizes"
    )
    parser.add_argument("--objects", type=int, metavar="LINKS", help="OC-DFG against pm4py")
    parser.add_argument("--business", type=int, metavar="PAIRS", help="business time against pm4py")
    return parser.parse_args()


def _duel(folder: Path, events: int, against: list[str], fresh: bool) -> str:
    works = ["generate", "cold", "again", "kept", *against, "refresh"]
    results = _run(folder, events, works, fresh)
    for peer in against:
        theirs = results[peer]["answers"]
        for ours in ("cold", "again", "kept"):
            _compare(results[ours]["answers"], theirs, f"{ours} against {peer}")
    return "\n".join([_head(events, results), "", *_table(results, against), "", *_laps(results)])


def _pair(folder: Path, topic: str, size: int, fresh: bool) -> str:
    """Ours against pm4py on rows in memory: the calculation, and all of it with the import."""
    part = folder / f"{topic}-{size}"
    part.mkdir(exist_ok=True)
    names = f"{topic}_ours", f"{topic}_pm4py"
    ours, theirs = _run(part, size, list(names), fresh).values()
    _compare(ours["answers"], theirs["answers"], topic)
    last = list(ours["laps"])[-1]
    core = theirs["laps"][last][0] / ours["laps"][last][0]
    return (
        f"{last}, {size:,} rows, answers equal: {core:,.1f}x faster, "
        f"{theirs['total'] / ours['total']:,.1f}x with loading and imports; "
        f"peak {ours['peak_mb']:,.0f} MB against {theirs['peak_mb']:,.0f} MB"
    )


def _growth(folder: Path, sizes: list[float], fresh: bool) -> str:
    """Time and memory by size; the files of a size are removed when it is done."""
    lines = [
        "| events | first time | per million | peak | again | peak | a slice |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in sizes:
        part = folder / f"growth-{size:g}"
        part.mkdir(exist_ok=True)
        results = _run(part, round(size * MILLION), ["generate", "cold", "again"], fresh)
        first, again = results["cold"], results["again"]
        events = first["answers"]["events"]
        lines.append(
            f"| {events:,} | {first['total']:.1f} s | {first['total'] / events * MILLION:.2f} s "
            f"| {first['peak_mb']:,.0f} MB | {again['total']:.1f} s | {again['peak_mb']:,.0f} MB "
            f"| {again['slice'] * 1000:.1f} ms |"
        )
        for path in (*part.glob("*.csv"), part / "home"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return "\n".join(lines)


def _run(folder: Path, events: int, works: list[str], fresh: bool) -> dict[str, dict[str, Any]]:
    """Results of the works, as measured before where they are already in the folder.

    Raises
    ------
    SystemExit
        The folder belongs to another size.
    """
    results = {}
    for number, work in enumerate(works, start=1):
        path = folder / f"{work}.json"
        kept = not fresh or (work == "generate" and (folder / "log.csv").exists())
        if path.exists() and kept:
            results[work] = json.loads(path.read_text(encoding="utf-8"))
            if results[work]["asked"] != events:
                raise SystemExit(f"{folder} holds results of {results[work]['asked']:,} events")
            print(f"[{number}/{len(works)}] {work}: as measured before", file=sys.stderr)
            continue
        begun = time.perf_counter()
        print(f"[{number}/{len(works)}] {work} ...", end=" ", file=sys.stderr, flush=True)
        results[work] = {**_child(work, folder, events), "asked": events}
        path.write_text(json.dumps(results[work]), encoding="utf-8")
        print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return results


def _child(work: str, folder: Path, events: int) -> dict[str, Any]:
    command = [sys.executable, "-P", str(CHILD), work, str(folder), str(events)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _compare(ours: Any, theirs: Any, where: str) -> None:
    """Equal to the last count; doubles to 1e-9. Only what both answered is compared.

    Raises
    ------
    SystemExit
        Two answers differ.
    """
    for key, said in theirs.items():
        if key in ours and not _same(ours[key], said):
            raise SystemExit(f"{where}: the answers to {key!r} differ; no figures to report")


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
    return bool(ours == theirs)


def _head(events: int, results: dict[str, Any]) -> str:
    answers = results["cold"]["answers"]
    return (
        f"{events:,} events asked for; {answers['events']:,} after deduplication, "
        f"{answers['cases']:,} cases, {answers['variants']:,} variants, "
        f"{len(answers['edges'])} edges; all answers equal."
    )


def _table(results: dict[str, Any], against: list[str]) -> list[str]:
    rows = [
        ("first time: CSV to all answers", "total", "cold", "total", "s"),
        ("  processor time (both cores)", "cpu", "cold", "cpu", "s"),
        ("  peak memory", "peak_mb", "cold", "peak_mb", "MB"),
        ("again from the lake, answers computed", "total", "again", "total", "s"),
        ("  peak memory", "peak_mb", "again", "peak_mb", "MB"),
        ("again from the lake, answers kept", "total", "kept", "total", "s"),
        ("a slice never asked before, its month in memory", "slice", "again", "slice", "s"),
        ("the first slice of a month", "slice", "again", "first_slice", "s"),
        ("the second, which reads the month", "slice", "again", "second_slice", "s"),
    ]
    lines = [
        f"| work | Retrace | {' | '.join(against)} |",
        f"|---|---|{'---|' * len(against)}",
    ]
    for name, asked, work, figure, unit in rows:
        we = results[work][figure]
        cells = []
        for peer in against:
            they = results[peer].get(asked)
            cells.append("-" if they is None else f"{_said(they, unit)} ({they / we:,.1f}x)")
        lines.append(f"| {name} | {_said(we, unit)} | {' | '.join(cells)} |")
    rebuild, part, asked = (
        results["refresh"]["laps"][lap][1] for lap in ("rebuild", "refresh 1 %", "findings")
    )
    lines += [
        "",
        f"Newest 1 % of the cases: refresh {part:.2f} s of processor time, own rebuild "
        f"{rebuild:.2f} s: {part / rebuild:.1%}. Asked anew, and so computed from all months: DFG, "
        f"variants and KPIs, {asked:.2f} s.",
    ]
    if "r4pm" in against:
        lines.append("r4pm answers less: edge counts and the number of variants, no durations.")
    return lines


def _said(value: float, unit: str) -> str:
    digits = 0 if unit == "MB" else 4 if value < 0.1 else 2
    return f"{value:,.{digits}f} {unit}"


def _laps(results: dict[str, Any]) -> list[str]:
    lines = ["Where the time goes (wall / processor seconds):", ""]
    for name, done in results.items():
        laps = done.get("laps", {}).items()
        if laps:
            lines.append(
                f"- {name}: " + ", ".join(f"{lap} {w:.2f}/{cpu:.2f}" for lap, (w, cpu) in laps)
            )
    return lines


if __name__ == "__main__":
    main()
