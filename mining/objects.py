"""Object-centric views: the same events as RMAs, units, orders or shipments lived them.

Flattening a many-to-many log repeats shared events: a shipment of forty lines delivered once
becomes forty deliveries. ``ObjectGraph.inflation`` says by how much, and ``warnings`` where it
matters.
"""

from dataclasses import dataclass, field, replace

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.errors import RetraceError
from mining.engine import DuckDBEngine, fetch_frame
from mining.events import process_events
from mining.log import EventLog, derive_here

INFLATION_WARNING = 1.2
LINE = "line"


class UnknownObjectType(RetraceError):
    """A map of objects the log does not have."""

    def __init__(self, object_type: str, known: list[str]) -> None:
        self.object_type = object_type
        listed = ", ".join([LINE, *(name for name in known if name != LINE)])
        super().__init__(f"The log has no objects of type {object_type!r}. Known: {listed}.")


@dataclass(frozen=True, slots=True)
class ObjectGraph:
    """The directly-follows graphs of all object types, side by side.

    Parameters
    ----------
    types : frame with columns object_type, objects, links, events, inflation
        ``links`` are event-object pairs, ``inflation`` is links per distinct event.
    activities : frame with columns object_type, activity, links, events, objects, starts, ends
    edges : frame with columns object_type, source, target, count, event_couples, objects, mean_s,
        p50_s, p90_s, p95_s, inflation
        ``count``: once per object; ``event_couples``: once per pair of events; ``objects``:
        objects that took it at least once; ``inflation``: count per event couple.
    warnings : tuple of str
        Types whose figures repeat shared events by more than a fifth.
    """

    types: pd.DataFrame = field(repr=False)
    activities: pd.DataFrame = field(repr=False)
    edges: pd.DataFrame = field(repr=False)
    warnings: tuple[str, ...]


def object_types(log: EventLog) -> list[str]:
    """Object types the log's events are linked to, in alphabetical order."""
    found = log.engine.select("select distinct object_type from log_objects order by object_type")
    return [str(name) for name in found["object_type"].to_pylist()]


def log_of_objects(log: EventLog, object_type: str) -> EventLog:
    """The log with the objects of a type as its cases; ``line`` is the log itself.

    Raises
    ------
    UnknownObjectType
    """
    if object_type == LINE:
        return log
    known = object_types(log)
    if object_type not in known:
        raise UnknownObjectType(object_type, known)
    engine = DuckDBEngine.blank()
    log.engine.define_as(
        "object_log_events",
        "select distinct events.event_id, links.object_type, links.object_id as case_id, "
        "events.activity, events.site, events.occurred_us, events.source_seq, events.event_key "
        "from log_events as events join log_objects as links on events.event_id = links.event_id",
    )
    log.engine.register("asked_type", pa.table({"object_type": [object_type]}))
    lived = process_events("object_log_events", "object_type", "event_id")
    rows = log.engine.select(
        f"select * from ({lived}) as lived "
        "where object_type in (select object_type from asked_type)"
    )
    log.engine.drop("asked_type", "object_log_events")
    engine.register("log_events", rows.drop_columns(["event_id", "object_type"]))
    inflation = rows.num_rows / max(pc.count_distinct(rows["event_id"]).as_py(), 1)
    warnings = (_warning(object_type, inflation),) if inflation > INFLATION_WARNING else ()
    return replace(derive_here(engine, as_of=log.as_of, like=log), warnings=warnings)


def object_centric_graph(log: EventLog) -> ObjectGraph:
    """Mine the directly-follows graph of every object type at once.

    Returns
    -------
    ObjectGraph
    """
    engine = log.engine
    for relation in ("numbered_events", "object_numbers", "object_events", "object_steps"):
        engine.create(relation, relation)
        if relation == "object_events":
            engine.drop("numbered_events")
    engine.drop("object_events")
    types = fetch_frame(engine, "object_types")
    activities = fetch_frame(engine, "object_activities")
    edges = fetch_frame(engine, "object_edges")
    engine.drop("object_steps", "object_numbers")
    names = dict(zip(types["type_no"], types["object_type"], strict=True))
    types["inflation"] = types["links"] / types["events"]
    activities.insert(0, "object_type", activities.pop("type_no").map(names).astype(object))
    activities.insert(1, "activity", activities.pop("source").map(log.activities).astype(object))
    edges.insert(0, "object_type", edges.pop("type_no").map(names).astype(object))
    for end in ("source", "target"):
        edges[end] = edges[end].map(log.activities).astype(object)
    edges = edges.rename(columns={"n": "count"})
    edges["inflation"] = edges["count"] / edges["event_couples"]
    order = ["object_type", "count", "source", "target"]
    return ObjectGraph(
        types=types.drop(columns="type_no").sort_values("object_type", ignore_index=True),
        activities=activities.sort_values(["object_type", "activity"], ignore_index=True),
        edges=edges.sort_values(order, ascending=[True, False, True, True], ignore_index=True),
        warnings=_warnings(types),
    )


def _warnings(types: pd.DataFrame) -> tuple[str, ...]:
    inflated = types[types["inflation"] > INFLATION_WARNING].sort_values("object_type")
    pairs = zip(inflated["object_type"], inflated["inflation"], strict=True)
    return tuple(_warning(str(name), float(times)) for name, times in pairs)


def _warning(object_type: str, inflation: float) -> str:
    return (
        f"Events are shared between {object_type} objects: counts per {object_type} are "
        f"{inflation:.1f} times the number of events. Read event couples, not counts."
    )
