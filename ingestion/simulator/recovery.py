"""What each disposition would bring in, and which one the people at a site choose."""

from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import Final

from ingestion.simulator.catalogue import Contract, Item
from ingestion.simulator.network import Site

RECOVERY: Final = {"A": 0.90, "B": 0.52, "C": 0.30, "D": 0.10, "E": 0.02}
"""Share of list price that a grade brings."""

_SUSPECT: Final = frozenset({"CONTAMINATED", "TEMP_EXCURSION", "COUNTERFEIT", "UNKNOWN"})
_DISPUTED: Final = frozenset({"EMPTY_OR_SUBSTITUTE", "SERIAL_MISMATCH"})
_REPAIRABLE: Final = frozenset(
    {"FUNCTIONAL_DEFECT", "COSMETIC_DAMAGE", "USED_GOOD", "USED_WORN", "INCOMPLETE"}
)
_SHELF_READY: Final = frozenset({"NEW_SEALED", "NEW_OPENED", "PKG_DAMAGED", "WRONG_ITEM"})


@dataclass(frozen=True, slots=True)
class Unit:
    """What is known about the units when somebody has to decide."""

    item: Item
    reason: str
    condition: str
    grade: str
    quantity: int


def _customers_fault(unit: Unit) -> bool:
    """Whether the customer wore out or broke what was only unwanted."""
    return unit.reason.startswith("CHOICE") and unit.condition in ("USED_WORN", "BROKEN")


def covered(contract: Contract, reason: str) -> bool:
    """Whether the supplier's contract pays for this reason at all."""
    return contract.allowance == 0 and any(reason.startswith(basis) for basis in contract.covers)


def alternatives(unit: Unit) -> dict[str, float]:
    """Net value per unit (USD) of every disposition that is allowed, best known estimate."""
    item, grade, condition = unit.item, unit.grade, unit.condition
    price, cost = item.price, item.cost
    values = {"SCRAP": -1.2}
    if grade != "E":
        values["LIQUIDATE"] = price * (0.05 if grade == "D" else 0.10) - 2.6
    if condition == "EXPIRED" or (item.cold and condition != "NEW_SEALED"):
        values = {"SCRAP": -1.2}
    elif price < 9 and grade in "ABC":
        values["DONATE"] = 0.1
    hygienic = item.family.shelf_life_d is None or condition == "NEW_SEALED"
    if condition in _SHELF_READY and grade in "AB" and hygienic:
        repack = 0.8 if condition == "NEW_SEALED" else 2.0 + 0.02 * price
        values["RESTOCK"] = price * (0.90 if grade == "A" else 0.60) - repack
    if grade in "BCD" and condition not in _SUSPECT and not item.family.shelf_life_d:
        values["RESTOCK_B"] = price * RECOVERY[grade] - 2.5
    if item.family.refurbishable and condition in _REPAIRABLE:
        success = {"B": 0.92, "C": 0.84, "D": 0.62, "E": 0.2}.get(grade, 0.5)
        values["REFURBISH"] = price * 0.80 * success - 6.0 - 0.08 * cost
    if condition == "WRONG_ITEM":
        values["RETURN_TO_CUSTOMER"] = 0.85 * price - 4.0
    elif _customers_fault(unit):
        values["RETURN_TO_CUSTOMER"] = 0.55 * price - 5.0
    contract = item.contract
    if covered(contract, unit.reason):
        paid = cost * contract.credit * (1 - contract.restock) * (1 - contract.deny)
        total = paid * unit.quantity
        claimable = 1.0 if cost * unit.quantity * 3 >= contract.min_claim else 0.35
        freight = 0.5 if contract.freight_payer == "supplier" else 2.0 + 0.03 * cost
        name = "FIELD_DESTROY_FOR_CREDIT" if contract.field_destroy else "SUPPLIER_RETURN"
        if total > 0:
            values[name] = paid * claimable - freight
    return values


def interim(unit: Unit) -> str | None:
    """Where units go first when nobody may decide yet: quarantine or a customer dispute."""
    item, condition = unit.item, unit.condition
    if condition in _DISPUTED or _customers_fault(unit):
        return "CUSTOMER_DISPUTE"
    if condition in _SUSPECT or unit.reason == "QUALITY.RECALL":
        return "QUARANTINE"
    if (item.lot or item.hazmat) and condition not in ("NEW_SEALED", "EXPIRED"):
        return "QUARANTINE"
    return None


def best(unit: Unit) -> str:
    """The disposition of highest value."""
    values = alternatives(unit)
    return max(values, key=lambda name: (values[name], name))


def recommended(unit: Unit) -> str:
    """What the rule engine proposes: the best alternative."""
    return best(unit)


def _leanings(unit: Unit, site: Site) -> tuple[dict[str, float], float]:
    """Value of each alternative in the eyes of the site, and the scale of its arbitrariness."""
    price = unit.item.price
    values = alternatives(unit)
    if unit.grade in "BCD":
        values["SCRAP"] += site.scrap_bias * (0.5 + 0.02 * price)
    return values, site.decision_noise * (0.3 + 0.014 * price)


def decided(rng: Random, unit: Unit, *, site: Site) -> str:
    """What the site's people choose: the best value, blurred, with the site's own habits."""
    values, scale = _leanings(unit, site)
    chosen, top = "SCRAP", -1e18
    for name, value in values.items():
        blurred = value - scale * log(-log(rng.random() or 1e-12))
        if blurred > top:
            chosen, top = name, blurred
    return chosen


def probabilities(unit: Unit, *, site: Site) -> dict[str, float]:
    """How likely the site is to choose each alternative (a logit of the values)."""
    values, scale = _leanings(unit, site)
    top = max(values.values())
    weights = {name: exp((value - top) / scale) for name, value in values.items()}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
