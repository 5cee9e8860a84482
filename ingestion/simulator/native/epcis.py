"""A warehouse's events as GS1 EPCIS 2.0: one JSON-LD capture document a business day."""

from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from ingestion.simulator.clock import iso, local_day
from ingestion.simulator.line import Fact, Line
from ingestion.simulator.native.files import TextFile
from ingestion.simulator.native.transport import AtLeastOnce, Report
from ingestion.simulator.network import SITE_OF

_CONTEXT: Final = (
    '["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",'
    '{"rt":"https://returns.example.com/epcis/"}]'
)
_COMPANY: Final = "4000000"
_STEPS: Final = {
    "A08": ("arriving", "in_progress"),
    "A09": ("receiving", "returned"),
    "A10": ("holding", "returned"),
    "A11": ("entering_exiting", "returned"),
    "A12": ("inspecting", "in_progress"),
    "A14": ("other", "in_progress"),
    "A20S": ("repairing", "in_progress"),
    "A20": ("repairing", "available"),
}
_STATE_OF_CONDITION: Final = {
    "NEW_SEALED": "conformant",
    "FUNCTIONAL_DEFECT": "non_conformant",
    "BROKEN": "damaged",
    "COSMETIC_DAMAGE": "damaged",
    "EXPIRED": "expired",
    "WRONG_ITEM": "mismatch_class",
    "SERIAL_MISMATCH": "mismatch_instance",
    "EMPTY_OR_SUBSTITUTE": "mismatch_quantity",
    "INCOMPLETE": "mismatch_quantity",
    "UNKNOWN": "unknown",
}
_MOVES: Final = {
    "RESTOCK": ("stocking", "sellable_accessible"),
    "RESTOCK_B": ("stocking", "sellable_not_accessible"),
    "REFURBISH": ("repairing", "unavailable"),
    "QUARANTINE": ("holding", "non_sellable_other"),
    "SUPPLIER_RETURN": ("shipping", "returned"),
    "RETURN_TO_CUSTOMER": ("shipping", "in_transit"),
    "CUSTOMER_DISPUTE": ("holding", "mismatch_instance"),
}
_DESTROYED: Final = ("destroying", "destroyed")


def epcis_event(fact: Fact) -> dict[str, Any]:
    """A warehouse fact as an EPCIS object event."""
    line, values = fact.line, fact.values
    step, state = _step_of(fact)
    place = f"urn:epc:id:sgln:{_COMPANY}.{fact.site[-1]:0>5}"
    event: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:{_uuid(fact)}",
        "eventTime": iso(fact.occurred),
        "recordTime": iso(fact.recorded),
        "eventTimeZoneOffset": fact_offset(fact),
        "action": "DELETE" if (step, state) == _DESTROYED else "OBSERVE",
        "bizStep": step,
        "disposition": state,
        "readPoint": {"id": f"{place}.{values.get('location', '0')}"},
        "bizLocation": {"id": f"{place}.0"},
        "bizTransactionList": [
            {
                "type": "rma",
                "bizTransaction": f"https://returns.example.com/rma/{line.rma}%3A{line.number}",
            }
        ],
    }
    _add_goods(event, line, values.get("serial"))
    event["rt:sku"] = line.item.sku
    event["rt:unit"] = f"{line.rma}-{line.number}-U1"
    event["rt:operator"] = fact.actor
    event["rt:operatorKind"] = "human" if fact.human else "system"
    event["rt:seq"] = fact.number
    for key, value in values.items():
        if value is not None and key != "serial":
            event[f"rt:{_OWN_NAMES.get(key, key)}"] = value
    return event


_OWN_NAMES: Final = {"disposition": "fate"}
"""Where a field of ours would be taken for one of the standard's."""


def _add_goods(event: dict[str, Any], line: Line, serial: str | None) -> None:
    reference = line.item.gtin[-6:]
    if serial is not None:
        event["epcList"] = [f"urn:epc:id:sgtin:{_COMPANY}.{reference}.{serial}"]
        return
    goods: dict[str, Any] = {"epcClass": f"urn:epc:idpat:sgtin:{_COMPANY}.{reference}.*"}
    if line.received:
        goods["quantity"] = line.received
    event["quantityList"] = [goods]


def _step_of(fact: Fact) -> tuple[str, str]:
    if fact.code == "A13":
        return "inspecting", _STATE_OF_CONDITION.get(fact.values["condition"], "returned")
    if fact.code == "A19":
        return _MOVES.get(fact.values["disposition"], _DESTROYED)
    return _STEPS[fact.code]


def fact_offset(fact: Fact) -> str:
    """Offset of the site's clock from UTC, as EPCIS writes it."""
    moment = datetime.fromtimestamp(fact.occurred, SITE_OF[fact.site].zone)
    text = f"{moment:%z}"
    return f"{text[:3]}:{text[3:]}"


def _uuid(fact: Fact) -> str:
    digits = f"{fact.number:012x}"
    return f"5e7ace00-0000-4000-8000-{digits}"


class EpcisFiles:
    """Writes one capture document a business day of one site, over an at-least-once channel."""

    def __init__(self, root: Path, site: str, *, rng: Random, report: Report) -> None:
        self._root = root / "epcis" / site
        self._site = site
        self._day: date | None = None
        self._file: TextFile | None = None
        self._first = True
        self._last = 0.0
        self._channel = AtLeastOnce(self._write, rng=rng, report=report)

    def __call__(self, fact: Fact) -> None:
        event = epcis_event(fact)
        self._last = fact.recorded
        self._channel.send(
            event,
            time_key="eventTime",
            occurred=fact.occurred,
            at=fact.recorded,
            document=fact.values.get("document") or event["eventID"],
        )

    def _write(self, at: float, text: str) -> None:
        day = local_day(at, SITE_OF[self._site].zone)
        if self._file is None or self._day is None or day > self._day:
            self._turn(day, at)
        assert self._file is not None
        self._file.write(text if self._first else "," + text)
        self._first = False

    def _turn(self, day: date, at: float) -> None:
        self._end()
        self._day, self._first = day, True
        header = (
            f'{{"@context":{_CONTEXT},"type":"EPCISDocument","schemaVersion":"2.0",'
            f'"creationDate":"{iso(at)}","epcisBody":{{"eventList":['
        )
        self._file = TextFile(self._root / f"{self._site}_{day:%Y%m%d}.json", header=header)

    def _end(self) -> None:
        if self._file is not None:
            self._file.write("]}}")
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Deliver what is still held and close the document."""
        self._channel.flush(self._last)
        self._end()
