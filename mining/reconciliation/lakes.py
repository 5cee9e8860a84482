"""Reconcile what a lake holds: stock with the ERP, money with customers and suppliers."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd

from ingestion.errors import EmptyLake
from ingestion.lake import Lake, newest
from ingestion.settings import Settings
from mining.calendars import Calendar
from mining.engine import DuckDBEngine, UnknownEngine
from mining.events import BadMoment, latest_known, to_microseconds, view_lake_events
from mining.log import EventLog, calendars_of
from mining.reconciliation.balances import balance_breaks, roll_forward
from mining.reconciliation.findings import NAMES, Break, Reconciliation
from mining.reconciliation.frames import Frame, Setting, in_order, reconcile_tables
from mining.reconciliation.held import Holder
from mining.reconciliation.incremental import RunningReconciliation
from mining.reconciliation.policy import Policy
from mining.reconciliation.records import Records, exists
from mining.reconciliation.refused import await_refused, named_movements, refused_records
from mining.reconciliation.settlement import credit_breaks, supplier_breaks

Moment = datetime | date | str


def reconcile(
    home_or_log: str | Path | EventLog | None = None,
    *,
    as_of: Moment | None = None,
    policy: Policy | None = None,
    balances: Frame | None = None,
) -> Reconciliation:
    """Reconcile a home (or a loaded log): every unit and every cent, each break explained.

    Parameters
    ----------
    home_or_log : path or EventLog, optional
        A home (default ``RETRACE_HOME`` or ``.retrace``).
    as_of : moment, optional
        Only what was known then; the latest moment in the lake by default.
    policy : Policy, optional
    balances : frame, optional
        Stock the ERP reports: site, sku, status, at, quantity. Two or more moments are rolled
        forward by the postings between them (transfers leave RETURNS_HOLD).

    Raises
    ------
    EmptyLake, BadMoment, BadPolicy
    """
    policy = policy or Policy.load()
    engine, known_us, calendars = open_facts(home_or_log, as_of)
    records = Records(engine, known_us)
    calendars.sort(key=lambda one: one.site)  # the order tells a kept state from another
    setting = Setting(policy, tuple(calendars), _service_levels(engine))
    lake = None
    if as_of is None and not isinstance(home_or_log, EventLog):
        lake = Lake(Settings.load(home_or_log).home)
    found = _stock(records, setting, known_us, lake)
    money = [
        *credit_breaks(records, policy=policy, as_of_us=known_us),
        *supplier_breaks(records, policy=policy, as_of_us=known_us),
    ]
    found = await_refused(found, refused_records(engine), named_movements(found, records.posted))
    drift = [] if balances is None else _drift(records, balances, policy, known_us)
    examined = set(NAMES) if balances is not None else set(NAMES) - {"B16"}
    breaks = in_order([*found.breaks, *money, *drift])
    return replace(found, breaks=breaks, examined=frozenset(examined))


def _stock(records: Records, setting: Setting, known_us: int, lake: Lake | None) -> Reconciliation:
    """Movements against postings; with a lake to keep the state in, only what is new since."""
    as_of = to_moment(known_us)
    if lake is None:
        sides = (records.moved, records.posted)
        return reconcile_tables(*sides, setting=setting, known_us=known_us)[0]
    holder, books = Holder(lake.path("reconciled"), setting), RunningReconciliation.by(setting)
    former = holder.load()
    if former is not None:
        books.resume(former)
    found = books.restate(records.moved, records.posted, as_of=as_of)
    if books.changes and (state := books.state) is not None:
        holder.save(state)
    return found


def _drift(records: Records, balances: Frame, policy: Policy, known_us: int) -> list[Break]:
    """B16: the ERP's own postings against the stock it reports."""
    postings = records.posted.to_pandas()
    cost = postings.groupby("sku")["unit_cost"].first().dropna().to_dict()
    transfer = postings["kind"] == "transfer"
    postings["from_status"] = pd.Series("RETURNS_HOLD", postings.index).where(transfer)
    rolled = roll_forward(balances, postings)
    return balance_breaks(rolled, policy=policy, as_of=to_moment(known_us), unit_cost=cost)


def open_facts(
    home_or_log: str | Path | EventLog | None, as_of: Moment | None
) -> tuple[DuckDBEngine, int, list[Calendar]]:
    """An engine over the facts, the moment they are known at, and the sites' calendars.

    Raises
    ------
    EmptyLake, BadMoment, UnknownEngine
    """
    if isinstance(home_or_log, EventLog):
        known = home_or_log.as_of_us if as_of is None else to_microseconds(as_of)
        engine = home_or_log.engine
        if not isinstance(engine, DuckDBEngine):
            raise UnknownEngine(
                f"Reconciliation does not run on {engine.name}. Load the log with duckdb."
            )
        return engine, known, calendars_of(engine) if exists(engine, "sites") else []
    lake = Lake(Settings.load(home_or_log).home)
    if lake.version("events") is None:
        raise EmptyLake(lake.home)
    engine = DuckDBEngine(lake.connect())
    view_lake_events(engine)
    latest = latest_known(engine)
    if latest is None:
        raise EmptyLake(lake.home)
    known = latest if as_of is None else min(latest, to_microseconds(as_of))
    return engine, known, calendars_of(engine)


def to_moment(moment_us: int) -> datetime:
    """The moment so many microseconds after 1970, UTC.

    Raises
    ------
    BadMoment
        No calendar holds it.
    """
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us)
    except OverflowError as error:
        raise BadMoment(f"{moment_us} microseconds after 1970") from error


def _service_levels(engine: DuckDBEngine) -> dict[str, float]:
    """Hours a posting may take per site, as last stated."""
    if not exists(engine, "sites"):
        return {}
    rows = engine.select(
        "select site, posting_sla_h from sites where posting_sla_h is not null "
        + newest("sites", "site")
    )
    return {row["site"]: row["posting_sla_h"] for row in rows.to_pylist()}
