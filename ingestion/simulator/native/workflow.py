"""The return orchestrator's event log: JSON lines, one event a record."""

from pathlib import Path
from typing import Any, Final

from ingestion.simulator.clock import iso
from ingestion.simulator.line import Fact, Line
from ingestion.simulator.native.files import MonthlyFile, json_row

TYPES: Final = {
    "A01": "return.requested",
    "A02": "return.eligibility_checked",
    "A03Q": "return.approval_requested",
    "A03": "return.approved",
    "A03R": "return.rejected",
    "A04": "rma.created",
    "A04S": "rma.synchronised",
    "A05": "label.issued",
    "A15": "disposition.recommended",
    "A16": "disposition.decided",
    "A17": "disposition.overridden",
    "A18": "review.held",
    "S01": "supplier.eligibility_determined",
    "X01": "customer.notified",
    "X02": "sla.escalated",
    "X03": "return.closed",
    "X04": "return.reopened",
    "X05": "return.cancelled",
    "X06": "return.expired",
}


class WorkflowLog:
    """Writes the orchestrator's log."""

    def __init__(self, root: Path) -> None:
        self._file = MonthlyFile(root, "workflow/returns-{month}.jsonl.gz")

    def __call__(self, fact: Fact) -> None:
        line = fact.line
        record = {
            "eventId": f"WF{fact.number:010d}",
            "type": TYPES[fact.code],
            "rma": line.rma,
            "line": line.number,
            "occurredAt": iso(fact.occurred),
            "loggedAt": iso(fact.recorded),
            "warehouse": fact.site,
            "user": fact.actor,
            "userKind": "human" if fact.human else "system",
            "seq": fact.number,
        }
        if fact.code == "A01" or (fact.code == "A04" and line.policy == "P8"):
            record.update(request_fields(line))
        record.update(fact.values)
        self._file.write(fact.recorded, json_row(record))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def request_fields(line: Line) -> dict[str, Any]:
    """What the portal knows of a line when it is asked for."""
    return {
        "sku": line.item.sku,
        "quantity": line.quantity,
        "unit": line.uom,
        "declaredReason": line.declared,
        "comment": line.customer_note or None,
        "customer": line.customer.customer_id,
        "order": line.order_id,
        "orderLine": str(line.order_line) if line.order_id else None,
        "channel": line.channel,
        "policy": line.policy,
        "carrier": line.carrier.code,
        "unitPrice": f"{line.asked_price:.2f}",
        "resolutionRequested": line.resolution,
    }
