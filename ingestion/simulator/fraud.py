"""Fraud, abuse and quantity anomalies: who does what, from when to when, and what it changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from ingestion.simulator.catalogue import Customer, Item
from ingestion.simulator.clock import DAY
from ingestion.simulator.line import Line
from ingestion.simulator.reasons import Weighted

CONFIRMED: Final = {"B2B": 0.008, "B2C": 0.022, "marketplace": 0.03}
"""Share of lines that are fraud, by segment (abuse of policy comes on top)."""

ABUSE: Final = 0.025
ABUSERS: Final = 20
ABUSER_SHARE: Final = 0.006
"""Share of consumer RMAs that the twenty repeat abusers send."""

_SCHEMES: Final = {
    "B2B": Weighted(
        {
            "overstated_quantity": 34.0,
            "receipt_fraud": 18.0,
            "serial_switch": 16.0,
            "empty_box": 14.0,
            "counterfeit": 8.0,
            "wardrobing": 10.0,
        }
    ),
    "B2C": Weighted(
        {
            "wardrobing": 36.0,
            "empty_box": 18.0,
            "serial_switch": 14.0,
            "not_received_claim": 14.0,
            "receipt_fraud": 12.0,
            "counterfeit": 6.0,
        }
    ),
}
_ABUSES: Final = Weighted({"bracketing": 50.0, "credit_line": 30.0, "late_used_return": 20.0})

COLLUSION: Final[Mapping[str, tuple[str, str]]] = {
    "B00007": ("DC1", "DC1-INS01"),
    "B00019": ("DC2", "DC2-INS02"),
    "B00041": ("DC4", "DC4-INS03"),
}
"""Customers whose returns one inspector always waves through."""

SCRAP_DIVERTER: Final = ("DC5", "DC5-LEA01")
"""A lead who scraps resaleable units now and then."""

BLIND_COUNTER: Final = "DC4-DOC01"
"""A receiver who never finds a difference: he books the announced quantity."""

BIASED_CARRIER: Final = "PARCELIO"
SHORT_PAYING_SUPPLIER: Final = "V013"
WRONG_PACK_FAMILY: Final = "fasteners"
WRONG_PACK_SITE: Final = "DC4"
"""Where the warehouse master holds packs of one for a family sold in packs."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A lasting pattern: who, where, and since when."""

    kind: str
    site: str
    entity: str
    description: str


LASTING: Final = (
    Anomaly("biased_carrier", "", BIASED_CARRIER, "2.5 % of pieces missing"),
    Anomaly("zero_variance_receiver", "DC4", BLIND_COUNTER, "never books a difference"),
    Anomaly("wrong_pack", WRONG_PACK_SITE, WRONG_PACK_FAMILY, "cases booked as pieces"),
    Anomaly("short_paying_supplier", "", SHORT_PAYING_SUPPLIER, "pays 60-85 % of what it owes"),
    Anomaly("scrap_diversion", *SCRAP_DIVERTER, "scraps resaleable units"),
    *(
        Anomaly("collusion", site, f"{customer}|{inspector}", "inspector favours customer")
        for customer, (site, inspector) in COLLUSION.items()
    ),
)


def scheme_of(rng: Random, *, who: Customer, item: Item, abuser: bool) -> str | None:
    """The scheme behind a line, if any."""
    chance = CONFIRMED[who.segment] * (0.6 if item.price < 40 else 1.5)
    draw = rng.random() / (12.0 if abuser else 1.0)
    segment = "B2B" if who.segment == "B2B" else "B2C"
    if draw < chance:
        return _SCHEMES[segment].at(rng.random())
    if draw < chance + ABUSE:
        return _ABUSES.at(rng.random())
    return None


def disguise(line: Line) -> None:
    """Change a line's facts and claims to what the scheme makes of them."""
    _DISGUISES[line.scheme or ""](line)
    line.shipped_at = line.delivered_at - (1 + 3 * line.rng.random()) * DAY


def _worn(line: Line) -> None:
    rng = line.rng
    line.reason, line.declared = "CHOICE.UNWANTED", "CHOICE.UNWANTED"
    line.condition = "USED_GOOD" if rng.random() < 0.6 else "USED_WORN"
    line.grade = "C" if line.condition == "USED_GOOD" else "D"
    hold = 2 + 12 * rng.random() if line.scheme == "wardrobing" else 62 + 40 * rng.random()
    line.delivered_at = line.requested_at - hold * DAY


def _empty_box(line: Line) -> None:
    line.condition, line.grade = "EMPTY_OR_SUBSTITUTE", "E"
    line.weight_ratio = 0.1 + 0.45 * line.rng.random()
    if line.customer.segment != "B2B" and line.policy == "P1" and line.rng.random() < 0.5:
        line.policy = "P3"


def _switch(line: Line) -> None:
    noticed = line.rng.random() < 0.6 and line.serial is not None
    line.condition, line.grade = "SERIAL_MISMATCH" if noticed else "USED_GOOD", "C"
    if line.serial is not None:
        line.received_serial = f"S{line.item.sku[-5:]}{line.rng.randrange(10**8):08d}"


def _counterfeit(line: Line) -> None:
    line.condition, line.grade = "COUNTERFEIT", "E"
    line.weight_ratio = 0.7 + 0.5 * line.rng.random()


def _never_arrived(line: Line) -> None:
    line.reason, line.declared = "TRANSIT.NOT_RECEIVED", "TRANSIT.NOT_RECEIVED"
    line.policy = "P5"


def _overstate(line: Line) -> None:
    line.really_sent = line.quantity
    line.quantity += max(1, int(line.quantity * (0.2 + 0.4 * line.rng.random())))


def _false_receipt(line: Line) -> None:
    if line.rng.random() < 0.5:
        line.order_id = None
    else:
        line.price_asked = round(line.unit_price * (1.15 + 0.4 * line.rng.random()), 2)


def _too_much_bought(line: Line) -> None:
    line.reason, line.condition, line.grade = "CHOICE.UNWANTED", "NEW_SEALED", "A"
    if line.scheme == "credit_line":
        days = max(line.customer.terms_d - 3 * line.rng.random(), 5.0)
        line.delivered_at = line.requested_at - days * DAY


_DISGUISES: Final[Mapping[str, Callable[[Line], None]]] = {
    "wardrobing": _worn,
    "late_used_return": _worn,
    "empty_box": _empty_box,
    "serial_switch": _switch,
    "counterfeit": _counterfeit,
    "not_received_claim": _never_arrived,
    "overstated_quantity": _overstate,
    "receipt_fraud": _false_receipt,
    "bracketing": _too_much_bought,
    "credit_line": _too_much_bought,
}
