"""Rows of an inspection mail: units in words, ditto marks, decimal commas, slips of the keys."""

from random import Random
from typing import Final

from ingestion.simulator.faults import transposed
from ingestion.simulator.line import Fact

COLUMNS: Final = ("RMA", "Line", "Item", "Qty", "Cond", "Grade", "Reason", "S/N", "Lot", "Remark")
_REASON: Final = COLUMNS.index("Reason")
_DITTO, _COMMA = 0.04, 0.05
_WRONG_RMA, _WRONG_ITEM = 0.02, 0.02


class MailRows:
    """Types inspections into the rows of a mail."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def of(self, facts: list[Fact]) -> tuple[list[tuple[str, ...]], bool]:
        """Cells of each inspection, and whether any names a wrong RMA or item."""
        rows: list[tuple[str, ...]] = []
        wrong = False
        for fact in facts:
            row = self._row(fact, rows[-1] if rows else None)
            wrong = wrong or row[0] != fact.line.rma or row[2] != fact.line.item.sku
            rows.append(row)
        return rows, wrong

    def _row(self, fact: Fact, above: tuple[str, ...] | None) -> tuple[str, ...]:
        line, values = fact.line, fact.values
        rma, sku = self._named(fact)
        reason = values.get("reason") or ""
        if above and reason and self._rng.random() < _DITTO and above[_REASON] == reason:
            reason = '"'
        note = (values.get("note") or "").replace(";", ",").replace("<", "")
        return (
            rma,
            str(line.number),
            sku,
            self._quantity(fact),
            values.get("condition") or "",
            values.get("grade") or "",
            reason,
            values.get("serial") or "",
            values.get("lot") or "",
            note,
        )

    def _named(self, fact: Fact) -> tuple[str, str]:
        draw, line = self._rng.random(), fact.line
        if draw < _WRONG_RMA:
            return transposed(line.rma, self._rng), line.item.sku
        if draw < _WRONG_RMA + _WRONG_ITEM:
            return line.rma, line.item.wms_alias or transposed(line.item.sku, self._rng)
        return line.rma, line.item.sku

    def _quantity(self, fact: Fact) -> str:
        line = fact.line
        if line.uom == "CS" and line.item.pack > 1 and line.received % line.item.pack == 0:
            return f"{line.received // line.item.pack} cs of {line.item.pack}"
        if self._rng.random() < _COMMA:
            return f"{line.received},0"
        return str(line.received)
