"""What the cells of an inspection line mean, and how sure each field is."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from ingestion.codes import canonical_codes
from ingestion.readers.mail_table import RMA, Line
from ingestion.vocabulary import Condition, Disposition, Reason

DITTO = re.compile(
    r"""["“”〃]|''|-?"-?|,,|ditto|dto\.?|do\.|same( as above)?|as (above|prev line)""", re.I
)
_NUMBER = r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?"
_UNIT = r"ea|each|pc|pcs|pieces?|st|stk|cs|cases?|ctn|cartons?|bx|box(?:es)?|pk|packs?|dz|plt|skid"
_PACKED = re.compile(
    rf"({_NUMBER})\s*({_UNIT})?\s*(?:of|x|à|a|\(|@)\s*(\d{{1,5}})\)?(?:\s*(?:{_UNIT}))?", re.I
)
_COUNTED = re.compile(rf"({_NUMBER})\s*({_UNIT})?\.?", re.I)
_PLAIN_UNITS = frozenset({"", "ea", "each", "pc", "pcs", "piece", "pieces", "st", "stk"})
_ITEM_LINE = re.compile(
    r"\s*(?:[/:]|-(?=\d{1,3}\b)|,?\s*(?:line|ln|pos\.?|item)\s*)\s*(\d{1,4})\b", re.I
)
_SKU = re.compile(
    r"\b(?:(?:PN|P/N|SKU|part|item)[:# ]*)([A-Z0-9][\w.-]{2,})|\b([A-Z]{2,5}-\d{3,8})\b"
)
_NOT = re.compile(r"\b(?:not|no|kein\w*|nicht|without|w/o)\s+(?:\w+\s+)?$", re.I)


@dataclass(slots=True)
class Fields:
    """Fields of one line with the confidence of each, 0 to 1."""

    values: dict[str, str] = field(default_factory=dict)
    confidence: dict[str, float] = field(default_factory=dict)

    def put(self, name: str, value: str | None, confidence: float) -> None:
        if value:
            self.values[name] = value
            self.confidence[name] = round(confidence, 2)


def read_fields(line: Line, above: Fields | None, subject: list[str]) -> Fields | None:
    """Fields of a line; None if it names no RMA, not even through the subject.

    Parameters
    ----------
    above : Fields, optional
        The line before, for ditto marks.
    subject : list of str
        RMA numbers of the mail's subject; one alone can stand for a line's missing number.
    """
    fields = Fields()
    if "text" in line.cells:
        _read_free_text(fields, line.cells["text"])
    else:
        for name, cell in line.cells.items():
            _read_cell(fields, name, cell, line.certainty, above)
    if "rma" not in fields.values and len(subject) == 1:
        fields.put("rma", subject[0], 0.6)
    stated = fields.values.keys() - {"rma", "line", "note"}
    return fields if "rma" in fields.values and stated else None


def _read_cell(fields: Fields, name: str, cell: str, sure: float, above: Fields | None) -> None:
    if not cell or cell in {"-", "n/a", "N/A"}:
        return
    if DITTO.fullmatch(cell) and name != "note":
        if above and name in above.values:
            fields.put(name, above.values[name], 0.8 * above.confidence[name])
            if name == "quantity":
                for more in ("quantity_original", "uom_original", "uom"):
                    fields.put(more, above.values.get(more), 0.8 * above.confidence[name])
        return
    if name == "rma":
        _read_rma(fields, cell, sure)
    elif name == "line":
        digits = re.fullmatch(r"(?:line|ln|pos\.?)?\s*0*(\d{1,4})", cell, re.I)
        fields.put("line", digits[1] if digits else None, sure)
    elif name == "quantity":
        _read_quantity(fields, cell, sure)
    elif name in _CODES:
        _read_code(fields, name, cell, sure)
    else:
        fields.put(name, cell, sure)


def _read_rma(fields: Fields, cell: str, sure: float) -> None:
    found = RMA.search(cell)
    if found is None:
        if re.fullmatch(r"[\w-]{3,20}", cell) and re.search(r"\d", cell):
            fields.put("rma", cell.upper(), 0.7 * sure)
        return
    fields.put("rma", found[1].upper(), sure)
    item = _ITEM_LINE.match(cell, found.end())
    fields.put("line", item[1].lstrip("0") if item else None, 0.9 * sure)


def _read_quantity(fields: Fields, cell: str, sure: float) -> bool:
    """Quantity in the base unit, and as written: ``2 cs of 12`` is 24 pieces in 2 cases."""
    packed = _PACKED.fullmatch(cell.strip())
    if packed:
        number = _number(packed[1])
        fields.put("quantity", f"{number * int(packed[3]):g}", 0.9 * sure)
        fields.put("uom", "EA", 0.9 * sure)
        fields.put("quantity_original", f"{number:g}", sure)
        fields.put("uom_original", (packed[2] or "cs").upper(), sure)
        return True
    counted = _COUNTED.fullmatch(cell.strip())
    if not counted:
        return False
    number, unit = _number(counted[1]), (counted[2] or "").lower()
    fields.put("quantity_original", f"{number:g}", sure)
    fields.put("uom_original", (unit or "ea").upper(), sure)
    if unit in _PLAIN_UNITS:
        fields.put("quantity", f"{number:g}", sure * (0.9 if "," in counted[1] else 1))
        fields.put("uom", "EA", sure if unit else 0.8 * sure)
    return True


def _number(text: str) -> float:
    """A number with decimal comma or point; three digits behind a mark are thousands."""
    marks = re.findall(r"[.,]", text)
    if len(marks) == 1 and not re.search(r"[.,]\d{3}$", text):
        return float(text.replace(",", "."))
    if len(marks) > 1 and marks[-1] != marks[0]:
        whole, _, rest = text.rpartition(marks[-1])
        return float(whole.replace(marks[0], "") + "." + rest)
    return float(re.sub(r"[.,]", "", text))


_CODES: dict[str, tuple[type[StrEnum], str]] = {
    "condition": (Condition, "mail_condition"),
    "disposition": (Disposition, "mail_disposition"),
    "reason": (Reason, ""),
}


def _read_code(fields: Fields, name: str, cell: str, sure: float) -> None:
    """A canonical code, a word for one, or what was written, kept as it is."""
    codes, words = _CODES[name]
    known = {str(code): str(code) for code in codes}
    known |= {str(code).rpartition(".")[2]: str(code) for code in codes}
    code = known.get(re.sub(r"[ -]", "_", cell.upper()))
    if code:
        fields.put(name, code, sure)
        return
    word = find_word(cell, words) if words else None
    fields.put(name, word or cell, (0.8 if word else 0.4) * sure)


def find_word(text: str, words: str) -> str | None:
    """Canonical code of the longest word of a list that a text holds and does not negate."""
    for raw, code in sorted(canonical_codes(words).items(), key=lambda pair: -len(pair[0])):
        found = re.search(rf"(?<!\w){re.escape(raw)}(?!\w)", text, re.I)
        if found and not _NOT.search(text[: found.start()]):
            return code
    return None


def _read_free_text(fields: Fields, text: str) -> None:
    found = RMA.search(text)
    if found is None:
        return
    fields.put("rma", found[1].upper(), 0.9)
    item = _ITEM_LINE.match(text, found.end())
    fields.put("line", item[1].lstrip("0") if item else None, 0.8)
    rest = text[item.end() if item else found.end() :].strip(" :-,")
    for words, name in (("mail_condition", "condition"), ("mail_disposition", "disposition")):
        fields.put(name, find_word(rest, words), 0.5)
    sku = _SKU.search(rest)
    fields.put("sku", (sku[1] or sku[2]) if sku else None, 0.7)
    for pattern in (
        _PACKED,
        re.compile(rf"(?<![\w-])(?:qty:?\s*)?({_NUMBER})\s*({_UNIT})\b", re.I),
    ):
        quantity = pattern.search(rest)
        if quantity and _read_quantity(fields, re.sub("(?i)qty:?", "", quantity[0]).strip(), 0.7):
            break
    fields.put("note", rest, 0.9)
