"""From the board to the answer: P7 explains what stayed alone, and every break is written down."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from mining.reconciliation.board import EXTRA, NETTED, PLAIN, Board
from mining.reconciliation.differences import PRECEDENCE, Differences
from mining.reconciliation.findings import Break, age_bucket, break_id
from mining.reconciliation.movements import DAY_US, NEVER, Flags, Floats, Ints, Side
from mining.reconciliation.pairing import lookup
from mining.reconciliation.policy import Policy
from mining.reconciliation.sentences import Case, Row, explain, suggest

ALONE: Final = -2
_KEYS_OF_NETTED: Final = (
    ("reference",),
    ("line", "sku", "kind", "status"),
    ("line", "sku", "kind"),
)
_TOLD: Final = (
    *("movement_id", "reference", "line", "sku", "lot", "serial", "kind", "status", "location"),
    *("site", "reversal_of", "channel", "family", "error", "quantity", "value", "occurred_at"),
    *("business_date", "posting_date"),
)


@dataclass(frozen=True)
class Verdict:
    """The type of every group, "" where nothing is wrong; arrays of shape (groups,)."""

    code: "np.ndarray[tuple[int], np.dtype[np.str_]]"
    place: Ints
    """Row of ``differences`` of each group; -1 for groups of one side."""


def attach_netted(board: Board) -> Ints:
    """Movements whose posting was reversed and never repeated join that pair; their groups."""
    touched: list[Ints] = []
    originals = np.flatnonzero((board.role == NETTED) & ~board.right.reversal)
    for columns in _KEYS_OF_NETTED:
        left_key, right_key = board.keys(columns)
        free = board.free_left()
        free = free[left_key[free] >= 0]
        mine = originals[right_key[originals] >= 0]
        group = lookup(right_key[mine], board.right_group[mine], left_key[free])
        group[np.isin(group, board.left_group[board.left_group >= 0])] = -1
        found, first = np.unique(group, return_index=True)
        first = first[found >= 0]
        board.left_group[free[first]] = group[first]
        touched.append(group[first])
    return np.concatenate(touched)


def close(board: Board, differences: Differences, due: Ints, as_of_us: int) -> Verdict:
    """Give everything that is still alone its own group, and every group its type."""
    reversed_only = attach_netted(board)
    alone_left = np.flatnonzero(board.left_group < 0)
    alone_right = np.flatnonzero(board.right_group < 0)
    board.left_group[alone_left] = board.open_groups(len(alone_left), ALONE)
    board.right_group[alone_right] = board.open_groups(len(alone_right), ALONE)
    code = np.full(board.groups, "", "<U3")
    code[differences.group] = differences.primary()
    code[reversed_only] = "B14"
    waiting = due[alone_left] >= as_of_us
    why = np.where(board.left.failed[alone_left], "B02", np.where(waiting, "B03", "B01"))
    code[board.left_group[alone_left]] = np.where(board.left.reversal[alone_left], "B14", why)
    odd = board.right.reversal[alone_right]
    code[board.right_group[alone_right]] = np.where(odd, "B14", "B11")
    place = np.full(board.groups, -1, np.int64)
    place[differences.group] = np.arange(len(differences.group))
    return Verdict(code, place)


def movements_frame(board: Board, verdict: Verdict, due: Ints, policy: Policy) -> pd.DataFrame:
    """One row per movement and posting, with its group and what became of it."""
    names = [rule.name for rule in policy.passes]
    keys = [rule.key for rule in policy.passes]
    pass_no = board.pass_of_group
    parts = []
    for name, side, group in (
        ("left", board.left, board.left_group),
        ("right", board.right, board.right_group),
    ):
        columns = ["movement_id", "line", "site", "sku", "kind", "status", "quantity", "value"]
        part = pd.DataFrame(
            {column: side.table[column].to_pandas() for column in columns}, copy=False
        )
        part.insert(
            0,
            "side",
            _labels(np.full(len(side), 0 if name == "left" else 1, np.int8), ["left", "right"]),
        )
        part["occurred_at"] = pd.DatetimeIndex(side.time.view("datetime64[us]"), tz="UTC")
        part["recorded_at"] = pd.DatetimeIndex(side.recorded.view("datetime64[us]"), tz="UTC")
        moments = due if name == "left" else np.full(len(side), NEVER)
        part["due_at"] = pd.DatetimeIndex(moments.view("datetime64[us]"), tz="UTC")
        part["worth"] = _worth(side)
        part["group"] = group
        codes = ["", *sorted({*PRECEDENCE, "B01", "B02", "B03", "B11"})]
        ranks = np.searchsorted(codes, verdict.code[group]).astype(np.int8)
        part["type"] = _labels(ranks, codes)
        number = pass_no[group]
        for column, labels, net in (("pass", names, "P1"), ("key", keys, "")):
            kinds = sorted({*labels, net, "P7" if column == "pass" else ""})
            positions = np.array(
                [
                    *map(kinds.index, labels),
                    kinds.index("P7" if column == "pass" else ""),
                    kinds.index(net),
                ],
                np.int8,
            )
            part[column] = _labels(positions[number], kinds)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _worth(side: Side) -> Floats:
    """Value of each row: as stated, else quantity times cost; 0 where unknown."""
    stated = np.where(np.isnan(side.value), side.quantity * side.unit_cost, side.value)
    return np.nan_to_num(np.abs(stated))


def _labels(codes: Any, kinds: list[str]) -> Any:
    return pd.Categorical.from_codes(codes, pd.Index(kinds))


class Ledger:
    """Rows of both sides by group, so that each break finds its members."""

    def __init__(self, board: Board, groups: Ints) -> None:
        self.board = board
        self.left = _members(board.left_group, groups)
        self.right = _members(board.right_group, groups)

    def of(self, group: int) -> tuple[list[int], list[int]]:
        """Rows of the left and of the right of a group, in canonical order."""
        return self.left.get(group, []), self.right.get(group, [])


def _members(group: Ints, wanted: Ints) -> dict[int, list[int]]:
    flags = np.zeros(int(group.max(initial=-1)) + 1, bool)
    flags[wanted[wanted < len(flags)]] = True
    rows = np.flatnonzero(flags[group]) if len(flags) else np.empty(0, np.int64)
    found: dict[int, list[int]] = {}
    for row, number in zip(rows.tolist(), group[rows].tolist(), strict=True):
        found.setdefault(number, []).append(row)
    return found


def _told(side: Side, rows: Ints) -> dict[int, Row]:
    table = side.table.select([*_TOLD]).take(pa.array(rows))
    return dict(zip(rows.tolist(), table.to_pylist(), strict=True))


def write_breaks(
    board: Board,
    verdict: Verdict,
    differences: Differences,
    *,
    policy: Policy,
    due: Ints,
    as_of_us: int,
) -> list[Break]:
    """Every break, explained."""
    groups = np.flatnonzero(verdict.code != "")
    ledger = Ledger(board, groups)
    lefts = np.array(sorted({r for rows in ledger.left.values() for r in rows}), np.int64)
    rights = np.array(sorted({r for rows in ledger.right.values() for r in rows}), np.int64)
    writer = _Writer(
        board=board,
        verdict=verdict,
        differences=differences,
        policy=policy,
        due=due,
        as_of_us=as_of_us,
        left_rows=_told(board.left, lefts),
        right_rows=_told(board.right, rights),
        reviews=_reviews(board),
        passes=board.pass_of_group,
    )
    return [writer.write(int(group), *ledger.of(int(group))) for group in groups]


def _reviews(board: Board) -> dict[tuple[str, int], tuple[tuple[str, ...], ...]]:
    found = {}
    for review in board.reviews:
        other = board.left if review.one_side == "right" else board.right
        ids = other.table["movement_id"]
        found[review.one_side, review.row] = tuple(
            tuple(ids[row].as_py() for row in rows) for rows in review.candidates
        )
    return found


@dataclass(frozen=True, slots=True)
class _Writer:
    """Turns a group into a ``Break``."""

    board: Board
    verdict: Verdict
    differences: Differences
    policy: Policy
    due: Ints
    as_of_us: int
    left_rows: dict[int, Row]
    right_rows: dict[int, Row]
    reviews: dict[tuple[str, int], tuple[tuple[str, ...], ...]]
    passes: Ints

    def write(self, group: int, lefts: list[int], rights: list[int]) -> Break:
        code = str(self.verdict.code[group])
        case = self._case(code, group, lefts, rights)
        ids = [self.left_rows[r]["movement_id"] for r in lefts]
        ids += [self.right_rows[r]["movement_id"] for r in rights]
        members = tuple(dict.fromkeys(ids))
        opened = self._opened(lefts, rights)
        first = case.movement or case.posting or {}
        quantity, value, risk = self._amounts(code, group, case)
        case = replace(case, delta_value=value)
        age = round((self.as_of_us - opened) / DAY_US, 3)
        return Break(
            break_id=break_id(members, rules=self.policy.version),
            type=code,
            members=members,
            delta_quantity=_rounded(quantity, 6),
            delta_value=_rounded(value, 2),
            value_at_risk=_rounded(risk, 2),
            explanation=explain(case),
            suggested_fix=suggest(case),
            age_days=age,
            confidence=self._confidence(group, case),
            secondary=self._secondary(group, code, lefts),
            site=first["site"],
            sku=first["sku"],
            line=first["line"],
            owner=self.policy.owners.get(code, "reconciliation"),
            root_cause="|".join(first[n] or "-" for n in ("site", "channel", "family", "error")),
            age_bucket=age_bucket(age),
            opened_at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=opened),
            found_by=self._found_by(group),
        )

    def _case(self, code: str, group: int, lefts: list[int], rights: list[int]) -> Case:
        board = self.board
        plain = [row for row in rights if board.role[row] == PLAIN]
        extras = [row for row in rights if board.role[row] == EXTRA]
        netted = [row for row in rights if board.role[row] == NETTED]
        shown = plain or netted
        movement = self.left_rows[lefts[0]] if lefts else None
        posting = self.right_rows[shown[0]] if shown else None
        place = int(self.verdict.place[group])
        moved = _total(self.left_rows, lefts)
        posted = _total(self.right_rows, plain)
        cost = float(self.differences.unit_cost[place]) if place >= 0 else self._cost(lefts, rights)
        candidates = [self.reviews[key] for key in self._review_keys(lefts, rights)]
        return Case(
            code=code,
            movement=movement,
            posting=posting,
            movements=self._ids(self.left_rows, lefts),
            postings=self._ids(self.right_rows, plain),
            extras=self._ids(self.right_rows, extras),
            netted=self._ids(self.right_rows, netted),
            moved=moved,
            posted=posted,
            extra=_total(self.right_rows, extras),
            factor=float(self.differences.factor[place]) if place >= 0 else 0.0,
            unit_cost=cost,
            due_us=int(self.due[lefts[0]]) if lefts else 0,
            candidates=candidates[0] if candidates else (),
        )

    def _review_keys(self, lefts: list[int], rights: list[int]) -> list[tuple[str, int]]:
        keys = [("left", row) for row in lefts] + [("right", row) for row in rights]
        return [key for key in keys if key in self.reviews]

    @staticmethod
    def _ids(rows: dict[int, Row], which: list[int]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rows[row]["movement_id"] for row in which))

    def _cost(self, lefts: list[int], rights: list[int]) -> float:
        for side, rows in ((self.board.left, lefts), (self.board.right, rights)):
            for row in rows:
                if not np.isnan(side.unit_cost[row]):
                    return float(side.unit_cost[row])
                if not np.isnan(side.value[row]) and side.quantity[row]:
                    return abs(float(side.value[row] / side.quantity[row]))
        return 0.0

    def _amounts(self, code: str, group: int, case: Case) -> tuple[float, float, float]:
        """Delta of quantity and value, and what is at risk."""
        if int(self.verdict.place[group]) < 0:
            return self._alone(code, case)
        place = int(self.verdict.place[group])
        quantity = float(self.differences.delta_quantity[place])
        value = float(self.differences.delta_value[place])
        worth = abs(case.moved) * case.unit_cost
        risk = {"B07": worth * self._loss(case), "B10": 0.0} | dict.fromkeys(
            ("B08", "B09", "B12"), worth
        )
        return quantity, value, risk.get(code, abs(value))

    @staticmethod
    def _alone(code: str, case: Case) -> tuple[float, float, float]:
        """The same for what has no counterpart."""
        quantity = case.posted if case.movement is None else -case.moved
        if code == "B14" and case.movement is not None and not case.netted:
            quantity = case.moved
        value = quantity * case.unit_cost
        stated = (case.posting or {}).get("value")
        if code == "B11" and stated is not None:
            value = float(stated)
        return quantity, value, 0.0 if code == "B03" else abs(value)

    def _loss(self, case: Case) -> float:
        share = [
            self.policy.recovery.get((row or {})["status"] or "", self.policy.default_recovery)
            for row in (case.movement, case.posting)
        ]
        return abs(share[0] - share[1])

    def _confidence(self, group: int, case: Case) -> str:
        if case.candidates:
            return "suggested"
        number = int(self.passes[group])
        if number >= 0:
            return self.policy.passes[number].confidence
        return "exact"

    def _found_by(self, group: int) -> str:
        number = int(self.passes[group])
        if number >= 0:
            rule = self.policy.passes[number]
            return f"{rule.name}/{rule.key}"
        return "P7" if number == ALONE else "P1"

    def _secondary(self, group: int, code: str, lefts: list[int]) -> tuple[str, ...]:
        place = int(self.verdict.place[group])
        if place < 0:
            return self._missing(lefts) if code == "B14" else ()
        flags = self.differences.flags
        return tuple(other for other in PRECEDENCE if other != code and flags[other][place])

    def _missing(self, lefts: list[int]) -> tuple[str, ...]:
        """A movement whose only posting was reversed is missing in the ERP as well, once due."""
        board = self.board
        owed = [row for row in lefts if not board.left.reversal[row]]
        if any(board.left.failed[row] for row in owed):
            return ("B02",)
        return ("B01",) if any(self.due[row] < self.as_of_us for row in owed) else ()

    def _opened(self, lefts: list[int], rights: list[int]) -> int:
        moments = [int(self.board.left.time[row]) for row in lefts]
        return min(moments + [int(self.board.right.time[row]) for row in rights])


def _total(rows: dict[int, Row], which: list[int]) -> float:
    return float(sum(rows[row]["quantity"] for row in which))


def _rounded(value: float, digits: int) -> float:
    return round(value, digits) + 0.0


def reviews_frame(board: Board) -> pd.DataFrame:
    """Rows several sets could explain, with all the sets."""
    found: list[dict[str, Any]] = []
    for (side, row), candidates in _reviews(board).items():
        mine = board.right if side == "right" else board.left
        ids = mine.table["movement_id"]
        found.append({"side": side, "movement_id": ids[row].as_py(), "candidates": candidates})
    return pd.DataFrame(found, columns=["side", "movement_id", "candidates"])


__all__ = [
    "Flags",
    "Floats",
    "Verdict",
    "close",
    "movements_frame",
    "reviews_frame",
    "write_breaks",
]
