"""ANSI X12: segments, envelopes and their counts.

Nothing is taken on trust: the separators come from the interchange header (also where its fixed
widths were lost), every SE, GE and IEA must state what was really sent.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BEFORE_GROUP = re.compile(r"([^A-Za-z0-9]{0,4}?)\s*(?=GS)")

Segment = list[str]


class BrokenEnvelope(Exception):
    """An interchange or transaction set contradicts itself; becomes a refused record."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction set, ST to SE, with what its envelopes say.

    Parameters
    ----------
    kind : str
        ``180``, ``944`` ...
    fault : BrokenEnvelope, optional
        Why it cannot be taken.
    """

    kind: str
    segments: tuple[Segment, ...]
    sender: str = ""
    receiver: str = ""
    interchange: str = ""
    group: str = ""
    sent: str | None = None
    fault: BrokenEnvelope | None = None

    @property
    def control(self) -> str:
        return element(self.segments[0], 2)

    def written(self) -> bytes:
        return "\n".join("*".join(segment) + "~" for segment in self.segments).encode()


def element(segment: Segment, number: int) -> str:
    """The n-th element of a segment, empty where it is not sent."""
    return segment[number].strip() if number < len(segment) else ""


def split_segments(text: str) -> list[Segment]:
    """Segments of an interchange, each as its elements with the segment's name first.

    Raises
    ------
    BrokenEnvelope
        The header does not tell its separators.
    """
    text = text.lstrip("\ufeff \t\r\n")
    name = re.match(r"[A-Z][A-Z0-9]{1,2}(?=[^A-Za-z0-9\s])", text)
    if name is None:
        raise BrokenEnvelope("not_x12", "the text does not begin with a segment")
    separator = text[name.end()]
    ends = _terminator(text, separator)
    pieces = (piece.strip() for piece in text.split(ends))
    return [piece.split(separator) for piece in pieces if piece]


def _terminator(text: str, separator: str) -> str:
    """What ends a segment: the mark before the first group, else ``~``, else a newline."""
    parts = text.split(separator, 16)
    if parts[0] == "ISA" and len(parts) == 17:
        found = _BEFORE_GROUP.match(parts[16])
        marks = found[1] if found else ""
        if len(marks) >= 2 or marks == "~":
            return marks[-1]
        if marks and "~" not in text:
            return "\n"
    if "~" in text:
        return "~"
    if "\n" in text.strip():
        return "\n"
    raise BrokenEnvelope("truncated", "no segment is ended")


def transactions(segments: list[Segment]) -> Iterator[Transaction]:
    """Every transaction set of an interchange, or of a text without envelopes.

    Raises
    ------
    BrokenEnvelope
        There is no transaction set at all, or the envelopes contradict themselves.
    """
    found = list(_gathered(segments))
    if not found:
        shown = ", ".join(segment[0] for segment in segments[:4])
        raise BrokenEnvelope(
            "no_transaction_set", f"no transaction set between ST and SE ({shown})"
        )
    _check_envelopes(segments)
    yield from found


def _gathered(segments: list[Segment]) -> Iterator[Transaction]:
    envelope: dict[str, str] = {}
    body: list[Segment] = []
    for segment in segments:
        name = segment[0]
        if name == "ISA":
            envelope = {"sender": element(segment, 6), "receiver": element(segment, 8)}
            envelope["interchange"] = element(segment, 13)
        elif name == "GS":
            envelope["group"] = element(segment, 6)
            envelope["sent"] = moment(element(segment, 4), element(segment, 5)) or ""
            envelope["sender"] = envelope.get("sender") or element(segment, 2)
        elif name == "ST":
            if body:
                yield _transaction(body, envelope)
            body = [segment]
        elif body:
            body.append(segment)
            if name in ("SE", "GE", "IEA"):
                yield _transaction(body if name == "SE" else body[:-1], envelope)
                body = []
    if body:
        yield _transaction(body, envelope)


def _transaction(body: list[Segment], envelope: dict[str, str]) -> Transaction:
    return Transaction(
        kind=element(body[0], 1),
        segments=tuple(body),
        sender=envelope.get("sender", ""),
        receiver=envelope.get("receiver", ""),
        interchange=envelope.get("interchange", ""),
        group=envelope.get("group", ""),
        sent=envelope.get("sent") or None,
        fault=_fault(body),
    )


def _fault(body: list[Segment]) -> BrokenEnvelope | None:
    first, last = body[0], body[-1]
    if last[0] != "SE":
        return BrokenEnvelope("truncated", "the transaction set has no SE segment")
    stated = element(last, 1)
    if stated != str(len(body)):
        return BrokenEnvelope(
            "wrong_segment_count",
            f"SE states {stated or 'no number of'} segments, {len(body)} came",
        )
    if element(last, 2) != element(first, 2):
        return BrokenEnvelope(
            "wrong_control_number", f"SE closes {element(last, 2)!r}, ST is {element(first, 2)!r}"
        )
    return None


def _check_envelopes(segments: list[Segment]) -> None:
    """Counts and control numbers of groups and interchange."""
    for opening, closing, inner, at in (("GS", "GE", "ST", 6), ("ISA", "IEA", "GS", 13)):
        opened, inside = None, 0
        for segment in segments:
            if segment[0] == opening:
                _refuse_open(opened, opening)
                opened, inside = segment, 0
            elif segment[0] == inner:
                inside += 1
            elif segment[0] == closing:
                number = element(segment, 2).lstrip("0")
                if opened is None or number != element(opened, at).lstrip("0"):
                    raise BrokenEnvelope("wrong_control_number", f"{closing} closes no {opening}")
                if element(segment, 1).lstrip("0") != str(inside):
                    raise BrokenEnvelope(
                        "wrong_envelope_count",
                        f"{closing} states {element(segment, 1)}, {inside} came",
                    )
                opened = None
        _refuse_open(opened, opening)


def _refuse_open(opened: Segment | None, name: str) -> None:
    if opened is not None:
        raise BrokenEnvelope("truncated", f"{name} is never closed")


def moment(date: str, time: str = "") -> str | None:
    """Date and time of X12 in ISO 8601, UTC; None where there is no date."""
    found = re.fullmatch(r"(\d{2})?(\d{2})(\d{2})(\d{2})", date)
    if not found:
        return None
    clock = re.match(r"([01]\d|2[0-3])([0-5]\d)([0-5]\d)?", time)
    hours = f"{clock[1]}:{clock[2]}:{clock[3] or '00'}" if clock else "00:00:00"
    return f"{found[1] or '20'}{found[2]}-{found[3]}-{found[4]}T{hours}Z"
