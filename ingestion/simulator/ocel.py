"""The truth as an object-centric event log (OCEL 2.0 JSON), written as the run goes on."""

import gzip
import shutil
from pathlib import Path
from typing import BinaryIO, Final

from ingestion.simulator.clock import iso
from ingestion.simulator.line import Fact, Line
from ingestion.simulator.native.files import TextFile
from ingestion.vocabulary import Activity

_NAMES: Final = {activity.name: activity.value for activity in Activity}
_TYPES: Final = ("rma", "line", "order", "shipment", "credit_memo", "claim")
_MOVES: Final = frozenset({"A05", "A06", "A07", "A08"})
_MEMOS: Final = frozenset({"E05", "E06"})


class OcelLog:
    """Events of return lines with the objects they touch; message traffic is left out."""

    def __init__(self, root: Path) -> None:
        self.path = root / "ocel.json.gz"
        self._events = TextFile(root / "ocel-events.gz")
        self._objects = TextFile(root / "ocel-objects.gz")
        self._root = root
        self._separators = ["", ""]

    def fact(self, fact: Fact) -> None:
        """Add an event."""
        if fact.code.startswith("M01"):
            return
        line, code = fact.line, fact.code
        related = _relation("rma", line.rma) + "," + _relation("line", line.case_id)
        if code in _MOVES:
            related += "," + _relation("shipment", line.tracking)
        elif code in _MEMOS:
            memo = fact.values["document" if code == "E05" else "reference"]
            if code == "E05":
                self._object(memo, "credit_memo")
            related += "," + _relation("credit_memo", memo)
        elif code == "A01" and line.order_id:
            related += "," + _relation("order", line.order_id)
        elif claim := fact.values.get("claim"):
            if code == "S02":
                self._object(claim, "claim")
            related += "," + _relation("claim", claim)
        self._events.write(
            f'{self._separators[0]}{{"id":"e{fact.number}","type":"{_NAMES[code]}",'
            f'"time":"{iso(fact.occurred)}","attributes":[{{"name":"site","value":"{fact.site}"}}],'
            f'"relationships":[{related}]}}'
        )
        self._separators[0] = ","

    def line(self, line: Line) -> None:
        """Add the objects that exist from the request on."""
        if line.number == 1:
            self._object(line.rma, "rma")
            self._object(line.tracking, "shipment")
        self._object(line.case_id, "line")
        if line.order_id:
            self._object(line.order_id, "order")

    def _object(self, name: str, kind: str) -> None:
        self._objects.write(
            f'{self._separators[1]}{{"id":"{name}","type":"{kind}","attributes":[],'
            f'"relationships":[]}}'
        )
        self._separators[1] = ","

    def close(self) -> None:
        """Put the parts together."""
        self._events.close()
        self._objects.close()
        event_types = ",".join(
            f'{{"name":"{name}","attributes":[{{"name":"site","type":"string"}}]}}'
            for code, name in _NAMES.items()
            if not code.startswith("M01")
        )
        object_types = ",".join(f'{{"name":"{kind}","attributes":[]}}' for kind in _TYPES)
        head = f'{{"objectTypes":[{object_types}],"eventTypes":[{event_types}],'
        with self.path.open("wb") as out:
            out.write(_member(f'{head}"objects":['))
            _move(self._objects.path, out)
            out.write(_member('],"events":['))
            _move(self._events.path, out)
            out.write(_member("]}\n"))


def _relation(kind: str, name: str) -> str:
    return f'{{"objectId":"{name}","qualifier":"{kind}"}}'


def _member(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def _move(path: Path, out: BinaryIO) -> None:
    """Append a gzip member; members in a row are one gzip file."""
    with path.open("rb") as part:
        shutil.copyfileobj(part, out, 1 << 20)
    path.unlink()
