"""Spans of time, many at once: union, and who claims which stretch first."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def union(spans: Ints) -> Ints:
    """Spans without overlap, sorted.

    Parameters
    ----------
    spans : array of shape (n, 2), begins and ends

    >>> union(np.array([[5, 7], [0, 2], [1, 3], [9, 9]])).tolist()
    [[0, 3], [5, 7]]
    """
    spans = spans[spans[:, 1] > spans[:, 0]]
    if len(spans) < 2:
        return spans
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(spans[:, 1])
    starts = np.flatnonzero(np.concatenate([[True], spans[1:, 0] > reach[:-1]]))
    last = np.concatenate([starts[1:] - 1, [len(spans) - 1]])
    return np.stack([spans[starts, 0], reach[last]], axis=1)


def ranges(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Every integer of many ranges, and the number of the range it belongs to.

    >>> [each.tolist() for each in ranges(np.array([3, 9, 0]), np.array([5, 9, 1]))]
    [[0, 0, 2], [3, 4, 0]]
    """
    sizes = np.maximum(high - low, 0)
    owner = np.repeat(np.arange(len(low)), sizes)
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    return owner, np.arange(len(owner)) - first + low[owner]


def pieces(sizes: Ints, most: int) -> Iterator[slice]:
    """Cut a list into slices whose sizes sum to about ``most``, so that memory stays bounded."""
    reach = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        done = reach[first - 1] if first else 0
        last = max(int(np.searchsorted(reach, done + most, side="right")), first + 1)
        yield slice(first, last)
        first = last


def claimed_lengths(
    owner: Ints, begins: Ints, ends: Ints, rank: Ints, *, within: tuple[Ints, Ints], ranks: int
) -> Ints:
    """Time of each owner that each rank claims; where spans overlap the lowest rank has it.

    Parameters
    ----------
    owner, begins, ends, rank : arrays of shape (n_spans,)
        Spans with the number of the owner they belong to and the rank that claims them.
    within : pair of arrays of shape (n_owners,)
        Beginning and end of each owner; what lies outside does not count.
    ranks : int

    Returns
    -------
    array of shape (n_owners, ranks)

    >>> one = np.zeros(2, np.int64)
    >>> claimed_lengths(one, np.array([0, 2]), np.array([5, 9]), np.array([1, 0]),
    ...                 within=(np.array([1]), np.array([8])), ranks=2).tolist()
    [[6, 1]]
    """
    begins = np.maximum(begins, within[0][owner])
    ends = np.minimum(ends, within[1][owner])
    some = ends > begins
    owner, begins, ends, rank = owner[some], begins[some], ends[some], rank[some]
    who = np.concatenate([owner, owner])
    moment = np.concatenate([begins, ends])
    order = np.lexsort((moment, who))
    who, moment = who[order], moment[order]
    of_rank = np.concatenate([rank, rank])[order]
    change = np.repeat(np.array([1, -1], np.int64), len(owner))[order]
    length = np.diff(moment, append=0)
    length[np.flatnonzero(np.diff(who, append=-1))] = 0  # up to the next owner is nobody's time
    free = np.ones(len(who), bool)
    claimed = np.zeros((len(within[0]), ranks), np.int64)
    for number in range(ranks):
        mine = free & (np.cumsum(np.where(of_rank == number, change, 0)) > 0)
        np.add.at(claimed[:, number], who[mine], length[mine])
        free &= ~mine
    return claimed
