"""The matching passes: P1 nets reversals, P2 to P6 link movements with postings."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import product

import numpy as np

from mining.reconciliation.board import EXTRA, NETTED, PLAIN, Board, Review
from mining.reconciliation.movements import DAY_US, Codes, Flags, Floats, Ints, Side
from mining.reconciliation.pairing import Clocks, Runs, common, key_of, lookup, pair, runs, span
from mining.reconciliation.policy import Pass, Policy
from mining.reconciliation.subsets import subsets_adding_up
from mining.reconciliation.typos import one_slip, shortened

NETTING = -1
_MOST_IN_A_SUM, _MOST_LACKING = 60, 3
_REVERSED_BY = (("reference", "kind"), ("line", "sku", "kind", "status"), ("line", "sku", "kind"))


def run_passes(board: Board, policy: Policy) -> None:
    """Run P1 and then the policy's passes on what is still free."""
    _net(board, board.left, board.left_group)
    _net(board, board.right, board.right_group, role=board.role)
    for pass_no, rule in enumerate(policy.passes):
        _RUN[rule.how](board, rule, pass_no, policy)
    _join_corrections(board)
    board.forget_keys()


def _net(board: Board, side: Side, group: Ints, role: Codes | None = None) -> None:
    """P1: pair each reversal with what it reverses, by its reference or the nearest before."""
    if not side.reversal.any():
        return
    for originals, reversals in _netting(side, group):
        numbers = board.open_groups(len(originals), NETTING)
        for rows in (originals, reversals):
            group[rows] = numbers
            if role is not None:
                role[rows] = NETTED


def _netting(side: Side, group: Ints) -> Iterator[tuple[Ints, Ints]]:
    size = np.round(np.abs(side.quantity) * 1e6).astype(np.int64)
    back = np.flatnonzero(side.reversal & (side.codes["reversal_of"] >= 0))
    if len(back):
        original = _reversed_row(side, back)
        fits = (original >= 0) & (size[original] == size[back]) & ~side.reversal[original]
        _, first = np.unique(original[fits], return_index=True)
        yield original[fits][first], back[fits][first]
    amount = np.unique(size, return_inverse=True)[1].astype(np.int32)
    for columns in _REVERSED_BY:
        pairs = [(side.codes[name], side.codes[name]) for name in columns]
        key, _ = key_of([*pairs, (amount, amount)])
        free = group < 0
        unnamed = np.flatnonzero(free & side.reversal & (side.codes["reversal_of"] < 0))
        plain = np.flatnonzero(free & ~side.reversal)
        yield pair(runs(key, plain), runs(key, unnamed), Clocks(side.time, side.time, 0))


def _reversed_row(side: Side, rows: Ints) -> Ints:
    """Row each reversal names, -1 where there is none."""
    ids = side.codes["movement_id"].astype(np.int64)
    return lookup(ids, np.arange(len(ids)), side.codes["reversal_of"][rows].astype(np.int64))


def _join_corrections(board: Board) -> None:
    """A reversal of part of a posting counts in the group of that posting."""
    side = board.right
    rows = np.flatnonzero(side.reversal & (board.right_group < 0))
    rows = rows[side.codes["reversal_of"][rows] >= 0]
    original = _reversed_row(side, rows)
    known = original >= 0
    rows, original = rows[known], original[known]
    less = np.abs(side.quantity[rows]) < np.abs(side.quantity[original])
    plain = (board.role[original] == PLAIN) & (board.right_group[original] >= 0)
    mine = less & plain
    board.join(rows[mine], board.right_group[original[mine]], PLAIN)


def _run_pairs(board: Board, rule: Pass, pass_no: int, policy: Policy) -> None:
    left_key, right_key = board.keys(rule.on)
    lefts = runs(left_key, board.free_left())
    rights = runs(right_key, board.free_right())
    if "quantity" not in rule.on:
        _link_partials(board, lefts, rights, pass_no)
        lefts = runs(left_key, board.free_left())
        rights = runs(right_key, board.free_right())
    found = pair(lefts, rights, Clocks(board.left.time, board.right.time, board.skew_us))
    board.link(*found, pass_no)
    if rule.duplicates:
        _join_duplicates(board, left_key, right_key)


def _link_partials(board: Board, lefts: Runs, rights: Runs, pass_no: int) -> None:
    """Movements posted in other parts than they were made: the whole key adds up."""
    i, j = common(lefts, rights)
    n, m = lefts.size[i], rights.size[j]
    sums_left = _sums(board.left.quantity, lefts)[i]
    sums_right = _sums(board.right.quantity, rights)[j]
    parts = (n != m) & (np.abs(sums_left - sums_right) < 1e-6)
    same = (n == m) & (n > 1)
    apart = _any_differs(
        board.left.quantity[lefts.rows[span(lefts.start[i[same]], n[same])]],
        board.right.quantity[rights.rows[span(rights.start[j[same]], m[same])]],
        n[same],
    )
    parts[same] = apart & (np.abs(sums_left[same] - sums_right[same]) < 1e-6)
    for a, b in zip(i[parts].tolist(), j[parts].tolist(), strict=True):
        mine = lefts.rows[lefts.start[a] : lefts.start[a] + lefts.size[a]]
        theirs = rights.rows[rights.start[b] : rights.start[b] + rights.size[b]]
        if board.right.time[theirs[0]] >= board.left.time[mine[0]] - board.skew_us:
            board.gather(mine, theirs, pass_no)


def _any_differs(left: Floats, right: Floats, size: Ints) -> Flags:
    """Whether rows paired in order of time differ in quantity, per key."""
    if not len(size):
        return np.zeros(0, bool)
    differs: Flags = np.logical_or.reduceat(left != right, np.cumsum(size) - size)
    return differs


def _sums(values: Floats, grouped: Runs) -> Floats:
    if not len(grouped.start):
        return np.empty(0)
    return np.add.reduceat(values[grouped.rows], grouped.start)


def _join_duplicates(board: Board, left_key: Ints, right_key: Ints) -> None:
    """A further posting under the key of a matched movement is an extra one of its group."""
    free = board.free_right()
    free = free[right_key[free] >= 0]
    if not len(free) or not board.groups:
        return
    matched = np.flatnonzero((board.left_group >= 0) & (left_key >= 0) & ~board.left.reversal)
    row = lookup(left_key[matched], matched, right_key[free])
    timely = board.right.time[free] >= board.left.time[row] - board.skew_us
    free, row = free[(row >= 0) & timely], row[(row >= 0) & timely]
    plain = np.flatnonzero((board.right_group >= 0) & (board.role == PLAIN))
    posted = np.zeros(board.groups, bool)
    posted[board.right_group[plain]] = True
    group = board.left_group[row]
    board.join(free[posted[group]], group[posted[group]], EXTRA)


def _rmas(side: Side, rows: Ints) -> list[str]:
    """Return number of each row: its line without the line number."""
    lines = side.texts("line", rows)
    return ["" if line is None else line.rpartition(":")[0] or line for line in lines]


def _run_typo(board: Board, rule: Pass, pass_no: int, policy: Policy) -> None:
    """P4: the return number differs by one slip, everything else agrees, and it is unmistakable."""
    left_key, right_key = board.keys(rule.on)
    lefts, rights = board.free_left(), board.free_right()
    shared = np.intersect1d(left_key[lefts], right_key[rights])
    lefts = lefts[np.isin(left_key[lefts], shared[shared >= 0])]
    rights = rights[np.isin(right_key[rights], shared[shared >= 0])]
    by_form: dict[tuple[int, str], list[int]] = defaultdict(list)
    for i, rma in enumerate(_rmas(board.left, lefts)):
        for form in set(shortened(rma)) if rma else ():
            by_form[int(left_key[lefts[i]]), form].append(i)
    mine, theirs = _rmas(board.left, lefts), _rmas(board.right, rights)
    pairs = set()
    for j, rma in enumerate(theirs):
        for form in set(shortened(rma)) if rma else ():
            for i in by_form.get((int(right_key[rights[j]]), form), ()):
                timely = board.right.time[rights[j]] >= board.left.time[lefts[i]] - board.skew_us
                if timely and one_slip(mine[i], rma):
                    pairs.add((i, j))
    kept = _unmistakable(pairs)
    board.link(lefts[kept[:, 0]], rights[kept[:, 1]], pass_no)


def _unmistakable(pairs: set[tuple[int, int]]) -> Ints:
    """Pairs of which neither end has another partner, array of shape (n, 2)."""
    found = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    _, first, of_left = np.unique(found[:, 0], return_index=True, return_counts=True)
    single_left = np.isin(found[:, 0], found[first[of_left == 1], 0])
    _, first, of_right = np.unique(found[:, 1], return_index=True, return_counts=True)
    single_right = np.isin(found[:, 1], found[first[of_right == 1], 1])
    return found[single_left & single_right]


def _unreferenced(board: Board) -> Ints:
    """Free postings that name neither a movement nor a return line."""
    rows = board.free_right()
    nameless = np.ones(len(rows), bool)
    for column in ("reference", "document", "line"):
        nameless &= board.right.codes[column][rows] < 0
    return rows[nameless]


def _run_groups(board: Board, rule: Pass, pass_no: int, policy: Policy) -> None:
    """P5: all movements of a site, SKU, status and day against all postings of a day, then
    against one of them.

    First without those that nobody expects in a sum, see ``_expected``.
    """
    rights = _unreferenced(board)
    if not len(rights):
        return
    expected = _expected(board)
    ways = product((False, True), range(int(rule.window_days) + 1), (False, True))
    for singly, lag, every in ways:
        rights = rights[board.right_group[rights] < 0]
        if not len(rights):
            return
        free = board.free_left()
        free = free if every else free[expected[free]]
        mine, theirs = _dated(board, rule, lag)
        lefts = runs(mine, free)
        for some in _one_by_one(theirs, rights) if singly else (rights,):
            _gather_equals(board, lefts, runs(theirs, some), pass_no)


def _expected(board: Board) -> Flags:
    """All movements but those whose message failed, or whose own posting was reversed."""
    left_key, right_key = board.keys(("line", "sku", "kind", "status"))
    undone = right_key[(board.role == NETTED) & ~board.right.reversal]
    expected: Flags = ~board.left.failed & ~np.isin(left_key, undone[undone >= 0])
    return expected


def _dated(board: Board, rule: Pass, lag: int) -> tuple[Ints, Ints]:
    """Keys of a pass with the business day, and the posting day less ``lag`` days."""
    left_key, right_key = board.keys(rule.on)
    days = np.concatenate([board.left.day, board.right.day - lag])
    days = (days - days.min(initial=0)).astype(np.int64)
    width, cut = int(days.max(initial=0)) + 1, len(board.left)
    mine: Ints = np.where(left_key < 0, -1, left_key * width + days[:cut])
    theirs: Ints = np.where(right_key < 0, -1, right_key * width + days[cut:])
    return mine, theirs


def _one_by_one(key: Ints, rows: Ints) -> Iterator[Ints]:
    """The rows in rounds, so that each round has one row of a key at most."""
    while len(rows):
        _, first = np.unique(key[rows], return_index=True)
        yield rows[first]
        rows = np.delete(rows, first)


def _gather_equals(board: Board, lefts: Runs, rights: Runs, pass_no: int) -> None:
    """Gather what has the same key and adds up to the same, and was free until now."""
    i, j = common(lefts, rights)
    sums = _sums(board.left.quantity, lefts)[i] - _sums(board.right.quantity, rights)[j]
    for a, b in zip(i[np.abs(sums) < 1e-9], j[np.abs(sums) < 1e-9], strict=True):
        mine = lefts.rows[lefts.start[a] : lefts.start[a] + lefts.size[a]]
        if (board.left_group[mine] < 0).all():
            theirs = rights.rows[rights.start[b] : rights.start[b] + rights.size[b]]
            board.gather(mine, theirs, pass_no)


def _run_subsets(board: Board, rule: Pass, pass_no: int, policy: Policy) -> None:
    """P6: one posting for a few movements, or one movement in a few postings, if unmistakable."""
    rights = _unreferenced(board)
    if not len(rights):
        return
    window, most = int(rule.window_days * DAY_US), policy.subset_candidates
    left_key, right_key = board.keys(rule.on)
    by_key: dict[int, list[int]] = defaultdict(list)
    wanted = set(right_key[rights].tolist())
    for row in board.free_left().tolist():
        if int(left_key[row]) in wanted and left_key[row] >= 0:
            by_key[int(left_key[row])].append(row)
    for row in rights.tolist():
        at = int(board.right.time[row])
        near = [
            one
            for one in by_key.get(int(right_key[row]), ())
            if board.left_group[one] < 0
            and board.left.time[one] - board.skew_us <= at <= board.left.time[one] + window
        ]
        _accept(board, near, row, side="right", pass_no=pass_no, most=most)
    rights = rights[board.right_group[rights] < 0]
    free = defaultdict(list)
    for row in rights.tolist():
        free[int(right_key[row])].append(row)
    for row in sorted(one for key in free for one in by_key.get(key, ())):
        if board.left_group[row] < 0:
            at = int(board.left.time[row])
            near = [
                one
                for one in free[int(left_key[row])]
                if board.right_group[one] < 0
                and at - board.skew_us <= board.right.time[one] <= at + window
            ]
            _accept(board, near, row, side="left", pass_no=pass_no, most=most)


def _accept(board: Board, near: list[int], row: int, *, side: str, pass_no: int, most: int) -> None:
    """Link a row with the one subset that adds up; several go to review with all of them."""
    if not 1 <= len(near) <= most:
        return
    one, many = (board.right, board.left) if side == "right" else (board.left, board.right)
    choice = subsets_adding_up(
        [float(many.quantity[other]) for other in near], float(one.quantity[row])
    )
    chosen = [np.array([near[k] for k in solution], np.int64) for solution in choice.solutions]
    if choice.unique:
        mine = np.array([row], np.int64)
        lefts, rights = (chosen[0], mine) if side == "right" else (mine, chosen[0])
        board.gather(lefts, rights, pass_no)
    elif chosen:
        candidates = tuple(tuple(int(k) for k in rows) for rows in chosen)
        board.reviews.append(Review(side, row, candidates, pass_no))


def _run_shortfall(board: Board, rule: Pass, pass_no: int, policy: Policy) -> None:
    """P6: a posting holds a day's movements but for some, and does not say which."""
    expected = _expected(board)
    for lag in range(int(rule.window_days) + 1):
        rights = _unreferenced(board)
        if not len(rights):
            return
        mine, theirs = _dated(board, rule, lag)
        free = board.free_left()
        lefts = runs(mine, free[expected[free]])
        for some in _one_by_one(theirs, rights):
            postings = runs(theirs, some)
            for a, b in zip(*common(lefts, postings), strict=True):
                rows = lefts.rows[lefts.start[a] : lefts.start[a] + lefts.size[a]]
                posting = postings.rows[postings.start[b] : postings.start[b] + 1]
                if (board.left_group[rows] < 0).all() and _lacks_few(board, rows, posting):
                    board.gather(rows, posting, pass_no)


def _lacks_few(board: Board, rows: Ints, posting: Ints) -> bool:
    """Whether leaving out at most three of the movements gives the quantity of the posting."""
    moved, [posted] = board.left.quantity[rows], board.right.quantity[posting].tolist()
    gap = float(moved.sum()) - posted
    if len(rows) > _MOST_IN_A_SUM or posted <= 0 or gap <= 1e-9:
        return False
    return bool(subsets_adding_up(moved.tolist(), gap, most=_MOST_LACKING).solutions)


_RUN = {
    "pairs": _run_pairs,
    "typo": _run_typo,
    "groups": _run_groups,
    "subsets": _run_subsets,
    "shortfall": _run_shortfall,
}
