"""Reconcile as records arrive: only what new records can touch is matched again.

Records that share a key a pass could match them by form a component; nothing in one component can
change another. A component in which time alone changes nothing but ages is set aside, and taken up
again only when a new record shares a key with it, or one of its own is gone. The answer is that of
a reconciliation of everything from scratch.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Self

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from mining.calendars import Calendar
from mining.events import to_microseconds
from mining.reconciliation.board import Board
from mining.reconciliation.components import Hashes, Tables, components, key_lists, mixed
from mining.reconciliation.findings import Break, Reconciliation, age_bucket
from mining.reconciliation.frames import Frame, Moment, Setting, in_order, reconcile_tables
from mining.reconciliation.movements import DAY_US, BadMovements, Ints, Side, shaped_sides
from mining.reconciliation.policy import Policy
from mining.reconciliation.shelves import (
    Names,
    Shelf,
    State,
    filtered,
    joined,
    next_group,
    stacked,
    united,
)

_SIDES: Final = ("left", "right")


class RunningReconciliation:
    """Two records that grow, reconciled after each delivery.

    Parameters
    ----------
    policy, keys, calendars, site_sla_h
        As for ``reconcile_frames``.

    Attributes
    ----------
    changes : int
        Rows the last ``restate`` found new or gone.

    Examples
    --------
    >>> moved = pd.DataFrame({"movement_id": ["W1"], "line": ["R1:1"], "quantity": [5],
    ...     "occurred_at": pd.to_datetime(["2026-03-03"])})
    >>> books = RunningReconciliation(keys=[("line",)])
    >>> books.add(left=moved, as_of="2026-03-09").by_type
    {'B01': 1}
    >>> posted = moved.assign(movement_id="E1", occurred_at=pd.to_datetime(["2026-03-08"]))
    >>> found = books.add(right=posted, as_of="2026-03-09")
    >>> found.matched, found.by_type
    (1, {})
    """

    def __init__(
        self,
        *,
        policy: Policy | None = None,
        keys: Sequence[tuple[str, ...]] | None = None,
        calendars: Sequence[Calendar] = (),
        site_sla_h: dict[str, float] | None = None,
    ) -> None:
        said = policy or Policy.load()
        said = said if keys is None else said.with_keys(*keys)
        self._set(Setting(said, tuple(calendars), site_sla_h or {}))

    @classmethod
    def by(cls, setting: Setting) -> Self:
        """One that works by rules, calendars and service levels put together already."""
        books = cls(policy=setting.policy)
        books._set(setting)
        return books

    def _set(self, setting: Setting) -> None:
        said = setting.policy
        self._setting = setting
        self._mapped = replace(setting, policy=replace(said, statuses={}, locations={}))
        self._forget()

    def _forget(self) -> None:
        self._open: Tables = shaped_sides(None, None, statuses={}, locations={})
        self._shelves: list[Shelf] = []
        self._latest_us: int | None = None
        self.changes = 0

    def add(
        self,
        left: Frame | None = None,
        right: Frame | None = None,
        *,
        as_of: Moment | None = None,
    ) -> Reconciliation:
        """Take further rows in, and reconcile everything taken in so far.

        Parameters
        ----------
        left, right : frames, optional
            As for ``reconcile_frames``; only what is new.
        as_of : moment, optional
            The latest row taken in so far by default.

        Raises
        ------
        BadMovements
            Also where ``as_of`` lies before a row: the past is ``reconcile_frames``'s to show.
        """
        new = self._shaped(left, right)
        asked = self._moment(new, as_of)
        return self._again(joined(self._open, new), asked)

    def restate(self, left: Frame, right: Frame, *, as_of: Moment) -> Reconciliation:
        """Reconcile these rows and no others: what is new, changed or gone since is looked at.

        Parameters
        ----------
        left, right : frames
            As for ``reconcile_frames``; everything that was recorded up to ``as_of``.
        as_of : moment
            Before the moment asked for the last time, everything is reconciled from scratch.

        Raises
        ------
        BadMovements
        """
        rows = self._shaped(left, right)
        names = _names(rows)
        asked = to_microseconds(as_of)
        if self._latest_us is not None and asked < self._latest_us:
            self._forget()
        self._latest_us = asked
        gone, fresh = self._changes(names)
        self.changes = sum(map(len, (*gone, *fresh)))
        active = joined(_without(self._open, gone), _only(rows, names, fresh))
        for shelf in self._shelves:
            active = joined(active, _without(shelf.take(shelf.holding(gone)), gone))
        return self._again(active, asked)

    @property
    def state(self) -> State | None:
        """Everything another one needs to go on from here; None before the first call."""
        if self._latest_us is None or not self._shelves:
            return None
        self._shelves = [united(self._shelves)]
        return State(self._latest_us, self._open, self._shelves[0])

    def resume(self, state: State) -> None:
        """Go on from a state of one with the same rules, calendars and service levels."""
        self._open, self._shelves, self._latest_us = state.open, [state.shelf], state.as_of_us

    def _shaped(self, left: Frame | None, right: Frame | None) -> Tables:
        said = self._setting.policy
        return shaped_sides(left, right, statuses=said.statuses, locations=said.locations)

    def _changes(self, names: Names) -> tuple[Names, Names]:
        """Rows held that are not among these, and those of these that are not held."""
        held = [_names(self._open), *(shelf.living_names() for shelf in self._shelves)]
        gone, fresh = [], []
        for side, now in enumerate(names):
            before = np.concatenate([one[side] for one in held])
            gone.append(_less(before, now))
            fresh.append(_less(now, before))
        return (gone[0], gone[1]), (fresh[0], fresh[1])

    def _again(self, active: Tables, as_of_us: int) -> Reconciliation:
        """Match the active rows and all they touch; everything else stands."""
        active = self._with_touched(active)
        found, board = reconcile_tables(*active, setting=self._mapped, known_us=as_of_us)
        answer = self._whole(found)
        self._shelve(found, board)
        return answer

    def _moment(self, new: Tables, as_of: Moment | None) -> int:
        times = [_latest(table) for table in new if len(table)]
        known = [] if self._latest_us is None else [self._latest_us]
        latest = max([*times, *known], default=0)
        asked = latest if as_of is None else to_microseconds(as_of)
        if asked < latest:
            raise BadMovements(
                f"Rows recorded after {as_of} have been taken in, or a later state has been asked "
                "for. Ask reconcile_frames for an earlier one."
            )
        self._latest_us = asked
        return asked

    def _with_touched(self, active: Tables) -> Tables:
        """The active rows and every component that shares a key with them."""
        frontier = active
        while any(map(len, frontier)) and self._shelves:
            asked = np.unique(np.concatenate([*key_lists(frontier, self._setting.policy)]))
            frontier = joined(*(shelf.take(shelf.sharing(asked)) for shelf in self._shelves))
            active = joined(active, frontier)
        return active

    def _whole(self, found: Reconciliation) -> Reconciliation:
        """The answer with everything on the shelves."""
        parts, ignored, breaks = [found.movements], found.ignored, [*found.breaks]
        as_of_us = to_microseconds(found.as_of)
        base = next_group(found.movements)
        for shelf in self._shelves:
            kept = shelf.movements[shelf.alive[shelf.of_movement]]
            ignored += sum(int(shelf.alive[own].sum()) for own in shelf.component) - len(kept)
            if len(kept):
                parts.append(kept.assign(group=kept["group"] + base))
                base = next_group(parts[-1])
            there = shelf.alive[shelf.of_break].tolist()
            breaks += [
                _aged(one, as_of_us) for one, on in zip(shelf.breaks, there, strict=True) if on
            ]
        movements = stacked(parts)
        clean = (movements["side"] == "left") & (movements["type"] == "")
        return replace(
            found,
            movements=movements,
            matched=int(clean.sum()),
            breaks=in_order(breaks),
            ignored=ignored,
        )

    def _shelve(self, found: Reconciliation, board: Board) -> None:
        """Set components aside, but for what may become overdue or waits for a person's choice."""
        rows = (_all_rows(board.left), _all_rows(board.right))
        passes = (
            _passes(board, board.left_group, rows[0]),
            _passes(board, board.right_group, rows[1]),
        )
        component, keys, owner = components(rows, passes, self._setting.policy)
        count = int(max((int(one.max(initial=-1)) for one in component), default=-1)) + 1
        settled = np.ones(count, bool)
        of_movement = np.concatenate(
            [component[0][: len(board.left)], component[1][: len(board.right)]]
        )
        settled[of_movement[_not_yet_due(found)]] = False
        for review in board.reviews:
            settled[component[_SIDES.index(review.one_side)][review.row]] = False
        aside = (settled[component[0]], settled[component[1]])
        self._open = filtered(rows, (~aside[0], ~aside[1]))
        mine = settled[of_movement]
        kept = filtered(rows, aside)
        order = np.argsort(keys[settled[owner]], kind="stable")
        of_break = _of_breaks(found, of_movement)
        self._shelves.append(
            Shelf(
                rows=kept,
                names=_names(kept),
                component=(component[0][aside[0]], component[1][aside[1]]),
                keys=keys[settled[owner]][order],
                owner=owner[settled[owner]][order],
                movements=found.movements[mine],
                of_movement=of_movement[mine],
                breaks=found.breaks,
                of_break=of_break,
                alive=settled.copy(),
            )
        )


def _not_yet_due(found: Reconciliation) -> npt.NDArray[np.bool_]:
    """Movements that become missing by waiting: under way, or posted and reversed too early."""
    rows = found.movements
    early = (rows["type"] == "B14") & (rows["due_at"] >= pd.Timestamp(found.as_of))
    waiting: npt.NDArray[np.bool_] = ((rows["type"] == "B03") | early).to_numpy()
    return waiting


def _of_breaks(found: Reconciliation, of_movement: Ints) -> Ints:
    """Component of each break."""
    broken = (found.movements["type"] != "").to_numpy()
    names = found.movements["movement_id"][broken]
    component = dict(zip(names, of_movement[broken].tolist(), strict=True))
    return np.array([component[one.members[0]] for one in found.breaks], np.int64)


def _aged(one: Break, as_of_us: int) -> Break:
    """The same break at a later moment."""
    opened = to_microseconds(one.opened_at) if one.opened_at else as_of_us
    age = round((as_of_us - opened) / DAY_US, 3)
    return replace(one, age_days=age, age_bucket=age_bucket(age))


def _latest(table: pa.Table) -> int:
    times = table["recorded_at"].combine_chunks().fill_null(0).cast(pa.int64()).to_numpy()
    occurred = table["occurred_at"].cast(pa.int64()).to_numpy()
    return int(np.where(times == 0, occurred, times).max())


def _names(rows: Tables) -> Names:
    """A number per row that tells it from all others by its contents.

    Of rows with the same contents, the first, the second and so on have names of their own.
    """
    left, right = (_named(table) for table in rows)
    return left, right


def _named(table: pa.Table) -> Hashes:
    columns = ", ".join(table.column_names)
    query = f"select hash({columns}) as name from contents"
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.register("contents", table)
        hashes = con.execute(query).fetchnumpy()["name"].astype(np.uint64)
    rows = pd.Series(hashes)
    again = rows.groupby(rows).cumcount().to_numpy()
    return mixed(hashes, again.astype(np.uint64))


def _less(names: Hashes, others: Hashes) -> Hashes:
    """Names that are not among the others; no name stands twice on a side."""
    return names[np.isin(names, others, assume_unique=True, invert=True, kind="sort")]


def _only(rows: Tables, names: Names, wanted: Names) -> Tables:
    left, right = (
        np.isin(mine, some, assume_unique=True, kind="sort")
        for mine, some in zip(names, wanted, strict=True)
    )
    return filtered(rows, (left, right))


def _without(rows: Tables, gone: Names) -> Tables:
    names = _names(rows)
    left, right = (_less(mine, some) for mine, some in zip(names, gone, strict=True))
    return _only(rows, names, (left, right))


def _all_rows(side: Side) -> pa.Table:
    """The rows that took part, then their exact repetitions."""
    return pa.concat_tables([side.table, side.ignored]).combine_chunks()


def _passes(board: Board, group: Ints, rows: pa.Table) -> Ints:
    """Pass that linked each row; repetitions take part in none."""
    found = np.full(len(rows), -1, np.int64)
    found[: len(group)] = board.pass_of_group[group]
    return found


__all__ = ["RunningReconciliation"]
