"""What is sold and by whom: items in fourteen families, customers, suppliers and contracts."""

from bisect import bisect
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt

ITEMS: Final = 6000
BUSINESSES: Final = 2500
CONSUMERS: Final = 60_000
SUPPLIERS: Final = 70
ZIPF: Final = 1.05
PACKS: Final = (1, 6, 10, 12, 24, 144)


@dataclass(frozen=True, slots=True)
class Family:
    """A product family: how dear, how tracked, how testable and how repairable its items are."""

    name: str
    share: float
    dear: float
    serialised: float
    lot: float
    cold: float
    hazmat: float
    test_minutes: float
    refurbishable: bool
    shelf_life_d: int | None
    warranty_months: int


FAMILIES: Final[tuple[Family, ...]] = (
    Family("apparel", 12, 0.8, 0.0, 0.0, 0.0, 0.0, 7, False, None, 3),
    Family("footwear", 7, 1.2, 0.0, 0.0, 0.0, 0.0, 7, False, None, 6),
    Family("home", 9, 1.0, 0.0, 0.02, 0.0, 0.0, 9, True, None, 12),
    Family("kitchen", 8, 1.3, 0.06, 0.0, 0.0, 0.0, 10, True, None, 24),
    Family("electronics", 8, 3.2, 0.55, 0.0, 0.0, 0.02, 25, True, None, 24),
    Family("computing", 6, 4.2, 0.60, 0.0, 0.0, 0.02, 25, True, None, 24),
    Family("power_tools", 7, 2.4, 0.20, 0.0, 0.0, 0.02, 14, True, None, 24),
    Family("food", 6, 0.4, 0.0, 0.95, 0.45, 0.0, 6, False, 180, 0),
    Family("health", 6, 0.9, 0.0, 0.80, 0.30, 0.10, 7, False, 540, 0),
    Family("beauty", 7, 0.6, 0.0, 0.45, 0.02, 0.06, 6, False, 720, 0),
    Family("fasteners", 9, 0.3, 0.0, 0.10, 0.0, 0.0, 6, False, None, 0),
    Family("electrical", 6, 1.0, 0.02, 0.05, 0.0, 0.02, 11, True, None, 24),
    Family("plumbing", 4, 0.9, 0.0, 0.04, 0.0, 0.02, 8, False, None, 24),
    Family("spare_parts", 5, 2.0, 0.10, 0.06, 0.0, 0.02, 12, True, None, 12),
)
FAMILY_OF: Final = {family.name: family for family in FAMILIES}


@dataclass(frozen=True, slots=True)
class Contract:
    """What a supplier grants; ``credit`` is the share of cost it pays, ``deny`` how often not."""

    contract_id: str
    supplier_id: str
    window_days: int
    anchor: str
    covers: tuple[str, ...]
    credit: float
    restock: float
    min_claim: float
    freight_payer: str
    field_destroy: bool
    allowance: float
    deny: float
    monthly: bool


@dataclass(frozen=True, slots=True)
class Item:
    """One stock-keeping unit."""

    sku: str
    gtin: str
    family: Family
    cost: float
    price: float
    pack: int
    serialised: bool
    lot: bool
    cold: bool
    hazmat: bool
    abc: str
    contract: Contract
    wms_alias: str | None
    wms_pack: int


@dataclass(frozen=True, slots=True)
class Customer:
    """An account: a business with terms, or a consumer."""

    customer_id: str
    segment: str
    region: str
    opened_on: date
    terms_d: int


class Catalogue:
    """All master data of one run, with draws weighted by demand."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.contracts = _contracts(rng)
        self.items, weights = _items(rng, self.contracts)
        self.businesses, self._business_weights = _businesses(rng)
        self.consumers = _consumers(rng)
        self._by_family: dict[str, tuple[list[Item], list[float]]] = {}
        for family in FAMILIES:
            chosen = [i for i, item in enumerate(self.items) if item.family is family]
            self._by_family[family.name] = (
                [self.items[i] for i in chosen],
                list(accumulate(float(weights[i]) for i in chosen)),
            )

    def item_of(self, family: str, draw: float) -> Item:
        """The item of a family that a uniform ``draw`` points at, by demand."""
        items, ends = self._by_family[family]
        return items[min(bisect(ends, draw * ends[-1]), len(items) - 1)]

    def business_of(self, draw: float) -> Customer:
        """A business, the big ones more often."""
        ends = self._business_weights
        return self.businesses[min(bisect(ends, draw * ends[-1]), len(ends) - 1)]

    def consumer_of(self, draw: float) -> Customer:
        """A consumer, with a mild preference for some."""
        return self.consumers[int(draw**1.6 * len(self.consumers))]


_COVERS: Final = (
    ("QUALITY",),
    ("QUALITY", "TRANSIT.DAMAGED"),
    ("QUALITY", "COMMERCIAL.STOCK_ROTATION"),
    ("QUALITY", "COMMERCIAL.STOCK_ROTATION", "COMMERCIAL.END_SEASON"),
)


def _contracts(rng: np.random.Generator) -> list[Contract]:
    contracts = []
    for n in range(SUPPLIERS):
        window = int(rng.choice([30, 60, 90, 180], p=[0.48, 0.27, 0.15, 0.10]))
        anchor = str(rng.choice(["receipt", "sale", "failure"], p=[0.5, 0.3, 0.2]))
        allowance = 0.0 if rng.random() > 0.15 else float(rng.choice([0.02, 0.03, 0.05]))
        contracts.append(
            Contract(
                contract_id=f"C{n + 1:03d}",
                supplier_id=f"V{n + 1:03d}",
                window_days=max(window, 60) if anchor == "sale" else window,
                anchor=anchor,
                covers=_COVERS[int(rng.integers(len(_COVERS)))],
                credit=float(rng.choice([1.0, 0.9, 0.7, 0.5], p=[0.35, 0.3, 0.2, 0.15])),
                restock=float(rng.choice([0, 0.1, 0.15, 0.25], p=[0.5, 0.2, 0.2, 0.1])),
                min_claim=float(rng.choice([50, 100, 150, 250], p=[0.4, 0.3, 0.2, 0.1])),
                freight_payer=str(rng.choice(["supplier", "us"])),
                field_destroy=bool(rng.random() < 0.2),
                allowance=allowance,
                deny=float(rng.uniform(0.08, 0.20)),
                monthly=bool(rng.random() < 0.42),
            )
        )
    return contracts


def _items(
    rng: np.random.Generator, contracts: list[Contract]
) -> tuple[list[Item], npt.NDArray[np.float64]]:
    shares = np.array([family.share for family in FAMILIES], dtype=float)
    families = rng.choice(len(FAMILIES), size=ITEMS, p=shares / shares.sum())
    ranks = rng.permutation(ITEMS) + 1
    weights = ranks.astype(float) ** -ZIPF
    costs = np.exp(rng.normal(np.log(15.5), 0.85, ITEMS))
    draws = rng.random((ITEMS, 8))
    margins = rng.uniform(1.25, 1.9, ITEMS)
    supplier = rng.integers(len(contracts), size=ITEMS)
    packs = rng.choice(PACKS, size=ITEMS, p=[0.38, 0.14, 0.12, 0.2, 0.12, 0.04])
    items = []
    for n in range(ITEMS):
        family, draw = FAMILIES[families[n]], draws[n]
        cost = round(float(min(max(costs[n] * family.dear, 0.6), 2500.0)), 2)
        serialised = bool(draw[0] < family.serialised)
        pack = 1 if serialised else min(int(packs[n]), _largest_pack(cost))
        items.append(
            Item(
                sku=f"{family.name[:3].upper()}-{n + 1:05d}",
                gtin=f"0{4_000_000_000_00 + n:012d}",
                family=family,
                cost=cost,
                price=round(cost * float(margins[n]), 2),
                pack=pack,
                serialised=serialised,
                lot=bool(draw[1] < family.lot),
                cold=bool(draw[2] < family.cold),
                hazmat=bool(draw[3] < family.hazmat),
                abc="A" if ranks[n] <= 600 else "B" if ranks[n] <= 2000 else "C",
                contract=contracts[supplier[n]],
                wms_alias=f"X{n + 1:05d}" if draw[4] < 0.015 else None,
                wms_pack=1 if pack > 1 and draw[5] < 0.03 else pack,
            )
        )
    return items, weights


def _largest_pack(cost: float) -> int:
    """Dear goods come in small cases."""
    return 144 if cost < 10 else 24 if cost < 25 else 12 if cost < 60 else 6


def _opened(rng: np.random.Generator, size: int) -> list[date]:
    return [date(2024, 1, 1) - timedelta(days=int(d)) for d in rng.integers(0, 4000, size)]


def _businesses(rng: np.random.Generator) -> tuple[list[Customer], list[float]]:
    sizes = rng.pareto(1.3, BUSINESSES) + 1
    regions = rng.choice(["EAST", "CENTRAL", "WEST", "SOUTH", "NORTH"], size=BUSINESSES)
    terms = rng.choice([14, 30, 45, 60], size=BUSINESSES, p=[0.1, 0.6, 0.2, 0.1])
    opened = _opened(rng, BUSINESSES)
    customers = [
        Customer(f"B{n + 1:05d}", "B2B", str(regions[n]), opened[n], int(terms[n]))
        for n in range(BUSINESSES)
    ]
    return customers, list(accumulate(float(min(size, 60.0)) for size in sizes))


def _consumers(rng: np.random.Generator) -> list[Customer]:
    regions = rng.choice(["EAST", "CENTRAL", "WEST", "SOUTH", "NORTH"], size=CONSUMERS)
    market = rng.random(CONSUMERS) < 0.3
    opened = _opened(rng, CONSUMERS)
    return [
        Customer(
            f"P{n + 1:06d}", "marketplace" if market[n] else "B2C", str(regions[n]), opened[n], 0
        )
        for n in range(CONSUMERS)
    ]
