"""Reconcile any two frames of movements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from mining.calendars import Calendar
from mining.events import to_microseconds
from mining.reconciliation.board import Board
from mining.reconciliation.deadlines import deadlines
from mining.reconciliation.differences import compare
from mining.reconciliation.findings import Break, Reconciliation
from mining.reconciliation.movements import HOUR_US, to_sides
from mining.reconciliation.outcome import close, movements_frame, reviews_frame, write_breaks
from mining.reconciliation.passes import run_passes
from mining.reconciliation.policy import Policy

Frame: TypeAlias = pd.DataFrame | pa.Table
Moment = datetime | date | str


def reconcile_frames(
    left: Frame,
    right: Frame,
    *,
    policy: Policy | None = None,
    keys: Sequence[tuple[str, ...]] | None = None,
    as_of: Moment | None = None,
    calendars: Sequence[Calendar] = (),
    site_sla_h: Mapping[str, float] | None = None,
) -> Reconciliation:
    """Match movements of one system with postings of another and explain every difference.

    Parameters
    ----------
    left : frame
        What happened (the warehouse): at least movement_id, quantity (base units, signed) and
        occurred_at. Understood besides: recorded_at, reference, line, number, sku, lot, serial,
        kind, status, location, site, value, unit_cost, pack_factor, business_date, reversal_of,
        reversal, failed, error, bulk, channel, family.
    right : frame
        What was posted (the ERP): the same, and document (the movement it names), posting_date.
    policy : Policy, optional
        Passes, tolerances and service levels; the shipped one by default.
    keys : sequence of tuples of columns, optional
        Match by these keys instead of the policy's passes, the strongest first.
    as_of : moment, optional
        Rows recorded later are not looked at; by default the latest row of either frame.
    calendars : sequence of Calendar
        Working days of the sites: how long a posting may take, and local business days.
    site_sla_h : mapping of site to hours, optional

    Raises
    ------
    BadMovements, BadPolicy

    Examples
    --------
    >>> moved = pd.DataFrame({"movement_id": ["W1", "W2"], "line": ["R1:1", "R1:2"],
    ...     "quantity": [24, 5], "pack_factor": [12, 1],
    ...     "occurred_at": pd.to_datetime(["2026-03-03", "2026-03-03"])})
    >>> posted = pd.DataFrame({"movement_id": ["E1", "E2"], "line": ["R1:1", "R1:2"],
    ...     "quantity": [2, 5], "occurred_at": pd.to_datetime(["2026-03-04", "2026-03-04"])})
    >>> found = reconcile_frames(moved, posted, keys=[("line",)])
    >>> found.matched, found.by_type, found.breaks[0].members
    (1, {'B06': 1}, ('W1', 'E1'))
    """
    policy = policy or Policy.load()
    if keys is not None:
        policy = policy.with_keys(*keys)
    known_us = None if as_of is None else to_microseconds(as_of)
    setting = Setting(policy, tuple(calendars), site_sla_h or {})
    return reconcile_tables(left, right, setting=setting, known_us=known_us)[0]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a reconciliation is done by: rules, working days, and hours a posting may take."""

    policy: Policy
    calendars: tuple[Calendar, ...] = ()
    site_sla_h: Mapping[str, float] = field(default_factory=dict)


def reconcile_tables(
    left: Frame, right: Frame, *, setting: Setting, known_us: int | None
) -> tuple[Reconciliation, Board]:
    """The answer, and the state the passes left behind."""
    policy = setting.policy
    sides = to_sides(
        left,
        right,
        statuses=policy.statuses,
        locations=policy.locations,
        zones={calendar.site: calendar.zone for calendar in setting.calendars},
        known_us=known_us,
    )
    moments = [int(side.recorded.max()) for side in sides if len(side)]
    as_of_us = max(moments, default=0) if known_us is None else known_us
    board = Board(*sides, skew_us=int(policy.tolerances.clock_skew_h * HOUR_US))
    run_passes(board, policy)
    differences = compare(board, policy)
    due = deadlines(
        board.left, policy=policy, calendars=setting.calendars, site_sla_h=setting.site_sla_h
    )
    verdict = close(board, differences, due, as_of_us)
    breaks = write_breaks(board, verdict, differences, policy=policy, due=due, as_of_us=as_of_us)
    movements = movements_frame(board, verdict, due, policy)
    clean = (movements["side"] == "left") & (movements["type"] == "")
    found = Reconciliation(
        as_of=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=as_of_us),
        rules=policy.version,
        matched=int(clean.sum()),
        breaks=in_order(breaks),
        movements=movements,
        reviews=reviews_frame(board),
        ignored=sum(side.ignored.num_rows for side in sides),
    )
    return found, board


def in_order(breaks: Sequence[Break]) -> tuple[Break, ...]:
    """Breaks by type and id."""
    return tuple(sorted(breaks, key=lambda one: (one.type, one.break_id)))
