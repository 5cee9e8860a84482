"""Open a log: a home's by its stored derivation, anything else derived in memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa

from ingestion.errors import EmptyLake, HomeIsBusy, RetraceError
from ingestion.lake import Lake, newest
from ingestion.schema import REFERENCE
from ingestion.settings import Settings
from mining.calendars import Calendar, site_calendars
from mining.engine import DuckDBEngine, Engine, UnknownEngine
from mining.event_log import EventLog, Moment, UnknownSite
from mining.events import (
    BadFrame,
    ProcessFrame,
    known_at,
    latest_known,
    process_events,
    register_frame,
    register_objects,
    to_microseconds,
    view_lake_events,
    view_lake_objects,
)
from mining.store import DerivedStore, event_files
from mining.transitions import activity_names, derive, forget_known, number_cases, site_numbers

__all__ = ["EventLog", "Moment", "UnknownSite", "calendars_of", "derive_here", "load"]


def load(
    home_or_frame: str | Path | ProcessFrame | None = None,
    *,
    source: str | None = None,
    as_of: Moment | None = None,
    engine: str = "duckdb",
    objects: ProcessFrame | None = None,
) -> EventLog:
    """Open a log for mining, refreshing what was derived from it.

    Parameters
    ----------
    home_or_frame : path, pandas frame or Arrow table, optional
        A home (default ``RETRACE_HOME`` or ``.retrace``), or events with at least the columns
        case_id, activity and occurred_at.
    source : str, optional
        Only what this source said.
    as_of : moment, optional
        Only what was known then: ``recorded_at``, where null ``occurred_at``, up to this moment.
    engine : str
        ``"duckdb"``, or ``"spark"`` for a log that outgrows one machine (maps, variants, KPIs).
    objects : frame, optional
        With a frame of events that has an event_id: the objects they touched, columns event_id,
        object_type and object_id (a home knows its own).

    Raises
    ------
    EmptyLake, BadFrame, BadMoment, UnknownEngine
    """
    if engine not in {"duckdb", "spark"}:
        raise UnknownEngine(f"There is no engine {engine!r}. Use duckdb or spark.")
    as_of_us = None if as_of is None else to_microseconds(as_of)
    if isinstance(home_or_frame, (pd.DataFrame, pa.Table)):
        return _load_frame(home_or_frame, objects, source, as_of_us, spark=engine == "spark")
    lake = Lake(Settings.load(home_or_frame).home)
    if lake.version("events") is None:
        raise EmptyLake(lake.home)
    if engine == "spark":
        return _load_home_on_spark(lake, source, as_of_us)
    return _load_home(lake, source, as_of_us)


def _load_frame(
    frame: ProcessFrame,
    objects: ProcessFrame | None,
    source: str | None,
    as_of_us: int | None,
    *,
    spark: bool,
) -> EventLog:
    engine = DuckDBEngine.blank()
    register_frame(engine, frame, source=source)
    register_objects(engine, objects)
    latest = latest_known(engine)
    if as_of_us is not None:
        engine.create_as("known_events", f"select * from log_events where {known_at(as_of_us)}")
        engine.define_as("log_events", "select * from known_events")
    if latest is None or latest_known(engine) is None:
        raise BadFrame("The frame holds no events (as of the moment asked for).")
    for table, schema in REFERENCE.items():
        engine.register(table, schema.empty_table())
    _register_item_costs(engine)
    runner: Engine = _moved_to_spark(engine) if spark else engine
    _derive_here(runner, ())
    return _handle(runner, latest, as_of_us, None, source)


def _moved_to_spark(engine: DuckDBEngine) -> Engine:
    from mining.spark import SparkEngine

    moved = SparkEngine.local()
    for relation in ("log_events", "log_objects", "item_costs", "sites"):
        moved.register(relation, engine.select(f"select * from {relation}"))
    return moved


def _load_home_on_spark(lake: Lake, source: str | None, as_of_us: int | None) -> EventLog:
    """Spark reads the events itself; DuckDB only says which deliveries count."""
    from mining.spark import SparkEngine

    here = DuckDBEngine(lake.connect())
    view_lake_objects(here)
    _register_item_costs(here)
    deliveries = here.select("select delivery_id from active_deliveries")["delivery_id"]
    engine = SparkEngine.local()
    files = event_files(lake)
    engine.read_events(files, deliveries.to_pylist())
    engine.only(source=source, as_of_us=None)
    latest = latest_known(engine)
    engine.only(source=None, as_of_us=as_of_us)
    if latest is None or latest_known(engine) is None:
        raise _nothing_known(lake, source, as_of_us)
    for relation in ("log_objects", "item_costs", "sites"):
        engine.register(relation, here.select(f"select * from {relation}"))
    _derive_here(engine, calendars_of(here))
    return _handle(engine, latest, as_of_us, lake.version("events"), source)


def _load_home(lake: Lake, source: str | None, as_of_us: int | None) -> EventLog:
    if source is None:
        stored = _load_stored(lake)
        if stored is not None and (as_of_us is None or as_of_us >= stored.as_of_us):
            return stored
    engine = DuckDBEngine(lake.connect())
    view_lake_events(engine, source=source)
    latest = latest_known(engine)
    view_lake_events(engine, source=source, as_of_us=as_of_us)
    if latest is None or latest_known(engine) is None:
        raise _nothing_known(lake, source, as_of_us)
    view_lake_objects(engine)
    _register_item_costs(engine)
    _derive_here(engine, calendars_of(engine))
    return _handle(engine, latest, as_of_us, lake.version("events"), source)


def _load_stored(lake: Lake) -> EventLog | None:
    """The log by the stored derivation, refreshed if need be; None when the home is busy."""
    store = DerivedStore(lake)
    found = store.read()
    engine = None
    if not store.is_current(found):
        try:
            with lake.writing():
                engine = DuckDBEngine(lake.connect())
                view_lake_events(engine)
                found = store.refresh(engine, calendars_of(engine))
        except (HomeIsBusy, OSError):
            return None
    assert found is not None
    if found.cases == 0:
        raise EmptyLake(lake.home)
    if engine is None:
        engine = DuckDBEngine(lake.connect())
        view_lake_events(engine)
    view_lake_objects(engine)
    store.attach(engine, found)
    _register_item_costs(engine)
    log = _handle(engine, found.as_of_us, None, found.events_version, None)
    return replace(log, answers=store.answers(found))


def _nothing_known(lake: Lake, source: str | None, as_of_us: int | None) -> RetraceError:
    if source is None and as_of_us is None:
        return EmptyLake(lake.home)
    who = "" if source is None else f" from source {source!r}"
    when = "" if as_of_us is None else " known at that moment"
    return RetraceError(f"{lake.home} holds no events{who}{when}. See: retrace status")


def _derive_here(engine: Engine, calendars: list[Calendar] | tuple[()]) -> None:
    """Derive in memory, without storing."""
    forget_known(engine)
    engine.define_as("new_events", process_events())
    number_cases(engine)
    derive(engine, calendars=calendars)
    engine.create_as("transitions", "select * from derived_transitions")
    engine.create_as("cases", "select * from dated_cases")
    engine.drop("derived_transitions", "plain_transitions", "business_days", "ordered_events")
    engine.drop("dated_cases", "case_numbers")


def derive_here(
    engine: Engine,
    *,
    as_of: datetime,
    like: EventLog,
    calendars: list[Calendar] | tuple[()] = (),
) -> EventLog:
    """Derive a log that tells the same facts otherwise: other objects as cases, or other times."""
    _derive_here(engine, calendars)
    return EventLog(
        engine=engine,
        as_of=as_of,
        events_version=like.events_version,
        source=like.source,
        activities=activity_names(engine),
        sites=site_numbers(engine),
    )


def _handle(
    engine: Engine,
    latest_us: int,
    as_of_us: int | None,
    events_version: int | None,
    source: str | None,
) -> EventLog:
    known_us = latest_us if as_of_us is None else min(latest_us, as_of_us)
    return EventLog(
        engine=engine,
        as_of=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=known_us),
        events_version=events_version,
        source=source,
        activities=activity_names(engine),
        sites=site_numbers(engine),
    )


def _register_item_costs(engine: DuckDBEngine) -> None:
    """``item_costs``: standard cost per sku, as last stated."""
    engine.create_as(
        "item_costs",
        "select sku, cast(std_cost as double) as std_cost from items " + newest("items", "sku"),
    )


def calendars_of(engine: Engine) -> list[Calendar]:
    """Calendars of the lake's sites, as last stated."""
    rows = engine.select(f"select site, time_zone, calendar from sites {newest('sites', 'site')}")
    return site_calendars(rows.to_pylist())
