"""Bounded subset sums, accepted only when there is one answer."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple


class Choice(NamedTuple):
    """Solutions of the smallest size that adds up; the caller accepts only a single one."""

    solutions: list[tuple[int, ...]]

    @property
    def unique(self) -> bool:
        return len(self.solutions) == 1


def subsets_adding_up(
    values: Sequence[float], target: float, *, most: int | None = None, tolerance: float = 1e-9
) -> Choice:
    """All smallest subsets of ``values`` whose sum is ``target``, as tuples of positions.

    Parameters
    ----------
    most : int, optional
        Larger subsets are not looked for.

    >>> subsets_adding_up([3, 5, 4], 9).solutions
    [(1, 2)]
    >>> subsets_adding_up([3, 3, 1], 4).unique
    False
    """
    for size in range(1, min(len(values), most or len(values)) + 1):
        found = [
            chosen
            for chosen in combinations(range(len(values)), size)
            if abs(sum(values[i] for i in chosen) - target) <= tolerance
        ]
        if found:
            return Choice(found)
    return Choice([])
