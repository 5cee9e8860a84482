"""Compare what was linked: per group of movements and postings, every way in which they differ."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from mining.reconciliation.board import EXTRA, NETTED, PLAIN, Board
from mining.reconciliation.movements import NEVER, Flags, Floats, Ints, Side, months
from mining.reconciliation.policy import Policy

PRECEDENCE: Final = (
    *("B04", "B14", "B09", "B01", "B06", "B05", "B08", "B07", "B10", "B12", "B13"),
)
"""Which difference of a group becomes its type; the others become secondary."""


@dataclass(frozen=True)
class Differences:
    """One row per group that has a movement and a posting; all arrays of shape (n,).

    Parameters
    ----------
    group, left, right : int
        Number of the group, its earliest movement, its earliest counting posting.
    delta_quantity, delta_value : float
        Posted minus moved, base units and money.
    factor : float
        Pack factor that explains the quantities; 0 where none does.
    flags : dict of bool arrays
        Per break type, whether the group shows it.
    """

    group: Ints
    left: Ints
    right: Ints
    moved: Floats
    posted: Floats
    extra: Floats
    delta_quantity: Floats
    delta_value: Floats
    unit_cost: Floats
    factor: Floats
    flags: dict[str, Flags]

    def primary(self) -> "np.ndarray[tuple[int], np.dtype[np.str_]]":
        """Type of each group; "" where nothing differs."""
        found = np.full(len(self.group), "", "<U3")
        for code in reversed(PRECEDENCE):
            found[self.flags[code]] = code
        return found


def compare(board: Board, policy: Policy) -> Differences:
    """Compare every linked group."""
    first_left, first_right = board.first_left(), board.first_right()
    group = np.flatnonzero((first_left != NEVER) & (first_right != NEVER))
    left, right = first_left[group], first_right[group]
    a, b = board.left, board.right
    moved = _sum(board, a.quantity, None)[group]
    posted = _sum(board, b.quantity, PLAIN)[group]
    extra = _sum(board, b.quantity, EXTRA)[group]
    unit = unit_costs(a, b, left, right)
    factor = _pack_factor(np.maximum(a.pack[left], b.pack[right]), moved, posted)
    off = _off_quantity(policy, a.bulk[left], moved, posted)
    identity = _differs(a, b, left, right, "sku", "lot", "serial")
    booked = _sum(board, np.nan_to_num(b.value), PLAIN)[group]
    value_off = _off_value(policy, booked, posted * unit, b.value[right]) & ~(off | identity)
    short = _made_by(board, policy, "shortfall")[group] & off
    flags = {
        "B01": short,
        "B04": _count(board, EXTRA)[group] > 0,
        "B14": np.zeros(len(group), bool),
        "B09": identity,
        "B06": off & ~short & (factor > 0),
        "B05": off & ~short & (factor == 0),
        "B08": _differs(a, b, left, right, "site", "location"),
        "B07": _differs(a, b, left, right, "status"),
        "B10": _unlinked(board, policy, group, left, right),
        "B12": months(a.day[left]) != months(b.day[right]),
        "B13": value_off,
    }
    delta = posted + extra - moved
    delta = np.where(off | (extra != 0), delta, 0.0)
    money = np.where(value_off & (delta == 0), booked - posted * unit, delta * np.nan_to_num(unit))
    return Differences(
        group, left, right, moved, posted, extra, delta, money, np.nan_to_num(unit), factor, flags
    )


def unit_costs(left: Side, right: Side, rows: Ints, postings: Ints) -> Floats:
    """Cost per base unit: as stated, else from the value of the movement; NaN where unknown."""
    stated = left.unit_cost[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        own = left.value[rows] / left.quantity[rows]
    posted = right.unit_cost[postings]
    found = np.where(np.isnan(stated), np.where(np.isnan(own), posted, own), stated)
    cost: Floats = np.where(np.isfinite(found), found, np.nan)
    return cost


def _sum(board: Board, values: Floats, role: int | None) -> Floats:
    if role is None:
        group, mine = board.left_group, board.left_group >= 0
    else:
        group, mine = board.right_group, (board.right_group >= 0) & (board.role == role)
    sums: Floats = np.bincount(group[mine], weights=values[mine], minlength=board.groups).astype(
        np.float64
    )
    return sums


def _count(board: Board, role: int) -> Ints:
    mine = (board.right_group >= 0) & (board.role == role)
    return np.bincount(board.right_group[mine], minlength=board.groups)


def _differs(a: Side, b: Side, left: Ints, right: Ints, *columns: str) -> Flags:
    found = np.zeros(len(left), bool)
    for column in columns:
        mine, theirs = a.codes[column][left], b.codes[column][right]
        found |= (mine >= 0) & (theirs >= 0) & (mine != theirs)
    return found


def _off_quantity(policy: Policy, bulk: Flags, moved: Floats, posted: Floats) -> Flags:
    allowed = policy.tolerances
    loose = np.maximum(allowed.bulk_units, allowed.bulk_share * np.abs(moved))
    off: Flags = np.abs(posted - moved) > np.where(bulk, loose, allowed.quantity) + 1e-9
    return off


def _off_value(policy: Policy, booked: Floats, due: Floats, stated: Floats) -> Flags:
    allowed = policy.tolerances
    limit = np.maximum(allowed.value, allowed.value_share * np.abs(due))
    with np.errstate(invalid="ignore"):
        off: Flags = np.abs(booked - due) > limit + 1e-9
    return off & ~np.isnan(due) & ~np.isnan(stated)


def _pack_factor(pack: Floats, moved: Floats, posted: Floats) -> Floats:
    """The item's pack factor where it turns one quantity into the other, else 0."""
    down = np.isclose(posted * pack, moved) & (posted != 0)
    up = np.isclose(moved * pack, posted) & (moved != 0)
    factor: Floats = np.where((pack > 1) & (down | up), pack, 0.0)
    return factor


def _made_by(board: Board, policy: Policy, how: str) -> Flags:
    """Whether a pass of this kind made the group, for every group."""
    kinds = np.array([rule.how == how for rule in policy.passes] + [False])
    found: Flags = kinds[np.maximum(board.pass_of_group, -1)]
    return found


def _unlinked(board: Board, policy: Policy, group: Ints, left: Ints, right: Ints) -> Flags:
    """The posting names a wrong return line, or none: found by other means."""
    made_by = board.pass_of_group[group]
    by_serial = np.array(["line" not in rule.on and "serial" in rule.on for rule in policy.passes])
    mine, theirs = board.left.codes["line"][left], board.right.codes["line"][right]
    found = _made_by(board, policy, "typo")[group]
    if by_serial.any():
        found |= np.append(by_serial, False)[made_by] & (mine != theirs)
    return found


__all__ = ["NETTED", "PRECEDENCE", "Differences", "compare", "unit_costs"]
