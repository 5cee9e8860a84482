"""Movements and postings with known, injected breaks; independent of the simulator."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from mining.calendars import Calendar

START = datetime(2026, 3, 2, 8)
DAYS = 45
SITES = {"M1": 4, "M2": 4, "L1": 28, "A1": 28}  # hours a posting may take
WEEK = ((480, 1080),) * 1
CALENDARS = [
    Calendar(site, ZoneInfo("UTC"), tuple(WEEK if day < 6 else () for day in range(7)))
    for site in SITES
]
RATES = {
    "B01": 0.012,
    "B02": 0.008,
    "B04": 0.010,
    "B05": 0.010,
    "B06": 0.008,
    "B07": 0.010,
    "B08": 0.008,
    "B09": 0.008,
    "B10": 0.015,
    "B11": 0.008,
    "B13": 0.008,
    "B14": 0.004,
}
STATUS = ("AVAILABLE", "B_STOCK", "SCRAPPED", "QUARANTINE")
PACKS = (1, 6, 12, 24)


@dataclass
class Trade:
    """Two systems' records, and what was done to them: ``faults`` is (type, movement ids)."""

    left: pd.DataFrame
    right: pd.DataFrame
    as_of: datetime
    faults: list = field(default_factory=list)

    @property
    def given(self):
        """Keyword arguments of ``reconcile_frames`` besides the frames."""
        return {"as_of": self.as_of, "calendars": CALENDARS, "site_sla_h": SITES}


class _Maker:
    def __init__(self, seed, skus):
        self.rng = np.random.default_rng(seed)
        self.skus = [f"SKU{i:05d}" for i in range(skus)]
        self.cost = {sku: round(float(self.rng.lognormal(3, 1)), 2) for sku in self.skus}
        self.pack = {sku: int(self.rng.choice(PACKS)) for sku in self.skus}
        self.left, self.right, self.faults = [], [], []
        self.pools = {}
        self.bad_days = {
            (site, int(day)) for site in SITES for day in self.rng.choice(DAYS, 5, replace=False)
        }
        self.end = START + timedelta(days=DAYS)

    def document(self):
        return f"49{len(self.right):08d}X{self.rng.integers(10)}"

    def movement(self, number):
        rng = self.rng
        site = str(rng.choice([*SITES], p=[0.4, 0.25, 0.2, 0.15]))
        day = int(rng.integers(DAYS))
        when = START + timedelta(days=day, minutes=int(rng.integers(540)))
        if when.weekday() == 6:
            when -= timedelta(days=1)
        sku = str(rng.choice(self.skus))
        pack = self.pack[sku]
        quantity = int(rng.integers(1, 9)) * (pack if rng.random() < 0.4 else 1)
        return {
            "movement_id": f"W{number:08d}",
            "reference": f"MSG{number:08d}",
            "line": f"R{26000000 + int(rng.integers(90_000_000)):08d}:{int(rng.integers(1, 5))}",
            "sku": sku,
            "lot": f"L{int(rng.integers(999))}" if rng.random() < 0.2 else None,
            "kind": "receipt" if rng.random() < 0.4 else "transfer",
            "status": str(rng.choice(STATUS)),
            "location": "PICK",
            "site": site,
            "quantity": float(quantity),
            "unit_cost": self.cost[sku],
            "pack_factor": float(pack),
            "occurred_at": when,
            "recorded_at": when if site[0] == "M" else when.replace(hour=20, minute=0),
            "failed": False,
            "error": None,
        }

    def posting_of(self, row):
        slow = SITES[row["site"]]
        late = float(self.rng.uniform(0.02, 0.9)) * slow
        at = row["recorded_at"] + timedelta(hours=late)
        while at.weekday() == 6:
            at += timedelta(days=1)
        modern = row["site"][0] == "M"
        return {
            "movement_id": self.document(),
            "reference": row["reference"] if modern else None,
            "line": row["line"],
            "sku": row["sku"],
            "lot": row["lot"],
            "kind": row["kind"],
            "status": row["status"],
            "location": row["location"],
            "site": row["site"],
            "quantity": row["quantity"],
            "value": round(row["quantity"] * row["unit_cost"], 2),
            "occurred_at": at,
            "posting_date": at.date(),
            "reversal_of": None,
        }

    def add(self, posting):
        if posting["occurred_at"] > self.end:
            return False
        self.right.append(posting)
        return True

    def fault_of(self, row):
        day = (row["occurred_at"] - START).days
        factor = 5.0 if (row["site"], day) in self.bad_days else 0.7
        draw = self.rng.random() / factor
        for code, rate in RATES.items():
            draw -= rate
            if draw < 0:
                return code
        return None

    def note(self, code, *rows):
        self.faults.append((code, tuple(row["movement_id"] for row in rows)))

    def happen(self, number):
        row = self.movement(number)
        fault = self.fault_of(row)
        if row["site"] == "A1" and fault not in (None, "B01", "B02", "B11"):
            fault = None
        posting = self.posting_of(row)
        self.left.append(row)
        if posting["occurred_at"] > self.end:
            self.note("B03", row)
            return
        if fault not in ("B01", "B02") and row["site"] == "A1":
            key = (row["sku"], row["kind"], row["status"], row["occurred_at"].date())
            self.pools.setdefault(key, []).append((row, posting))
        else:
            self.act(fault, row, posting)

    def act(self, fault, row, posting):  # noqa: PLR0912
        rng = self.rng
        quantity = row["quantity"]
        if fault == "B06" and (row["pack_factor"] == 1 or quantity % row["pack_factor"]):
            fault = "B05"
        if fault == "B10" and row["site"][0] == "M":
            fault = None
        if fault in ("B01", "B02"):
            row["failed"] = fault == "B02"
            row["error"] = "E_PERIOD" if fault == "B02" else None
            self.note(fault, row)
            return
        changes = {
            "B05": lambda: {
                "quantity": quantity + (1 if rng.random() < 0.5 or quantity == 1 else -1)
            },
            "B06": lambda: {"quantity": quantity / row["pack_factor"]},
            "B07": lambda: {"status": STATUS[(STATUS.index(row["status"]) + 1) % 4]},
            "B08": lambda: {"location": "ZZ99"},
            "B09": lambda: {"sku": "X" + row["sku"][1:]},
            "B10": lambda: {"line": _slip(row["line"], rng)},
            "B13": lambda: {"value": round(posting["value"] * 1.5 + 1, 2)},
        }
        if fault in changes:
            posting.update(changes[fault]())
            if fault in ("B05", "B06"):
                posting["value"] = round(posting["quantity"] * row["unit_cost"], 2)
        self.add(posting)
        if fault in changes:
            self.note(fault, row, posting)
        if fault == "B04":
            again = {**posting, "movement_id": self.document()}
            again["occurred_at"] += timedelta(hours=3)
            if self.add(again):
                self.note("B04", row, again)
        if fault == "B14":
            back = {**posting, "movement_id": self.document(), "quantity": -posting["quantity"]}
            back["occurred_at"] += timedelta(hours=5)
            back["reversal_of"] = posting["movement_id"] if rng.random() < 0.5 else None
            if self.add(back):
                self.note("B14", row, posting, back)
        if fault == "B11":
            manual = {**posting, "movement_id": self.document(), "reference": None}
            manual.update(line=f"ADJ{len(self.right):06d}:1", quantity=quantity + 3)
            if self.add(manual):
                self.note("B11", manual)
        if fault is None and rng.random() < 0.01:
            self.repair(posting)
        if fault is None and posting["occurred_at"].month != row["occurred_at"].month:
            self.note("B12", row, posting)

    def repair(self, posting):
        """Posted again by mistake and reversed: nothing is left to find."""
        again = {**posting, "movement_id": self.document()}
        again["occurred_at"] += timedelta(hours=1)
        if again["occurred_at"] + timedelta(hours=1) <= self.end:
            self.add(again)
            back = {**again, "movement_id": self.document(), "quantity": -again["quantity"]}
            back["occurred_at"] += timedelta(hours=1)
            self.add({**back, "reversal_of": again["movement_id"]})

    def aggregate(self):
        """Site A1 posts one sum per SKU, kind, status and day, and names no return."""
        for members in self.pools.values():
            row, posting = members[0]
            posting.update(reference=None, line=None, lot=None)
            posting["quantity"] = sum(one["quantity"] for one, _ in members)
            posting["value"] = round(posting["quantity"] * row["unit_cost"], 2)
            posting["posting_date"] = row["occurred_at"].date()
            self.add(posting)


def _slip(line, rng):
    """Swap two neighbouring digits of the return number, or mistype one."""
    rma, _, number = line.partition(":")
    at = int(rng.integers(2, len(rma) - 1))
    if rma[at] != rma[at - 1] and rng.random() < 0.7:
        rma = rma[: at - 1] + rma[at] + rma[at - 1] + rma[at + 1 :]
    else:
        rma = rma[:at] + str((int(rma[at]) + 1) % 10) + rma[at + 1 :]
    return f"{rma}:{number}"


def make_trade(movements, *, seed=1, skus=1500) -> Trade:
    """So many movements, their postings, and what went wrong."""
    maker = _Maker(seed, skus)
    for number in range(movements):
        maker.happen(number)
    maker.aggregate()
    order = maker.rng.permutation(len(maker.right))
    right = pd.DataFrame(maker.right).iloc[order].reset_index(drop=True)
    left = pd.DataFrame(maker.left)
    for frame in (left, right):
        for column in ("occurred_at", "recorded_at"):
            if column in frame:
                frame[column] = pd.to_datetime(frame[column]).dt.tz_localize("UTC")
    return Trade(left, right, maker.end, maker.faults)


@pytest.fixture(scope="session")
def trade_of():
    """The generator itself."""
    return make_trade


@pytest.fixture(scope="session")
def trade() -> Trade:
    """8,000 movements of four sites with correlated faults."""
    return make_trade(8_000)
