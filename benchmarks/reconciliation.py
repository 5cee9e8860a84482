"""Reconciling movements with postings: growth, memory, and a plain pandas merge beside it.

    python benchmarks/reconciliation.py --sizes 10000 100000 1000000

Each run has its own process; seconds are processor time around the call (all its threads, frames
already in memory), so that other work on the machine does not count as growth; wall time stands
beside it. Memory is the peak resident size of the process. The pandas script does the same passes
the plain way (merge, groupby, cumcount); it finds groups, and writes neither types nor sentences.
The last column takes in the newest 1 % after the rest, as a share of a run over everything. Before
anything is printed, the number of linked movements (and of breaks, for the last column) is
compared: they must agree.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd

PASSES = (
    ["reference"],
    ["line", "sku", "kind", "status", "quantity"],
    ["line", "sku", "kind", "status"],
    ["line", "sku", "kind", "quantity"],
    ["line", "sku", "kind"],
    ["line", "kind", "status", "quantity"],
)


def main() -> None:
    arguments = _arguments()
    if arguments.work:
        print(json.dumps(_WORK[arguments.work](arguments.size)))
        return
    rows = []
    for size in arguments.sizes:
        ours, theirs, newest = (_child(work, size) for work in ("ours", "pandas", "newest"))
        if ours["linked"] != theirs["linked"]:
            raise SystemExit(f"{size}: {ours['linked']} linked here, {theirs['linked']} by pandas")
        if ours["breaks"] != newest["breaks"]:
            raise SystemExit(f"{size}: {ours['breaks']} breaks, {newest['breaks']} in two parts")
        rows.append((size, ours, theirs, newest))
    print(
        "| movements | ours s | per movement µs | wall s | peak GB | breaks | pandas s | peak GB | "
        "ratio | newest 1 % |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for size, ours, theirs, newest in rows:
        print(
            f"| {size:,} | {ours['s']:.2f} | {ours['s'] / size * 1e6:.1f} | {ours['wall']:.1f} | "
            f"{ours['gb']:.2f} | {ours['breaks']:,} | {theirs['s']:.2f} | {theirs['gb']:.2f} | "
            f"{theirs['s'] / ours['s']:.2f} | {newest['s'] / ours['s']:.1%} |"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--work", choices=list(_WORK), help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _child(work: str, size: int) -> dict:
    command = [sys.executable, "-P", __file__, "--work", work, "--size", str(size)]
    print(f"{work} {size:,} ...", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def make(size: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """So many movements and about as many postings; one in twelve goes wrong somehow."""
    rng = np.random.default_rng(7)
    number = np.arange(size)
    minutes = np.sort(rng.integers(0, 180 * 1440, size))
    left = pd.DataFrame(
        {
            "movement_id": pd.Series([f"W{i:09d}" for i in number], dtype="str"),
            "reference": pd.Series([f"MSG{i:09d}" for i in number], dtype="str"),
            "line": pd.Series([f"R{i // 2:09d}:{i % 2}" for i in number], dtype="str"),
            "sku": pd.Series(rng.choice([f"SKU{i:05d}" for i in range(6000)], size), dtype="str"),
            "kind": pd.Series(np.where(number % 2 == 0, "receipt", "transfer"), dtype="str"),
            "status": pd.Series(rng.choice(["AVAILABLE", "SCRAPPED"], size), dtype="str"),
            "site": pd.Series(rng.choice(["D1", "D2", "D3", "D4"], size), dtype="str"),
            "quantity": rng.integers(1, 30, size).astype(float),
            "unit_cost": np.round(rng.lognormal(3, 1, size), 2),
            "occurred_at": pd.Timestamp("2026-01-05") + pd.to_timedelta(minutes, "min"),
        }
    )
    right = left.drop(columns="unit_cost").copy()
    right["movement_id"] = pd.Series([f"E{i:09d}" for i in number], dtype="str")
    right["value"] = left["quantity"] * left["unit_cost"]
    right["occurred_at"] += pd.to_timedelta(rng.integers(1, 600, size), "min")
    fate = rng.random(size)
    right.loc[fate > 0.5, "reference"] = None
    right.loc[fate < 0.02, "quantity"] += 1
    other = right["status"] == "AVAILABLE"
    right.loc[(fate > 0.60) & (fate < 0.62) & other, "status"] = "SCRAPPED"
    right.loc[(fate > 0.70) & (fate < 0.71), "sku"] = "X" + right["sku"].str[1:]
    kept = ~((fate > 0.04) & (fate < 0.06))
    again = right[(fate > 0.30) & (fate < 0.31)].copy()
    again["movement_id"] = "D" + again["movement_id"].str[1:]
    again["occurred_at"] += pd.Timedelta(hours=9)
    right = pd.concat([right[kept], again]).sample(frac=1, random_state=1).reset_index(drop=True)
    return left, right


class Clock:
    """Processor and wall time since it was made, and what the process needed at most."""

    def __init__(self) -> None:
        self._begun = time.process_time(), time.perf_counter()

    def measured(self, **more: float) -> dict:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        spent = time.process_time() - self._begun[0], time.perf_counter() - self._begun[1]
        return {"s": spent[0], "wall": spent[1], "gb": peak, **more}


def ours(size: int) -> dict:
    from mining.reconciliation import reconcile_frames

    left, right = make(size)
    reconcile_frames(left[:100], right[:100])  # what is loaded once is no part of the growth
    clock = Clock()
    found = reconcile_frames(left, right)
    spent = clock.measured()
    left_rows = found.movements["side"] == "left"
    groups = found.movements["group"]
    linked = len(np.intersect1d(groups[left_rows], groups[~left_rows]))
    return {**spent, "linked": linked, "breaks": len(found.breaks)}


def newest(size: int) -> dict:
    """Seconds for the newest 1 %, the rest being reconciled already."""
    from mining.reconciliation import RunningReconciliation

    left, right = make(size)
    cut = left["occurred_at"].quantile(0.99)
    before = [frame[frame["occurred_at"] <= cut] for frame in (left, right)]
    after = [frame[frame["occurred_at"] > cut] for frame in (left, right)]
    books = RunningReconciliation()
    books.add(*before)
    clock = Clock()
    found = books.add(*after)
    return clock.measured(breaks=len(found.breaks))


def plain_pandas(size: int) -> dict:
    left, right = make(size)
    clock = Clock()
    left = left.sort_values(["occurred_at", "movement_id"])
    right = right.sort_values(["occurred_at", "movement_id"])
    linked = []
    for keys in PASSES:
        a = left.dropna(subset=keys).assign(rank=lambda f, k=keys: f.groupby(k).cumcount())
        b = right.dropna(subset=keys).assign(rank=lambda f, k=keys: f.groupby(k).cumcount())
        pairs = a.merge(b, on=[*keys, "rank"], suffixes=("", "_right"))
        linked.append(pairs[["movement_id", "movement_id_right"]])
        left = left[~left["movement_id"].isin(pairs["movement_id"])]
        right = right[~right["movement_id"].isin(pairs["movement_id_right"])]
        if len(keys) in (1, 5):
            extra = b[~b["movement_id"].isin(pairs["movement_id_right"])]
            extra = extra.merge(pairs[keys].drop_duplicates(), on=keys)
            right = right[~right["movement_id"].isin(extra["movement_id"])]
    return clock.measured(linked=sum(map(len, linked)))


_WORK = {"ours": ours, "pandas": plain_pandas, "newest": newest}

if __name__ == "__main__":
    main()
