"""From return lines to numbers: one encoding for training frames and for scoring requests.

A line is a mapping of field names (those of ``models.snapshots.FIELDS``) to values; every field
may be missing, of a wrong type or an unknown code, and encoding never raises.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np

from models.arrays import Bools, Floats
from models.items import NUMBERS, Items

UNKNOWN_CODE: Final = -1.0
Columns = Mapping[str, Sequence[Any]]
_YES = frozenset({"y", "yes", "true", "1", "t", "ok"})
_NO = frozenset({"n", "no", "false", "0", "f"})
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of a tabular model.

    Parameters
    ----------
    needs : tuple of str
        Fields of the line it is computed from; empty for item attributes, known at any time.
    words : str
        What people call it in an explanation.
    """

    name: str
    needs: tuple[str, ...]
    words: str
    code: bool = False


def _codes(**words: str) -> tuple[Feature, ...]:
    return tuple(Feature(name, (name,), text, code=True) for name, text in words.items())


CODES: Final = (
    *_codes(
        site="site",
        condition="condition",
        grade="grade",
        reason_declared="declared reason",
        reason_inspected="inspected reason",
        channel="channel",
        policy="returns policy",
        carrier="carrier",
        resolution_requested="requested resolution",
    ),
    Feature("family", (), "product family", code=True),
)
MEASURES: Final = (
    Feature("quantity", ("quantity",), "quantity"),
    Feature("unit_price", ("unit_price",), "unit price"),
    Feature("value", ("quantity", "unit_price"), "line value"),
    Feature("price_to_list", ("unit_price",), "price against list price"),
    Feature("serial_match", ("serial_match",), "serial number check"),
    Feature("seal_ok", ("seal_ok",), "seal"),
    Feature("accessories_ok", ("accessories_ok",), "accessories"),
    Feature("days_since_request", ("requested_at", "inspected_at"), "days since the request"),
    Feature("supplier_pays", ("reason_inspected",), "supplier's contract covers the reason"),
    Feature("supplier_credit", ("reason_inspected",), "credit the supplier would give"),
    *(Feature(name, (), name.replace("_", " ")) for name in NUMBERS),
)


def columns_of(lines: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[Any]]:
    """Turn lines into one list per field, None where a line lacks it."""
    return {name: [line.get(name) for line in lines] for name in names}


PLAUSIBLE: Final = 1e9
"""A quantity or an amount beyond this is a slip of the keyboard: unknown."""


def numbers(values: Sequence[Any]) -> Floats:
    """Floats, NaN where a value is missing, not a number, or beyond what anybody returns."""
    return np.array([_number(value) for value in values], dtype=float)


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan
    return number if abs(number) <= PLAUSIBLE else np.nan


def flags(values: Sequence[Any]) -> Floats:
    """1 for yes, 0 for no, NaN for anything else (``NA``, missing, nonsense)."""
    texts = [str(value).strip().lower() for value in values]
    return np.array([1.0 if t in _YES else 0.0 if t in _NO else np.nan for t in texts])


def days_between(earlier: Sequence[Any], later: Sequence[Any]) -> Floats:
    """Days from one time to another, NaN where either is missing or unreadable."""
    return (_seconds(later) - _seconds(earlier)) / _DAY_S


def _day_of_month(value: Any) -> float:
    seconds = _second(value)
    return np.nan if np.isnan(seconds) else float(datetime.fromtimestamp(seconds, UTC).day)


def _seconds(values: Sequence[Any]) -> Floats:
    return np.array([_second(value) for value in values], dtype=float)


def _second(value: Any) -> float:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(moment, date) and not isinstance(moment, datetime):
            moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return float(moment.timestamp())
    except (AttributeError, ValueError, TypeError, OverflowError):
        return np.nan


def text(value: Any) -> str:
    """A text without surrounding space; empty for anything that is no text."""
    return value.strip() if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Integer codes of the categories seen often enough in training.

    >>> Vocabulary({"site": ("DC1", "DC2")}).encode("site", ["DC2", "moon", None]).tolist()
    [1.0, -1.0, -1.0]
    """

    values: Mapping[str, tuple[str, ...]]

    @classmethod
    def learn(cls, columns: Columns, names: Sequence[str], *, at_least: int = 5) -> "Vocabulary":
        """Collect the categories of each column that occur ``at_least`` times."""
        found = {}
        for name in names:
            present = [str(value) for value in columns[name] if text(value)]
            categories, counts = np.unique(np.array(present, dtype=np.str_), return_counts=True)
            found[name] = tuple(categories[counts >= at_least].tolist())
        return cls(found)

    def encode(self, name: str, values: Sequence[Any]) -> Floats:
        """Codes as floats, -1 for a category never learnt or missing."""
        place = {value: float(n) for n, value in enumerate(self.values[name])}
        return np.array([place.get(text(value), UNKNOWN_CODE) for value in values])


def attributes(columns: Columns, items: Items) -> dict[str, Sequence[Any]]:
    """Add the item's family, numbers and covered reasons to the fields of the lines."""
    size = len(columns["sku"])
    families, covers, known = items.look_up(columns["sku"], columns.get("family") or [None] * size)
    joined = {"family": families, "covers": covers}
    return {**columns, **joined, **dict(zip(NUMBERS, known.T, strict=True))}


def matrix(columns: Columns, features: Sequence[Feature], vocabulary: Vocabulary) -> Floats:
    """Encode lines whose attributes have been joined.

    Returns
    -------
    array of shape (lines, features)
        Codes are -1 and measures NaN where unknown.
    """
    return np.column_stack(
        [
            vocabulary.encode(feature.name, columns[feature.name])
            if feature.code
            else measure(feature.name, columns)
            for feature in features
        ]
    )


def measure(name: str, columns: Columns) -> Floats:
    """One numeric feature of every line."""
    compute = _MEASURES.get(name)
    return numbers(columns[name]) if compute is None else compute(columns)


def supplier_pays(columns: Columns) -> Bools:
    """Whether the item's contract covers the reason of each line (by family or full code)."""
    pairs = zip(columns["covers"], columns["reason_inspected"], strict=True)
    covered = [
        any(text(reason).startswith(basis) for basis in covers.split(";") if basis)
        for covers, reason in pairs
    ]
    return np.array(covered, dtype=bool)


def supplier_credit(columns: Columns) -> Floats:
    """Money per unit the supplier would give by contract; 0 where it covers nothing."""
    share = np.nan_to_num(numbers(columns["contract_credit_share"]))
    kept = 1.0 - np.nan_to_num(numbers(columns["contract_restock_share"]))
    allowed = np.nan_to_num(numbers(columns["contract_allowance_share"])) == 0.0
    paid: Floats = numbers(columns["std_cost"]) * share * kept * (supplier_pays(columns) & allowed)
    return paid


_MEASURES: Final[dict[str, Callable[[Columns], Floats]]] = {
    "value": lambda c: numbers(c["quantity"]) * numbers(c["unit_price"]),
    "price_to_list": lambda c: (
        numbers(c["unit_price"]) / np.maximum(numbers(c["list_price"]), 0.01)
    ),
    "days_since_request": lambda c: days_between(c["requested_at"], c["inspected_at"]),
    "days_alive": lambda c: days_between(c["begun_at"], c["as_of"]),
    "days_waiting": lambda c: days_between(c["last_activity_at"], c["as_of"]),
    "weekday": lambda c: np.floor(_seconds(c["as_of"]) / _DAY_S + 3) % 7,
    "hour": lambda c: np.floor(_seconds(c["as_of"]) % _DAY_S / 3600),
    "day_of_month": lambda c: np.array([_day_of_month(value) for value in c["as_of"]]),
    "serial_match": lambda c: flags(c["serial_match"]),
    "seal_ok": lambda c: flags(c["seal_ok"]),
    "accessories_ok": lambda c: flags(c["accessories_ok"]),
    "supplier_pays": lambda c: supplier_pays(c).astype(float),
    "supplier_credit": supplier_credit,
}


def fields_of(features: Sequence[Feature]) -> tuple[str, ...]:
    """Names of the line fields a list of features needs."""
    needed = [name for feature in features for name in feature.needs]
    return tuple(dict.fromkeys(["sku", *needed]))
