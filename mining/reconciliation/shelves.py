"""Components of records set aside between two calls of a running reconciliation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mining.reconciliation.components import Hashes, Tables
from mining.reconciliation.findings import Break
from mining.reconciliation.movements import Flags, Ints

Names = tuple[Hashes, Hashes]


@dataclass
class Shelf:
    """Components set aside after one call; ``alive`` says which have not been taken up again.

    ``names`` tells rows apart by their contents; ``keys`` is sorted, ``owner`` says whose they are.
    """

    rows: Tables
    names: Names
    component: tuple[Ints, Ints]
    keys: Hashes
    owner: Ints
    movements: pd.DataFrame
    of_movement: Ints
    breaks: tuple[Break, ...]
    of_break: Ints
    alive: Flags

    def sharing(self, asked: Hashes) -> Ints:
        """Living components that hold one of the keys."""
        at = np.searchsorted(self.keys, asked)
        inside = at < len(self.keys)
        low = at[inside]
        low = low[self.keys[low] == asked[inside]]
        high = np.searchsorted(self.keys, self.keys[low], side="right")
        return self._living(self.owner[_spans(low, high)])

    def holding(self, names: Names) -> Ints:
        """Living components that hold one of the rows."""
        found = [
            own[np.isin(mine, asked, assume_unique=True, kind="sort")]
            for own, mine, asked in zip(self.component, self.names, names, strict=True)
        ]
        return self._living(np.concatenate(found))

    def _living(self, owners: Ints) -> Ints:
        owners = np.unique(owners)
        return owners[self.alive[owners]]

    def living_names(self) -> Names:
        left, right = (
            mine[self.alive[own]] for own, mine in zip(self.component, self.names, strict=True)
        )
        return left, right

    def living(self, base: int = 0) -> "Shelf":
        """The same without the components that have left, the others numbered from ``base`` on."""
        number = np.cumsum(self.alive) - 1 + base
        left, right = (self.alive[own] for own in self.component)
        mine, keys, told = (
            self.alive[own] for own in (self.of_movement, self.owner, self.of_break)
        )
        return Shelf(
            rows=filtered(self.rows, (left, right)),
            names=(self.names[0][left], self.names[1][right]),
            component=(number[self.component[0][left]], number[self.component[1][right]]),
            keys=self.keys[keys],
            owner=number[self.owner[keys]],
            movements=self.movements[mine],
            of_movement=number[self.of_movement[mine]],
            breaks=tuple(one for one, on in zip(self.breaks, told.tolist(), strict=True) if on),
            of_break=number[self.of_break[told]],
            alive=np.ones(int(self.alive.sum()), bool),
        )

    def take(self, owners: Ints) -> Tables:
        """Rows of some components, which leave the shelf."""
        self.alive[owners] = False
        taken = np.zeros(len(self.alive), bool)
        taken[owners] = True
        return filtered(self.rows, (taken[self.component[0]], taken[self.component[1]]))


@dataclass(frozen=True)
class State:
    """What a running reconciliation knows: rows in the open, and everything set aside."""

    as_of_us: int
    open: Tables
    shelf: Shelf


def united(shelves: Sequence[Shelf]) -> Shelf:
    """One shelf with everything that stands on several."""
    parts: list[Shelf] = []
    for shelf in shelves:
        parts.append(shelf.living(sum(len(part.alive) for part in parts)))
    keys = np.concatenate([part.keys for part in parts])
    order = np.argsort(keys, kind="stable")
    bases = np.cumsum([0, *(next_group(part.movements) for part in parts)]).tolist()
    return Shelf(
        rows=joined(*(part.rows for part in parts)),
        names=_beside([part.names for part in parts]),
        component=_beside([part.component for part in parts]),
        keys=keys[order],
        owner=np.concatenate([part.owner for part in parts])[order],
        movements=stacked(
            [
                part.movements.assign(group=part.movements["group"] + base)
                for part, base in zip(parts, bases, strict=False)
            ]
        ),
        of_movement=np.concatenate([part.of_movement for part in parts]),
        breaks=tuple(one for part in parts for one in part.breaks),
        of_break=np.concatenate([part.of_break for part in parts]),
        alive=np.ones(sum(len(part.alive) for part in parts), bool),
    )


def _beside(pairs: Sequence[Any]) -> Any:
    return tuple(np.concatenate(arrays) for arrays in zip(*pairs, strict=True))


def next_group(movements: pd.DataFrame) -> int:
    return int(movements["group"].max()) + 1 if len(movements) else 0


def joined(*parts: Tables) -> Tables:
    return (
        pa.concat_tables([left for left, _ in parts]).combine_chunks(),
        pa.concat_tables([right for _, right in parts]).combine_chunks(),
    )


def stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Parts one below the other, left rows first; categories are united."""
    labels = [name for name in parts[0] if isinstance(parts[0][name].dtype, pd.CategoricalDtype)]
    for name in labels:
        kinds = sorted(set().union(*(part[name].cat.categories for part in parts)))
        parts = [part.assign(**{str(name): part[name].cat.set_categories(kinds)}) for part in parts]
    return pd.concat(parts, ignore_index=True)


def _spans(low: Ints, high: Ints) -> Ints:
    size = high - low
    start = np.repeat(low - np.cumsum(size) + size, size)
    return start + np.arange(int(size.sum()))


def filtered(rows: Tables, wanted: tuple[Flags, Flags]) -> Tables:
    """The rows of both sides that are wanted."""
    left, right = (table.filter(pa.array(some)) for table, some in zip(rows, wanted, strict=True))
    return left, right
