"""A return line in flight, and the facts it leaves behind."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from ingestion.simulator.catalogue import Customer, Item
from ingestion.simulator.network import Carrier, Site


@dataclass(slots=True)
class Line:
    """One return line: what is true of it, what was declared, and what happened so far."""

    rma: str
    number: int
    site: Site
    item: Item
    customer: Customer
    channel: str
    policy: str
    carrier: Carrier
    tracking: str
    requested_at: float
    quantity: int
    uom: str
    pack: int
    unit_price: float
    reason: str
    condition: str
    grade: str
    declared: str | None
    customer_note: str
    order_id: str | None
    order_line: int
    shipped_at: float
    delivered_at: float
    resolution: str
    rng: Random
    ghost: bool
    of_rma: int
    serial: str | None = None
    lot: str | None = None
    received: int = 0
    inspected_reason: str | None = None
    scheme: str | None = None
    weight_ratio: float = 1.0
    received_serial: str | None = None
    really_sent: int | None = None
    price_asked: float | None = None
    state: dict[str, Any] = field(default_factory=dict)
    case_id: str = field(init=False)
    """RMA and line, the default case."""

    def __post_init__(self) -> None:
        self.case_id = f"{self.rma}:{self.number}"

    @property
    def asked_price(self) -> float:
        """The price the customer wants back: the one paid, unless he claims another."""
        return self.unit_price if self.price_asked is None else self.price_asked

    @property
    def value(self) -> float:
        """Authorised quantity at net price, USD."""
        return self.quantity * self.unit_price


@dataclass(slots=True)
class Fact:
    """Something that truly happened, and when the source system wrote it down."""

    code: str
    line: Line
    occurred: float
    recorded: float
    site: str
    actor: str
    human: bool
    number: int
    values: dict[str, Any]
