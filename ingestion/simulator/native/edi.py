"""EDI X12 for what partners state: returns asked for, receipts, status changes, credit notes.

One interchange a transaction, segments ended by ``~`` and a line feed.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ingestion.simulator.line import Fact
from ingestion.simulator.native.files import MonthlyFile

_REASON: Final = {
    "CHOICE.ORDERED_IN_ERROR": "CO",
    "CHOICE.FIT_SIZE": "PF",
    "CHOICE.STYLE_COLOUR": "CV",
    "CHOICE.BETTER_PRICE": "PE",
    "QUALITY.DOA": "DM",
    "QUALITY.DEFECTIVE": "DR",
    "QUALITY.WORKMANSHIP": "PW",
    "QUALITY.PACKAGING": "DP",
    "QUALITY.LABEL": "LP",
    "QUALITY.SHORT_DATED": "SD",
    "FULFIL.WRONG_ITEM": "WG",
    "FULFIL.NOT_AS_DESCRIBED": "NA",
    "FULFIL.DUPLICATE": "SP",
    "COMMERCIAL.STOCK_ROTATION": "EI",
    "COMMERCIAL.END_SEASON": "EO",
    "COMMERCIAL.STOCK_REDUCTION": "SR",
}
_CONDITION: Final = {
    "NEW_SEALED": "07",
    "NEW_OPENED": "06",
    "PKG_DAMAGED": "01",
    "BROKEN": "01",
    "COSMETIC_DAMAGE": "01",
    "EMPTY_OR_SUBSTITUTE": "02",
    "FUNCTIONAL_DEFECT": "04",
    "EXPIRED": "04",
    "WRONG_ITEM": "05",
    "SERIAL_MISMATCH": "05",
}
_ADJUSTMENT: Final = {
    "RESTOCK": "55",
    "RESTOCK_B": "BR",
    "REFURBISH": "52",
    "QUARANTINE": "05",
    "CUSTOMER_DISPUTE": "05",
    "SUPPLIER_RETURN": "BM",
    "SCRAP": "07",
    "FIELD_DESTROY_FOR_CREDIT": "07",
    "LIQUIDATE": "CD",
    "DONATE": "CD",
}
_KINDS: Final = {"A01": "180", "S05": "861", "A09": "944", "A19": "947", "S06": "812"}
_GROUPS: Final = {"180": "AN", "861": "RC", "944": "RE", "947": "AW", "812": "CD"}


def states_by_edi(fact: Fact) -> bool:
    """Whether a supplier confirms and credits by EDI (every third does), not on the portal."""
    return fact.code in ("S05", "S06") and int(fact.line.item.contract.supplier_id[1:]) % 3 == 0


def rendered_by_edi(fact: Fact) -> bool:
    """Whether a fact another channel carries can be told by EDI as well."""
    if fact.code == "A01":
        return fact.line.channel == "edi180"
    if fact.code in ("A09", "A19"):
        return fact.site == "DC4"
    return fact.code in ("S05", "S06") and not states_by_edi(fact)


class EdiFiles:
    """Writes interchanges, one file a month and transaction set."""

    def __init__(self, root: Path) -> None:
        self._files = {kind: MonthlyFile(root, f"edi/{kind}-{{month}}.edi") for kind in _GROUPS}
        self._control = 0

    def __call__(self, fact: Fact) -> None:
        kind = _KINDS[fact.code]
        self._control += 1
        self._files[kind].write(fact.recorded, self._interchange(kind, fact))

    def _interchange(self, kind: str, fact: Fact) -> str:
        moment = datetime.fromtimestamp(fact.recorded, UTC)
        control, partner = self._control, _partner(fact)
        body = _BODIES[kind](fact, f"{moment:%Y%m%d}")
        segments = [
            f"ISA*00*          *00*          *ZZ*{partner:<15}*ZZ*{'RETURNSDESK':<15}"
            f"*{moment:%y%m%d}*{moment:%H%M}*U*00501*{control:09d}*0*P*>",
            f"GS*{_GROUPS[kind]}*{partner}*RETURNSDESK*{moment:%Y%m%d}*{moment:%H%M}"
            f"*{control}*X*005010",
            f"ST*{kind}*{control:04d}",
            *body,
            f"SE*{len(body) + 2}*{control:04d}",
            f"GE*1*{control}",
            f"IEA*1*{control:09d}",
        ]
        return "\n".join(f"{segment}~" for segment in segments)

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()


def _partner(fact: Fact) -> str:
    if fact.code.startswith("S"):
        return fact.line.item.contract.supplier_id
    return fact.line.customer.customer_id if fact.code == "A01" else fact.site


def _request(fact: Fact, day: str) -> list[str]:
    line = fact.line
    return [
        f"BGN*00*{line.rma}*{day}",
        "RDR*RP",
        f"N9*RZ*{line.rma}-{line.number}",
        f"N1*BY*{line.customer.segment}*92*{line.customer.customer_id}",
        f"BLI*SK*{line.item.sku}*{line.quantity}*EA*{line.unit_price:.2f}",
        f"N9*PO*{line.order_id or 'NONE'}",
        f"LQ*ZZ*{_REASON.get(line.declared or '', 'OT')}",
        f"DTM*097*{day}",
    ]


def _advice(fact: Fact, day: str) -> list[str]:
    line = fact.line
    return [
        f"BRA*{fact.values['claim']}*{day}*00*1",
        f"REF*RZ*{line.rma}-{line.number}",
        f"N1*SU*{line.item.contract.supplier_id}*92*{line.item.contract.supplier_id}",
        f"N1*WH*{fact.site}*92*{fact.site}",
        f"RCD*1*{line.received}*EA",
        f"LIN*1*SK*{line.item.sku}",
    ]


def _receipt(fact: Fact, day: str) -> list[str]:
    line = fact.line
    return [
        f"W17*F*{day}*{fact.values['document']}*{line.tracking}",
        f"N1*WH*{fact.site}*92*{fact.site}",
        f"N9*RZ*{line.rma}-{line.number}",
        "LX*1",
        f"W07*{line.received}*EA**SK*{line.item.sku}",
        f"W13*{line.received}*EA*{_CONDITION.get(line.condition, '09')}",
    ]


def _status(fact: Fact, day: str) -> list[str]:
    line, code = fact.line, _ADJUSTMENT.get(fact.values["disposition"], "04")
    return [
        f"W15*{day}*{fact.values['document']}",
        f"N1*WH*{fact.site}*92*{fact.site}",
        f"N9*RZ*{line.rma}-{line.number}",
        f"W19*{code}*{line.received}*EA**SK*{line.item.sku}",
    ]


def _credit(fact: Fact, day: str) -> list[str]:
    line, cents = fact.line, round(fact.values["amount"] * 100)
    return [
        f"BCD*{day}*{fact.values['claim']}*C*{cents}*C",
        "CUR*SE*USD",
        f"N9*RZ*{line.rma}-{line.number}",
        f"N1*SU*{line.item.contract.supplier_id}*92*{line.item.contract.supplier_id}",
        f"N1*WH*{fact.site}*92*{fact.site}",
        f"CDD*02*C**{cents}**{line.received}*EA",
        f"LIN*1*SK*{line.item.sku}",
    ]


_BODIES: Final = {
    "180": _request,
    "861": _advice,
    "944": _receipt,
    "947": _status,
    "812": _credit,
}
