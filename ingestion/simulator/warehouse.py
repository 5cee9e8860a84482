"""On site: unloading, receiving, blind receipts and inspection."""

from collections.abc import Generator
from math import log
from typing import Any, Final

import simpy

from ingestion.simulator import fraud, reasons
from ingestion.simulator.clock import DAY, HOUR, MINUTE, local_day
from ingestion.simulator.deviations import strays
from ingestion.simulator.line import Line
from ingestion.simulator.movement import Movement
from ingestion.simulator.network import MAIL_SITE
from ingestion.simulator.posting import post_to_erp
from ingestion.simulator.waits import Cause, pause, queue
from ingestion.simulator.world import World

Waiting = Generator[simpy.Event, Any, Any]

_OVER: Final = 0.008


def receive(world: World, line: Line) -> Waiting:
    """From the dock door to the ERP's goods receipt."""
    env, rng, crew = world.env, line.rng, world.crews[line.site.code]
    arrived = crew.calendar.next_open(env.now) + (5 + 30 * rng.random()) * MINUTE
    yield from pause(world, line, "A08", Cause.UNAVAILABILITY, "dock", seconds=arrived - env.now)
    physical(world, line, "A08", env.now, actor=line.carrier.code, weight=_weighed(line))
    urgency = 2 if line.item.cold else 5
    touch = 4 * MINUTE * rng.lognormvariate(0, 0.5)
    who, _, _ = yield from queue(world, line, crew.dock, touch, activity="A09", urgency=urgency)
    line.received = _counted(line, who)
    line.state["received_at"] = env.now
    post_receipt(world, line, who)
    if line.policy == "P8":
        yield from _match_blind(world, line, who)


def _weighed(line: Line) -> float:
    return round(float(line.state.get("weight", 1.0)) * line.weight_ratio, 2)


def physical(world: World, line: Line, code: str, moment: float, **values: Any) -> float:
    """Note a warehouse fact; the answer is when its system has it.

    A legacy site's fact goes into the file of the day on which it was keyed, or into a mail.
    """
    if _is_mailed(line, code):
        recorded = _mail_sent(world, line)
    elif line.site.legacy:
        values["batch"] = local_day(world.env.now, line.site.zone)
        keyed = max(moment, world.env.now)
        recorded = world.integration.recorded(line.site, keyed, line.rng)
    else:
        recorded = world.integration.recorded(line.site, moment, line.rng)
    world.journal.add(code, line, moment, recorded=recorded, **values)
    return recorded


def _is_mailed(line: Line, code: str) -> bool:
    return code == "A13" and line.site.code == MAIL_SITE


def _counted(line: Line, who: str) -> int:
    """Pieces booked at the dock: losses, surplus, wrong packs, and a man who never counts."""
    sent = line.quantity if line.really_sent is None else line.really_sent
    if who == fraud.BLIND_COUNTER:
        return line.quantity
    draw = line.rng.random()
    if line.quantity > 1 and draw < line.carrier.short * 2.2:
        return max(sent - 1 - int(line.rng.expovariate(0.8)), 1)
    if not line.item.serialised and draw > 1 - _OVER:
        return sent + 1
    wrong_pack = (
        line.item.family.name == fraud.WRONG_PACK_FAMILY and line.site.code == fraud.WRONG_PACK_SITE
    )
    if wrong_pack and line.uom == "CS" and line.item.wms_pack != line.item.pack:
        return max(sent // line.item.pack, 1)
    return sent


def post_receipt(world: World, line: Line, who: str) -> None:
    """Receive in the warehouse, tell the ERP, and have it post the goods receipt."""
    now, code = world.env.now, line.site.code
    document, message = world.document(f"W{code[-1]}"), world.middleware.number(line)
    _identify(world, line)
    seen = {"serial": line.state["serial"], "lot": line.state["lot"]}
    recorded = physical(
        world,
        line,
        "A09",
        now,
        actor=who,
        human=True,
        document=document,
        message=message,
        status="RETURNS_HOLD",
        location="DOCK",
        **seen,
    )
    movement = Movement(
        code="E01",
        occurred=now,
        produced=recorded,
        entered=world.integration.erp_entry(line.site, now, recorded, line.rng),
        message=message,
        reference=document,
        quantity=line.received,
        status="RETURNS_HOLD",
        location="RET1",
        disposition=None,
        **seen,
    )
    if line.scheme is not None:
        line.state.setdefault("documents", []).append(document)
    post_to_erp(world, line, movement)


def _identify(world: World, line: Line) -> None:
    """What the receiver reads: serial and lot, sometimes not or the wrong one."""
    serial = line.received_serial or line.serial
    if line.serial is not None and line.scheme is None:
        if strays(world, line, "C11"):
            serial = None
        elif strays(world, line, "C12"):
            serial = f"{serial}X"
        elif strays(world, line, "C13"):
            serial = world.last_serials.get(line.item.family.name, serial)
        world.last_serials[line.item.family.name] = line.serial
    lot = line.lot
    if lot is not None and strays(world, line, "C14"):
        lot = None
    line.state["serial"], line.state["lot"] = serial, lot


def _match_blind(world: World, line: Line, who: str) -> Waiting:
    """Park a receipt nobody announced, find its order, and create the RMA afterwards."""
    env, journal = world.env, world.journal
    physical(world, line, "A10", env.now + 60, actor=who, human=True, location="HOLD")
    if strays(world, line, "C03"):
        return
    search = line.rng.expovariate(1 / (0.6 * DAY))
    yield from pause(world, line, "A11", Cause.HOLD, "search for the order", seconds=search)
    service = world.customer_service
    person, _, _ = yield from queue(world, line, service, 14 * MINUTE, activity="A11")
    journal.add("A04", line, env.now, actor=person, human=True, quantityAuthorised=line.received)
    crew = world.crews[line.site.code]
    opens = crew.calendar.next_open(env.now)
    until = opens + 10 * MINUTE - env.now
    yield from pause(world, line, "A11", Cause.UNAVAILABILITY, "dock", seconds=until)
    physical(world, line, "A11", env.now, actor=who, human=True)


def inspect(world: World, line: Line) -> Waiting:
    """Wait for a cart, look, write it down; the value is when the office knows the outcome."""
    env, rng, site = world.env, line.rng, line.site
    crew = world.crews[site.code]
    if rng.random() < site.uninspected_share and line.condition == "NEW_SEALED":
        line.state["uninspected"] = True
        return env.now + HOUR
    cart = crew.calendar.next_slot(env.now, tuple(hour * HOUR for hour in site.carts_h))
    if not (line.item.cold or cart <= env.now or site.legacy):
        yield from pause(world, line, "A12", Cause.BATCHING, "cart", seconds=cart - env.now)
    size = 1.0 if line.received <= 2 else 1 + 0.25 * log(line.received)
    touch = line.item.family.test_minutes * MINUTE * size * rng.lognormvariate(0, 0.8)
    who, started, _ = yield from queue(
        world, line, crew.inspection, touch, activity="A13", urgency=2 if line.item.cold else 5
    )
    recorded = _write_down(world, line, who, started)
    if not site.legacy:
        return recorded
    if _is_mailed(line, "A13"):
        yield from pause(world, line, "A16", Cause.INTERFACE, "mail", seconds=recorded - env.now)
        touch = 6 * MINUTE * rng.lognormvariate(0, 0.5)
        yield from queue(world, line, world.mailroom, touch, activity="A16")
        return env.now
    entered = world.integration.erp_entry(site, env.now, recorded, rng)
    yield from pause(
        world, line, "A16", Cause.INTERFACE, "end-of-day file", seconds=entered - env.now
    )
    return env.now


def _write_down(world: World, line: Line, who: str, started: float) -> float:
    now, rng, site, item = world.env.now, line.rng, line.site, line.item
    if not site.legacy:
        physical(world, line, "A12", started, actor=who, human=True)
    drift = world.happenings.drift if now >= world.happenings.code_change else 1.0
    agreement = (0.85 if site.code == "DC5" else 0.89) - 0.02 * (drift - 1)
    vague = 0.3 if site.code == "DC4" else 0.15
    reason = reasons.mislabelled(rng, line.reason, agreement=agreement, vague=vague)
    if reason == "FULFIL.INCOMPATIBLE" and now < world.happenings.code_change:
        reason = "FULFIL.NOT_AS_DESCRIBED"
    line.inspected_reason = None if rng.random() < site.missing_reason else reason
    grade = reasons.observed_grade(rng, line.grade, noise=site.grade_noise)
    line.state["grade"], line.state["inspector"] = grade, who
    _collude(line, who)
    grade = line.state["grade"]
    if line.ghost:
        return _mail_sent(world, line) if _is_mailed(line, "A13") else now
    told = reason if rng.random() < 0.09 else line.reason
    note = world.notes.note(rng, who=who, reason=told, condition=line.condition, item=item)
    extra = {}
    if not site.legacy:
        extra = {
            "sealOk": line.condition in ("NEW_SEALED", "WRONG_ITEM"),
            "accessoriesOk": line.condition not in ("INCOMPLETE", "EMPTY_OR_SUBSTITUTE"),
            "serialMatch": line.condition != "SERIAL_MISMATCH" if item.serialised else None,
        }
    return physical(
        world,
        line,
        "A13",
        now,
        actor=who,
        human=True,
        reason=line.inspected_reason,
        condition=line.condition,
        grade=grade,
        note=note or None,
        serial=line.state["serial"],
        lot=line.state["lot"],
        **extra,
    )


def _collude(line: Line, who: str) -> None:
    """A bought inspector sees nothing wrong."""
    pair = fraud.COLLUSION.get(line.customer.customer_id)
    if pair == (line.site.code, who):
        line.scheme = line.scheme or "collusion"
        line.condition, line.state["grade"] = "NEW_SEALED", "A"


def _mail_sent(world: World, line: Line) -> float:
    """When the supervisor mails the day's inspections: mostly at the end of the shift."""
    calendar, rng = world.crews[line.site.code].calendar, line.rng
    closes = calendar.after(world.env.now, 0.0)
    closes = calendar.next_slot(closes, (8.6 * HOUR,))
    skipped = rng.random()
    if skipped < 0.30:
        closes = calendar.next_slot(closes, (5.0 * HOUR,))
    elif skipped < 0.56:
        closes = calendar.next_slot(closes + 2 * DAY, (8.6 * HOUR,))
    return closes
