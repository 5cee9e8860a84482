"""The state of a reconciliation while passes run: who is matched with whom, and by which pass."""

from dataclasses import dataclass, field

import numpy as np

from mining.reconciliation.movements import NEVER, Codes, Ints, Side
from mining.reconciliation.pairing import key_of

PLAIN, EXTRA, NETTED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Review:
    """A posting that several sets of movements could explain equally well.

    Rows refer to the sides; ``one_side`` says on which of them the single row lies.
    """

    one_side: str
    row: int
    candidates: tuple[tuple[int, ...], ...]
    pass_no: int


@dataclass
class Board:
    """Groups of movements and postings that belong together.

    ``left_group`` and ``right_group`` hold each row's group, -1 while it is free; a row never
    changes its group once it has one. ``role`` of a right row: plain, extra posting, or netted by
    a reversal.
    """

    left: Side
    right: Side
    skew_us: int
    left_group: Ints = field(init=False)
    right_group: Ints = field(init=False)
    role: Codes = field(init=False)
    reviews: list[Review] = field(default_factory=list)
    groups: int = 0
    _pass_numbers: list[Ints] = field(default_factory=list)
    _keys: dict[tuple[str, ...], tuple[Ints, Ints]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.left_group = np.full(len(self.left), -1, np.int64)
        self.right_group = np.full(len(self.right), -1, np.int64)
        self.role = np.zeros(len(self.right), np.int32)

    @property
    def pass_of_group(self) -> Ints:
        """Number of the pass that made each group, array of shape (groups,)."""
        return np.concatenate(self._pass_numbers) if self._pass_numbers else np.empty(0, np.int64)

    def keys(self, on: tuple[str, ...]) -> tuple[Ints, Ints]:
        """Key of every row for these columns, computed once."""
        if on not in self._keys:
            pairs = []
            for column in on:
                mine = "movement_id" if column == "document" else column
                pairs.append((self.left.codes[mine], self.right.codes[column]))
            self._keys[on] = key_of(pairs)
        return self._keys[on]

    def forget_keys(self) -> None:
        self._keys.clear()

    def free_left(self) -> Ints:
        return np.flatnonzero((self.left_group < 0) & ~self.left.reversal)

    def free_right(self) -> Ints:
        return np.flatnonzero((self.right_group < 0) & ~self.right.reversal)

    def open_groups(self, count: int, pass_no: int) -> Ints:
        """Numbers of new groups."""
        numbers = np.arange(self.groups, self.groups + count, dtype=np.int64)
        self._pass_numbers.append(np.full(count, pass_no, np.int64))
        self.groups += count
        return numbers

    def link(self, lefts: Ints, rights: Ints, pass_no: int) -> None:
        """New groups of one movement and one posting each."""
        numbers = self.open_groups(len(lefts), pass_no)
        self.left_group[lefts] = numbers
        self.right_group[rights] = numbers

    def gather(self, lefts: Ints, rights: Ints, pass_no: int) -> None:
        """One new group of several rows."""
        [number] = self.open_groups(1, pass_no)
        self.left_group[lefts] = number
        self.right_group[rights] = number

    def join(self, rights: Ints, groups: Ints, role: int) -> None:
        """Add postings to groups that exist."""
        self.right_group[rights] = groups
        self.role[rights] = role

    def first_left(self) -> Ints:
        """Earliest movement of each group; ``NEVER`` where a group has none."""
        return _first(self.left_group, np.ones(len(self.left), bool), self.groups)

    def first_right(self) -> Ints:
        """Earliest posting of each group that counts (neither extra nor netted)."""
        return _first(self.right_group, self.role == PLAIN, self.groups)


def _first(group: Ints, counts: "np.ndarray[tuple[int], np.dtype[np.bool_]]", groups: int) -> Ints:
    found = np.full(groups, NEVER, np.int64)
    rows = np.flatnonzero((group >= 0) & counts)[::-1]
    found[group[rows]] = rows
    return found
