"""What a disposition is worth: expected recovery value of a line, by a stated formula.

A unit has a fate ``d`` that it truly admits, known with probability P(d). Choosing ``a`` brings

    V(a, d) = min(share(a), share(d)) * price            what the weaker of the two recovers
            - handling(a)                                 touches and freight, per unit
            - redo, if share(a) > share(d)                 it comes back and is handled again
            - monthly_ageing * days(a) / 30 * price        value lost while it is worked on

and E[V(a)] = sum over d of P(d) V(a, d), times the quantity. ``share`` is the share of list
price a grade of goods recovers (A 0.90, B 0.525, C 0.30, D 0.10, E 0.025: middles of the ranges
in the domain reference). A supplier return recovers the contract's credit on cost instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.arrays import Floats

GRADE_SHARE: Final = {"A": 0.90, "B": 0.525, "C": 0.30, "D": 0.10, "E": 0.025}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one disposition recovers and costs; money per unit in USD."""

    share: float
    handling: float
    days: float


OUTCOMES: Final = {
    "RESTOCK": Outcome(GRADE_SHARE["A"], 1.5, 1),
    "RESTOCK_B": Outcome(GRADE_SHARE["B"], 2.5, 4),
    "REFURBISH": Outcome(GRADE_SHARE["A"] * 0.8, 12.0, 10),
    "SUPPLIER_RETURN": Outcome(0.0, 3.0, 45),
    "FIELD_DESTROY_FOR_CREDIT": Outcome(0.0, 1.0, 30),
    "LIQUIDATE": Outcome(0.13, 1.5, 14),
    "DONATE": Outcome(0.01, 1.0, 7),
    "RECYCLE": Outcome(0.01, 1.0, 5),
    "SCRAP": Outcome(0.0, 1.2, 1),
    "RETURN_TO_CUSTOMER": Outcome(0.60, 6.0, 7),
    "QUARANTINE": Outcome(GRADE_SHARE["C"], 2.0, 10),
    "CUSTOMER_DISPUTE": Outcome(GRADE_SHARE["C"], 8.0, 21),
    "PENDING": Outcome(GRADE_SHARE["C"], 1.0, 5),
    "NO_RETURN": Outcome(0.0, 0.0, 0),
    "LOST": Outcome(0.0, 0.0, 0),
}
_UNHEARD: Final = Outcome(GRADE_SHARE["D"], 3.0, 7)
APPROVED: Final = 0.86
"""Share of supplier claims that are granted."""

REDO_COST: Final = 6.0
"""Money per unit when a choice turns out too good and the unit is handled a second time."""

MONTHLY_AGEING: Final = 0.03


def expected_values(
    probability: Floats,
    classes: Sequence[str],
    *,
    price: Floats,
    supplier_credit: Floats,
    quantity: Floats,
) -> Floats:
    """Expected recovery value of every disposition for every line.

    Parameters
    ----------
    probability : array of shape (lines, classes)
    price, supplier_credit, quantity : arrays of shape (lines,)
        Money per unit; NaN where unknown.

    Returns
    -------
    array of shape (lines, classes), money for the whole line
        NaN where price or quantity is unknown.
    """
    outcomes = [OUTCOMES.get(name, _UNHEARD) for name in classes]
    recovered = np.outer(price, [outcome.share for outcome in outcomes])
    for column, name in enumerate(classes):
        if name in ("SUPPLIER_RETURN", "FIELD_DESTROY_FOR_CREDIT"):
            recovered[:, column] = APPROVED * np.nan_to_num(supplier_credit)
    handling = np.array([outcome.handling for outcome in outcomes])
    ageing = np.outer(price, [outcome.days for outcome in outcomes]) * MONTHLY_AGEING / 30.0
    values = np.empty_like(probability)
    for column in range(len(classes)):
        chosen = recovered[:, [column]]
        brought = np.minimum(chosen, recovered) - REDO_COST * (chosen > recovered + 1e-9)
        values[:, column] = np.sum(probability * brought, axis=1)
    total: Floats = (values - handling - ageing) * quantity[:, None]
    return total
