"""Object-centric maps and business time against pm4py, on the same rows in memory.

Reading the rows is not measured, the import is. pm4py gets what it wants: its OCEL class and its
``BusinessHours`` one pair at a time, which is how its performance graph calls it.
"""

from pathlib import Path
from typing import Any

from mining_clock import Clock

SHIFTS = [[day * 24 * 3600 + 8 * 3600, day * 24 * 3600 + 17 * 3600] for day in range(5)]
WEEK = '{"mon": %(d)s, "tue": %(d)s, "wed": %(d)s, "thu": %(d)s, "fri": %(d)s, "holidays": []}'


def _events(links: int) -> tuple[Any, Any]:
    """Events and their links: each touches a line, an RMA of two and a shipment of five."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(11)
    events = links // 3
    lines = max(events // 11, 1)
    line = random.integers(0, lines, events)
    start = random.uniform(0, 180 * 86_400, lines)
    seconds = start[line] + random.lognormal(11, 1.5, events).clip(max=40 * 86_400)
    micros = (seconds * 1e6).astype("int64") + 1_767_225_600_000_000
    frame = pd.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(events)],
            "case_id": [f"l{number}" for number in line],
            "activity": [f"Activity {number:02d}" for number in random.integers(0, 26, events)],
            "occurred_at": pd.to_datetime(micros, unit="us", utc=True),
        }
    ).sort_values("occurred_at", kind="stable", ignore_index=True)
    number = frame["case_id"].str[1:].astype("int64")
    objects = [
        pd.DataFrame(
            {
                "event_id": frame["event_id"],
                "object_type": kind,
                "object_id": kind + (number // size).astype(str),
            }
        )
        for kind, size in (("line", 1), ("rma", 2), ("shipment", 5))
    ]
    return frame, pd.concat(objects, ignore_index=True)


def objects_ours(_: Path, links: int) -> dict[str, Any]:
    """OC-DFG with mean, p50, p90 and p95 of every arrow of every type."""
    frame, objects = _events(links)
    clock = Clock()
    from mining import load, object_centric_graph

    clock.lap("import")
    log = load(frame, objects=objects)
    clock.lap("load")
    edges = object_centric_graph(log).edges
    clock.lap("OC-DFG")
    columns = ["object_type", "source", "target", "count", "event_couples"]
    return clock.result(answers={"edges": sorted(edges[columns].values.tolist())})


def objects_pm4py(_: Path, links: int) -> dict[str, Any]:
    """``discover_ocdfg``: counts, and the durations as lists, no quantiles."""
    frame, objects = _events(links)
    clock = Clock()
    import pm4py as pm
    from pm4py.objects.ocel.obj import OCEL

    clock.lap("import")
    events = frame.rename(
        columns={
            "event_id": "ocel:eid",
            "activity": "ocel:activity",
            "occurred_at": "ocel:timestamp",
        }
    ).drop(columns="case_id")
    linked = objects.rename(
        columns={"event_id": "ocel:eid", "object_type": "ocel:type", "object_id": "ocel:oid"}
    )
    log = OCEL(
        events=events,
        objects=linked[["ocel:oid", "ocel:type"]].drop_duplicates(ignore_index=True),
        relations=linked.merge(events, on="ocel:eid").sort_values("ocel:timestamp", kind="stable"),
    )
    clock.lap("load")
    found = pm.discover_ocdfg(log)["edges"]
    clock.lap("OC-DFG")
    edges = [
        [kind, source, target, len(walks), len(found["event_couples"][kind][source, target])]
        for kind, arrows in found["total_objects"].items()
        for (source, target), walks in arrows.items()
    ]
    return clock.result(answers={"edges": sorted(edges)})


def _spans(count: int) -> tuple[Any, Any]:
    """Beginnings and ends as microseconds, in one summer and one time zone offset."""
    import numpy as np

    random = np.random.default_rng(5)
    begins = 1_780_000_000 + random.integers(0, 60 * 86_400, count)
    ends = begins + random.lognormal(11, 1.5, count).clip(1, 30 * 86_400).astype("int64")
    return begins * 1_000_000, ends * 1_000_000


def business_ours(_: Path, count: int) -> dict[str, Any]:
    """Working seconds between two moments, Monday to Friday 8 to 17 (UTC, as pm4py has it)."""
    begins, ends = _spans(count)
    clock = Clock()
    from mining.calendars import Calendar

    clock.lap("import")
    calendar = Calendar.parse("DC", "UTC", WEEK % {"d": '[["08:00", "17:00"]]'})
    worked = calendar.over(int(begins.min()), int(ends.max())).between(begins, ends) / 1e6
    clock.lap("business time")
    return clock.result(answers={"total": float(worked.sum()), "first": worked[:1000].tolist()})


def business_pm4py(_: Path, count: int) -> dict[str, Any]:
    """``BusinessHours.get_seconds`` per pair; it does not know time zones or clock changes."""
    begins, ends = _spans(count)
    clock = Clock()
    from datetime import UTC, datetime

    from pm4py.util.business_hours import BusinessHours

    clock.lap("import")
    moments = [
        [datetime.fromtimestamp(us // 1_000_000, UTC).replace(tzinfo=None) for us in side.tolist()]
        for side in (begins, ends)
    ]
    clock.lap("datetimes")
    worked = [
        float(BusinessHours(a, b, business_hour_slots=SHIFTS).get_seconds())
        for a, b in zip(*moments, strict=True)
    ]
    clock.lap("business time")
    return clock.result(answers={"total": sum(worked), "first": worked[:1000]})
