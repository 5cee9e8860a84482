"""One sentence per break, built from the rows themselves, and a correction somebody might make.

Retrace never executes a correction; the ERP's own controls do.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """The facts of one break, ready to be told.

    ``moved`` and ``posted`` are the quantities the two sides add up to without extra postings,
    ``extra`` what was posted too often, ``factor`` the pack factor that fits (0: none does).
    """

    code: str
    movement: Row | None
    posting: Row | None
    movements: tuple[str, ...] = ()
    postings: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    netted: tuple[str, ...] = ()
    moved: float = 0.0
    posted: float = 0.0
    extra: float = 0.0
    factor: float = 0.0
    unit_cost: float = 0.0
    delta_value: float = 0.0
    due_us: int = 0
    age_days: float = 0.0
    candidates: tuple[tuple[str, ...], ...] = field(default=())


def number(value: float) -> str:
    """A quantity without needless decimals.

    >>> number(24.0), number(0.125)
    ('24', '0.125')
    """
    return f"{value:.0f}" if value == int(value) else f"{value:.6f}".rstrip("0")


def money(value: float) -> str:
    """An amount to the cent, without sign."""
    return f"{abs(value):,.2f}"


def day(moment: datetime | None) -> str:
    """The day of a moment, ISO."""
    return moment.astimezone(UTC).date().isoformat() if moment else "an unknown day"


def clock(moment_us: int) -> str:
    """A moment to the minute, UTC."""
    moment = datetime(1970, 1, 1) + timedelta(microseconds=moment_us)
    return f"{moment.isoformat(' ', 'minutes')} UTC"


def explain(case: Case) -> str:
    """The sentence of a break."""
    text = _EXPLAIN[case.code](case)
    if case.candidates:
        sets = "; ".join(" + ".join(ids) for ids in case.candidates)
        text += f" Candidates for review: {sets}."
    return text


def suggest(case: Case) -> str:
    """A correction, as a proposal to the owner."""
    return _FIX[case.code](case)


def _list(ids: tuple[str, ...]) -> str:
    return ids[0] if len(ids) == 1 else ", ".join(ids[:-1]) + " and " + ids[-1]


def _moved(case: Case) -> str:
    row = case.movement or {}
    verb = {"receipt": "received", "transfer": "moved"}.get(row["kind"] or "", "recorded")
    what = f" of {row['sku']}" if row["sku"] else ""
    where = f" at site {row['site']}" if row["site"] else ""
    ids = _list(case.movements or (row["movement_id"],))
    return f"WMS {ids} {verb} {number(case.moved)}{what}{where} on {day(row['occurred_at'])}"


def _posted(case: Case) -> str:
    row = case.posting or {}
    ids = _list(case.postings or (row["movement_id"],))
    return f"ERP {ids} posted {number(case.posted)} on {day(row['occurred_at'])}"


def _missing(case: Case) -> str:
    if case.posting is not None:
        gap = case.moved - case.posted
        return (
            f"{_moved(case)}; {_posted(case)} in one sum that does not say for which of them: "
            f"{number(gap)} missing in the ERP ({money(gap * case.unit_cost)})."
        )
    return (
        f"{_moved(case)}; no ERP posting by {clock(case.due_us)}, when it was due: "
        f"{number(case.moved)} missing in the ERP ({money(case.moved * case.unit_cost)})."
    )


def _failed(case: Case) -> str:
    row = case.movement or {}
    error = f" with {row['error']}" if row["error"] else ""
    return (
        f"{_moved(case)}; its message {row['reference'] or '(no id)'} failed{error} and no ERP "
        f"posting exists: {number(case.moved)} missing ({money(case.moved * case.unit_cost)})."
    )


def _in_flight(case: Case) -> str:
    return f"{_moved(case)}; the ERP posting is not due before {clock(case.due_us)}."


def _duplicate(case: Case) -> str:
    return (
        f"{_moved(case)}; {_posted(case)} and {_list(case.extras)} posted "
        f"{number(case.extra)} again: {number(case.extra)} too many "
        f"({money(case.extra * case.unit_cost)})."
    )


def _quantity(case: Case) -> str:
    gap = case.posted - case.moved
    return (
        f"{_moved(case)}; {_posted(case)}: {number(abs(gap))} too "
        f"{'many' if gap > 0 else 'few'} ({money(gap * case.unit_cost)}), and no pack factor fits."
    )


def _unit(case: Case) -> str:
    big, small = max(case.moved, case.posted), min(case.moved, case.posted)
    gap = case.posted - case.moved
    return (
        f"{_moved(case)}; {_posted(case)}; {number(big)}/{number(small)} = {number(case.factor)} "
        f"is the pack factor: unit-of-measure mismatch, {number(abs(gap))} "
        f"{'too many' if gap > 0 else 'missing'} in the ERP ({money(gap * case.unit_cost)})."
    )


def _field(case: Case, *names: str) -> str:
    a, b = case.movement or {}, case.posting or {}
    pairs = [(n, a[n], b[n]) for n in names if a[n] and b[n] and a[n] != b[n]]
    return ", ".join(f"{name} {mine} there and {theirs} here" for name, mine, theirs in pairs)


def _identity(case: Case) -> str:
    return f"{_moved(case)}; {_posted(case)}, but with {_field(case, 'sku', 'lot', 'serial')}."


def _status(case: Case) -> str:
    return f"{_moved(case)}; {_posted(case)}, but with {_field(case, 'status')}."


def _place(case: Case) -> str:
    return f"{_moved(case)}; {_posted(case)}, but with {_field(case, 'site', 'location')}."


def _unlinked(case: Case) -> str:
    a, b = case.movement or {}, case.posting or {}
    return (
        f"{_moved(case)} for {a['line'] or 'no return line'}; {_posted(case)} for "
        f"{b['line'] or 'no return line'}, everything else agrees: the reference is wrong."
    )


def _unsupported(case: Case) -> str:
    row = case.posting or {}
    what = f" of {row['sku']}" if row["sku"] else ""
    return f"{_posted(case)}{what} and no WMS movement supports it ({money(case.delta_value)})."


def _cutoff(case: Case) -> str:
    a, b = case.movement or {}, case.posting or {}
    return (
        f"{_moved(case)}, business day {_on(a, 'business_date')}; {_posted(case)} with posting "
        f"date {_on(b, 'posting_date')}: different periods."
    )


def _on(row: Row, column: str) -> str:
    stated = row[column]
    return stated.isoformat() if isinstance(stated, date) else day(row["occurred_at"])


def _value(case: Case) -> str:
    due = case.posted * case.unit_cost
    return (
        f"{_moved(case)}; {_posted(case)} at {money(due + case.delta_value)} where "
        f"{number(case.posted)} x {case.unit_cost:.4f} = {money(due)}: "
        f"{money(case.delta_value)} {'too much' if case.delta_value > 0 else 'too little'}."
    )


def _unpaired(case: Case) -> str:
    if case.movement is None:
        row = case.posting or {}
        original = row["reversal_of"]
        why = (
            f"names {original}, which is not there to be reversed" if original else "names nothing"
        )
        return (
            f"Reversal {row['movement_id']} of {number(abs(row['quantity']))} on "
            f"{day(row['occurred_at'])} {why} ({money(row['quantity'] * case.unit_cost)})."
        )
    if not case.netted:
        row = case.movement
        return (
            f"WMS reversal {row['movement_id']} of {number(abs(row['quantity']))} on "
            f"{day(row['occurred_at'])} reverses nothing that is recorded."
        )
    return (
        f"{_moved(case)}; ERP {case.netted[0]} posted it and {_list(case.netted[1:])} reversed "
        f"it, and it was never posted again: {number(case.moved)} missing in the ERP "
        f"({money(case.moved * case.unit_cost)})."
    )


_EXPLAIN: dict[str, Callable[[Case], str]] = {
    "B01": _missing,
    "B02": _failed,
    "B03": _in_flight,
    "B04": _duplicate,
    "B05": _quantity,
    "B06": _unit,
    "B07": _status,
    "B08": _place,
    "B09": _identity,
    "B10": _unlinked,
    "B11": _unsupported,
    "B12": _cutoff,
    "B13": _value,
    "B14": _unpaired,
}


def _ids(case: Case) -> str:
    return _list(case.postings) if case.postings else (case.posting or {})["movement_id"]


_FIX: dict[str, Callable[[Case], str]] = {
    "B01": lambda c: (
        f"Post {number(c.moved - c.posted)} for WMS {_list(c.movements)} if nothing is under way."
        if c.posting is None
        else f"Find which of WMS {_list(c.movements)} ERP {_ids(c)} leaves out; then post it."
    ),
    "B02": lambda c: f"Repair the cause and replay the message of WMS {_list(c.movements)}.",
    "B03": lambda c: "Wait.",
    "B04": lambda c: f"Reverse {_list(c.extras)}.",
    "B05": lambda c: (
        f"Recount; then adjust ERP {_ids(c)} by {number(c.moved - c.posted)}, referring to it."
    ),
    "B06": lambda c: (
        f"Correct the unit of measure and adjust ERP {_ids(c)} by {number(c.moved - c.posted)}."
    ),
    "B07": lambda c: (
        f"Transfer {number(c.posted)} from {(c.posting or {})['status']} to "
        f"{(c.movement or {})['status']} with a reference to ERP {_ids(c)}."
    ),
    "B08": lambda c: (
        f"Transfer {number(c.posted)} to where the warehouse has it, referring to ERP {_ids(c)}."
    ),
    "B09": lambda c: f"Check the goods; then reverse ERP {_ids(c)} and post what was received.",
    "B10": lambda c: (
        f"Correct the reference of ERP {_ids(c)} to {(c.movement or {})['line'] or 'its line'}."
    ),
    "B11": lambda c: f"Ask who posted ERP {_ids(c)} for evidence, or reverse it.",
    "B12": lambda c: f"Accrue {money(c.posted * c.unit_cost)} in the period of the movement.",
    "B13": lambda c: f"Revalue ERP {_ids(c)} by {-c.delta_value:.2f}.",
    "B14": lambda c: (
        f"Post WMS {_list(c.movements)} again, or document why not."
        if c.movement is not None and c.netted
        else "Name the document it reverses, or reverse the reversal."
    ),
}
