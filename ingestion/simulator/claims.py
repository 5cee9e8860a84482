"""Getting money back from suppliers: eligibility, batches, answers, credits, missed windows."""

from collections.abc import Generator
from math import log
from typing import Any, Final

import simpy

from ingestion.simulator import fraud
from ingestion.simulator.clock import DAY, HOUR, MINUTE, WEEK, iso
from ingestion.simulator.deviations import strays
from ingestion.simulator.line import Line
from ingestion.simulator.moving import execute
from ingestion.simulator.recovery import covered
from ingestion.simulator.waits import Cause, pause, queue
from ingestion.simulator.world import World

Waiting = Generator[simpy.Event, Any, Any]

_TRUCK_LEAVES: Final = DAY + 14 * HOUR


def deadline(line: Line, at: float) -> float:
    """When the supplier's window closes for this line."""
    contract = line.item.contract
    anchors: dict[str, float] = {
        "receipt": line.state.get("received_at", at),
        "sale": line.delivered_at,
        "failure": line.requested_at,
    }
    return anchors[contract.anchor] + contract.window_days * DAY


def determine(world: World, line: Line, *, at: float) -> None:
    """Note whether the supplier owes anything, and until when it may be claimed."""
    reason = line.inspected_reason or "UNKNOWN"
    eligible = covered(line.item.contract, reason)
    world.journal.add(
        "S01",
        line,
        at,
        actor="RULES",
        eligible=eligible,
        contract=line.item.contract.contract_id,
        eligibleUntil=iso(deadline(line, at)) if eligible else None,
        amount=f"{line.received * line.item.cost:.2f}",
    )


def pursue(
    world: World, line: Line, disposition: str, *, shipped_by_customer: bool = False
) -> Waiting:
    """Claim, wait for the answer, ship, and wait for the credit."""
    env, rng, journal, contract = world.env, line.rng, world.journal, line.item.contract
    until = deadline(line, env.now)
    if line.site.code == "DC5" and not shipped_by_customer:
        truck = _next_truck(env.now)
        yield from pause(
            world, line, "S02", Cause.BATCHING, "truck with the papers", seconds=truck - env.now
        )
    batch = _next_batch(line, env.now)
    yield from pause(world, line, "S02", Cause.BATCHING, "batch of claims", seconds=batch - env.now)
    touch = 12 * MINUTE * rng.lognormvariate(0, 0.5)
    who, _, _ = yield from queue(world, line, world.buyers, touch, activity="S02")
    late = env.now > until
    if late and rng.random() < 0.6:
        return
    at_dock = disposition == "SUPPLIER_RETURN" and not shipped_by_customer
    if at_dock and strays(world, line, "C28"):
        disposition = "FIELD_DESTROY_FOR_CREDIT"
        yield from execute(world, line, "SCRAP")
    claimed = line.received * line.item.cost * contract.credit
    fields: dict[str, Any] = {
        "claim": world.document("CL"),
        "amount": claimed,
        "eligible_until": iso(until),
    }
    journal.add("S02", line, env.now, actor=who, human=True, **fields)
    answer = min(max(rng.lognormvariate(log(13), 0.6), 5), 45) * DAY
    yield from pause(world, line, "S03", Cause.EXTERNAL, contract.supplier_id, seconds=answer)
    denied = late or rng.random() < contract.deny
    fields["answer"] = "DENIED" if denied else "AUTHORISED"
    if denied:
        kind = rng.random()
        fields["denial"] = "LATE" if late else "NFF" if kind < 0.5 else "EVIDENCE"
    journal.add("S03", line, env.now, actor=contract.supplier_id, human=True, **fields)
    if denied:
        journal.add("S07", line, env.now + HOUR, actor="RULES", **fields)
        if env.now <= journal.end and not line.ghost:
            world.truth.fault("supplier_mismatch", [fields["claim"]], open_break=True)
        return
    if disposition == "SUPPLIER_RETURN":
        loading = (1 + 4 * rng.random()) * DAY
        yield from pause(
            world, line, "S04", Cause.BATCHING, "returns to suppliers", seconds=loading
        )
        journal.add("S04", line, env.now, actor="RTVDESK", **fields)
        journey = (2 + 4 * rng.random()) * DAY
        yield from pause(world, line, "S05", Cause.EXTERNAL, "carrier", seconds=journey)
        journal.add("S05", line, env.now, actor=contract.supplier_id, **fields)
    payment = (10 + 50 * rng.random() ** 1.6) * DAY
    yield from pause(world, line, "S06", Cause.EXTERNAL, contract.supplier_id, seconds=payment)
    fields["amount"] = claimed * (1 - contract.restock)
    stingy = contract.supplier_id == fraud.SHORT_PAYING_SUPPLIER
    if strays(world, line, "C29", factor=8.0 if stingy else 1.0):
        fields["amount"] *= 0.60 + 0.25 * rng.random()
        if env.now <= journal.end and not line.ghost:
            world.truth.fault("supplier_mismatch", [fields["claim"]], open_break=True)
    journal.add("S06", line, env.now, actor=contract.supplier_id, **fields)
    journal.add("S07", line, env.now + DAY, actor="RULES", **fields)


def _next_truck(now: float) -> float:
    """The tags and photos of DC5's defects are on paper; a truck takes them every eighth week."""
    period = 8 * WEEK
    return ((now - _TRUCK_LEAVES) // period + 1) * period + _TRUCK_LEAVES


def _next_batch(line: Line, now: float) -> float:
    """Claims go out once a week, for some suppliers once in four."""
    period = 4 * WEEK if line.item.contract.monthly else WEEK
    offset = int(line.item.contract.supplier_id[1:]) % 5 * DAY + 15 * HOUR
    return ((now - offset) // period + 1) * period + offset
