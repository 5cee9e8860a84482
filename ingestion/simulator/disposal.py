"""Deciding where units go, and taking them there: review, rework, stock transfers, reserves."""

from collections.abc import Generator
from typing import Any, Final

import simpy

from ingestion.simulator import claims, credit, recovery
from ingestion.simulator.clock import DAY, HOUR, MINUTE
from ingestion.simulator.integration import posting_date
from ingestion.simulator.line import Line
from ingestion.simulator.recovery import Unit
from ingestion.simulator.warehouse import physical, post_to_erp
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


def dispose(world: World, line: Line, known: float) -> Waiting:
    """Decide and execute until the units rest."""
    env, rng = world.env, line.rng
    if known > env.now:
        yield env.timeout(known - env.now)
    if line.state.get("uninspected"):
        yield from execute(world, line, "RESTOCK")
        return
    unit = observed_unit(line)
    first = recovery.interim(unit)
    if first is not None:
        yield from _decide(world, line, unit, forced=first)
        yield from execute(world, line, first)
        yield env.timeout((1.5 + rng.expovariate(1 / 3.0)) * DAY)
        crew = world.crews[line.site.code]
        who, _, _ = yield crew.leads.work(12 * MINUTE * rng.lognormvariate(0, 0.6))
        world.journal.add("A18", line, env.now, actor=who, human=True, queue="QUALITY")
    final = yield from _decide(world, line, unit)
    claims.determine(world, line, at=env.now + 5)
    yield from execute(world, line, final)
    if final == "REFURBISH":
        yield from _refurbish(world, line, unit)
    elif final in ("SUPPLIER_RETURN", "FIELD_DESTROY_FOR_CREDIT"):
        env.process(claims.pursue(world, line, final))


def observed_unit(line: Line) -> Unit:
    """The units as the inspector described them."""
    return Unit(
        item=line.item,
        reason=line.inspected_reason or "UNKNOWN",
        condition=line.condition,
        grade=line.state["grade"],
        quantity=line.received,
    )


def _decide(world: World, line: Line, unit: Unit, *, forced: str | None = None) -> Waiting:
    """Recommendation, decision, and sometimes an override by the lead."""
    env, rng, journal = world.env, line.rng, world.journal
    proposal = forced or recovery.recommended(unit)
    journal.add("A15", line, env.now, actor="RULES", disposition=proposal, rules="R2026.1")
    chosen = forced or recovery.decided(rng, unit, site=line.site)
    if chosen == proposal and rng.random() < 0.66:
        journal.add("A16", line, env.now + 2, actor="RULES", disposition=chosen)
        return chosen
    crew = world.crews[line.site.code]
    who, _, _ = yield crew.leads.work(12 * MINUTE * rng.lognormvariate(0, 0.6))
    if chosen != proposal and rng.random() < 0.45:
        journal.add("A16", line, env.now, actor=who, human=True, disposition=proposal)
        yield env.timeout((0.3 + 3 * rng.random()) * HOUR)
        journal.add(
            "A17", line, env.now, actor=who, human=True, disposition=chosen, overridden=proposal
        )
    else:
        journal.add("A16", line, env.now, actor=who, human=True, disposition=chosen)
    return chosen


def execute(world: World, line: Line, disposition: str) -> Waiting:
    """Move the units in the next wave and have the ERP transfer the stock."""
    env, rng, site = world.env, line.rng, line.site
    crew = world.crews[site.code]
    wave = crew.calendar.next_slot(env.now, tuple(hour * HOUR for hour in site.waves_h))
    if not line.item.cold and wave > env.now:
        yield env.timeout(wave - env.now)
    who, _, _ = yield crew.put_away.work(6 * MINUTE * rng.lognormvariate(0, 0.5))
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
        serial=line.serial,
        lot=line.lot,
    )
    entered = world.integration.erp_entry(site, env.now, recorded, rng)
    if site.code == "DC5":
        entered = max(entered, world.office.after(recorded, rng.lognormvariate(2.45, 0.6) * HOUR))
    post_to_erp(
        world,
        line,
        "E02",
        entered,
        message=message,
        reference=document,
        produced=recorded,
        quantity=line.received,
        disposition=disposition,
        status=STATUS[disposition],
        location=location,
        serial=line.serial,
        lot=line.lot,
    )
    line.state["stock_posted"] = entered
    if "credit" not in line.state:
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


def _refurbish(world: World, line: Line, unit: Unit) -> Waiting:
    """Rework in batches, inspect again, and shelve or scrap."""
    env, rng = world.env, line.rng
    crew = world.crews[line.site.code]
    work = rng.lognormvariate(0, 0.5) * 150 * MINUTE
    who, started, _ = yield crew.bench.work(work)
    physical(world, line, "A20S", started, actor=who, human=True)
    physical(world, line, "A20", env.now, actor=who, human=True)
    inspector, begun, _ = yield crew.inspection.work(6 * MINUTE, urgency=3)
    if not line.site.legacy:
        physical(world, line, "A12", begun, actor=inspector, human=True)
    failed = rng.random() < {"B": 0.08, "C": 0.16, "D": 0.36}.get(unit.grade, 0.5)
    grade = "E" if failed else "A" if rng.random() < 0.35 else "B"
    condition = "FUNCTIONAL_DEFECT" if failed else "USED_GOOD"
    physical(
        world,
        line,
        "A13",
        env.now,
        actor=inspector,
        human=True,
        condition=condition,
        grade=grade,
        note=None if line.ghost else "rework failed, retest nok" if failed else "rework done, retest ok",
        reason=line.inspected_reason,
    )
    final = "SCRAP" if failed else "RESTOCK" if grade == "A" else "RESTOCK_B"
    lead, _, _ = yield crew.leads.work(4 * MINUTE)
    world.journal.add("A16", line, env.now, actor=lead, human=True, disposition=final)
    yield from execute(world, line, final)
