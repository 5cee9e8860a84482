"""Movements on their way from the warehouse to the ERP, with everything that can go wrong."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ingestion.simulator.clock import DAY, HOUR, MINUTE, at_local, local_day
from ingestion.simulator.faults import ERRORS, REPAIRED, REPAIRED_OF_FILES, transposed
from ingestion.simulator.integration import posting_date
from ingestion.simulator.line import Line
from ingestion.simulator.movement import Movement
from ingestion.simulator.network import HEADQUARTERS_ZONE, MAIL_SITE
from ingestion.simulator.sums import add_up, summed
from ingestion.simulator.waits import Cause
from ingestion.simulator.world import World

_COUNTED: Final = 0.06
"""Share of the year's last movements after which the count finds stock that differs."""

Act = Callable[[World, Line, Movement], None]


def post_to_erp(world: World, line: Line, movement: Movement) -> float:
    """Carry a movement to the ERP; the answer is when the ERP has it (or should have)."""
    if line.ghost:
        return movement.entered
    world.truth.movements += 1
    movement = _in_outage(world, line, movement)
    moment = movement.produced
    fault = world.calamities.fault_of(line.rng, line.site, code=movement.code, moment=moment)
    if movement.status == "B_STOCK" and world.calamities.misreads_b_stock(line.site, moment):
        fault = "status_mapping_bug"
    fault = _possible(line, movement, fault)
    if fault is None and summed(world, line, movement):
        movement = _sum_up(world, line, movement)
    else:
        act = _ACTS.get(fault or "", _clean)
        act(world, line, movement)
    world.truth.wait(
        line,
        movement.code,
        cause=Cause.INTERFACE,
        what=_carrier(line, movement),
        since=world.env.now,
        until=movement.entered,
    )
    _true_up(world, line, movement)
    if fault not in ("lost", "rejected"):
        _resent_file(world, line, movement)
    return movement.entered


def _carrier(line: Line, movement: Movement) -> str:
    if not line.site.legacy:
        return "message"
    mailed = line.site.code == MAIL_SITE and movement.code == "E02"
    return "keyed by finance" if mailed else "end-of-day file"


def _possible(line: Line, movement: Movement, fault: str | None) -> str | None:
    """A fault that makes a difference for this movement, or none."""
    if fault == "wrong_unit" and (line.item.pack == 1 or movement.quantity % line.item.pack):
        return None
    if fault == "default_code" and movement.status in ("AVAILABLE", "RETURNS_HOLD"):
        return None
    return fault


def _in_outage(world: World, line: Line, movement: Movement) -> Movement:
    """Messages of an outage are retried and arrive when it ends."""
    ends = world.calamities.outage_end(line.site, movement.produced)
    if ends is None:
        return movement
    late = ends + line.rng.expovariate(1 / (20 * MINUTE))
    moment, attempt = movement.produced + 5 * MINUTE, 2
    while moment < ends and attempt < 6:
        _log(world, line, movement, "M01T", moment, attempt=attempt, error="E_TIMEOUT")
        moment += 2**attempt * 10 * MINUTE
        attempt += 1
    if movement.entered < late:
        world.truth.fault("late", [movement.reference], until=late)
        return replace(movement, entered=late)
    return movement


def _log(
    world: World, line: Line, movement: Movement, step: str, moment: float, **values: Any
) -> None:
    world.journal.add(
        step,
        line,
        moment,
        message=movement.message,
        interface=movement.interface,
        sender=f"WMS_{line.site.code}",
        receiver="ERP",
        **values,
    )


def _note(world: World, fault: str, movement: Movement, *documents: str) -> None:
    """Keep a fault in the truth if its warehouse fact is in the log at all."""
    if movement.produced <= world.journal.end:
        world.truth.fault(fault, [movement.reference, *documents], open_break=True)


def _arrive(world: World, line: Line, movement: Movement) -> None:
    _log(world, line, movement, "M01P", movement.produced)
    _log(world, line, movement, "M01R", max(movement.entered - 2, movement.produced))
    if line.rng.random() < 0.006:
        again = movement.entered + line.rng.expovariate(1 / HOUR)
        _log(world, line, movement, "M01I", again, attempt=2)


def _clean(world: World, line: Line, movement: Movement) -> None:
    _arrive(world, line, movement)
    _settle(world, line, movement, world.post(line, movement))


def _sum_up(world: World, line: Line, movement: Movement) -> Movement:
    """A movement that is right, posted with its like; the answer knows when that is."""
    _arrive(world, line, movement)
    found = add_up(world, line, movement)
    movement = replace(movement, entered=found.entered)
    _settle(world, line, movement, found.document)
    return movement


def _settle(world: World, line: Line, movement: Movement, document: str) -> None:
    """A posting that is right, but perhaps not in time or not in its period."""
    if movement.entered > world.journal.end:
        _note(world, "in_flight", movement)
    elif local_day(movement.occurred, line.site.zone).month != int(
        posting_date(movement.entered)[5:7]
    ):
        _note(world, "cutoff", movement, document)


def _repaired(line: Line, fault: str) -> float:
    """How likely somebody repairs a fault before the log ends."""
    return REPAIRED[fault] * (REPAIRED_OF_FILES if line.site.legacy else 1.0)


def _lost(world: World, line: Line, movement: Movement) -> None:
    """Nothing arrives and nobody is told; some are found at the next count."""
    found = movement.entered + (4 + 12 * line.rng.random()) * DAY
    if line.rng.random() < _repaired(line, "lost") and found <= world.journal.end:
        world.truth.fault("late", [movement.reference], until=found)
        corrected = replace(movement, entered=found)
        _settle(world, line, corrected, world.post(line, corrected, who="HQ-FIN01"))
        return
    if movement.entered <= world.journal.end:
        _note(world, "lost", movement)
    else:
        _note(world, "in_flight", movement)


def _rejected(world: World, line: Line, movement: Movement) -> None:
    """The ERP refuses; retries fail; somebody replays it later, or not."""
    error, _ = ERRORS[int(line.rng.random() * len(ERRORS))]
    _log(world, line, movement, "M01P", movement.produced)
    failed = movement.entered
    for attempt in range(1, 4):
        step = "M01F" if attempt == 1 else "M01T"
        _log(world, line, movement, step, failed, attempt=attempt, error=error)
        failed += 4**attempt * MINUTE
    _log(world, line, movement, "M01D", failed, attempt=3, error=error)
    replayed = failed + (0.3 + line.rng.expovariate(0.5)) * DAY
    if line.rng.random() < _repaired(line, "rejected") and replayed <= world.journal.end:
        _log(world, line, movement, "M01Y", replayed, attempt=4)
        world.truth.fault("malformed", [movement.reference], until=replayed)
        corrected = replace(movement, entered=replayed + 20)
        _settle(world, line, corrected, world.post(line, corrected))
    elif movement.entered <= world.journal.end:
        _note(world, "rejected", movement)
    else:
        _note(world, "in_flight", movement)


def _double(world: World, line: Line, movement: Movement) -> None:
    """Posted twice; sometimes the second is reversed."""
    _arrive(world, line, movement)
    world.post(line, movement)
    again = movement.entered + (0.01 + line.rng.expovariate(3.0)) * DAY
    _extra_posting(world, line, movement, again)


def _extra_posting(world: World, line: Line, movement: Movement, again: float) -> None:
    if again > world.journal.end:
        return
    extra = world.post(line, movement, at=again, posting_date=posting_date(again))
    fixed = again + (1 + 6 * line.rng.random()) * DAY
    if line.rng.random() < _repaired(line, "double_posting") and fixed <= world.journal.end:
        _reverse(world, line, movement, extra, fixed)
        world.truth.fault("duplicate", [movement.reference, extra], until=fixed)
    else:
        _note(world, "double_posting", movement, extra)


def _reverse(
    world: World, line: Line, movement: Movement, document: str | None, moment: float
) -> str:
    kind = "652" if movement.code == "E01" else "454"
    return world.post(
        line,
        movement,
        code="E08",
        mvt_type=kind,
        at=moment,
        posting_date=posting_date(moment),
        reversal_of=document,
        who="HQ-FIN02",
    )


def _with(fault: str, changes: Callable[[Line, Movement], dict[str, Any]]) -> Act:
    """A posting that differs from the movement in some fields."""

    def act(world: World, line: Line, movement: Movement) -> None:
        _arrive(world, line, movement)
        document = world.post(line, movement, **changes(line, movement))
        if movement.entered <= world.journal.end:
            _note(world, fault, movement, document)
        else:
            _note(world, "in_flight", movement)

    return act


def _other_quantity(line: Line, movement: Movement) -> dict[str, Any]:
    step = 1 if movement.quantity == 1 or line.rng.random() < 0.5 else -1
    quantity = movement.quantity + step
    if (
        quantity * line.item.pack == movement.quantity
        or quantity == movement.quantity * line.item.pack
    ):
        quantity += 1
    return {"qty": quantity, "amount": quantity * line.item.cost}


def _other_unit(line: Line, movement: Movement) -> dict[str, Any]:
    cases = movement.quantity // line.item.pack
    return {"qty": cases, "amount": cases * line.item.cost}


def _other_value(line: Line, movement: Movement) -> dict[str, Any]:
    factor = line.rng.choice((0.5, 0.8, 1.25, 2.0))
    return {"amount": movement.quantity * line.item.cost * factor}


def _other_sku(line: Line, movement: Movement) -> dict[str, Any]:
    return {"sku": line.item.wms_alias or f"X{line.item.sku[-5:]}"}


def _default_code(line: Line, movement: Movement) -> dict[str, Any]:
    return {"status": "AVAILABLE", "disposition": "RESTOCK", "location": movement.location}


def _typo(line: Line, movement: Movement) -> dict[str, Any]:
    return {"rma": transposed(line.rma, line.rng)}


def _unpaired(world: World, line: Line, movement: Movement) -> None:
    """Reversed once and never posted again, or a reversal that names nothing."""
    _arrive(world, line, movement)
    document = world.post(line, movement)
    moment = movement.entered + (0.5 + 4 * line.rng.random()) * DAY
    if moment > world.journal.end:
        return
    named = document if line.rng.random() < 0.5 else None
    reversal = _reverse(world, line, movement, named, moment)
    _note(world, "unpaired_reversal", movement, document, reversal)


def _manual(world: World, line: Line, movement: Movement) -> None:
    """The movement is fine; beside it somebody adjusts stock by hand, without a reference."""
    _clean(world, line, movement)
    _adjust(world, line, movement, movement.entered + (0.2 + 3 * line.rng.random()) * DAY)


def _true_up(world: World, line: Line, movement: Movement) -> None:
    """What the count of the year's end finds is booked on its last evening, without a reference."""
    day = local_day(movement.occurred, line.site.zone)
    if day.month == 12 and day.day >= 29 and line.rng.random() < _COUNTED:
        moment = at_local(day.replace(day=31), "18:00", HEADQUARTERS_ZONE)
        _adjust(world, line, movement, max(moment, movement.entered + HOUR))


def _adjust(world: World, line: Line, movement: Movement, moment: float) -> None:
    """Somebody at finance corrects stock by hand."""
    if moment > world.journal.end:
        return
    document = world.post(
        line,
        movement,
        at=moment,
        posting_date=posting_date(moment),
        message=None,
        wms_ref=None,
        qty=1 + int(line.rng.random() * 3) + movement.quantity,
        who="HQ-FIN03",
        rma=f"ADJ{document_tail(world)}",
    )
    world.truth.fault("manual_posting", [document], open_break=True)


def document_tail(world: World) -> str:
    """A number for a posting that belongs to no return."""
    return world.document("A", width=6)


def _resent_file(world: World, line: Line, movement: Movement) -> None:
    """A file sent again and loaded again posts its movements twice, most of them until reversed.

    What it lost, or what the ERP refused, it loses or is refused again.
    """
    if not line.site.legacy or (line.site.code == "DC5" and movement.code == "E02"):
        return
    day = local_day(movement.occurred, line.site.zone)
    if world.calamities.file_day(line.site, day).posted_twice:
        again = movement.entered + 9 * HOUR
        if again <= world.journal.end:
            extra = world.post(line, movement, at=again, posting_date=posting_date(again))
            fixed = again + (2 + day.day % 4) * DAY
            if day.day % 3 and fixed <= world.journal.end:
                _reverse(world, line, movement, extra, fixed)
                world.truth.fault("duplicate", [movement.reference, extra], until=fixed)
            else:
                _note(world, "double_posting", movement, extra)


_ACTS: Final[dict[str, Act]] = {
    "lost": _lost,
    "rejected": _rejected,
    "double_posting": _double,
    "wrong_quantity": _with("wrong_quantity", _other_quantity),
    "wrong_unit": _with("wrong_unit", _other_unit),
    "wrong_value": _with("wrong_value", _other_value),
    "wrong_sku": _with("wrong_sku", _other_sku),
    "wrong_location": _with("wrong_location", lambda *_: {"location": "ZZ99"}),
    "default_code": _with("default_code", _default_code),
    "status_mapping_bug": _with("status_mapping_bug", lambda *_: {"status": "AVAILABLE"}),
    "rma_typo": _with("rma_typo", _typo),
    "unpaired_reversal": _unpaired,
    "manual_posting": _manual,
}
