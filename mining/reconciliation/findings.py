"""What a reconciliation answers: breaks as frozen records, and who belongs to which."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import pandas as pd

NAMES: Final = {
    "B01": "MISSING_POSTING",
    "B02": "FAILED_MESSAGE",
    "B03": "TIMING_IN_FLIGHT",
    "B04": "DUPLICATE_POSTING",
    "B05": "QTY_MISMATCH",
    "B06": "UOM_MISMATCH",
    "B07": "STATUS_MISMATCH",
    "B08": "LOCATION_MISMATCH",
    "B09": "IDENTITY_MISMATCH",
    "B10": "UNLINKED_RECEIPT",
    "B11": "UNSUPPORTED_POSTING",
    "B12": "CUTOFF",
    "B13": "VALUATION_MISMATCH",
    "B14": "REVERSAL_UNPAIRED",
    "B15": "CREDIT_STOCK_MISMATCH",
    "B16": "BALANCE_DRIFT",
    "B17": "RTV_MISMATCH",
}
STOCK: Final = frozenset(code for code in NAMES if code < "B15")
"""Types that compare movements with postings."""
AGES: Final = ((1, "0-1"), (3, "2-3"), (7, "4-7"), (30, "8-30"))


@dataclass(frozen=True, slots=True)
class Break:
    """Something that does not add up, with everything needed to judge it.

    Quantities are in base units and money in the currency of the source; deltas are what the
    posting side says minus what the other side supports. ``members`` are document ids as the
    sources write them. ``opened_at`` is the time of the earliest member.
    """

    break_id: str
    type: str
    members: tuple[str, ...]
    delta_quantity: float
    delta_value: float
    value_at_risk: float
    explanation: str
    suggested_fix: str
    age_days: float
    confidence: str
    secondary: tuple[str, ...] = ()
    site: str | None = None
    sku: str | None = None
    line: str | None = None
    owner: str = ""
    root_cause: str = ""
    age_bucket: str = ""
    opened_at: datetime | None = None
    found_by: str = ""

    @property
    def name(self) -> str:
        return NAMES[self.type]

    def to_dict(self) -> dict[str, Any]:
        """The contract of ``retrace reconcile --json``."""
        return {
            "break_id": self.break_id,
            "type": self.type,
            "members": list(self.members),
            "delta_quantity": self.delta_quantity,
            "delta_value": self.delta_value,
            "value_at_risk": self.value_at_risk,
            "explanation": self.explanation,
            "suggested_fix": self.suggested_fix,
            "age_days": self.age_days,
            "confidence": self.confidence,
            "secondary": list(self.secondary),
        }


def break_id(members: tuple[str, ...], *, rules: str) -> str:
    """Id of a break: of its sorted members and the version of the rules, nothing else.

    >>> break_id(("E2", "W1"), rules="1") == break_id(("W1", "E2"), rules="1")
    True
    """
    text = "\x1f".join([rules, *sorted(members)])
    return "BR" + sha256(text.encode()).hexdigest()[:16]


def age_bucket(days: float) -> str:
    """Ageing bucket of a break.

    >>> age_bucket(0.4), age_bucket(5), age_bucket(31)
    ('0-1', '4-7', '>30')
    """
    return next((name for limit, name in AGES if days <= limit), ">30")


@dataclass(frozen=True)
class Reconciliation:
    """Everything found, as of one moment.

    Parameters
    ----------
    matched : int
        Movements in groups without any difference.
    breaks : tuple of Break
        Sorted by type and id.
    movements : frame
        One row per movement and posting that took part: side, movement_id, line, site, sku, kind,
        status, quantity, value, worth (value without sign), occurred_at, recorded_at, due_at,
        group, type ("" where it adds up), pass, key ("quarantine" where a posting rests on a
        refused record). Each row is in exactly one group.
    reviews : frame
        Postings that several sets of movements, or a refused record, could explain: side,
        movement_id, candidates.
    ignored : int
        Exact repetitions left out.
    examined : set of str
        Types that were looked for; no break of another type is proof of nothing.
    """

    as_of: datetime
    rules: str
    matched: int
    breaks: tuple[Break, ...]
    movements: pd.DataFrame = field(repr=False)
    reviews: pd.DataFrame = field(repr=False)
    ignored: int = 0
    examined: frozenset[str] = STOCK

    def __iter__(self) -> Iterator[Break]:
        return iter(self.breaks)

    @property
    def by_type(self) -> dict[str, int]:
        """Number of breaks per type, by code."""
        counts: dict[str, int] = {}
        for one in self.breaks:
            counts[one.type] = counts.get(one.type, 0) + 1
        return dict(sorted(counts.items()))

    def of_type(self, code: str) -> tuple[Break, ...]:
        return tuple(one for one in self.breaks if one.type == code)

    @property
    def frame(self) -> pd.DataFrame:
        """Breaks as a frame, one row each."""
        columns = [name for name in Break.__dataclass_fields__]
        rows = [[getattr(one, name) for name in columns] for one in self.breaks]
        return pd.DataFrame(rows, columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """The contract of ``retrace reconcile --json``."""
        return {
            "matched": self.matched,
            "breaks": [one.to_dict() for one in self.breaks],
            "by_type": self.by_type,
        }
