"""A warehouse's events as GS1 EPCIS 2.0: one JSON-LD capture document a business day."""

from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from ingestion.simulator.clock import iso, local_day
from ingestion.simulator.line import Fact, Line
from ingestion.simulator.native.files import TextFile, json_row
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
    "A20S": ("repairing", "unavailable"),
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
    serial = values.get("serial") or (line.serial if fact.code == "A08" else None)
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
    _add_goods(event, line, serial)
    for key in ("document", "message", "reason", "condition", "grade", "note", "lot", "status"):
        if values.get(key) is not None:
            event[f"rt:{key}"] = values[key]
    if values.get("disposition"):
        event["rt:fate"] = values["disposition"]
    event["rt:operator"] = fact.actor
    return event


def _add_goods(event: dict[str, Any], line: Line, serial: str | None) -> None:
    reference = line.item.gtin[-6:]
    if serial is not None:
        event["epcList"] = [f"urn:epc:id:sgtin:{_COMPANY}.{reference}.{serial}"]
    else:
        event["quantityList"] = [
            {
                "epcClass": f"urn:epc:idpat:sgtin:{_COMPANY}.{reference}.*",
                "quantity": line.received or line.quantity,
            }
        ]


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
    """Writes one capture document a business day of one site."""

    def __init__(self, root: Path, site: str) -> None:
        self._root = root / "epcis" / site
        self._site = site
        self._day: date | None = None
        self._file: TextFile | None = None
        self._first = True

    def __call__(self, fact: Fact) -> None:
        day = local_day(fact.recorded, SITE_OF[self._site].zone)
        if day != self._day or self._file is None:
            self._turn(day, fact)
        assert self._file is not None
        text = json_row(epcis_event(fact))
        self._file.write(text if self._first else "," + text)
        self._first = False

    def _turn(self, day: date, fact: Fact) -> None:
        self.close()
        self._day, self._first = day, True
        header = (
            f'{{"@context":{_CONTEXT},"type":"EPCISDocument","schemaVersion":"2.0",'
            f'"creationDate":"{iso(fact.recorded)}","epcisBody":{{"eventList":['
        )
        self._file = TextFile(self._root / f"{self._site}_{day:%Y%m%d}.json", header=header)

    def close(self) -> None:
        """Close the document."""
        if self._file is not None:
            self._file.write("]}}")
            self._file.close()
            self._file = None
