"""Personal data in notes, masked before a note reaches the lake.

E-mail addresses, phone numbers, payment cards (Luhn) and IBANs (mod 97-10) become a word in
brackets; RMA and order numbers, dates, quantities and GTINs stay as they are.
"""

import re

import duckdb
import pyarrow as pa

_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<![\w+-])[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}(?![\w-])")
_PHONE = re.compile(
    r"(?<![\w.+-])(?!\d{4}[-.]\d\d[-.]\d\d)(?:\+\d{1,3}[ .-]?)?"
    r"(?:\(\d{1,4}\)[ .-]?)?\d{2,5}(?:[ .-]\d{2,5}){1,4}(?![\w-])"
    r"|(?<!\w)\+\d{8,15}(?!\w)"
)
_SUSPECT = "@|[0-9][0-9 .()+-]{7,}"
_FEWEST, _MOST = 9, 15


def masked(text: str) -> str:
    """Replace personal data in a note by what kind of data stood there.

    >>> masked("cust jo@example.com called from +49 30 1234567, RMA R260004137:2")
    'cust [e-mail] called from [phone], RMA R260004137:2'
    """
    text = _EMAIL.sub("[e-mail]", text)
    text = _IBAN.sub(lambda found: "[iban]" if _is_iban(found[0]) else found[0], text)
    text = _CARD.sub(lambda found: "[card]" if _is_card(found[0]) else found[0], text)
    return _PHONE.sub(lambda found: "[phone]" if _is_phone(found[0]) else found[0], text)


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _is_phone(text: str) -> bool:
    return _FEWEST <= len(_digits(text)) <= _MOST


def _is_card(text: str) -> bool:
    digits = [int(digit) for digit in reversed(_digits(text))]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return 13 <= len(digits) <= 19 and (sum(digits[0::2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    plain = text.replace(" ", "")
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def mask_notes(con: duckdb.DuckDBPyConnection) -> int:
    """Mask the notes of the relation ``mapped``; answer how many different ones changed."""
    suspects = con.execute(
        f"select distinct note from mapped where regexp_matches(note, '{_SUSPECT}')"
    ).fetchall()
    changed = [(note, masked(note)) for [note] in suspects if masked(note) != note]
    if changed:
        before, after = zip(*changed, strict=True)
        con.register("masked_notes", pa.table({"before": before, "after": after}))
        con.execute("update mapped set note = after from masked_notes where note = before")
        con.unregister("masked_notes")
    return len(changed)
