"""The life of a return line, from the customer's wish to the closed case."""

from collections.abc import Generator
from math import log
from typing import Any, Final

import simpy

from ingestion.simulator import claims, credit, disposal, warehouse
from ingestion.simulator.clock import DAY, HOUR, MINUTE
from ingestion.simulator.deviations import strays
from ingestion.simulator.line import Line
from ingestion.simulator.waits import Cause, pause, queue
from ingestion.simulator.world import World

Waiting = Generator[simpy.Event, Any, Any]

_NO_DOCK: Final = frozenset({"P5", "P6", "P7"})
_NO_SHOW: Final = 0.10
_DENIED, _CANCELLED, _REOPENED = 0.04, 0.03, 0.025


def live(world: World, line: Line) -> Waiting:
    """Run one line from request to close."""
    env = world.env
    if line.requested_at > env.now:
        yield env.timeout(line.requested_at - env.now)
    if line.policy == "P8":
        days = _transit_days(line)
        yield from pause(
            world, line, "A08", Cause.EXTERNAL, "customer and carrier", seconds=days * DAY
        )
    else:
        if not (yield from _authorise(world, line)):
            return
        if line.policy in _NO_DOCK:
            yield from _without_dock(world, line)
            return
        if not (yield from _travel(world, line)):
            return
    yield from _through_site(world, line)


def _authorise(world: World, line: Line) -> Waiting:
    """Request to label; true when the goods may come."""
    env, rng, journal = world.env, line.rng, world.journal
    journal.add("A01", line, env.now, actor=line.customer.customer_id, human=True)
    yield env.timeout(2 + 6 * rng.random())
    late = line.requested_at - line.delivered_at > 60 * DAY
    journal.add("A02", line, env.now, actor="RULES", rule="window" if late else "standard")
    draw = rng.random()
    if draw < _DENIED or rng.random() < (0.7 if late else 0.24) or line.value > 1500:
        journal.add("A03Q", line, env.now, actor="RULES", queue="CUSTOMER_SERVICE")
        touch = 6 * MINUTE * rng.lognormvariate(0, 0.7)
        who, _, _ = yield from queue(world, line, world.customer_service, touch, activity="A03")
        code = "A03R" if draw < _DENIED else "A03"
        journal.add(code, line, env.now, actor=who, human=True)
        if code == "A03R":
            journal.add("X01", line, env.now + 60, actor="NOTIFIER", template="rejected")
            journal.add("X03", line, env.now + 120, actor="RULES")
            return False
    _create_rma(world, line)
    if rng.random() < _CANCELLED:
        yield env.timeout(rng.expovariate(1 / (1.5 * DAY)))
        journal.add("X05", line, env.now, actor=line.customer.customer_id, human=True)
        journal.add("X03", line, env.now + 60, actor="RULES")
        return False
    return True


def _create_rma(world: World, line: Line) -> None:
    rng, journal, now = line.rng, world.journal, world.env.now
    journal.add("A04", line, now + 1, actor="RULES", quantityAuthorised=line.quantity)
    message = world.middleware.number(line)
    arrived = now + 3 + rng.lognormvariate(log(8), 0.9)
    world.middleware.carry(
        line,
        message,
        interface="RMA_SYNC",
        receiver=f"WMS_{line.site.code}",
        produced=now + 2,
        received=arrived,
    )
    if not strays(world, line, "C04"):
        journal.add("A04S", line, arrived + 0.5, actor="RULES", message=message)
    if line.policy not in ("P5", "P7", "P10"):
        moment = now + 60 + rng.expovariate(1 / 900.0)
        journal.add("A05", line, moment, actor="LABELS", tracking=line.tracking)
        journal.add("X01", line, moment + 5, actor="NOTIFIER", template="label")


def _transit_days(line: Line) -> float:
    median = 3.0 if line.carrier.code == "OWNFLEET" else 5.3 * line.carrier.days
    return line.rng.lognormvariate(log(median), 0.55)


def _travel(world: World, line: Line) -> Waiting:
    """From the customer's shelf to the dock; false when the goods never come."""
    env, rng, journal = world.env, line.rng, world.journal
    if line.policy == "P10":
        return True
    if rng.random() < _NO_SHOW:
        yield env.timeout(30 * DAY)
        journal.add("X06", line, env.now, actor="RULES")
        journal.add("X03", line, env.now + 60, actor="RULES")
        return False
    total = _transit_days(line) * DAY
    pick_up = total * (0.30 + 0.25 * rng.random())
    yield from pause(world, line, "A06", Cause.EXTERNAL, "customer", seconds=pick_up)
    weight = round((0.2 + 0.02 * line.item.cost) * line.quantity, 2)
    line.state["weight"] = weight
    early = line.policy in ("P1", "P9") and strays(world, line, "C01")
    uploaded = env.now + line.carrier.scan_delay_h * HOUR * (0.2 + rng.expovariate(1.0))
    journal.add("A06", line, env.now, recorded=uploaded, actor=line.carrier.code, weight=weight)
    if line.policy == "P3" or early:
        line.state["credit"] = env.process(credit.settle(world, line, uploaded))
    if world.happenings.on_strike(line, env.now):
        total += (3 + 4 * rng.random()) * DAY
    calendar = world.crews[line.site.code].calendar
    slot = calendar.next_slot(env.now + total - pick_up, (line.carrier.slot_h * HOUR,))
    late = slot + rng.random() * 20 * MINUTE - env.now
    yield from pause(world, line, "A07", Cause.EXTERNAL, line.carrier.code, seconds=late)
    journal.add(
        "A07",
        line,
        env.now,
        recorded=env.now + 0.2 * line.carrier.scan_delay_h * HOUR * rng.expovariate(1.0),
        actor=line.carrier.code,
        weight=weight,
    )
    return True


def _without_dock(world: World, line: Line) -> Waiting:
    """Credit only, direct to the supplier, or destroyed in the field: no warehouse is touched."""
    env = world.env
    line.received = line.quantity
    if line.policy == "P5":
        world.journal.add("A16", line, env.now + 5, actor="RULES", disposition="NO_RETURN")
    posted = env.process(credit.settle(world, line, env.now + HOUR))
    if line.policy in ("P6", "P7"):
        line.inspected_reason = line.declared or line.reason
        claims.determine(world, line, at=env.now + 2 * HOUR)
        disposition = "SUPPLIER_RETURN" if line.policy == "P6" else "FIELD_DESTROY_FOR_CREDIT"
        env.process(claims.pursue(world, line, disposition, shipped_by_customer=True))
    yield posted
    yield from _close(world, line)


def _through_site(world: World, line: Line) -> Waiting:
    """Dock, inspection, decision and execution; credit runs beside and meets at the close."""
    env = world.env
    yield from warehouse.receive(world, line)
    hasty = line.policy in ("P1", "P9") and strays(world, line, "C02")
    if (hasty or line.policy in ("P2", "P4")) and "credit" not in line.state:
        line.state["credit"] = env.process(credit.settle(world, line, env.now + 10 * MINUTE))
    known = yield from warehouse.inspect(world, line)
    yield from disposal.dispose(world, line, known)
    if not strays(world, line, "C32"):
        since = env.now
        yield line.state["credit"]
        world.truth.wait(line, "X03", cause=Cause.HOLD, what="credit", since=since, until=env.now)
    yield from _close(world, line)


def _close(world: World, line: Line) -> Waiting:
    """The nightly job closes what is complete; a few cases come back once."""
    env, rng, journal = world.env, line.rng, world.journal
    line.state["credited"] = True
    ready = max(env.now, line.state.get("stock_posted", 0.0))
    night = (ready // DAY + 1) * DAY + 3 * HOUR + 600 * rng.random()
    yield from pause(world, line, "X03", Cause.BATCHING, "nightly job", seconds=night - env.now)
    journal.add("X03", line, env.now, actor="RULES")
    if rng.random() < _REOPENED:
        yield env.timeout(rng.expovariate(1 / (4 * DAY)))
        journal.add("X04", line, env.now, actor=line.customer.customer_id, human=True)
        who, _, _ = yield from queue(
            world, line, world.customer_service, 12 * MINUTE, activity="A18"
        )
        journal.add("A18", line, env.now, actor=who, human=True, queue="CUSTOMER_SERVICE")
        journal.add("X03", line, env.now + DAY, actor="RULES")
