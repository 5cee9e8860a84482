"""The customer's money: request, approval queues, credit run, payment."""

from collections.abc import Generator
from typing import Any, Final

import simpy

from ingestion.simulator.clock import DAY, HOUR, MINUTE
from ingestion.simulator.integration import next_run, posting_date
from ingestion.simulator.line import Line
from ingestion.simulator.network import APPROVAL_LIMITS
from ingestion.simulator.world import World

Waiting = Generator[simpy.Event, Any, Any]

_PARTIAL: Final = {
    "USED_GOOD": 0.85,
    "USED_WORN": 0.5,
    "INCOMPLETE": 0.7,
    "BROKEN": 0.6,
    "EMPTY_OR_SUBSTITUTE": 0.0,
    "SERIAL_MISMATCH": 0.0,
    "COUNTERFEIT": 0.0,
}
_FEE: Final = 0.15


def terms(line: Line) -> tuple[str, float]:
    """Financial outcome and amount the line is entitled to when it is settled."""
    gross = line.received * line.unit_price
    if line.policy == "P5":
        return "CREDIT_ONLY", line.quantity * line.unit_price
    if line.policy == "P4":
        return "REPLACE_ADVANCE", 0.01 * gross
    if line.policy in ("P3", "P6", "P7"):
        return "CREDIT_FULL", line.quantity * line.unit_price
    reason = line.inspected_reason or line.declared or "OTHER"
    if line.policy != "P2" and reason.startswith("CHOICE"):
        share = _PARTIAL.get(line.condition)
        if share == 0.0:
            return "NO_CREDIT_REJECTED", 0.0
        if share is not None:
            return "CREDIT_PARTIAL", share * gross
        if line.customer.segment == "B2B":
            return "CREDIT_LESS_FEE", (1 - _FEE) * gross
    if line.resolution == "store_credit":
        return "STORE_CREDIT", gross
    if line.resolution == "refund":
        return "REFUND_CASH", gross
    return "CREDIT_FULL", gross


def settle(world: World, line: Line, known: float) -> Waiting:
    """From the moment the office knows that a credit is due to its payment."""
    env, rng, journal = world.env, line.rng, world.journal
    if known > env.now:
        yield env.timeout(known - env.now)
    outcome, amount = terms(line)
    request, quantity = world.document("60"), line.received or line.quantity
    fields: dict[str, Any] = {"qty": quantity, "amount": amount, "outcome": outcome}
    journal.add(
        "E03",
        line,
        env.now,
        actor="INTERFACE",
        document=request,
        posting_date=posting_date(env.now),
        **fields,
    )
    if outcome == "NO_CREDIT_REJECTED":
        yield from _reject(world, line)
        return
    approver, human = yield from _approve(world, line, amount, outcome)
    journal.add(
        "E04",
        line,
        env.now,
        actor=approver,
        human=human,
        document=world.document("61"),
        reference=request,
        posting_date=posting_date(env.now),
        **fields,
    )
    run = next_run(world.office, env.now, 10.0) + 1800 * rng.random()
    yield env.timeout(run - env.now)
    memo = world.document("90")
    journal.add(
        "E05",
        line,
        env.now,
        actor="CREDITRUN",
        document=memo,
        reference=request,
        posting_date=posting_date(env.now),
        **fields,
    )
    if rng.random() < 0.8:
        journal.add("X01", line, env.now + 900, actor="NOTIFIER", template="credited")
    wait = 0.7 if line.customer.segment != "B2B" else 2.6
    paid = world.office.next_open(env.now + wait * DAY) + 2 * HOUR * rng.random()
    journal.add(
        "E06",
        line,
        paid,
        actor="PAYRUN",
        document=world.document("15"),
        reference=memo,
        posting_date=posting_date(paid),
        **fields,
    )


def _approve(world: World, line: Line, amount: float, outcome: str) -> Waiting:
    """Automatic, by a clerk, or by the approvers above their limits."""
    env, rng = world.env, line.rng
    if amount > APPROVAL_LIMITS[0]:
        who, _, _ = yield world.approvers.work(10 * MINUTE * rng.lognormvariate(0, 0.6))
        if amount > APPROVAL_LIMITS[1]:
            who, _, _ = yield world.approvers.work(6 * MINUTE)
        return who, True
    if outcome in ("CREDIT_PARTIAL", "CREDIT_ONLY") or rng.random() < 0.18:
        who, _, _ = yield world.clerks.work(15 * MINUTE * rng.lognormvariate(0, 0.5))
        return who, True
    yield env.timeout(3 * MINUTE)
    return "CREDITRULES", False


def _reject(world: World, line: Line) -> Waiting:
    env = world.env
    who, _, _ = yield world.clerks.work(15 * MINUTE)
    world.journal.add("A18", line, env.now, actor=who, human=True, queue="FINANCE")
    world.journal.add("X01", line, env.now + 60, actor="NOTIFIER", template="not_credited")
