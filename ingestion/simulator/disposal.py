"""Deciding where units go, and taking them there: review, rework, stock transfers, reserves."""

from collections.abc import Generator
from typing import Any

import simpy

from ingestion.simulator import claims, fraud, recovery
from ingestion.simulator.clock import DAY, HOUR, MINUTE
from ingestion.simulator.deviations import strays
from ingestion.simulator.line import Line
from ingestion.simulator.moving import execute
from ingestion.simulator.network import MAIL_SITE
from ingestion.simulator.recovery import Unit
from ingestion.simulator.waits import Cause, pause, queue
from ingestion.simulator.warehouse import physical
from ingestion.simulator.world import World

Waiting = Generator[simpy.Event, Any, Any]


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
        held = (1.5 + rng.expovariate(1 / 3.0)) * DAY
        yield from pause(world, line, "A18", Cause.HOLD, first.lower(), seconds=held)
        leads, touch = world.crews[line.site.code].leads, 12 * MINUTE * rng.lognormvariate(0, 0.6)
        who, _, _ = yield from queue(world, line, leads, touch, activity="A18")
        world.journal.add("A18", line, env.now, actor=who, human=True, queue="QUALITY")
    final = yield from _decide(world, line, unit)
    if strays(world, line, "C22"):
        world.journal.add("A16", line, env.now + 1, actor="RULES", disposition="NO_RETURN")
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
    leads, touch = world.crews[line.site.code].leads, 12 * MINUTE * rng.lognormvariate(0, 0.6)
    who, _, _ = yield from queue(world, line, leads, touch, activity="A16")
    tempting = unit.grade in "AB" and unit.item.price > 60 and not forced
    if tempting and (line.site.code, who) == fraud.SCRAP_DIVERTER and rng.random() < 0.12:
        chosen, line.scheme = "SCRAP", line.scheme or "scrap_diversion"
    if line.site.code != MAIL_SITE and strays(world, line, "C20"):  # its mails name no inspector
        who = line.state["inspector"]
    if chosen != proposal and rng.random() < 0.45:
        journal.add("A16", line, env.now, actor=who, human=True, disposition=proposal)
        yield env.timeout((0.3 + 3 * rng.random()) * HOUR)
        journal.add(
            "A17", line, env.now, actor=who, human=True, disposition=chosen, overridden=proposal
        )
    else:
        journal.add("A16", line, env.now, actor=who, human=True, disposition=chosen)
    return chosen


def _refurbish(world: World, line: Line, unit: Unit) -> Waiting:
    """Rework in batches, inspect again, and shelve or scrap."""
    env, rng = world.env, line.rng
    crew = world.crews[line.site.code]
    work = rng.lognormvariate(0, 0.5) * 150 * MINUTE
    who, started, _ = yield from queue(world, line, crew.bench, work, activity="A20S")
    physical(world, line, "A20S", started, actor=who, human=True)
    physical(world, line, "A20", env.now, actor=who, human=True)
    inspector, begun, _ = yield from queue(
        world, line, crew.inspection, 6 * MINUTE, activity="A13", urgency=3
    )
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
        note=None
        if line.ghost
        else "rework failed, retest nok"
        if failed
        else "rework done, retest ok",
        reason=line.inspected_reason,
    )
    final = "SCRAP" if failed else "RESTOCK" if grade == "A" else "RESTOCK_B"
    lead, _, _ = yield from queue(world, line, crew.leads, 4 * MINUTE, activity="A16")
    world.journal.add("A16", line, env.now, actor=lead, human=True, disposition=final)
    yield from execute(world, line, final)
