"""Moving units to where they were sent, and the stock transfer that follows in the ERP."""

from collections.abc import Generator
from typing import Any, Final

import simpy

from ingestion.simulator import credit
from ingestion.simulator.clock import HOUR, MINUTE
from ingestion.simulator.integration import posting_date
from ingestion.simulator.line import Line
from ingestion.simulator.movement import Movement
from ingestion.simulator.posting import post_to_erp
from ingestion.simulator.waits import Cause, pause, queue
from ingestion.simulator.warehouse import physical
from ingestion.simulator.world import World

Waiting = Generator[simpy.Event, Any, Any]

STATUS: Final = {
    "RESTOCK": "AVAILABLE",
    "RESTOCK_B": "B_STOCK",
    "REFURBISH": "REWORK",
    "QUARANTINE": "QUARANTINE",
    "CUSTOMER_DISPUTE": "QUALITY_HOLD",
    "SUPPLIER_RETURN": "RTV_STAGED",
    "FIELD_DESTROY_FOR_CREDIT": "SCRAPPED",
    "SCRAP": "SCRAPPED",
    "LIQUIDATE": "DISPOSED",
    "DONATE": "DISPOSED",
    "RECYCLE": "DISPOSED",
    "RETURN_TO_CUSTOMER": "DISPOSED",
    "LOST": "DISPOSED",
}
LOCATION: Final = {
    "RESTOCK": "PICK",
    "RESTOCK_B": "BSTK",
    "REFURBISH": "BNCH",
    "QUARANTINE": "QRTN",
    "CUSTOMER_DISPUTE": "DISP",
    "SUPPLIER_RETURN": "RTV1",
}
_DEFAULT_LOCATION: Final = "OUT1"
_CREDIT_BLOCKED: Final = frozenset({"QUARANTINE", "CUSTOMER_DISPUTE"})
"""Until a final decision follows nobody credits the customer."""


def execute(world: World, line: Line, disposition: str) -> Waiting:
    """Move the units in the next wave and have the ERP transfer the stock."""
    env, rng, site = world.env, line.rng, line.site
    crew = world.crews[site.code]
    wave = crew.calendar.next_slot(env.now, tuple(hour * HOUR for hour in site.waves_h))
    if not line.item.cold and wave > env.now:
        yield from pause(
            world, line, "A19", Cause.BATCHING, "put-away wave", seconds=wave - env.now
        )
    touch = 6 * MINUTE * rng.lognormvariate(0, 0.5)
    who, _, _ = yield from queue(world, line, crew.put_away, touch, activity="A19")
    document, message = world.document(f"W{site.code[-1]}"), world.middleware.number(line)
    location = LOCATION.get(disposition, _DEFAULT_LOCATION)
    recorded = physical(
        world,
        line,
        "A19",
        env.now,
        actor=who,
        human=True,
        document=document,
        message=message,
        disposition=disposition,
        status=STATUS[disposition],
        location=location,
        serial=line.state["serial"],
        lot=line.state["lot"],
    )
    entered = world.integration.erp_entry(site, env.now, recorded, rng)
    if site.code == "DC5":
        entered = max(entered, world.office.after(recorded, rng.lognormvariate(2.45, 0.6) * HOUR))
    movement = Movement(
        code="E02",
        occurred=env.now,
        produced=recorded,
        entered=entered,
        message=message,
        reference=document,
        quantity=line.received,
        status=STATUS[disposition],
        location=location,
        disposition=disposition,
        serial=line.state["serial"],
        lot=line.state["lot"],
    )
    entered = post_to_erp(world, line, movement)
    line.state["stock_posted"] = entered
    if "credit" not in line.state and disposition not in _CREDIT_BLOCKED:
        line.state["credit"] = env.process(credit.settle(world, line, entered))
    line.state["final"] = disposition
    _write_down_value(world, line, disposition, entered)


_LOSS: Final = {"RESTOCK_B": 0.35, "SCRAP": 1.0, "LIQUIDATE": 0.8, "DONATE": 1.0}


def _write_down_value(world: World, line: Line, disposition: str, entered: float) -> None:
    loss = _LOSS.get(disposition)
    if loss:
        world.journal.add(
            "E07",
            line,
            entered + 1,
            actor="INTERFACE",
            document=world.document("33"),
            posting_date=posting_date(entered),
            account="WRITE_OFF" if loss == 1.0 else "NRV_WRITE_DOWN",
            amount=loss * line.received * line.item.cost,
        )
