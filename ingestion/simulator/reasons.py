"""Why lines come back, what the units then are, and how people mislabel both."""

from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import Final, Generic, TypeVar

from ingestion.simulator.catalogue import Item

T = TypeVar("T")


class Weighted(Generic[T]):
    """A fixed weighted choice.

    >>> Weighted({"a": 1.0, "b": 3.0}).at(0.5)
    'b'
    """

    def __init__(self, weights: Mapping[T, float] | Sequence[tuple[T, float]]) -> None:
        pairs = list(weights.items()) if isinstance(weights, Mapping) else list(weights)
        self.values = [value for value, _ in pairs]
        self._ends = list(accumulate(weight for _, weight in pairs))

    def at(self, draw: float) -> T:
        """The value a uniform ``draw`` in [0, 1) points at."""
        return self.values[min(bisect(self._ends, draw * self._ends[-1]), len(self.values) - 1)]


_MIX: Final = {
    "B2C": {"CHOICE": 45, "FULFIL": 18, "QUALITY": 23, "TRANSIT": 10, "OTHER": 4},
    "B2B": {
        "CHOICE": 20,
        "FULFIL": 22,
        "QUALITY": 25,
        "TRANSIT": 8,
        "COMMERCIAL": 21,
        "OTHER": 4,
    },
    "DC4": {
        "CHOICE": 17,
        "FULFIL": 20,
        "QUALITY": 17,
        "TRANSIT": 8,
        "COMMERCIAL": 34,
        "OTHER": 4,
    },
    "DC5": {
        "CHOICE": 17,
        "FULFIL": 22,
        "QUALITY": 37,
        "TRANSIT": 7,
        "COMMERCIAL": 13,
        "OTHER": 4,
    },
}
FAMILY_MIX: Final = {key: Weighted(mix) for key, mix in _MIX.items()}

_CODES: Final[dict[str, dict[str, float]]] = {
    "CHOICE": {
        "CHOICE.UNWANTED": 42,
        "CHOICE.ORDERED_IN_ERROR": 24,
        "CHOICE.FIT_SIZE": 14,
        "CHOICE.STYLE_COLOUR": 11,
        "CHOICE.BETTER_PRICE": 9,
    },
    "QUALITY": {
        "QUALITY.DOA": 24,
        "QUALITY.DEFECTIVE": 40,
        "QUALITY.WORKMANSHIP": 18,
        "QUALITY.PACKAGING": 11,
        "QUALITY.LABEL": 7,
    },
    "FULFIL": {
        "FULFIL.WRONG_ITEM": 30,
        "FULFIL.WRONG_QTY_OVER": 13,
        "FULFIL.WRONG_QTY_SHORT": 7,
        "FULFIL.MISSING_PARTS": 14,
        "FULFIL.NOT_AS_DESCRIBED": 12,
        "FULFIL.INCOMPATIBLE": 9,
        "FULFIL.DUPLICATE": 7,
        "FULFIL.PAST_CANCEL": 3,
        "FULFIL.LATE": 5,
    },
    "TRANSIT": {
        "TRANSIT.DAMAGED": 62,
        "TRANSIT.REFUSED": 20,
        "TRANSIT.UNDELIVERABLE": 14,
        "TRANSIT.NOT_RECEIVED": 4,
    },
    "COMMERCIAL": {
        "COMMERCIAL.STOCK_ROTATION": 56,
        "COMMERCIAL.END_SEASON": 16,
        "COMMERCIAL.STOCK_REDUCTION": 16,
        "COMMERCIAL.CORE": 7,
        "COMMERCIAL.LOAN": 3,
        "COMMERCIAL.RENTAL": 2,
    },
    "OTHER": {"OTHER": 50, "UNKNOWN": 50},
}
_PLAIN: Final = {family: Weighted(codes) for family, codes in _CODES.items()}
_WEARABLE: Final = Weighted(
    {**_CODES["CHOICE"], "CHOICE.FIT_SIZE": 70.0, "CHOICE.STYLE_COLOUR": 25.0}
)
_HARD: Final = Weighted({**_CODES["CHOICE"], "CHOICE.FIT_SIZE": 4.0, "CHOICE.STYLE_COLOUR": 4.0})
_PERISHABLE: Final = Weighted(
    {
        "QUALITY.DEFECTIVE": 8.0,
        "QUALITY.WORKMANSHIP": 6.0,
        "QUALITY.PACKAGING": 22.0,
        "QUALITY.LABEL": 12.0,
        "QUALITY.EXPIRED": 27.0,
        "QUALITY.SHORT_DATED": 20.0,
        "QUALITY.RECALL": 5.0,
    }
)

CODES: Final = tuple(
    sorted({code for codes in _CODES.values() for code in codes} | set(_PERISHABLE.values))
)


def true_reason(rng: Random, *, mix: str, item: Item) -> str:
    """The real cause of a return of this item."""
    family = FAMILY_MIX[mix].at(rng.random())
    if family == "CHOICE":
        wearable = item.family.name in ("apparel", "footwear")
        return (_WEARABLE if wearable else _HARD).at(rng.random())
    if family == "QUALITY" and item.family.shelf_life_d:
        return _PERISHABLE.at(rng.random())
    return _PLAIN[family].at(rng.random())


_CONDITIONS: Final[dict[str, dict[str, float]]] = {
    "CHOICE": {
        "NEW_SEALED": 45,
        "NEW_OPENED": 29,
        "USED_GOOD": 9,
        "PKG_DAMAGED": 6,
        "USED_WORN": 4,
        "BROKEN": 1.5,
        "INCOMPLETE": 2,
        "WRONG_ITEM": 2,
        "EMPTY_OR_SUBSTITUTE": 0.8,
        "SERIAL_MISMATCH": 0.7,
    },
    "QUALITY.DOA": {
        "FUNCTIONAL_DEFECT": 62,
        "NEW_OPENED": 24,
        "BROKEN": 8,
        "INCOMPLETE": 4,
        "COSMETIC_DAMAGE": 2,
    },
    "QUALITY.DEFECTIVE": {
        "FUNCTIONAL_DEFECT": 54,
        "USED_GOOD": 17,
        "NEW_OPENED": 13,
        "BROKEN": 10,
        "COSMETIC_DAMAGE": 3,
        "INCOMPLETE": 3,
    },
    "QUALITY.WORKMANSHIP": {
        "COSMETIC_DAMAGE": 46,
        "FUNCTIONAL_DEFECT": 24,
        "BROKEN": 14,
        "NEW_OPENED": 16,
    },
    "QUALITY.PACKAGING": {"PKG_DAMAGED": 80, "NEW_SEALED": 12, "CONTAMINATED": 8},
    "QUALITY.LABEL": {"NEW_SEALED": 62, "PKG_DAMAGED": 28, "NEW_OPENED": 10},
    "QUALITY.EXPIRED": {"EXPIRED": 93, "NEW_SEALED": 7},
    "QUALITY.SHORT_DATED": {"NEW_SEALED": 64, "EXPIRED": 36},
    "QUALITY.RECALL": {"NEW_SEALED": 58, "FUNCTIONAL_DEFECT": 14, "CONTAMINATED": 28},
    "FULFIL": {"NEW_SEALED": 82, "NEW_OPENED": 14, "PKG_DAMAGED": 4},
    "FULFIL.WRONG_ITEM": {
        "NEW_SEALED": 58,
        "NEW_OPENED": 22,
        "WRONG_ITEM": 17,
        "SERIAL_MISMATCH": 3,
    },
    "FULFIL.WRONG_QTY_SHORT": {"INCOMPLETE": 46, "NEW_OPENED": 34, "NEW_SEALED": 20},
    "FULFIL.MISSING_PARTS": {"INCOMPLETE": 78, "NEW_OPENED": 22},
    "FULFIL.NOT_AS_DESCRIBED": {"NEW_OPENED": 64, "NEW_SEALED": 18, "USED_GOOD": 18},
    "FULFIL.INCOMPATIBLE": {"NEW_OPENED": 72, "NEW_SEALED": 12, "USED_GOOD": 16},
    "TRANSIT": {"NEW_SEALED": 80, "PKG_DAMAGED": 17, "BROKEN": 3},
    "TRANSIT.DAMAGED": {
        "BROKEN": 40,
        "COSMETIC_DAMAGE": 24,
        "PKG_DAMAGED": 30,
        "CONTAMINATED": 6,
    },
    "TRANSIT.NOT_RECEIVED": {"EMPTY_OR_SUBSTITUTE": 40, "NEW_SEALED": 60},
    "COMMERCIAL": {"NEW_SEALED": 74, "PKG_DAMAGED": 18, "NEW_OPENED": 8},
    "COMMERCIAL.CORE": {"USED_WORN": 50, "FUNCTIONAL_DEFECT": 30, "USED_GOOD": 20},
    "COMMERCIAL.LOAN": {"USED_GOOD": 80, "USED_WORN": 20},
    "COMMERCIAL.RENTAL": {"USED_GOOD": 55, "USED_WORN": 45},
    "OTHER": {
        "NEW_SEALED": 34,
        "NEW_OPENED": 26,
        "USED_GOOD": 14,
        "PKG_DAMAGED": 12,
        "UNKNOWN": 9,
        "COUNTERFEIT": 5,
    },
}
_CONDITION_OF: Final = {
    code: Weighted(_CONDITIONS.get(code) or _CONDITIONS[code.partition(".")[0]])
    for code in CODES
    if code != "UNKNOWN"
} | {"UNKNOWN": Weighted(_CONDITIONS["OTHER"])}

_GRADES: Final[dict[str, Weighted[str]]] = {
    "NEW_SEALED": Weighted({"A": 97.0, "B": 3.0}),
    "NEW_OPENED": Weighted({"A": 52.0, "B": 38.0, "C": 10.0}),
    "PKG_DAMAGED": Weighted({"A": 42.0, "B": 46.0, "C": 12.0}),
    "USED_GOOD": Weighted({"B": 64.0, "C": 34.0, "D": 2.0}),
    "USED_WORN": Weighted({"C": 46.0, "D": 48.0, "E": 6.0}),
    "COSMETIC_DAMAGE": Weighted({"B": 32.0, "C": 48.0, "D": 20.0}),
    "FUNCTIONAL_DEFECT": Weighted({"C": 36.0, "D": 50.0, "E": 14.0}),
    "BROKEN": Weighted({"D": 30.0, "E": 70.0}),
    "INCOMPLETE": Weighted({"B": 24.0, "C": 50.0, "D": 26.0}),
    "SERIAL_MISMATCH": Weighted({"B": 50.0, "C": 50.0}),
    "WRONG_ITEM": Weighted({"A": 50.0, "B": 30.0, "C": 20.0}),
    "UNKNOWN": Weighted({"B": 30.0, "C": 40.0, "D": 30.0}),
}
_HOPELESS: Final = Weighted({"E": 1.0})


def true_condition(rng: Random, *, reason: str, item: Item) -> tuple[str, str]:
    """Condition and grade of the units, given why they came back."""
    condition = _CONDITION_OF[reason].at(rng.random())
    if condition == "SERIAL_MISMATCH" and not item.serialised:
        condition = "WRONG_ITEM"
    if item.cold and rng.random() < 0.18:
        condition = "TEMP_EXCURSION"
    return condition, _GRADES.get(condition, _HOPELESS).at(rng.random())


_CONFUSED: Final[dict[str, tuple[str, ...]]] = {
    "CHOICE.UNWANTED": ("QUALITY.DEFECTIVE", "FULFIL.NOT_AS_DESCRIBED", "CHOICE.ORDERED_IN_ERROR"),
    "CHOICE.ORDERED_IN_ERROR": ("FULFIL.WRONG_ITEM", "CHOICE.UNWANTED", "FULFIL.DUPLICATE"),
    "CHOICE.FIT_SIZE": ("FULFIL.NOT_AS_DESCRIBED", "CHOICE.UNWANTED"),
    "CHOICE.STYLE_COLOUR": ("FULFIL.NOT_AS_DESCRIBED", "CHOICE.UNWANTED"),
    "CHOICE.BETTER_PRICE": ("CHOICE.UNWANTED", "CHOICE.ORDERED_IN_ERROR"),
    "QUALITY.DOA": ("QUALITY.DEFECTIVE", "TRANSIT.DAMAGED", "CHOICE.UNWANTED"),
    "QUALITY.DEFECTIVE": ("QUALITY.DOA", "CHOICE.UNWANTED", "QUALITY.WORKMANSHIP"),
    "QUALITY.WORKMANSHIP": ("QUALITY.DEFECTIVE", "TRANSIT.DAMAGED"),
    "QUALITY.PACKAGING": ("TRANSIT.DAMAGED", "QUALITY.LABEL"),
    "QUALITY.LABEL": ("FULFIL.WRONG_ITEM", "QUALITY.PACKAGING"),
    "QUALITY.EXPIRED": ("QUALITY.SHORT_DATED", "QUALITY.LABEL"),
    "QUALITY.SHORT_DATED": ("QUALITY.EXPIRED", "COMMERCIAL.STOCK_REDUCTION"),
    "FULFIL.WRONG_ITEM": ("CHOICE.ORDERED_IN_ERROR", "FULFIL.NOT_AS_DESCRIBED"),
    "FULFIL.MISSING_PARTS": ("QUALITY.DEFECTIVE", "FULFIL.WRONG_QTY_SHORT"),
    "FULFIL.NOT_AS_DESCRIBED": ("CHOICE.UNWANTED", "FULFIL.WRONG_ITEM"),
    "FULFIL.INCOMPATIBLE": ("CHOICE.ORDERED_IN_ERROR", "FULFIL.NOT_AS_DESCRIBED"),
    "TRANSIT.DAMAGED": ("QUALITY.PACKAGING", "QUALITY.DOA", "QUALITY.WORKMANSHIP"),
    "TRANSIT.REFUSED": ("CHOICE.UNWANTED", "FULFIL.LATE"),
    "COMMERCIAL.STOCK_ROTATION": ("COMMERCIAL.STOCK_REDUCTION", "CHOICE.UNWANTED"),
    "COMMERCIAL.END_SEASON": ("COMMERCIAL.STOCK_ROTATION", "CHOICE.UNWANTED"),
    "COMMERCIAL.STOCK_REDUCTION": ("COMMERCIAL.STOCK_ROTATION", "FULFIL.WRONG_QTY_OVER"),
}
_VAGUE: Final = ("OTHER", "CHOICE.UNWANTED")


def mislabelled(rng: Random, reason: str, *, agreement: float, vague: float) -> str:
    """What somebody writes down for ``reason`` who is right with probability ``agreement``."""
    if rng.random() < agreement:
        return reason
    if rng.random() < vague:
        return "OTHER"
    options = _CONFUSED.get(reason, _VAGUE)
    return options[int(rng.random() ** 1.5 * len(options))]


def declared_reason(rng: Random, reason: str, *, missing: float, vague: float) -> str | None:
    """What the customer says: 74 % agreement, and 6 % of choosers claim a defect (it is free)."""
    if rng.random() < missing:
        return None
    if reason.startswith("CHOICE") and rng.random() < 0.06:
        return "QUALITY.DEFECTIVE"
    return mislabelled(rng, reason, agreement=0.78, vague=vague)


GRADES: Final = "ABCDE"


def observed_grade(rng: Random, grade: str, *, noise: float) -> str:
    """The grade an inspector gives: one step off with probability ``noise``."""
    if rng.random() >= noise:
        return grade
    step = 1 if rng.random() < 0.55 else -1
    return GRADES[min(max(GRADES.index(grade) + step, 0), 4)]
