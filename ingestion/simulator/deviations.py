"""People leave the agreed path: how often each conformance rule is broken on purpose or by habit.

Rules that queues break by themselves (service levels, overstays, cut-off, missed claim windows)
are not here; they emerge. Rules broken by interface faults are in ``faults``.
"""

from collections.abc import Mapping
from typing import Final

from ingestion.simulator.line import Line
from ingestion.simulator.world import World

RATES: Final[Mapping[str, float]] = {
    "C01": 0.004,  # credit posted before any receipt
    "C02": 0.010,  # credit before the inspection the policy asks for
    "C03": 0.050,  # blind receipt never matched to an RMA (of blind receipts)
    "C04": 0.008,  # RMA not synchronised before arrival
    "C06": 0.300,  # short receipt credited at the authorised quantity (of short receipts)
    "C11": 0.012,  # serialised item received without serial (of serialised items)
    "C12": 0.012,  # serial not among those shipped (of serialised items)
    "C13": 0.011,  # serial already returned (of serialised items)
    "C14": 0.015,  # lot missing on a lot-controlled item (of those)
    "C15": 0.0025,  # credited twice
    "C16": 0.004,  # credited at a higher price than sold
    "C17": 0.004,  # more returned than was shipped
    "C19": 0.040,  # restocking fee forgotten (where due)
    "C20": 0.006,  # same person inspects and decides
    "C21": 0.030,  # approval bypassed above the limit (of those above)
    "C22": 0.0012,  # credit-only decided after the goods arrived
    "C23": 0.040,  # replacement sent and full credit given (of replacements)
    "C28": 0.040,  # scrapped before the supplier decided (of claims)
    "C29": 0.060,  # supplier pays short (of credits)
    "C31": 0.0015,  # credit memo posted into the past
    "C32": 0.004,  # closed with an open obligation
}


def strays(world: World, line: Line, rule: str, *, factor: float = 1.0) -> bool:
    """Whether this line breaks a rule here; if so the truth knows."""
    if line.rng.random() >= RATES[rule] * factor:
        return False
    if not line.ghost:
        world.truth.deviation(rule, line)
    return True


def prepare(world: World, line: Line) -> None:
    """Deviations that lie in the order itself: more comes back than was ever shipped."""
    if line.quantity > 1 and line.order_id and line.scheme is None and strays(world, line, "C17"):
        line.state["shipped"] = line.quantity - 1
