"""Pair rows of two sides that share a key: deterministic, vectorised, nearest in time."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mining.reconciliation.movements import Codes, Flags, Ints


class Clocks(NamedTuple):
    """Times of the rows of both sides, and how much earlier a posting may seem, microseconds."""

    left: Ints
    right: Ints
    skew: int


class Runs(NamedTuple):
    """Rows grouped by key: ``rows[start : start + size]`` of each key, in canonical order."""

    keys: Ints
    start: Ints
    size: Ints
    rows: Ints


def key_of(columns: Sequence[tuple[Codes, Codes]]) -> tuple[Ints, Ints]:
    """One integer per row and side for several columns of codes; -1 where any is absent."""
    n = len(columns[0][0])
    key = np.zeros(n + len(columns[0][1]), np.int64)
    absent = np.zeros(len(key), bool)
    size = 1
    for left, right in columns:
        codes = np.concatenate([left, right])
        absent |= codes < 0
        cardinality = int(codes.max(initial=0)) + 1
        if size * cardinality >= 2**62:
            _, key = np.unique(key, return_inverse=True)
            size = int(key.max(initial=0)) + 1
        key = key * cardinality + codes
        size *= cardinality
    key[absent] = -1
    return key[:n], key[n:]


def runs(key: Ints, rows: Ints) -> Runs:
    """Group rows (ascending) by their key, rows without one left out."""
    rows = rows[key[rows] >= 0]
    rows = rows[np.argsort(key[rows], kind="stable")]
    sorted_keys = key[rows]
    start = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]]) if len(rows) else rows
    count = np.diff(np.r_[start, len(rows)])
    return Runs(sorted_keys[start], start, count, rows)


def common(left: Runs, right: Runs) -> tuple[Ints, Ints]:
    """Positions of the keys both sides have."""
    _, i, j = np.intersect1d(left.keys, right.keys, assume_unique=True, return_indices=True)
    return i, j


def span(start: Ints, count: Ints) -> Ints:
    """``start[0], .., start[0] + count[0] - 1, start[1], ..``."""
    total = int(count.sum())
    offsets = np.repeat(np.cumsum(count) - count, count)
    return np.repeat(start, count) + np.arange(total, dtype=np.int64) - offsets


def pair(left: Runs, right: Runs, clocks: Clocks) -> tuple[Ints, Ints]:
    """Pair rows one to one inside each key; a posting is never before its movement.

    As many on both sides: in order of time. One movement: its earliest posting. One posting: the
    latest movement before it. Otherwise each posting in turn takes the latest free movement.

    Returns
    -------
    rows of the left, rows of the right : two arrays of shape (n_pairs,)
    """
    i, j = common(left, right)
    n, m = left.size[i], right.size[j]
    found: list[tuple[Ints, Ints]] = []
    equal = n == m
    found.append(
        (
            left.rows[span(left.start[i[equal]], n[equal])],
            right.rows[span(right.start[j[equal]], m[equal])],
        )
    )
    one = (n == 1) & (m > 1)
    found.append(_one_of_many(left, right, i[one], j[one], clocks))
    many = (m == 1) & (n > 1)
    found.append(_many_of_one(left, right, i[many], j[many], clocks))
    rest = ~equal & (n > 1) & (m > 1)
    found.append(_in_turn(left, right, i[rest], j[rest], clocks))
    lefts = np.concatenate([rows for rows, _ in found])
    rights = np.concatenate([rows for _, rows in found])
    timely = clocks.right[rights] >= clocks.left[lefts] - clocks.skew
    return lefts[timely], rights[timely]


def _first_true(flags: Flags, count: Ints) -> Ints:
    """Position of the first true flag of each segment; -1 where there is none."""
    big = np.iinfo(np.int64).max
    if not len(count):
        return np.empty(0, np.int64)
    position = np.where(flags, np.arange(len(flags)), big)
    first = np.minimum.reduceat(position, np.cumsum(count) - count)
    return np.where(first == big, -1, first)


def _one_of_many(left: Runs, right: Runs, i: Ints, j: Ints, clocks: Clocks) -> tuple[Ints, Ints]:
    mine = left.rows[left.start[i]]
    candidates = right.rows[span(right.start[j], right.size[j])]
    owner = np.repeat(mine, right.size[j])
    timely = clocks.right[candidates] >= clocks.left[owner] - clocks.skew
    first = _first_true(timely, right.size[j])
    return mine[first >= 0], candidates[first[first >= 0]]


def _many_of_one(left: Runs, right: Runs, i: Ints, j: Ints, clocks: Clocks) -> tuple[Ints, Ints]:
    mine = right.rows[right.start[j]]
    candidates = left.rows[span(left.start[i], left.size[i])][::-1]
    owner = np.repeat(mine, left.size[i])[::-1]
    timely = clocks.left[candidates] - clocks.skew <= clocks.right[owner]
    last = _first_true(timely, left.size[i][::-1])
    return candidates[last[last >= 0]], mine[::-1][last >= 0]


def _in_turn(left: Runs, right: Runs, i: Ints, j: Ints, clocks: Clocks) -> tuple[Ints, Ints]:
    lefts, rights = [], []
    for a, b in zip(i.tolist(), j.tolist(), strict=True):
        waiting = left.rows[left.start[a] : left.start[a] + left.size[a]][::-1].tolist()
        before: list[int] = []
        for row in right.rows[right.start[b] : right.start[b] + right.size[b]].tolist():
            while waiting and clocks.left[waiting[-1]] - clocks.skew <= clocks.right[row]:
                before.append(waiting.pop())
            if before:
                lefts.append(before.pop())
                rights.append(row)
    return np.array(lefts, np.int64), np.array(rights, np.int64)


def lookup(keys: Ints, values: npt.ArrayLike, asked: Ints) -> Ints:
    """Value filed under each asked key (the first, keys ascending); -1 where there is none."""
    filed = np.asarray(values, np.int64)
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    at = np.searchsorted(ranked, asked)
    found = (at < len(ranked)) & (asked >= 0)
    at = np.where(found, at, 0)
    if not len(ranked):
        return np.full(len(asked), -1, np.int64)
    return np.where(found & (ranked[at] == asked), filed[order[at]], -1)
