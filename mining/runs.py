"""Sorted runs of integers and their exact statistics: no slice of them needs a sort of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
NOTHING = np.empty(0, np.int64)
_LOW_BITS = 20


@dataclass(frozen=True, slots=True)
class Runs:
    """Values of one month, run by run; a run is one site and key, its values sorted.

    Parameters
    ----------
    sites, keys : int64 arrays of shape (n_runs,)
        Ordered by site, then key (source * 65536 + target).
    bounds : int64 array of shape (n_runs + 1,)
        Run ``i`` is ``values[bounds[i]:bounds[i + 1]]``.
    values, opened : int64 arrays of shape (n_values,)
        ``opened``: when the case of each value began, microseconds.
    """

    sites: Ints
    keys: Ints
    bounds: Ints
    values: Ints
    opened: Ints

    @classmethod
    def of(cls, rows: pa.Table) -> "Runs":
        """Runs of rows sorted by site_no, source and target."""
        site, source, target = (integers(rows, name) for name in ("site_no", "source", "target"))
        code = (site << 32) | (source << 16) | target
        first = np.flatnonzero(np.diff(code, prepend=-1)).astype(np.int64)
        return cls(
            code[first] >> 32,
            code[first] & 0xFFFFFFFF,
            np.append(first, len(code)).astype(np.int64),
            integers(rows, "value"),
            integers(rows, "opened_us"),
        )

    def at(self, site: int) -> "Runs":
        """The runs of one site; of all sites for a negative number."""
        if site < 0:
            return self
        a, b = np.searchsorted(self.sites, [site, site + 1])
        begin, end = self.bounds[a], self.bounds[b]
        return Runs(
            self.sites[a:b],
            self.keys[a:b],
            self.bounds[a : b + 1] - begin,
            self.values[begin:end],
            self.opened[begin:end],
        )

    def between(self, from_us: int, to_us: int) -> "Runs":
        """The values of cases that began in [from, to)."""
        inside = places(self.opened, from_us, to_us)
        if len(inside) == len(self.opened):
            return self
        bounds = np.searchsorted(inside, self.bounds)
        return Runs(self.sites, self.keys, bounds, self.values[inside], self.opened[inside])

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.opened.nbytes


@dataclass(frozen=True, slots=True)
class Groups:
    """Values by key, sorted inside each key: what every statistic is read from.

    Parameters
    ----------
    keys, bounds, values : int64 arrays
        Key ``i`` has ``values[bounds[i]:bounds[i + 1]]``, never empty.
    """

    keys: Ints
    bounds: Ints
    values: Ints

    @classmethod
    def merged(cls, parts: Sequence[Runs]) -> "Groups":
        """Merge the runs of every key."""
        keys = np.concatenate([NOTHING, *(part.keys for part in parts)])
        sizes = np.concatenate([NOTHING, *(np.diff(part.bounds) for part in parts)])
        runs = [
            part.values[begin:end]
            for part in parts
            for begin, end in zip(part.bounds[:-1].tolist(), part.bounds[1:].tolist(), strict=True)
        ]
        order = np.argsort(keys, kind="stable")
        order = order[sizes[order] > 0]
        found, first = np.unique(keys[order], return_index=True)
        values = np.concatenate([NOTHING, *(runs[number] for number in order)])
        ends = np.cumsum(sizes[order])
        starts = ends - sizes[order]
        bounds = np.append(starts[first], len(values)).astype(np.int64)
        several = np.diff(np.append(first, len(order))) > 1
        for number in np.flatnonzero(several):
            values[bounds[number] : bounds[number + 1]].sort(kind="stable")
        return cls(found, bounds, values)

    @property
    def sizes(self) -> Ints:
        return np.diff(self.bounds)

    def sums(self) -> Floats:
        """Sum of the values by key, rounded once (two halves, so that no integer overflows)."""
        if self._largest() * len(self.values) < 2**62:
            return self._added(self.values).astype(float)
        high = self._added(self.values >> _LOW_BITS).astype(float)
        summed: Floats = high * 2**_LOW_BITS + self._added(self.values & (2**_LOW_BITS - 1))
        return summed

    def _largest(self) -> int:
        """The largest absolute value."""
        return max(int(self.values.max(initial=0)), -int(self.values.min(initial=0)))

    def repeated(self) -> Ints:
        """How many values by key are above one."""
        return self._added((self.values > 1).astype(np.int64))

    def _added(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if not len(self.keys):
            return np.zeros(0, values.dtype)
        return np.add.reduceat(values, self.bounds[:-1])

    def quantile(self, q: float) -> Floats:
        """Exact quantile by key, by linear interpolation."""
        at = q * (self.sizes - 1)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, self.sizes - 1)
        first = self.bounds[:-1]
        below = self.values[first + low].astype(float)
        found: Floats = below + (self.values[first + high] - below) * (at - low)
        return found

    def deviations(self) -> Floats:
        """Sample standard deviation by key; NaN where there is one value."""
        smallest = self.values[self.bounds[:-1]]
        above = (self.values - np.repeat(smallest, self.sizes)).astype(float)
        means = self._added(above) / np.maximum(self.sizes, 1)
        squares = self._added((above - np.repeat(means, self.sizes)) ** 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = np.sqrt(squares / np.where(self.sizes > 1, self.sizes - 1, np.nan))
        return found


def places(moments: Ints, from_us: int, to_us: int) -> Ints:
    """Where moments lie in [from, to): rising indices."""
    return np.flatnonzero((moments >= from_us) & (moments < to_us)).astype(np.int64, copy=False)


def integers(rows: pa.Table, name: str) -> Ints:
    """A column without nulls as int64."""
    return np.asarray(rows[name].combine_chunks().to_numpy(zero_copy_only=False), np.int64)
