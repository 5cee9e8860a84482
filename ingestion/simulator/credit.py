"""The customer's money: request, approval queues, credit run, payment."""

from collections.abc import Generator
from typing import Any, Final

import simpy

from ingestion.simulator.clock import DAY, HOUR, MINUTE
from ingestion.simulator.deviations import strays
from ingestion.simulator.integration import next_run, posting_date
from ingestion.simulator.line import Line
from ingestion.simulator.network import APPROVAL_LIMITS
from ingestion.simulator.waits import Cause, pause, queue
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


_WAIVED: Final = frozenset({"P3", "P5", "P6", "P7"})


def terms(line: Line) -> tuple[str, float]:
    """Financial outcome and amount the line is entitled to when it is settled."""
    gross = (line.received or line.quantity) * line.asked_price
    if line.policy in _WAIVED:
        outcome = "CREDIT_ONLY" if line.policy == "P5" else "CREDIT_FULL"
        return outcome, line.quantity * line.asked_price
    if line.policy == "P4":
        return "REPLACE_ADVANCE", 0.01 * gross
    customers = (line.inspected_reason or line.declared or "OTHER").startswith("CHOICE")
    if line.policy != "P2" and customers:
        return _own_choice(line, gross)
    return _OUTCOME.get(line.resolution, "CREDIT_FULL"), gross


_OUTCOME: Final = {"store_credit": "STORE_CREDIT", "refund": "REFUND_CASH"}


def _own_choice(line: Line, gross: float) -> tuple[str, float]:
    """What a customer gets who just does not want the goods."""
    share = _PARTIAL.get(line.condition)
    if share == 0.0:
        return "NO_CREDIT_REJECTED", 0.0
    if share is not None:
        return "CREDIT_PARTIAL", share * gross
    if line.customer.segment == "B2B":
        return "CREDIT_LESS_FEE", (1 - _FEE) * gross
    return _OUTCOME.get(line.resolution, "CREDIT_FULL"), gross


def _lapses(world: World, line: Line, outcome: str, amount: float) -> tuple[str, float, int, bool]:
    """Mistakes in what is credited: outcome, amount, quantity, and whether stock disagrees."""
    quantity = line.received or line.quantity
    gross = quantity * line.asked_price
    if outcome == "CREDIT_LESS_FEE" and strays(world, line, "C19"):
        return "CREDIT_FULL", gross, quantity, False
    if outcome == "REPLACE_ADVANCE" and strays(world, line, "C23"):
        return "CREDIT_FULL", gross, quantity, False
    short = 0 < line.received < line.quantity and outcome != "NO_CREDIT_REJECTED"
    if short and (line.scheme == "overstated_quantity" or strays(world, line, "C06")):
        return outcome, amount * line.quantity / line.received, line.quantity, True
    if outcome != "NO_CREDIT_REJECTED" and strays(world, line, "C16"):
        return outcome, amount * (1.1 + 0.4 * line.rng.random()), quantity, True
    return outcome, amount, quantity, line.price_asked is not None and amount > 0


def settle(world: World, line: Line, known: float) -> Waiting:
    """From the moment the office knows that a credit is due to its payment."""
    env, rng, journal = world.env, line.rng, world.journal
    if known > env.now:
        yield env.timeout(known - env.now)
    outcome, amount, quantity, differs = _lapses(world, line, *terms(line))
    request = world.document("60")
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
    yield from pause(world, line, "E05", Cause.BATCHING, "credit run", seconds=run - env.now)
    memo = world.document("90")
    journal.add(
        "E05",
        line,
        env.now,
        actor="CREDITRUN",
        document=memo,
        reference=request,
        posting_date=posting_date(env.now - _back_dated_s(world, line)),
        **fields,
    )
    _note_mismatch(world, line, memo, differs)
    if outcome != "REPLACE_ADVANCE" and strays(world, line, "C15"):
        again = env.now + (0.5 + 4 * rng.random()) * DAY
        _credit_again(world, line, again, fields)
    journal.add("X01", line, env.now + 900, actor="NOTIFIER", template="credited")
    wait = 1.1 if line.customer.segment != "B2B" else 2.6
    paid = world.office.next_open(env.now + wait * DAY) + 2 * HOUR * rng.random()
    world.truth.wait(line, "E06", cause=Cause.BATCHING, what="pay run", since=env.now, until=paid)
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


def _back_dated_s(world: World, line: Line) -> float:
    """How far before its entry a memo is dated: none, or past the days a month's end excuses."""
    return (5 + 8 * line.rng.random()) * DAY if strays(world, line, "C31") else 0.0


def _note_mismatch(world: World, line: Line, memo: str, differs: bool) -> None:
    if line.scheme is not None:
        line.state.setdefault("documents", []).append(memo)
    if differs and not line.ghost and world.env.now <= world.journal.end:
        world.truth.fault("credit_mismatch", [memo], open_break=True)


def _credit_again(world: World, line: Line, moment: float, fields: dict[str, Any]) -> None:
    """The same credit once more; half of them are cancelled within days."""
    if moment > world.journal.end or line.ghost:
        return
    memo = world.document("90")
    world.journal.add(
        "E05",
        line,
        moment,
        actor="CREDITRUN",
        document=memo,
        posting_date=posting_date(moment),
        **fields,
    )
    cancelled = moment + (2 + 6 * line.rng.random()) * DAY
    if line.rng.random() < 0.5 and cancelled <= world.journal.end:
        world.journal.add(
            "E08",
            line,
            cancelled,
            actor="HQ-FIN04",
            human=True,
            document=world.document("91"),
            reversal_of=memo,
            posting_date=posting_date(cancelled),
            credit=True,
            **{**fields, "outcome": "CREDIT_REVERSED"},
        )
        world.truth.fault("duplicate", [memo], until=cancelled)
    else:
        world.truth.fault("credit_mismatch", [memo], open_break=True)


def _approve(world: World, line: Line, amount: float, outcome: str) -> Waiting:
    """Automatic, by a clerk, or by the approvers above their limits."""
    env, rng = world.env, line.rng
    if amount > APPROVAL_LIMITS[0] and not strays(world, line, "C21"):
        touch = 10 * MINUTE * rng.lognormvariate(0, 0.6)
        who, _, _ = yield from queue(world, line, world.approvers, touch, activity="E04")
        if amount > APPROVAL_LIMITS[1]:
            who, _, _ = yield from queue(world, line, world.approvers, 6 * MINUTE, activity="E04")
        return who, True
    if outcome in ("CREDIT_PARTIAL", "CREDIT_ONLY") or rng.random() < 0.18:
        touch = 15 * MINUTE * rng.lognormvariate(0, 0.5)
        who, _, _ = yield from queue(world, line, world.clerks, touch, activity="E04")
        return who, True
    yield env.timeout(3 * MINUTE)
    return "CREDITRULES", False


def _reject(world: World, line: Line) -> Waiting:
    env = world.env
    who, _, _ = yield from queue(world, line, world.clerks, 15 * MINUTE, activity="A18")
    world.journal.add("A18", line, env.now, actor=who, human=True, queue="FINANCE")
    world.journal.add("X01", line, env.now + 60, actor="NOTIFIER", template="not_credited")
