"""The peers of the mining benchmark, each as a good user of it would: the same CSV, same answers.

None of them stores anything. Only what a peer can answer is compared.
"""

from pathlib import Path
from typing import Any

from mining_clock import END, SITE, START, Clock, edge_rows, timed


def pm4py(folder: Path, _: int) -> dict[str, Any]:
    """Arrow CSV reader, typed columns, one sort, pm4py's own functions.

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
    assert {(a, b): n for a, b, n, *_ in edge_rows(edges)} == dfg
    answers = {
        "events": len(frame),
        "cases": len(durations),
        "edges": edge_rows(edges),
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

    answers["slice"] = edge_rows(sliced())
    return {**done, "slice": timed(sliced), "answers": answers}


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


def polars(folder: Path, _: int) -> dict[str, Any]:
    """By hand in polars: one scan, categories, one sort, windows over the case."""
    clock = Clock()
    import polars as pl

    clock.lap("import")
    frame = (
        pl.scan_csv(folder / "log.csv")
        .with_columns(
            pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", time_unit="us"),
            pl.col("activity").cast(pl.Categorical),
            pl.col("site").cast(pl.Categorical),
        )
        .unique("event_id", keep="first", maintain_order=True)
        .collect()
    )
    clock.lap("read, deduplicate")
    frame = frame.sort(["case_id", "timestamp"], maintain_order=True)
    clock.lap("sort")
    edges = _polars_edges(pl, frame)
    clock.lap("DFG with p50/p90/p95")
    cases = frame.group_by("case_id", maintain_order=True).agg(
        pl.col("activity").alias("trace"),
        pl.col("timestamp").first().alias("first"),
        (pl.col("timestamp").last() - pl.col("timestamp").first()).alias("duration"),
    )
    names = pl.col("trace").cast(pl.List(pl.String)).list.join("\t")
    ways = cases.group_by(names).len()
    ranked = sorted(
        (
            (int(n), str(way).split("\t"))
            for way, n in ways.sort("len", descending=True).rows()[:60]
        ),
        key=lambda way: (-way[0], way[1]),
    )
    start = cases.group_by(pl.col("trace").list.first().cast(pl.String)).len()
    end = cases.group_by(pl.col("trace").list.last().cast(pl.String)).len()
    clock.lap("variants")
    durations = cases["duration"].dt.total_microseconds() / 1e6
    seconds = [len(durations), float(durations.sum()), float(durations.median())]
    clock.lap("case durations")
    twice = frame.group_by("case_id", "activity").len().filter(pl.col("len") > 1)
    rework = twice.group_by(pl.col("activity").cast(pl.String)).len()
    clock.lap("rework")
    answers = {
        "events": len(frame),
        "cases": len(cases),
        "edges": edges,
        "start": dict(start.rows()),
        "end": dict(end.rows()),
        "variants": len(ways),
        "top": [list(way) for way in ranked[:20]],
        "durations": seconds,
        "rework": dict(rework.rows()),
    }
    done = clock.result()
    from_, to = (pl.lit(day).str.to_datetime("%Y-%m-%d") for day in (START, END))

    def sliced() -> Any:
        first = pl.col("timestamp").min().over("case_id")
        return _polars_edges(
            pl, frame.filter(pl.col("site") == SITE).filter((first >= from_) & (first < to))
        )

    answers["slice"] = sliced()
    return {**done, "slice": timed(sliced), "answers": answers}


def _polars_edges(pl: Any, frame: Any) -> list[list[Any]]:
    seconds = (pl.col("timestamp").shift(-1) - pl.col("timestamp")).dt.total_microseconds() / 1e6
    quantiles = [
        pl.col("seconds").quantile(q, "linear").alias(name)
        for name, q in (("p50_s", 0.5), ("p90_s", 0.9), ("p95_s", 0.95))
    ]
    edges = (
        frame.lazy()
        .select(
            pl.col("activity").alias("source"),
            pl.col("activity").shift(-1).alias("target"),
            seconds.alias("seconds"),
            (pl.col("case_id") == pl.col("case_id").shift(-1)).alias("same"),
        )
        .filter(pl.col("same"))
        .group_by("source", "target")
        .agg(pl.len().alias("count"), pl.col("seconds").mean().alias("mean_s"), *quantiles)
        .with_columns(pl.col("source", "target").cast(pl.String))
        .collect()
    )
    return edge_rows(edges.to_pandas())


def r4pm(folder: Path, _: int) -> dict[str, Any]:
    """rust4pm through its Python bindings; it has counts and variants, but no durations."""
    clock = Clock()
    import polars as pl
    from r4pm import bindings, import_item_from_df

    clock.lap("import")
    frame = (
        pl.scan_csv(folder / "log.csv")
        .with_columns(
            pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", time_zone="UTC")
        )
        .unique("event_id", keep="first", maintain_order=True)
        .sort("timestamp", maintain_order=True)
        .select(
            pl.col("case_id").alias("case:concept:name"),
            pl.col("activity").alias("concept:name"),
            pl.col("timestamp").alias("time:timestamp"),
        )
        .collect()
    )
    clock.lap("read, deduplicate, sort (polars)")
    log = import_item_from_df("EventLog", frame)
    clock.lap("hand over")
    graph = bindings.discover_dfg(log)
    clock.lap("DFG, counts only")
    ways = bindings.log_to_activity_projection(log)
    variants = bindings.get_num_variants(ways)
    clock.lap("variants, number only")
    pairs = graph["directly_follows_relations"]
    return clock.result(
        answers={
            "events": len(frame),
            "cases": bindings.get_num_cases(ways),
            "counts": sorted([*edge[0], edge[1]] for edge in pairs),
            "variants": variants,
        }
    )
